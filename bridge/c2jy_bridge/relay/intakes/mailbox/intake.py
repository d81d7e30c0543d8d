"""The mailbox intake: no open port, no public address; a workflow writes a letter and reads the answer."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import random
import tempfile
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Final

from c2jy_bridge.core.events import Problem
from c2jy_bridge.coze import CozeClient, CozeProblem
from c2jy_bridge.coze.mailbox import Letter, Mailbox
from c2jy_bridge.relay.intakes.mailbox import codec
from c2jy_bridge.relay.intakes.mailbox.seen import Seen
from c2jy_bridge.relay.intakes.mailbox.sleep_detector import SleepDetector
from c2jy_bridge.relay.problems import ours
from c2jy_bridge.relay.queue import KeyReused, QueueFull
from c2jy_bridge.relay.request import TAKE_UP, BridgeRequest
from c2jy_bridge.relay.service import RequestService
from c2jy_bridge.relay.status import IntakeStatus
from c2jy_bridge.relay.storage import Storage

log = logging.getLogger(__name__)

HORIZON_S: Final = 86_400.0
"""Letters older than this are history; far below the two days for which ended requests are remembered."""
MOST_PAGES: Final = 40
BUSY_S: Final = 120.0
"""Seconds after the start and after the last letter during which looks are frequent."""
QUIET_FACTOR: Final = 4
"""How much longer the pauses are when it is quiet."""
LONGEST_PAUSE_S: Final = 120.0
RATE_LIMITED_S: Final = 30.0
TICK_S: Final = 5.0
"""Seconds after which a pause looks whether the computer slept meanwhile."""
LOOK_S: Final = 60.0
"""Most seconds for one look: nothing else notices a connection that died in a sleep or with a network."""
NAME: Final = "c2jy mailbox"
_ABOUT_THE_LETTER: Final = frozenset({"bad_request", "coze", "bad_answer"})
"""Kinds of refusals that another try with the same letter would meet again."""


class MailboxIntake:
    """Looks into the mailbox, asks for what the codec want, posts the answers."""

    def __init__(
        self,
        *,
        desk: RequestService,
        storage: Storage,
        client: Callable[[], Awaitable[CozeClient]],
        scope: str,
        conversation_id: str = "",
        interval_s: float = 3.0,
        clock: Callable[[], float] = time.time,
        chance: Callable[[], float] = random.random,
    ) -> None:
        """Put the parts together.

        Args:
            desk: Where to ask.
            storage: Remembers the conversation that was made.
            client: The way to Coze; may raise CozeProblem.
            scope: `host/bot`, for a mailbox belongs to one account.
            conversation_id: The mailbox; empty makes one at the first time.
            interval_s: Seconds between two looks while it is in use.
            clock: Unix seconds.
            chance: A number from 0 to 1, for pauses that do not fall together.
        """
        self._desk = desk
        self._storage = storage
        self._client = client
        self._note = f"mailbox {scope}"
        self._conversation_id = conversation_id
        self._interval_s = interval_s
        self._clock = clock
        self._chance = chance
        self._mailbox: Mailbox | None = None
        self._seen = Seen()
        self._task: asyncio.Task[None] | None = None
        self._alive_at = 0.0
        self._busy_until = 0.0
        self._problem: Problem | None = None

    async def start(self) -> None:
        """Begin to look; the network need not be there yet."""
        self._conversation_id = self._conversation_id or await self._storage.note(self._note)
        self._busy_until = self._clock() + BUSY_S  # whoever switched it on is about to use it
        self._task = asyncio.create_task(self._go_on())

    async def stop(self) -> None:
        """Look no more."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    def status(self) -> IntakeStatus:
        """When it last looked, and what kept it from it since."""
        return IntakeStatus("mailbox", self._conversation_id, self._alive_at, self._problem)

    async def _go_on(self) -> None:
        failures = 0
        next_look = 0.0
        loop = asyncio.get_running_loop()
        waking = SleepDetector(self._clock, loop.time)
        while True:
            changed = self._desk.watch()
            try:
                if loop.time() >= next_look:
                    async with asyncio.timeout(LOOK_S):
                        await self._look()
                    next_look = loop.time() + self._pause()
                await self._deliver()
            except QueueFull:  # the codec stay where they are
                next_look = loop.time() + self._pause()
            except CozeProblem as error:
                failures += 1
                self._problem = error.problem
                next_look = loop.time() + self._back_off(failures, error.problem)
                changed = asyncio.Event().wait  # an answer would meet the same problem
            except TimeoutError:
                failures += 1
                self._problem = ours("mailbox_slow", seconds=f"{LOOK_S:g}")
                next_look = loop.time() + self._back_off(failures, None)
            except Exception:
                failures += 1
                log.exception("the mailbox")
                next_look = loop.time() + self._back_off(failures, None)
            else:
                failures, self._problem = 0, None
            if await self._rest(next_look, changed, waking):
                failures, next_look = 0, 0.0

    async def _rest(
        self, until: float, changed: Callable[[], Awaitable[object]], waking: SleepDetector
    ) -> bool:
        """Wait for the next look or the next change; True when the computer slept, which ends every pause."""
        loop = asyncio.get_running_loop()
        waiting = asyncio.ensure_future(changed())
        try:
            while not waiting.done() and (left_s := until - loop.time()) > 0:
                await asyncio.wait({waiting}, timeout=min(left_s, TICK_S))
                if waking.slept():
                    return True
        finally:
            waiting.cancel()
        return False

    def _pause(self) -> float:
        factor = 1 if self._clock() < self._busy_until else QUIET_FACTOR
        return self._interval_s * factor * (1 + self._chance() / 4)

    def _back_off(self, failures: int, problem: Problem | None) -> float:
        pause_s = min(LONGEST_PAUSE_S, self._interval_s * 2.0 ** min(failures, 10))
        if problem is not None and problem.kind == "rate_limited":
            pause_s = max(pause_s, RATE_LIMITED_S)
        return pause_s * (0.5 + self._chance() / 2)

    # --- codec in ------------------------------------------------------------------------------------

    async def _look(self) -> None:
        mailbox = await self._open()
        fresh: list[Letter] = []
        horizon = self._clock() - HORIZON_S
        pages = 0
        async with contextlib.aclosing(mailbox.pages()) as found:  # type: ignore[type-var]  # it is a generator
            async for page in found:
                pages += 1
                new = [letter for letter in page if not self._seen.letter(letter.message_id)]
                fresh += [letter for letter in new if letter.at >= horizon]
                # A page with a known letter on it joins what was read before: nothing is missed between.
                if len(new) < len(page) or page[-1].at < horizon or pages >= MOST_PAGES:
                    break
        self._alive_at = self._clock()
        told = [(letter, codec.read(letter)) for letter in reversed(fresh)]
        for _, meaning in told:
            if isinstance(meaning, codec.Answered):
                self._seen.answer(meaning)
        # The oldest first, and none is done with before those that are older: see the joint above.
        for letter, meaning in told:
            if not isinstance(meaning, codec.Answered):
                await self._take(mailbox, letter, meaning)
                self._seen.done_with(letter.message_id)

    async def _take(self, mailbox: Mailbox, letter: Letter, wish: codec.Read) -> None:
        if isinstance(wish, codec.ToolRequest | codec.ChatAnnouncement):
            self._busy_until = self._clock() + BUSY_S
            try:
                await self._ask(wish, letter, mailbox.conversation_id)
            except KeyReused:
                await self._refuse(mailbox, letter, wish.rid, ours("rid_reused", rid=wish.rid))
        elif isinstance(wish, codec.Unreadable):
            await self._refuse(mailbox, letter, wish.rid, wish.problem)

    async def _ask(
        self, wish: codec.ToolRequest | codec.ChatAnnouncement, letter: Letter, conversation_id: str
    ) -> None:
        wanted_at = min(letter.at, self._clock())
        if isinstance(wish, codec.ToolRequest):
            await self._desk.ask(
                wish.tool,
                wish.arguments,
                source="mailbox",
                requester=conversation_id,
                idempotency_key=wish.rid,
                timeout_s=wish.timeout_s,
                wanted_at=wanted_at,
            )
            return
        await self._desk.ask(
            TAKE_UP,
            {"conversation_id": wish.conversation_id, "chat_id": wish.chat_id},
            source="mailbox",
            requester=conversation_id,
            idempotency_key=wish.rid,
            relay="chat",
            wanted_at=wanted_at,
        )

    async def _refuse(self, mailbox: Mailbox, letter: Letter, rid: str, problem: Problem) -> None:
        if not self._seen.refused(letter.message_id):
            reply = codec.refusal(rid, letter.message_id, problem)
            await mailbox.post(reply.content, reply.meta)

    # --- answers out -----------------------------------------------------------------------------------

    async def _deliver(self) -> None:
        mailbox = self._mailbox
        for request in await self._desk.undelivered("mailbox"):
            if mailbox is None or request.requester != mailbox.conversation_id:
                continue  # of another mailbox, which may come back
            if request.rid:
                await self._answer_somehow(mailbox, request)
            await self._desk.delivered(request.request_id)

    async def _answer_somehow(self, mailbox: Mailbox, request: BridgeRequest) -> None:
        """An answer that Coze does not take is linked; if not even that, it must not block all others."""
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
            if not self._seen.answered(request.request_id, 1):
                await self._link(mailbox, request)
            return
        for number, reply in enumerate(replies, 1):
            # After a restart the mailbox itself says which parts were posted before.
            if not self._seen.answered(request.request_id, number):
                await self._post(mailbox, request, number, reply)

    async def _post(self, mailbox: Mailbox, request: BridgeRequest, part: int, reply: codec.Reply) -> None:
        await mailbox.post(reply.content, reply.meta)
        self._seen.answer(codec.Answered(request.rid, part, request.request_id))

    async def _link(self, mailbox: Mailbox, request: BridgeRequest) -> None:
        client = await self._client()
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / f"{request.request_id}.json"
            await asyncio.to_thread(path.write_text, codec.answer_text(request), "utf-8")
            file_id = await client.upload(path)
        await self._post(mailbox, request, 1, codec.linked(request, file_id))

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
