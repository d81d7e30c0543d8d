"""The bucket of records: read, changed by compare-and-set, with their long texts in the object store."""

from __future__ import annotations

import contextlib
import secrets
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from typing import Any

from nats.errors import Error as NatsError
from nats.js.errors import KeyNotFoundError, KeyWrongLastSequenceError, NotFoundError

from c2jy_bridge.core.bridge_requests import BridgeRequest
from c2jy_bridge.relay.request import Change
from c2jy_bridge.relay.studio.artifacts import artifact_object
from c2jy_bridge.relay.studio.connection import Studio, patiently
from c2jy_bridge.relay.studio.index import Index
from c2jy_bridge.relay.studio.record import Record, decode


class Records:
    """Every method may raise QueueUnavailable."""

    def __init__(self, studio: Studio) -> None:
        self._studio = studio
        self.index = Index()
        """What was read and written here, and by all machines while they are followed."""

    async def read(self, request_id: str) -> tuple[Record, int] | None:
        """The newest record and its revision."""
        try:
            entry = await patiently(partial(self._studio.requests.get, request_id))
        except KeyNotFoundError:
            return None
        record, revision = decode(entry.value or b""), entry.revision or 0
        self.index.put(record, revision)
        return record, revision

    async def create(self, record: Record, seq: int) -> Record:
        """Create the record of a request offered by message `seq`; returns the one that is there."""
        made = replace(record.changed(seq=seq), message=seq)
        request_id = made.request.request_id
        try:
            revision = await patiently(partial(self._studio.requests.create, request_id, made.encode()))
        except KeyWrongLastSequenceError:  # a worker was faster, or the same request was submitted twice
            found = await self.read(request_id)
            return found[0] if found else made
        self.index.put(made, revision)
        return made

    async def put(self, record: Record, revision: int) -> int:
        """Write a record over that revision; returns its own, 0 when the other is no longer the newest."""
        update = partial(self._studio.requests.update, record.request.request_id, record.encode())
        try:
            written = await patiently(partial(update, last=revision))
        except KeyWrongLastSequenceError:
            return 0
        self.index.put(record, written)
        return written

    async def change(self, request_id: str, step: Callable[[Record], Record]) -> Record | None:
        """Apply `step` to the newest record; it may return it as it is. None when there is none."""
        mark = secrets.token_hex(4)
        while found := await self.read(request_id):
            record, revision = found
            if record.write == mark:  # written, though no answer came
                return record
            changed = step(record)
            if changed is record:
                return record
            changed = replace(changed, write=mark)
            if await self.put(changed, revision):
                return changed
        return None

    async def history(self, request_id: str) -> Sequence[Change]:
        """Changes of one request, or of all for an empty id, oldest first."""
        steps: dict[str, int] = {}
        changes: list[Change] = []
        for entry in await patiently(partial(self._entries, request_id or ">")):
            if entry.operation or not entry.value:
                continue
            record = decode(entry.value)
            request = record.request
            if record.step > steps.get(request.request_id, 0):
                state = (request.request_id, request.state, request.attempts, record.stepped_at)
                changes.append(Change(entry.revision, *state))
            steps[request.request_id] = record.step
        return changes

    async def _entries(self, keys: str) -> list[Any]:
        watcher: Any = await self._studio.requests.watch(keys, include_history=True)
        try:
            entries = []
            while (entry := await watcher.updates()) is not None:
                entries.append(entry)
            return entries
        finally:
            await watcher.stop()

    async def forget(self, record: Record, key: str) -> None:
        """Delete a record, its key (unless empty) and its long texts."""
        request_id = record.request.request_id
        await patiently(partial(self._studio.requests.purge, request_id))
        if key:
            await patiently(partial(self._studio.keys.purge, key))
        names = [f"{request_id}/{name}" for name in record.stored]
        names += [artifact_object(request_id, artifact) for artifact in record.request.artifacts]
        for name in names:
            with contextlib.suppress(NatsError):  # the store's own limit of age takes what stays
                await self._studio.objects.delete(name)
        self.index.remove(request_id, self.index.last + 1)

    async def store(self, request_id: str, name: str, text: str) -> None:
        """Keep a long text of a request in the object store."""
        data = text.encode("utf-8", "replace")
        await patiently(partial(self._studio.objects.put, f"{request_id}/{name}", data))

    async def whole(self, record: Record, *, arguments: str | None = None) -> BridgeRequest:
        """The request with its long texts; `arguments` are those that are known already."""
        request = replace(record.request, machine=record.machine)
        for name in record.stored:
            if name == "arguments" and arguments is not None:
                text = arguments
            else:
                try:
                    get = partial(self._studio.objects.get, f"{request.request_id}/{name}")
                    text = ((await patiently(get)).data or b"").decode()
                except NotFoundError:  # it has outlived its text
                    text = ""
            request = (
                replace(request, arguments=text) if name == "arguments" else replace(request, result=text)
            )
        return request
