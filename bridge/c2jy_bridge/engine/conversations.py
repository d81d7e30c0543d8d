"""All conversations with the Bot: lists, searches, renames, deletes, forks and exports them."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Final, TypeVar

from c2jy_bridge.core import events as ev
from c2jy_bridge.core.events import Problem
from c2jy_bridge.core.i18n import catalogue
from c2jy_bridge.core.ports import Busy
from c2jy_bridge.core.settings import CozeSettings
from c2jy_bridge.core.views import CallView, ConversationView, FoundMessage, MessageView, RecordedRun
from c2jy_bridge.coze import CozeClient, CozeProblem
from c2jy_bridge.engine.event_sink import Recorder
from c2jy_bridge.journal import Claim, Journal

say: Final = catalogue("engine")
log: Final = logging.getLogger(__name__)
T = TypeVar("T")

UNDO_DAYS: Final = 7
"""Days for which a deleted conversation can be brought back; then it is deleted at Coze as well."""
MOST_COPIED: Final = 50
"""Messages that a fork begins with: beyond 16, each is a request of its own to Coze."""
MOST_FOUND: Final = 200
_GONE: Final = (4000, 4200)
"""Codes with which Coze refuses an id that does not exist."""


@dataclass(frozen=True, slots=True)
class Fork:
    """A new conversation; `copied` of `earlier` messages before the question are in it."""

    conversation_id: str
    question: str
    """The question at which it was forked, to be asked again."""
    copied: int
    earlier: int


class Conversations:
    """The journal's conversations and, where Coze's API has it, the same at Coze."""

    def __init__(
        self,
        journal: Journal,
        recorder: Recorder,
        *,
        settings: CozeSettings,
        client: Callable[[], Awaitable[CozeClient]],
        is_running: Callable[[str], bool],
        claims: Path,
        clock: Callable[[], float],
    ) -> None:
        """`claims` is the folder in which each app claims the conversation that it has open."""
        self._journal = journal
        self._recorder = recorder
        self._settings = settings
        self._client = client
        self._is_running = is_running
        self._claims = claims
        self._clock = clock

    async def list(self) -> Sequence[ConversationView]:
        """Newest first, without the deleted ones."""
        return await self._journaled(self._journal.history.conversations)

    async def search(self, words: str) -> Sequence[FoundMessage]:
        """Questions and answers of all conversations that contain `words`; the newest 200 first."""
        return await self._journaled(self._journal.history.search, words, MOST_FOUND)

    async def rename(self, conversation_id: str, title: str) -> Problem | None:
        """Rename a conversation here and at Coze; returns why it has its old name at Coze, if it has."""
        await self._journaled(self._journal.conversations.rename, conversation_id, title)
        try:
            await (await self._client()).rename_conversation(conversation_id, title)
        except CozeProblem as error:
            return error.problem
        return None

    async def delete(self, conversation_id: str, *, is_open: bool) -> None:
        """Hide a conversation; after `UNDO_DAYS` it is erased here and deleted at Coze.

        Args:
            conversation_id: Its id at Coze.
            is_open: Whether this app has it open.

        Raises:
            Busy: One of its turns runs, or another app has it open.
        """
        if self._is_running(conversation_id):
            raise Busy(conversation_id)
        claim = Claim(self._claims)
        if not is_open and not await asyncio.to_thread(claim.take, conversation_id):
            raise Busy(conversation_id)
        try:
            await self._journaled(self._journal.conversations.delete, conversation_id, self._clock())
        finally:
            await asyncio.to_thread(claim.release)

    async def undo_delete(self) -> str:
        """Bring back the conversation deleted last; its id, or nothing when there is none."""
        return await self._journaled(self._journal.conversations.restore)

    async def erase_deleted(self) -> None:
        """Delete for ever, at Coze and here, what was deleted more than `UNDO_DAYS` ago."""
        before = self._clock() - UNDO_DAYS * 86_400
        for conversation_id in await self._journaled(self._journal.conversations.deleted_before, before):
            try:
                await (await self._client()).delete_conversation(conversation_id)
            except CozeProblem as error:
                if error.problem.code not in _GONE:
                    log.info("conversation %s is deleted later: %s", conversation_id, error.problem.message)
                    continue
            await self._journaled(self._journal.conversations.erase, conversation_id)

    async def fork(self, conversation_id: str, turn_id: str) -> Fork:
        """Create a conversation with the questions and answers before a turn, at Coze and here.

        Coze's API cannot copy tool calls, their outputs or uploaded files into a conversation.

        Raises:
            CozeProblem: Coze cannot be reached, or refuses.
            KeyError: The conversation has no such turn.
        """
        messages = await self._journaled(self._journal.history.messages, conversation_id)
        before: list[MessageView] = []
        question = None
        for message in messages:
            if message.turn_id == turn_id and message.kind == "question":
                question = message.text
                break
            if message.kind in ("question", "answer") and message.text:
                before.append(message)
        if question is None:
            raise KeyError(turn_id)
        if not before:
            return Fork("", question, 0, 0)
        copied = before[-MOST_COPIED:]
        while copied and copied[0].kind == "answer":  # its question is not among them
            del copied[0]
        title = self._forked_title(await self.list(), conversation_id)
        client = await self._client()
        fork_id = await client.create_conversation(
            self._settings.bot_id, title, [(message.role, message.text) for message in copied]
        )
        turns = list(dict.fromkeys(message.turn_id for message in copied))
        await self._journaled(
            self._journal.conversations.fork, conversation_id, fork_id, title, turns, self._clock()
        )
        return Fork(fork_id, question, len(copied), len(before))

    async def markdown(self, conversation_id: str) -> str:
        """A conversation as Markdown: questions, answers, workflow runs, tool calls with outputs, errors."""
        views = await self.list()
        title = next((one.title for one in views if one.conversation_id == conversation_id), "")
        messages = await self._journaled(self._journal.history.messages, conversation_id)
        calls = await self._journaled(self._journal.history.calls, conversation_id, 100_000)
        recorded = await self._journaled(partial(self._journal.runs.of, loose=False), conversation_id)
        runs = [run for _, run in recorded if run.events]
        in_runs = {call.call_id for run in runs for call in run.calls}
        parts = [f"# {title or say('export.untitled')}"]
        items: list[tuple[float, str]] = [(one.at, _message_markdown(one)) for one in messages]
        items += [
            (one.requested_at, _call_markdown(one))
            for one in calls
            if one.source == "chat" and one.call_id not in in_runs
        ]
        items += [(run.events[0].at, _run_markdown(run)) for run in runs]
        parts += [text for _, text in sorted(items, key=lambda item: item[0]) if text]
        return "\n\n".join(parts) + "\n"

    def _forked_title(self, views: Sequence[ConversationView], conversation_id: str) -> str:
        title = next((one.title for one in views if one.conversation_id == conversation_id), "")
        taken = {one.title for one in views}
        number = 2
        while f"{title} ({number})" in taken:
            number += 1
        return f"{title} ({number})"

    async def _journaled(self, work: Callable[..., T], *arguments: object) -> T:
        await self._recorder.flush()
        return await asyncio.to_thread(work, *arguments)


def _message_markdown(message: MessageView) -> str:
    when = time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(message.at))
    match message.kind:
        case "question":
            return f"## {say('export.you')} · {when}\n\n{message.text}"
        case "answer":
            return f"### Bot · {when}\n\n{message.text}" if message.text else ""
        case "error":
            return "\n".join(f"> {line}" for line in f"✗ {message.text}".splitlines())
        case "notice":
            return "> " + (say("export.forked") if message.text == "forked" else say("export.cancelled"))
        case _:
            return ""


def _run_markdown(run: RecordedRun) -> str:
    """A workflow run: its heading, then what it said, asked, was answered and called, and its end."""
    items: list[tuple[float, str]] = [(call.requested_at, _call_markdown(call)) for call in run.calls]
    said = ""  # a question and the end repeat what a node has just said
    for event in run.events:
        match event:
            case ev.WorkflowStarted():
                when = time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(event.at))
                text = f"### {say('export.workflow', id=event.workflow_id)} · {when}"
            case ev.WorkflowSaid() | ev.WorkflowAsked():
                text, said = (event.text if event.text != said else ""), event.text
            case ev.WorkflowAnswered():
                text = f"**{say('export.you')}**\n\n{event.text}"
            case ev.WorkflowEnded(problem=None):
                text = _fenced(event.output) if event.output not in ("", said) else ""
            case ev.WorkflowEnded(problem=problem):
                text = (
                    "\n".join(f"> {line}" for line in f"✗ {problem.message}".splitlines()) if problem else ""
                )
            case _:
                text = ""
        items.append((event.at, text))
    return "\n\n".join(text for _, text in sorted(items, key=lambda item: item[0]) if text)


def _call_markdown(call: CallView) -> str:
    outcome = call.outcome or say("export.no_end")
    parts = [f"**{say('export.tool')} `{call.tool}`** · {outcome}", _fenced(call.arguments)]
    if call.output:
        parts.append(_fenced(call.output))
    return "\n\n".join(parts)


def _fenced(text: str) -> str:
    """A code block whose fence is longer than any in the text."""
    fence = "```"
    while fence in text:
        fence += "`"
    return f"{fence}json\n{text}\n{fence}"
