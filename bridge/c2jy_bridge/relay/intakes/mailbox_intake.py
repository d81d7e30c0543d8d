"""The mailbox intake: polls a Coze conversation for requests and posts the answers into it.

For workflows that cannot reach this machine. Knows coze.mailbox and RequestService; must not know how a
request is run.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import random
import tempfile
import time
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Hashable
from pathlib import Path
from typing import Final

from c2jy_bridge.core.bridge_requests import BridgeRequest
from c2jy_bridge.core.events import BridgeIntakeChanged, Event, Problem
from c2jy_bridge.core.views import IntakeView
from c2jy_bridge.coze import CozeClient, CozeProblem
from c2jy_bridge.coze.mailbox import Letter, Mailbox
from c2jy_bridge.relay.intakes import mailbox_codec as codec
from c2jy_bridge.relay.request import TAKE_UP, KeyReused, QueueFull, RequestRefused, bridge_problem
from c2jy_bridge.relay.request_queue import RequestService
from c2jy_bridge.relay.storage import Storage

log = logging.getLogger(__name__)

HORIZON_S: Final = 86_400.0
"""Older letters are ignored; ended requests are kept much longer than this."""
MOST_PAGES: Final = 40
BUSY_S: Final = 120.0
"""Seconds after the start and after the last letter during which polls are frequent."""
QUIET_FACTOR: Final = 4
"""How much longer the pauses are after that."""
LONGEST_PAUSE_S: Final = 120.0
RATE_LIMITED_S: Final = 30.0
TICK_S: Final = 5.0
"""Seconds between two checks whether the computer slept during a pause."""
LOOK_S: Final = 60.0
"""Timeout of one poll: nothing else notices a connection that died in a sleep or with a network."""
NAME: Final = "c2jy mailbox"
_ABOUT_THE_LETTER: Final = frozenset({"bad_request", "coze", "bad_answer"})
"""Kinds of refusals that would recur with the same letter."""


class MailboxIntake:
    """Polls the mailbox, submits the requests found in it, posts the answers."""

    def __init__(
        self,
        *,
        service: RequestService,
        storage: Storage,
        client: Callable[[], Awaitable[CozeClient]],
        scope: str,
        emit: Callable[[Event], Awaitable[None]],
        conversation_id: str = "",
        interval_s: float = 3.0,
        clock: Callable[[], float] = time.time,
        steady: Callable[[], float] = time.time,
        chance: Callable[[], float] = random.random,
    ) -> None:
        """Nothing is polled before `start`.

        Args:
            service: Accepts the requests.
            storage: Remembers the conversation that was created.
            client: Connects to Coze; may raise CozeProblem.
            scope: `host/bot`, as a mailbox belongs to one account.
            emit: Awaited when the mailbox fails, works again or holds a message that cannot be a request.
            conversation_id: The mailbox; when empty, one is created at the first poll.
            interval_s: Seconds between two polls while it is in use.
            clock: Unix seconds, for what people read.
            steady: Unix seconds, for deadlines and pauses.
            chance: Jitter of pauses, from 0 to 1.
        """
        self._service = service
        self._storage = storage
        self._client = client
        self._note = f"mailbox {scope}"
        self._conversation_id = conversation_id
        self._interval_s = interval_s
        self._clock = clock
        self._steady = steady
        self._chance = chance
        self._mailbox: Mailbox | None = None
        # These only save work and repetitions: that a request runs once depends on its key.
        self._processed = RecentKeys()
        self._refused = RecentKeys()
        self._answered = RecentKeys()
        """(request_id, part) of answers that are in the mailbox."""
        self._task: asyncio.Task[None] | None = None
        self._alive_at = 0.0
        self._busy_until = 0.0
        self._emit = emit
        self._works: bool | None = None
        """None before the first poll."""
        self._problem: Problem | None = None
        self._unanswered: Problem | None = None
        """About the last letter that was neither taken nor answered; None since another was taken."""

    async def start(self) -> None:
        """Start polling; the network need not be there yet."""
        self._conversation_id = self._conversation_id or await self._storage.note(self._note)
        self._busy_until = self._steady() + BUSY_S  # it was probably switched on for use now
        self._task = asyncio.create_task(self._poll())

    async def stop(self) -> None:
        """Stop polling."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    def status(self) -> IntakeView:
        """When it last polled, and what went wrong since."""
        problem = self._problem or self._unanswered
        return IntakeView("mailbox", self._conversation_id, self._alive_at, problem)

    async def _poll(self) -> None:
        failures = 0
        next_look = 0.0
        loop = asyncio.get_running_loop()
        sleep_detector = SleepDetector(self._clock, loop.time)
        while True:
            changed = self._service.watch()
            try:
                if loop.time() >= next_look:
                    async with asyncio.timeout(LOOK_S):
                        await self._look()
                    next_look = loop.time() + self._pause()
                await self._deliver()
            except QueueFull as error:  # the letters stay in the mailbox
                await self._failed(bridge_problem("queue_full", limit=error.args[0]))
                next_look = loop.time() + self._pause()
            except CozeProblem as error:
                failures += 1
                await self._failed(error.problem)
                next_look = loop.time() + self._back_off(failures, error.problem)
                changed = asyncio.Event().wait  # posting an answer would fail the same way
            except TimeoutError:
                failures += 1
                await self._failed(bridge_problem("mailbox_slow", seconds=f"{LOOK_S:g}"))
                next_look = loop.time() + self._back_off(failures, None)
            except Exception as error:
                failures += 1
                log.exception("the mailbox")
                await self._failed(bridge_problem("internal", why=type(error).__name__))
                next_look = loop.time() + self._back_off(failures, None)
            else:
                failures = 0
                await self._succeeded()
            if await self._rest(next_look, changed, sleep_detector):
                failures, next_look = 0, 0.0

    async def _failed(self, problem: Problem) -> None:
        """Report a problem once, until there is another or it is over."""
        before, self._problem = self._problem, problem
        if before is None or (before.kind, before.code) != (problem.kind, problem.code):
            await self._report(problem)
        self._works = False

    async def _succeeded(self) -> None:
        self._problem = None
        if not self._works:
            await self._report(None)
        self._works = True

    async def _report(self, problem: Problem | None) -> None:
        if problem is not None:
            log.warning("the mailbox: %s: %s (code %s)", problem.kind, problem.message, problem.code)
        address = self._conversation_id
        await self._emit(
            BridgeIntakeChanged(at=self._clock(), intake="mailbox", address=address, problem=problem)
        )

    async def _rest(
        self, until: float, changed: Callable[[], Awaitable[object]], sleep_detector: SleepDetector
    ) -> bool:
        """Wait for the next poll or the next change; True when the computer slept, which ends every pause."""
        loop = asyncio.get_running_loop()
        waiting = asyncio.ensure_future(changed())
        try:
            while not waiting.done() and (left_s := until - loop.time()) > 0:
                await asyncio.wait({waiting}, timeout=min(left_s, TICK_S))
                if sleep_detector.slept():
                    return True
        finally:
            waiting.cancel()
        return False

    def _pause(self) -> float:
        factor = 1 if self._steady() < self._busy_until else QUIET_FACTOR
        return self._interval_s * factor * (1 + self._chance() / 4)

    def _back_off(self, failures: int, problem: Problem | None) -> float:
        pause_s = min(LONGEST_PAUSE_S, self._interval_s * 2.0 ** min(failures, 10))
        if problem is not None and problem.kind == "rate_limited":
            pause_s = max(pause_s, RATE_LIMITED_S)
        return pause_s * (0.5 + self._chance() / 2)

    async def _look(self) -> None:
        mailbox = await self._open()
        fresh: list[Letter] = []
        pages = 0
        async with contextlib.aclosing(mailbox.pages()) as found:
            async for page in found:
                pages += 1
                new = [letter for letter in page if letter.message_id not in self._processed]
                fresh += [letter for letter in new if mailbox.age_s(letter) <= HORIZON_S]
                # A page with a processed letter overlaps with what was read before: there is no gap.
                if len(new) < len(page) or mailbox.age_s(page[-1]) > HORIZON_S or pages >= MOST_PAGES:
                    break
        self._alive_at = self._clock()
        decoded = [(letter, codec.decode(letter)) for letter in reversed(fresh)]
        for _, meaning in decoded:
            if isinstance(meaning, codec.Answered):
                if meaning.refused:
                    self._refused.add(meaning.refused)
                else:
                    self._answered.add((meaning.request, meaning.part))
        # Oldest first, as a processed letter must have no unprocessed ones before it: see the overlap above.
        for letter, meaning in decoded:
            if not isinstance(meaning, codec.Answered):
                await self._process(mailbox, letter, meaning)
                self._processed.add(letter.message_id)

    async def _process(self, mailbox: Mailbox, letter: Letter, request: codec.Decoded) -> None:
        if isinstance(request, codec.ToolRequest | codec.ChatAnnouncement):
            self._busy_until = self._steady() + BUSY_S
            try:
                await self._submit(request, mailbox.age_s(letter), mailbox.conversation_id)
                self._unanswered = None
            except RequestRefused as error:
                await self._refuse(mailbox, letter, request.rid, error.problem)
            except KeyReused:
                problem = bridge_problem("rid_reused", rid=request.rid)
                await self._refuse(mailbox, letter, request.rid, problem)
        elif isinstance(request, codec.Unreadable) and request.rid:
            await self._refuse(mailbox, letter, request.rid, request.problem)
        elif isinstance(request, codec.Unreadable):
            self._unanswered = request.problem
            await self._report(request.problem)

    async def _submit(
        self, request: codec.ToolRequest | codec.ChatAnnouncement, age_s: float, conversation_id: str
    ) -> None:
        submitted_at = self._steady() - age_s
        if isinstance(request, codec.ToolRequest):
            await self._service.submit(
                request.tool,
                request.arguments,
                source="mailbox",
                requester=conversation_id,
                idempotency_key=request.rid,
                timeout_s=request.timeout_s,
                submitted_at=submitted_at,
            )
            return
        await self._service.submit(
            TAKE_UP,
            {"conversation_id": request.conversation_id, "chat_id": request.chat_id},
            source="mailbox",
            requester=conversation_id,
            idempotency_key=request.rid,
            relay="chat",
            submitted_at=submitted_at,
        )

    async def _refuse(self, mailbox: Mailbox, letter: Letter, rid: str, problem: Problem) -> None:
        if letter.message_id not in self._refused:
            reply = codec.refusal(rid, letter.message_id, problem)
            await mailbox.post(reply.content, reply.meta)
            await self._report(problem)

    async def _deliver(self) -> None:
        mailbox = self._mailbox
        for request in await self._service.undelivered("mailbox"):
            if mailbox is None or request.requester != mailbox.conversation_id:
                continue  # of another mailbox, which may be used again
            if request.rid:
                await self._answer_or_link(mailbox, request)
            await self._service.delivered(request.request_id)

    async def _answer_or_link(self, mailbox: Mailbox, request: BridgeRequest) -> None:
        """Link an answer that Coze refuses; if that is refused too, it must not block the others."""
        try:
            await self._answer(mailbox, request)
        except CozeProblem as error:
            if error.problem.kind not in _ABOUT_THE_LETTER:
                raise
            try:
                await self._link(mailbox, request)
            except CozeProblem as again:
                if again.problem.kind not in _ABOUT_THE_LETTER:
                    raise
                log.error("the answer to %s was refused: %s", request.request_id, again.problem.kind)

    async def _answer(self, mailbox: Mailbox, request: BridgeRequest) -> None:
        replies = codec.replies(request)
        if len(replies) > codec.MOST_PARTS:
            if (request.request_id, 1) not in self._answered:
                await self._link(mailbox, request)
            return
        for number, reply in enumerate(replies, 1):
            # After a restart the mailbox itself shows which parts were posted before.
            if (request.request_id, number) not in self._answered:
                await self._post(mailbox, request, number, reply)

    async def _post(self, mailbox: Mailbox, request: BridgeRequest, part: int, reply: codec.Reply) -> None:
        await mailbox.post(reply.content, reply.meta)
        self._answered.add((request.request_id, part))

    async def _link(self, mailbox: Mailbox, request: BridgeRequest) -> None:
        client = await self._client()
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / f"{request.request_id}.json"
            await asyncio.to_thread(path.write_text, codec.answer_text(request), "utf-8")
            file_id = await client.upload(path)
        await self._post(mailbox, request, 1, codec.file_reply(request, file_id))

    async def _open(self) -> Mailbox:
        if self._mailbox is None:
            client = await self._client()
            if self._conversation_id:
                self._mailbox = Mailbox(client, self._conversation_id)
            else:
                self._mailbox = await Mailbox.make(client, NAME)
                self._conversation_id = self._mailbox.conversation_id
                await self._storage.keep_note(self._note, self._conversation_id)
        return self._mailbox


MOST_KEYS: Final = 5000
"""More than the letters of `MOST_PAGES` pages."""


class RecentKeys:
    """A set that forgets its oldest keys."""

    def __init__(self) -> None:
        self._keys: OrderedDict[Hashable, None] = OrderedDict()

    def __contains__(self, key: Hashable) -> bool:
        return key in self._keys

    def add(self, key: Hashable) -> None:
        """Add a key as the newest."""
        self._keys[key] = None
        self._keys.move_to_end(key)
        if len(self._keys) > MOST_KEYS:
            self._keys.popitem(last=False)


SLEPT_S: Final = 10.0
"""Drift that counts as a sleep: more than a time server corrects in one step."""


class SleepDetector:
    """Compares the wall clock with a monotonic one, which stops while the computer sleeps."""

    def __init__(self, wall: Callable[[], float], steady: Callable[[], float]) -> None:
        self._wall = wall
        self._steady = steady
        self._apart = wall() - steady()

    def slept(self) -> bool:
        """Whether the computer slept since the last call."""
        before, self._apart = self._apart, self._wall() - self._steady()
        return self._apart - before > SLEPT_S
