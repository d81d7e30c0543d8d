"""The engine: started by a UI or a command, which calls it and receives its events."""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
import math
import mimetypes
import time
import uuid
from collections.abc import AsyncIterator, Callable, Coroutine, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, Final, TypeVar

from c2jy_bridge.core.bridge_requests import BridgeRequest
from c2jy_bridge.core.events import (
    ApprovalAnswer,
    ConnectionChanged,
    Decision,
    DraftChanged,
    Event,
    Issue,
    Problem,
    ToolCall,
)
from c2jy_bridge.core.i18n import catalogue
from c2jy_bridge.core.ports import Busy, CallHold
from c2jy_bridge.core.settings import Settings
from c2jy_bridge.core.views import (
    BotView,
    BridgeView,
    CallView,
    ConnectionView,
    FileKind,
    MessageView,
    RecordedRun,
    ToolView,
    UploadedFile,
    UsageView,
    WorkerView,
    WrittenDraft,
)
from c2jy_bridge.coze import CozeProblem
from c2jy_bridge.engine.composition import build_services, scope_of
from c2jy_bridge.engine.conversations import Conversations
from c2jy_bridge.engine.drafts import Drafts
from c2jy_bridge.engine.journal_follower import JournalFollower
from c2jy_bridge.engine.startup import check_journal, close_log, startup_errors
from c2jy_bridge.engine.workflows import Workflows
from c2jy_bridge.journal import Claim, Owner

say: Final = catalogue("engine")
log: Final = logging.getLogger(__name__)
T = TypeVar("T")

CLOSE_S: Final = 3.0
"""Seconds that `close` may wait for running turns to be cancelled at Coze."""


class Background:
    """Tasks that nothing awaits; a failure is logged."""

    def __init__(self) -> None:
        # The loop itself holds its tasks weakly.
        self._tasks: set[asyncio.Task[None]] = set()

    def start(self, work: Coroutine[Any, Any, None]) -> None:
        """Start a task."""

        async def guarded() -> None:
            try:
                await work
            except Exception:
                log.exception("background work failed")

        task = asyncio.create_task(guarded())
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        # Python would warn about work that never began, because its task was cancelled before.
        task.add_done_callback(lambda _: work.close())

    async def close(self) -> None:
        """Cancel the tasks and wait for their end."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)


class Engine:
    """Everything between a Coze Bot and a JianYing draft, on one event loop."""

    def __init__(
        self,
        settings: Settings,
        *,
        demo: bool = False,
        unattended: Decision | None = None,
        clock: Callable[[], float] = time.time,
        new_id: Callable[[], str] = lambda: uuid.uuid4().hex,
    ) -> None:
        """Build the services and open the journal, without connecting.

        Args:
            settings: All settings.
            demo: The Bot is the emulator's.
            unattended: The answer to every approval; None asks the user.
            clock: Unix seconds.
            new_id: Creates ids of turns and of calls that do not come from Coze.

        Raises:
            SettingsError: The drafts folder, the data folder or the journal cannot be used.
        """
        self.settings = settings
        self._clock = clock
        self._new_id = new_id
        self._services = build_services(
            settings, demo=demo, unattended=unattended, clock=clock, new_id=new_id
        )
        self._journal_issues: list[Issue] = []
        self._claim = Claim(settings.data_dir / "run" / "open")
        self._app: Owner | None = None
        """Among the apps with a screen of this data folder; None for a command."""
        self._background = Background()
        self._connection = self._services.connection

    async def start(self, *, reopen: bool = False) -> None:
        """Start background work: resume orphaned turns, watch the drafts folder.

        Args:
            reopen: Open the newest conversation and look up the Bot's name, for a UI.
        """
        services = self._services
        await self.check_journal()
        with startup_errors("journal", self.settings.data_dir / "journal.db"):
            if reopen:
                self._journal_issues += await asyncio.to_thread(self._reopen)
                services.chats.opened = self._claim_conversation
                follower = JournalFollower(
                    services.journal, services.broadcast.publish, self.settings.tools.timeout_s
                )
                services.sink.watch = follower.saw
                await follower.begin()
                self._background.start(follower.run())
            for turn in await asyncio.to_thread(services.journal.open_turns):
                if await asyncio.to_thread(services.owner.is_gone, turn.owner) and services.journal.take_over(
                    turn
                ):
                    self._background.start(services.chats.resume(turn))
        if reopen:
            self._background.start(self._look_up_bot())
            self._background.start(services.conversations.erase_deleted())
        self._background.start(self._watch_drafts())

    async def check_journal(self) -> None:
        """Look for damaged pages of the journal, which `issues` reports; part of `start`.

        Raises:
            SettingsError: A new journal could not be begun in place of a damaged one.
        """
        services, path = self._services, self.settings.data_dir / "journal.db"
        with startup_errors("journal", path):
            self._journal_issues = await asyncio.to_thread(
                check_journal, path, services.journal, services.owner, self._clock()
            )

    @property
    def resuming(self) -> bool:
        """Whether a turn of an earlier process runs."""
        return bool(self._services.chats.resumed())

    async def finish_resumed(self) -> int:
        """Wait for the turns that `start` took up from earlier processes.

        Returns:
            How many wait for an answer of a person; they stay open for an app with a screen.
        """
        return await self._services.chats.finish_resumed()

    async def close(self) -> None:
        """Cancel running work, also at Coze, and close the journal.

        Turns of earlier processes are not cancelled: they stay open for the next start.
        """
        services = self._services
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(CLOSE_S):
                await services.workflows.aclose()
                await services.bridge.close()
                await services.chats.close()
                await services.coze.aclose()
        await self._background.close()
        await services.drafts.aclose()
        services.broadcast.close()
        await services.recorder.close()
        await asyncio.to_thread(services.journal.close)
        self._claim.release()
        if self._app is not None:
            self._app.release()
        services.owner.release()
        close_log(services.log)

    # --- chat ----------------------------------------------------------------------------------------

    @property
    def connection(self) -> ConnectionView:
        """The Bot, the host, the drafts folder; for the header."""
        return self._connection

    @property
    def conversation_id(self) -> str:
        """The open conversation; empty before the first turn of a new one."""
        return self._services.chats.conversation_id

    def events(self) -> AsyncIterator[Event]:
        """All events from now on, for each caller separately, until the engine closes."""
        return self._services.broadcast.subscribe()

    async def upload(self, path: Path) -> UploadedFile:
        """Upload a file that the user named; raises OSError or CozeProblem, whose text is for the user."""
        kinds: Mapping[str, FileKind] = {"image": "image", "audio": "audio"}
        kind = kinds.get((mimetypes.guess_type(path.name)[0] or "").partition("/")[0], "file")
        return UploadedFile(kind, await self._services.coze.upload(path), path.name)

    async def send(self, text: str, *, files: Sequence[UploadedFile] = ()) -> str:
        """Start a turn in the open conversation and return its `turn_id`; raises Busy while one runs."""
        turn_id = self._new_id()
        self._services.chats.claim(turn_id)
        self._background.start(self._services.chats.send(text, turn_id, files))
        return turn_id

    async def cancel(self) -> None:
        """Stop the running turn, if any; `TurnCancelled` (or its end) follows."""
        await self._services.chats.cancel()

    async def bots(self) -> Sequence[BotView]:
        """The account's Bots that can be talked with; raises CozeProblem."""
        return await (await self._services.coze.client()).bots()

    async def use_bot(self, bot_id: str) -> None:
        """Talk with another Bot until the app ends, in a new conversation; raises Busy while a turn runs."""
        if self._services.chats.is_running(self.conversation_id):
            raise Busy(self.conversation_id)
        await self._services.recorder.flush()
        self.settings.coze.bot_id = bot_id
        self._services.journal.use_scope(scope_of(self.settings.coze, demo=self._connection.demo))
        self._connection = replace(self._connection, bot_id=bot_id, bot_name="")
        await self.new_conversation()
        self._background.start(self._look_up_bot())

    async def new_conversation(self) -> None:
        """Close the open conversation; the next turn starts another."""
        self._services.chats.conversation_id = ""
        await asyncio.to_thread(self._claim.release)

    async def open_conversation(self, conversation_id: str) -> bool:
        """Make an earlier conversation the open one; False when another app has it open."""
        if not await self._claim_conversation(conversation_id):
            return False
        self._services.chats.conversation_id = conversation_id
        return True

    @property
    def conversations(self) -> Conversations:
        """All conversations with this Bot: to list, search, rename, delete, fork and export."""
        return self._services.conversations

    async def messages(self, conversation_id: str) -> Sequence[MessageView]:
        """Oldest first."""
        return await self._read_journal(self._services.journal.history.messages, conversation_id)

    async def written_drafts(self, conversation_id: str) -> Sequence[WrittenDraft]:
        """Drafts that the tool calls of a conversation wrote, oldest first."""
        return await self._read_journal(self._services.journal.history.drafts, conversation_id)

    async def usage(self, conversation_id: str) -> UsageView:
        """Turns and tokens of a conversation and, of all with this Bot, since midnight by local time."""
        today = time.localtime(self._clock())
        since = time.mktime((*today[:3], 0, 0, 0, 0, 0, -1))
        return await self._read_journal(self._services.journal.history.usage, conversation_id, since)

    async def questions(self, limit: int = 200) -> Sequence[str]:
        """The user's earlier questions, oldest first: the input history."""
        return await self._read_journal(self._services.journal.history.questions, limit)

    # --- tool calls ----------------------------------------------------------------------------------

    async def calls(
        self, conversation_id: str | None = None, limit: int = 1000, before: float = math.inf
    ) -> Sequence[CallView]:
        """The newest calls before a time, in Unix seconds, oldest first, of one conversation or of all."""
        return await self._read_journal(self._services.journal.history.calls, conversation_id, limit, before)

    def decide(self, call_id: str, answer: ApprovalAnswer) -> bool:
        """Answer a `ToolCallAwaitingApproval`; False when it is not open."""
        return self._services.approvals.answer(call_id, answer)

    @property
    def hold(self) -> CallHold | None:
        """Which calls wait for the user although their policy allows them; until the engine closes."""
        return self._services.runner.hold

    @hold.setter
    def hold(self, hold: CallHold | None) -> None:
        self._services.runner.hold = hold

    def argument_faults(self, tool: str, arguments: str) -> tuple[str, ...]:
        """Why a tool would not take these arguments, a sentence each; none when it would."""
        return self._services.runner.argument_faults(tool, arguments)

    async def rerun(self, call_id: str, arguments: str | None = None) -> str:
        """Run a recorded call again, optionally with other arguments; returns the new call's id.

        Its output is not sent to Coze.
        """
        call = await self._read_journal(self._services.journal.history.call, call_id)
        if call is None:
            raise KeyError(call_id)
        return self._run_call(call.tool, call.arguments if arguments is None else arguments)

    async def call_tool(self, name: str, arguments: dict[str, Any]) -> str:
        """Run a tool for the user, with the same runner and policy; returns the recorded call's id."""
        return self._run_call(name, json.dumps(arguments, ensure_ascii=False))

    async def cancel_call(self, call_id: str) -> bool:
        """Stop a tool call; Coze gets an error output for it. False when it is not running."""
        return self._services.runner.cancel(call_id)

    def tools(self) -> Sequence[ToolView]:
        """Every tool the Bot can call."""
        return self._services.registry.views(self.settings.tools.policy)

    def issues(self) -> Sequence[Issue]:
        """Errors at start-up, such as a user tool that cannot be loaded."""
        return [*self._journal_issues, *self._services.issues]

    def write_manifests(self, folder: Path) -> list[Path]:
        """Write the files for Coze's pages: the local plugin with its tools, and a prompt for the Bot."""
        from c2jy_bridge.plugin.manifest import write_manifests

        return write_manifests(self._services.registry, folder)

    # --- drafts --------------------------------------------------------------------------------------

    @property
    def drafts(self) -> Drafts:
        """Work on the drafts folder."""
        return self._services.drafts

    # --- bridge mode ---------------------------------------------------------------------------------

    async def switch_bridge(self, on: bool) -> Problem | None:
        """Switch bridge mode; returns why it failed. `BridgeStarted` or `BridgeStopped` follows."""
        return await self._services.bridge.switch(on)

    async def bridge(self) -> BridgeView:
        """The status of bridge mode."""
        return await self._services.bridge.view()

    async def bridge_requests(self, limit: int = 200) -> Sequence[BridgeRequest]:
        """The newest bridge requests first; none while bridge mode is off."""
        return await self._services.bridge.requests(limit)

    async def cancel_request(self, request_id: str) -> bool:
        """Cancel a bridge request; False for an unknown id."""
        return await self._services.bridge.cancel(request_id)

    async def retry_request(self, request_id: str) -> str:
        """Repeat a bridge request as a new one; returns its id, empty for an unknown `request_id`."""
        return await self._services.bridge.retry(request_id)

    async def machines(self) -> Sequence[WorkerView]:
        """The machines of the studio; none while bridge mode is off, and where there is no studio."""
        return await self._services.bridge.machines()

    async def drain_machine(self, name: str, draining: bool) -> None:
        """Have a machine of the studio take no more requests, or take them again; it hears so in seconds."""
        await self._services.bridge.drain(name, draining)

    async def send_request(self, request_id: str, machine: str) -> str:
        """Have a machine of the studio run a bridge request; returns its id, empty when that cannot be.

        One that has ended is repeated there, as a new one; one whose tool runs stays where it is.
        """
        return await self._services.bridge.send(request_id, machine)

    async def workflow_runs(self, conversation_id: str, *, loose: bool = False) -> Sequence[RecordedRun]:
        """Recorded workflow runs of a conversation, oldest first, but those that another process follows.

        Args:
            conversation_id: The conversation; may be empty.
            loose: Also the newest runs outside any conversation since this one's last turn.
        """

        def read() -> list[RecordedRun]:
            owner = self._services.owner
            found = self._services.journal.runs.of(conversation_id, loose=loose)
            return [run for name, run in found if name == owner.name or owner.is_gone(name)]

        return await self._read_journal(read)

    @property
    def workflows(self) -> Workflows:
        """Runs of cloud workflows."""
        return self._services.workflows

    # --- other agents --------------------------------------------------------------------------------

    async def serve_agents(self, **options: Any) -> Problem | None:
        """Serve the tools by MCP; see `engine.agents.serve_agents`. Returns why it could not be served."""
        from c2jy_bridge.engine.agents import serve_agents

        return await serve_agents(self._services, self.settings, self._new_id, **options)

    # --- inside --------------------------------------------------------------------------------------

    def _reopen(self) -> list[Issue]:
        """Open the newest conversation, unless another app has it; says when another app runs."""
        history = self._services.journal.history
        self._app = Owner(self.settings.data_dir / "run" / "apps")
        newest = next((one.conversation_id for one in history.conversations()), "")
        free = bool(newest) and self._claim.take(newest)
        if free:
            self._services.chats.conversation_id = newest
        if self._app.is_alone():
            return []
        fix = say("app.second.fix" if free or not newest else "app.second.new")
        return [Issue("app.second", "", "warning", say("app.second"), fix)]

    async def _claim_conversation(self, conversation_id: str) -> bool:
        return await asyncio.to_thread(self._claim.take, conversation_id)

    async def _read_journal(self, read: Callable[..., T], *arguments: object) -> T:
        await self._services.recorder.flush()
        return await asyncio.to_thread(read, *arguments)

    def _run_call(self, tool: str, arguments: str) -> str:
        call = ToolCall(call_id=self._new_id(), tool=tool, arguments=arguments, source="user")

        async def run() -> None:
            async for event in self._services.runner.run([call]):
                await self._services.sink.emit(event)

        self._background.start(run())
        return call.call_id

    async def _look_up_bot(self) -> None:
        """Ask Coze for the Bot's name, which reports a bad token before the first question."""
        name, problem = "", None
        try:
            name = await self._services.coze.bot_name()
        except CozeProblem as error:
            problem = error.problem
        self._connection = replace(self._connection, bot_name=name, problem=problem)
        self._services.broadcast.publish(ConnectionChanged(at=self._clock(), bot_name=name, problem=problem))

    async def _watch_drafts(self) -> None:
        async for names in self._services.drafts.watch():
            self._services.broadcast.publish(DraftChanged(at=self._clock(), names=names))
