"""A request as the studio keeps it: one JSON value, in its bucket and in the message that offers it."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, fields, replace
from typing import Any, Final

from c2jy_bridge.core.bridge_requests import Artifact, BridgeRequest, ChatRef, State
from c2jy_bridge.core.events import Problem

INLINE_BYTES: Final = 512 * 1024
"""Largest value kept in a bucket; NATS takes messages of 1 MiB unless its server is configured otherwise."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """A request with what only the queue knows of it."""

    request: BridgeRequest
    """Its long texts may be empty here: see `stored`."""
    fingerprint: str
    target: str = ""
    """Where it may run: empty (anywhere), `label:<label>` or `machine:<name>`."""
    message: int = 0
    """Sequence number in the stream of the message that offers it; other messages are leftovers."""
    not_before: float = 0.0
    claim: int = 0
    """Grows with every claim; fences the writes of a worker that was thought dead."""
    worker: str = ""
    machine: str = ""
    """Where it was claimed last."""
    leased: bool = False
    takeovers: int = 0
    handle_digest: str = ""
    handle_used_by: str = ""
    delivered: bool = False
    step: int = 0
    """Grows with every change that `RequestQueue.changes` reports; other writes leave it."""
    stepped_at: float = 0.0
    write: str = ""
    """Names the newest write, so that a writer who got no answer can see whether it was his."""
    stored: tuple[str, ...] = ()
    """Texts of the request that are in the object store: `arguments`, `result`."""

    def encode(self) -> bytes:
        """As JSON in UTF-8."""
        return json.dumps(asdict(self), ensure_ascii=False, separators=(",", ":")).encode("utf-8", "replace")

    def changed(self, **request: Any) -> Record:
        """The record with other values in its request."""
        return replace(self, request=replace(self.request, **request))

    @property
    def waits(self) -> bool:
        """Whether nothing was begun."""
        return self.request.state is State.QUEUED


def decode(data: bytes) -> Record:
    """Read a record; fields that a newer version has added are ignored."""
    value = _known(Record, json.loads(data))
    request = _known(BridgeRequest, value.pop("request"))
    request["state"] = State(request["state"])
    request["chats"] = tuple(ChatRef(**_known(ChatRef, chat)) for chat in request["chats"])
    request["artifacts"] = tuple(Artifact(**_known(Artifact, one)) for one in request.get("artifacts", ()))
    if request["problem"] is not None:
        request["problem"] = Problem(**_known(Problem, request["problem"]))
    value["stored"] = tuple(value.get("stored", ()))
    return Record(request=BridgeRequest(**request), **value)


def _known(of: type, value: dict[str, Any]) -> dict[str, Any]:
    names = {field.name for field in fields(of)}
    return {name: item for name, item in value.items() if name in names}
