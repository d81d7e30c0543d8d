"""The contract of a queue of bridge requests, and the service through which intakes use one."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Mapping, Sequence
from contextlib import suppress
from typing import Any, Protocol

from c2jy_bridge.core.bridge_requests import (
    Artifact,
    BridgeRequest,
    ChatRef,
    Delivery,
    RelayMode,
    RequestSource,
    State,
)
from c2jy_bridge.core.events import Problem
from c2jy_bridge.core.settings import BridgeSettings
from c2jy_bridge.relay.artifacts import ArtifactStore
from c2jy_bridge.relay.request import (
    Accepted,
    Change,
    ChangeNotifier,
    Ending,
    Lease,
    RequestRefused,
    Submission,
)

_BIG_ARGUMENTS = 50_000
"""Characters from which arguments are checked in a thread."""


class RequestQueue(Protocol):
    """A durable queue: `EmbeddedQueue` for one machine, `StudioQueue` for several.

    A change is durable when its method returns. What takes a lease raises LeaseLost, and changes nothing,
    once the request has ended, was given back, or was claimed by another worker: a lease carries the number
    of its claim. `tests/unit/relay/test_request_queue.py` holds what every queue does.
    """

    async def accept(self, submission: Submission) -> Accepted:
        """Accept a submission, durably; raises KeyReused (the key is another request's) or QueueFull."""

    async def accepted_before(self, submission: Submission) -> Accepted | None:
        """What was accepted under the submission's key; raises KeyReused when that is another request."""

    async def get(self, request_id: str) -> BridgeRequest | None:
        """The request of that id; None when there is none."""

    async def page(
        self, *, before: int | None = None, limit: int = 50, state: State | None = None
    ) -> Sequence[BridgeRequest]:
        """Requests, newest first; `before` is the `seq` of the last one seen."""

    async def cancel(self, request_id: str) -> BridgeRequest | None:
        """Cancel if idle; if running, set `cancel_wanted`. None if unknown."""

    async def changes(self, *, after: int = 0, request_id: str = "", limit: int = 100) -> Sequence[Change]:
        """Changes in order, of one request or of all; `after` is the `seq` of the last one seen."""

    async def counts(self) -> Mapping[State, int]:
        """How many requests are in each state."""

    async def undelivered(self, source: RequestSource) -> Sequence[BridgeRequest]:
        """Ended requests whose answer still has to be sent, oldest first."""

    async def delivered(self, request_id: str) -> None:
        """Record that the answer was sent."""

    async def claim(
        self, worker: str, lease_s: float, at_work: Collection[str] = frozenset(), *, direct: bool = False
    ) -> Lease | None:
        """Lease the oldest request that is due, for `lease_s` seconds; None when there is none.

        Requests that were begun and left come first, even expired ones: their outcome has to be checked.
        Those `at_work` are not left, though a sleep of the computer may have outlasted their leases.
        `direct`: only of those that need no Bot.
        """

    async def renew(self, lease: Lease, lease_s: float) -> BridgeRequest:
        """Extend the lease to `lease_s` seconds from now; returns the request, with `cancel_wanted`."""

    async def asking(self, lease: Lease, handle_digest: str) -> BridgeRequest:
        """Record that the Bot is about to be asked with a new handle: relaying, one attempt more."""

    async def in_chat(self, lease: Lease, chat: ChatRef) -> BridgeRequest:
        """Record the chat in which the Bot answers."""

    async def running(self, lease: Lease, call_id: str, used_by: str = "") -> BridgeRequest:
        """Record that the tool starts; `used_by` is the Coze call that used the handle."""

    async def release(
        self, lease: Lease, *, not_before: float, problem: Problem | None, asked: bool = True
    ) -> BridgeRequest:
        """Put the request back, not to be claimed before that time; without `asked` it was not an attempt."""

    async def park(self, lease: Lease, state: State, problem: Problem) -> BridgeRequest:
        """Park the request in that state until `unpark`: it cannot be claimed and does not expire.

        That the Bot was asked under this lease, in vain, does not count as an attempt.
        """

    async def unpark(self, state: State, *, limit: int = -1) -> Sequence[BridgeRequest]:
        """Put requests parked in that state back into the queue with the time that they had left.

        Returns them, oldest first; `limit` is how many, -1 for all.
        """

    async def finish(self, lease: Lease, ending: Ending) -> BridgeRequest:
        """Record the end; a second one raises LeaseLost."""

    async def chat_ended(self, turn_id: str) -> None:
        """Record that the chat has ended, independently of its request."""

    async def open_chats(self) -> Sequence[tuple[BridgeRequest, ChatRef]]:
        """Open chats of ended requests: the Bot may still wait for an answer."""

    async def void_leases(self, worker: str) -> int:
        """End the leases and pauses of other workers, which are known to be dead; returns how many leases.

        A pause lasts a minute at most, and for a day where the clock was set back by one since.
        """

    async def expire(self, problem: Problem) -> Sequence[BridgeRequest]:
        """Fail requests that expired before they were begun; returns them."""

    async def forget(self, before: float) -> int:
        """Delete requests that ended before that time, with their keys; returns how many."""


class RequestService:
    """The only entry point for requests: submits, wakes the worker, lets callers wait."""

    def __init__(
        self,
        queue: RequestQueue,
        changes: ChangeNotifier,
        settings: BridgeSettings,
        *,
        check: Callable[[Submission], None],
        wake: Callable[[], None],
        stop: Callable[[str], Awaitable[None]],
        artifacts: ArtifactStore,
    ) -> None:
        """Nothing runs here.

        Args:
            queue: Holds the requests.
            changes: Tells who waits for them.
            settings: Timeouts, and how requests are run.
            check: Raises RequestRefused for a call that cannot succeed.
            wake: Makes the worker look into the queue.
            stop: Makes the worker stop one request.
            artifacts: Has what requests deliver.
        """
        self._queue = queue
        self._check = check
        self._wake = wake
        self._stop = stop
        self._changes = changes
        self._settings = settings
        self._artifacts = artifacts

    async def submit(
        self,
        tool: str,
        arguments: dict[str, Any],
        *,
        source: RequestSource,
        requester: str = "",
        idempotency_key: str = "",
        relay: RelayMode | None = None,
        timeout_s: float | None = None,
        submitted_at: float | None = None,
        reply_to: str = "",
        target: str = "",
        deliver: Delivery = "",
    ) -> Accepted:
        """Accept a request; it is durable when this returns.

        Args:
            tool: The tool to call.
            arguments: Checked here, and validated again by the tool runner.
            source: The intake.
            requester: Scope of the idempotency key.
            idempotency_key: Makes a repetition the same request; when empty, every call makes a new request.
            relay: How to run it; by default as the settings say.
            timeout_s: Seconds until it fails; by default, and at most, as the settings say.
            submitted_at: Unix seconds from which they count; by default now.
            reply_to: The key under which the answer is awaited, when it is not `idempotency_key`.
            target: Where it may run, in a studio (`Submission.target`).
            deliver: What the requester gets besides the result.

        Raises:
            RequestRefused: It cannot succeed: there is no such tool, or the arguments do not fit.
            KeyReused: The key was used for another request.
            QueueFull: Too many requests are open.
        """
        longest_s = self._settings.request_timeout_s
        submission = Submission(
            tool=tool,
            arguments=arguments,
            source=source,
            requester=requester,
            idempotency_key=idempotency_key,
            relay=relay or self._settings.relay,
            timeout_s=longest_s if timeout_s is None else min(timeout_s, longest_s),
            submitted_at=submitted_at,
            reply_to=reply_to,
            target=target,
            deliver=deliver,
        )
        try:
            if submission.relay != "chat":
                await self._checked(submission)
        except RequestRefused:
            # What was accepted under this key stays so, whatever has changed in the tools since.
            if (earlier := await self._queue.accepted_before(submission)) is None:
                raise
            return earlier
        accepted = await self._queue.accept(submission)
        if accepted.created:
            self._wake()
            await self._changes.notify(accepted.request)
        return accepted

    async def _checked(self, submission: Submission) -> None:
        if len(submission.arguments_json) < _BIG_ARGUMENTS:
            self._check(submission)
        else:
            await asyncio.to_thread(self._check, submission)

    async def cancel(self, request_id: str) -> BridgeRequest | None:
        """Cancel a request, or have it stopped when it runs; None when there is none of that id."""
        request = await self._queue.cancel(request_id)
        if request is not None:
            if request.cancel_wanted and not request.ended:
                await self._stop(request_id)
            await self._changes.notify(request)
        return request

    async def get(self, request_id: str) -> BridgeRequest | None:
        """The request of that id; None when there is none."""
        return await self._queue.get(request_id)

    async def page(
        self, *, before: int | None = None, limit: int = 50, state: State | None = None
    ) -> Sequence[BridgeRequest]:
        """Newest first; `before` is the `seq` of the last one seen."""
        return await self._queue.page(before=before, limit=limit, state=state)

    async def undelivered(self, source: RequestSource) -> Sequence[BridgeRequest]:
        """Ended requests whose answer still has to be sent, oldest first."""
        return await self._queue.undelivered(source)

    async def delivered(self, request_id: str) -> None:
        """Record that the answer was sent."""
        await self._queue.delivered(request_id)

    async def counts(self) -> Mapping[State, int]:
        """Count requests by state."""
        return await self._queue.counts()

    async def ended(self, request_id: str, wait_s: float) -> BridgeRequest | None:
        """The request once it has ended, or as it is after `wait_s` seconds; None if unknown."""
        with suppress(TimeoutError):
            async with asyncio.timeout(wait_s):
                while True:
                    next_change = self._changes.next()
                    request = await self._queue.get(request_id)
                    if request is None or request.ended:
                        return request
                    await next_change.wait()
        return await self._queue.get(request_id)

    async def follow(
        self, request_id: str, *, after: int = 0, beat_s: float = 15.0
    ) -> AsyncIterator[Change | None]:
        """Changes of one request from the one after `after` to its end; None for `beat_s` of silence."""
        while True:
            next_change = self._changes.next()
            for change in await self._queue.changes(after=after, request_id=request_id):
                after = change.seq
                yield change
            request = await self._queue.get(request_id)
            if request is None or request.ended:
                # The end may have been recorded after the changes were read.
                for change in await self._queue.changes(after=after, request_id=request_id):
                    yield change
                return
            try:
                await asyncio.wait_for(next_change.wait(), beat_s)
            except TimeoutError:
                yield None

    def read(self, request: BridgeRequest, artifact: Artifact, begin: int = 0) -> AsyncIterator[bytes]:
        """The artifact's bytes from `begin` on; raises ArtifactGone, before the first of them."""
        return self._artifacts.read(request.request_id, artifact, begin)

    def watch(self) -> Callable[[], Awaitable[object]]:
        """A function that waits for the next change of any request after this call."""
        return self._changes.next().wait
