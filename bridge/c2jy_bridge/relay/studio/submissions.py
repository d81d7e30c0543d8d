"""Takes requests in: first the idempotency key, then the message that offers it, then its record.

Each step bears being done twice, and every open request has its message from the moment it can be lost.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import Final

from nats.errors import Error as NatsError
from nats.js.errors import APIError, KeyNotFoundError, KeyWrongLastSequenceError

from c2jy_bridge.core.bridge_requests import BridgeRequest, State
from c2jy_bridge.relay.request import Accepted, KeyReused, QueueFull, Submission
from c2jy_bridge.relay.studio.connection import Studio, is_full, patiently
from c2jy_bridge.relay.studio.record import Record
from c2jy_bridge.relay.studio.records import Records

ARGUMENTS_INLINE: Final = 16 * 1024
"""Characters of arguments that stay in the record, which is written about six times."""

ROOM_FOR_NEW: Final = 0.9
"""Part of the bucket of requests that new ones may fill."""


class Submissions:
    """Accepts submissions."""

    def __init__(
        self,
        studio: Studio,
        records: Records,
        *,
        limit: int,
        clock: Callable[[], float],
        steady: Callable[[], float],
        new_id: Callable[[], str],
    ) -> None:
        """As `StudioQueue`."""
        self._studio, self._records = studio, records
        self._limit = limit
        self._has_room = True
        self._clock, self._steady, self._new_id = clock, steady, new_id

    async def accept(self, submission: Submission) -> Accepted:
        """As `RequestQueue.accept`."""
        request_id, is_new = self._new_id(), True
        key = key_of(submission) if submission.idempotency_key else ""
        if key:
            request_id, is_new = await self._reserve(key, request_id, submission.fingerprint)
            if not is_new and (found := await self._records.read(request_id)):
                return Accepted(await self._records.whole(found[0]), created=False)
            # Whoever reserved it has crashed, or is just writing the same.
        try:
            record = await self._offer(await self._new(submission, request_id))
        except QueueFull:
            if key and is_new:
                with contextlib.suppress(NatsError):
                    await self._studio.keys.purge(key)
            raise
        return Accepted(replace(record.request, arguments=submission.arguments_json), created=is_new)

    async def look_for_room(self) -> None:
        """Take new requests only while their bucket has room for the ends of those that are open."""
        info = await self._studio.stream.stream_info(f"KV_{self._studio.requests._name}")
        limit = ROOM_FOR_NEW * (info.config.max_bytes or self._studio.settings.max_bytes)
        self._has_room = info.state.bytes < limit

    async def accepted_before(self, submission: Submission) -> Accepted | None:
        """As `RequestQueue.accepted_before`."""
        known = await self._reserved(key_of(submission)) if submission.idempotency_key else None
        if known is None:
            return None
        request_id, fingerprint = known
        if fingerprint != submission.fingerprint:
            raise KeyReused(request_id)
        found = await self._records.read(request_id)
        return Accepted(await self._records.whole(found[0]), created=False) if found else None

    async def _reserve(self, key: str, request_id: str, fingerprint: str) -> tuple[str, bool]:
        """Give the key to a request, unless it has one; returns its id, and whether it is this one."""
        value = json.dumps({"id": request_id, "of": fingerprint}).encode()
        while True:
            with contextlib.suppress(KeyWrongLastSequenceError):
                await patiently(partial(self._studio.keys.create, key, value))
                return request_id, True
            known = await self._reserved(key)
            if known is None:  # forgotten in between
                continue
            if known[1] != fingerprint:
                raise KeyReused(known[0])
            return known[0], known[0] == request_id  # equal: only the answer was lost

    async def _reserved(self, key: str) -> tuple[str, str] | None:
        try:
            entry = await patiently(partial(self._studio.keys.get, key))
        except KeyNotFoundError:
            return None
        value = json.loads(entry.value or b"{}")
        return str(value["id"]), str(value["of"])

    async def _new(self, submission: Submission, request_id: str) -> Record:
        now = self._steady()
        begins = now if submission.submitted_at is None else submission.submitted_at
        long = len(submission.arguments_json) > ARGUMENTS_INLINE
        if long:
            await self._records.store(request_id, "arguments", submission.arguments_json)
        request = BridgeRequest(
            request_id=request_id,
            tool=submission.tool,
            arguments="" if long else submission.arguments_json,
            source=submission.source,
            requester=submission.requester,
            idempotency_key=submission.idempotency_key,
            relay=submission.relay,
            state=State.QUEUED,
            accepted_at=self._clock(),
            expires_at=begins + submission.timeout_s,
            changed_at=now,
            reply_to=submission.reply_to,
            deliver=submission.deliver,
        )
        return Record(
            request=request,
            fingerprint=submission.fingerprint,
            target=submission.target,
            step=1,
            stepped_at=request.accepted_at,
            stored=("arguments",) if long else (),
        )

    async def _offer(self, record: Record) -> Record:
        """Publish the message and create the record, unless that was done before; raises QueueFull."""
        subject = self._studio.subject("work", token_of(record.target), mode_of(record.request))
        data, headers = record.encode(), {"Nats-Msg-Id": record.request.request_id}

        if not self._has_room:
            raise QueueFull(self._limit)

        async def publish() -> int:
            try:
                return (await self._studio.stream.publish(subject, data, headers=dict(headers))).seq
            except APIError as error:
                if is_full(error):
                    raise QueueFull(self._limit) from error
                raise

        return await self._records.create(record, await patiently(publish))


ANYWHERE: Final = "any"
"""Target of requests that any machine may run."""


def token_of(target: str) -> str:
    """A target as a token of a subject."""
    return target.replace(":", "-", 1) or ANYWHERE


def mode_of(request: BridgeRequest) -> str:
    """The subject's last token: whether a Bot is needed."""
    return "direct" if request.relay == "direct" else "bot"


def key_of(of: Submission | BridgeRequest) -> str:
    """The key in the bucket of keys, which takes few characters."""
    parts = json.dumps([of.source, of.requester, of.idempotency_key])
    return hashlib.sha256(parts.encode("utf-8", "surrogatepass")).hexdigest()
