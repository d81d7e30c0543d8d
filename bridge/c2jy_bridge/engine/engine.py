"""The engine: what a screen or a command starts, asks and listens to (ports.EnginePort)."""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
import time
import uuid
from collections.abc import AsyncIterator, Callable, Coroutine, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, TypeVar
from urllib.parse import urlsplit

from c2jy_bridge.coze import CozeProblem
from c2jy_bridge.drafts import BuildReport, Courier, Library, Packed, RelocateReport, Studio
from c2jy_bridge.engine.approvals import Approvals
from c2jy_bridge.engine.bridging import Bridging
from c2jy_bridge.engine.broadcast import Broadcast
from c2jy_bridge.engine.chats import Chats
from c2jy_bridge.engine.logs import close_log, open_log
from c2jy_bridge.engine.recorder import Recorder
from c2jy_bridge.engine.starting import needed
from c2jy_bridge.events import (
    ConnectionChanged,
    Decision,
    DraftChanged,
    Event,
    Issue,
    Problem,
    ToolCall,
    WorkflowEnded,
)
from c2jy_bridge.journal import Journal, Owner
from c2jy_bridge.plugin import ToolRegistry, ToolRunner
from c2jy_bridge.relay.worker.tool import BridgeTool
from c2jy_bridge.settings import Settings
from c2jy_bridge.tools import built_in_tools
from c2jy_bridge.views import (
    BridgeView,
    CallView,
    ConnectionView,
    ConversationView,
    DraftDetail,
    DraftView,
    MessageView,
    RequestView,
    ToolView,
)

if TYPE_CHECKING:
    from c2jy_bridge.relay.intakes.workflow import Answer

log = logging.getLogger(__name__)
T = TypeVar("T")

CLOSE_S: Final = 3.0
"""How long a clean end may wait for running turns to be cancelled on Coze's side."""


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
        """Put the rooms together; nothing is connected yet, but the journal is open.

        Args:
            settings: Where Coze is, where drafts go, what is allowed.
            demo: For the header only: the Bot is the emulator's.
            unattended: The answer to every approval when there is no screen; None asks a person.
            clock: Unix seconds.
            new_id: Ids of turns and of calls that do not come from Coze.

        Raises:
            SettingsError: The drafts folder, the data folder or the journal cannot be used.
        """
        self.settings = settings
        self._clock = clock
        self._new_id = new_id
        self._broadcast = Broadcast()
        self._tasks: set[asyncio.Task[None]] = set()
        root = settings.drafts_root
        with needed("drafts", root):
            root.mkdir(parents=True, exist_ok=True)
        with needed("data", settings.data_dir):
            self._log = open_log(settings.data_dir / "logs", [s for s in (settings.coze.token,) if s])
        host = urlsplit(settings.coze.api_base).netloc
        with needed("data", settings.data_dir):
            self._owner = Owner(settings.data_dir / "run")
        # The demo's host has another port each time and is still the same Bot.
        scope = f"{'demo' if demo else host}/{settings.coze.bot_id}"
        journal = settings.data_dir / "journal.db"
        with needed("journal", journal):
            self._journal = Journal(journal, scope=scope, owner=self._owner.name)
        self._recorder = Recorder(self._journal)
        self.studio = Studio(
            root=root,
            cache_dir=settings.data_dir / "materials",
            settings=settings.drafts,
            materials=settings.materials,
            folders=[*settings.materials.folders, *settings.tools.folders],
            clock=clock,
        )
        self.library = Library(root, settings.data_dir / "trash")
        self._courier = Courier(self.library, settings.data_dir / "exports", clock)
        self._approvals = Approvals(unattended)
        self._registry = ToolRegistry()
        built_in_tools(
            self._registry,
            studio=self.studio,
            library=self.library,
            courier=self._courier,
            unfinished_dir=settings.data_dir / "unfinished",
            folders=settings.tools.folders,
            upload=self._upload,
        )
        self._registry.register(BridgeTool())
        self._issues = [
            *self._registry.load_user_tools(settings.config_dir / "tools"),
            *self._registry.load_entry_points(),
            *self._registry.policy_issues(settings.tools.policy),
        ]
        self._runner = ToolRunner(
            self._registry,
            settings=settings.tools,
            receipts=self._journal,
            approver=self._approvals,
            clock=clock,
            new_id=new_id,
        )
        self._chats = Chats(settings.coze, runner=self._runner, saw=self._saw, clock=clock)
        self._bridging = Bridging(
            settings,
            registry=self._registry,
            runner=self._runner,
            journal=self._journal,
            client=self._chats.client,
            answer=self._approvals.answer,
            saw=self._saw,
            clock=clock,
            new_id=new_id,
        )
        self._connection = ConnectionView(
            bot_name="", bot_id=settings.coze.bot_id, host=host, drafts_root=str(root), demo=demo
        )

    async def start(self, *, reopen: bool = False) -> None:
        """Begin what goes on by itself: turns that a dead process left, the watch on the drafts folder.

        Args:
            reopen: Open the newest conversation again and look up the Bot's name, as a screen wants it.
        """
        if reopen:
            with needed("journal", self.settings.data_dir / "journal.db"):
                if earlier := await asyncio.to_thread(self._journal.history.conversations):
                    self._chats.conversation_id = earlier[0].conversation_id
            self._go(self._introduce())
        with needed("journal", self.settings.data_dir / "journal.db"):
            for turn in await asyncio.to_thread(self._journal.open_turns):
                if await asyncio.to_thread(self._owner.is_gone, turn.owner) and self._journal.take_over(turn):
                    self._go(self._chats.resume(turn))
        self._go(self._follow_drafts())

    async def close(self) -> None:
        """Cancel what runs, tell Coze where it must know, close the journal."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(CLOSE_S):
                await self._bridging.close()
                await self._chats.close()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self.studio.aclose()
        self._broadcast.close()
        await self._recorder.flush()
        await asyncio.to_thread(self._journal.close)
        self._owner.release()
        close_log(self._log)

    # --- chat ----------------------------------------------------------------------------------------

    @property
    def connection(self) -> ConnectionView:
        """See `ports.EnginePort`."""
        return self._connection

    @property
    def conversation_id(self) -> str:
        """See `ports.EnginePort`."""
        return self._chats.conversation_id

    def events(self) -> AsyncIterator[Event]:
        """See `ports.EnginePort`."""
        return self._broadcast.subscribe()

    async def send(self, text: str) -> str:
        """See `ports.EnginePort`."""
        turn_id = self._new_id()
        self._chats.claim(turn_id)
        self._go(self._chats.send(text, turn_id))
        return turn_id

    async def cancel(self) -> None:
        """See `ports.EnginePort`."""
        await self._chats.cancel()

    async def new_conversation(self) -> None:
        """See `ports.EnginePort`."""
        self._chats.conversation_id = ""

    async def open_conversation(self, conversation_id: str) -> None:
        """See `ports.EnginePort`."""
        self._chats.conversation_id = conversation_id

    async def conversations(self) -> Sequence[ConversationView]:
        """See `ports.EnginePort`."""
        return await self._recall(self._journal.history.conversations)

    async def messages(self, conversation_id: str) -> Sequence[MessageView]:
        """See `ports.EnginePort`."""
        return await self._recall(self._journal.history.messages, conversation_id)

    async def questions(self, limit: int = 200) -> Sequence[str]:
        """See `ports.EnginePort`."""
        return await self._recall(self._journal.history.questions, limit)

    # --- tool calls ----------------------------------------------------------------------------------

    async def calls(self, conversation_id: str | None = None, limit: int = 1000) -> Sequence[CallView]:
        """See `ports.EnginePort`."""
        return await self._recall(self._journal.history.calls, conversation_id, limit)

    def decide(self, call_id: str, decision: Decision) -> bool:
        """See `ports.EnginePort`."""
        return self._approvals.answer(call_id, decision)

    async def rerun(self, call_id: str, arguments: str | None = None) -> str:
        """See `ports.EnginePort`."""
        call = await self._recall(self._journal.history.call, call_id)
        if call is None:
            raise KeyError(call_id)
        return self._run_here(call.tool, call.arguments if arguments is None else arguments)

    async def call_tool(self, name: str, arguments: dict[str, Any]) -> str:
        """See `ports.EnginePort`."""
        return self._run_here(name, json.dumps(arguments, ensure_ascii=False))

    async def cancel_call(self, call_id: str) -> bool:
        """See `ports.EnginePort`."""
        return self._runner.cancel(call_id)

    def tools(self) -> Sequence[ToolView]:
        """See `ports.EnginePort`."""
        return self._registry.views(self.settings.tools.policy)

    def issues(self) -> Sequence[Issue]:
        """See `ports.EnginePort`."""
        return self._issues

    # --- drafts --------------------------------------------------------------------------------------

    async def drafts(self) -> Sequence[DraftView]:
        """See `ports.EnginePort`."""
        return await asyncio.to_thread(self.library.list)

    async def draft(self, name: str) -> DraftDetail:
        """See `ports.EnginePort`."""
        return await asyncio.to_thread(self.library.detail, name)

    async def check_draft(self, name: str) -> Sequence[Issue]:
        """See `ports.EnginePort`."""
        return await asyncio.to_thread(self.library.check, name)

    async def trash_draft(self, name: str) -> str:
        """See `ports.EnginePort`."""
        return await asyncio.to_thread(self.library.trash, name)

    async def restore_draft(self, ticket: str) -> str:
        """See `ports.EnginePort`."""
        return await asyncio.to_thread(self.library.restore, ticket)

    def write_manifests(self, folder: Path) -> list[Path]:
        """Write what is entered on Coze's pages: the local plugin with its tools, and a prompt for the Bot.

        Raises:
            OSError: A file cannot be written.
        """
        from c2jy_bridge.plugin.manifest import write_manifests

        return write_manifests(self._registry, folder)

    async def build_draft(self, document: str | bytes, **options: Any) -> BuildReport:
        """Build drafts from a document without a Bot; see `drafts.Studio.build` for the options.

        Raises:
            DraftError: With every issue that kept the draft from being written.
        """
        return await self.studio.build(document, **options)

    async def rebuild_draft(self, name: str, **options: Any) -> BuildReport:
        """Build a draft anew from its own document, beside it; see `drafts.Studio.rebuild`.

        Raises:
            DraftError: There is no such draft, or it cannot be built.
        """
        return await self.studio.rebuild(await asyncio.to_thread(self.library.folder, name), **options)

    async def pack_draft(self, name: str, out: Path | None = None, **options: Any) -> Packed:
        """Pack a draft for another machine; see `drafts.Courier.pack`.

        Raises:
            DraftError: It cannot be packed.
        """
        return await self._courier.pack(name, out, **options)

    async def relocate_drafts(self, names: Sequence[str] | None, root: str) -> RelocateReport:
        """Spell drafts for another drafts folder; see `drafts.Courier.relocate`.

        Raises:
            DraftError: Not one could be relocated.
        """
        return await self._courier.relocate(names, root)

    # --- bridge mode ---------------------------------------------------------------------------------

    async def switch_bridge(self, on: bool) -> Problem | None:
        """See `ports.EnginePort`."""
        return await self._bridging.switch(on)

    async def bridge(self) -> BridgeView:
        """See `ports.EnginePort`."""
        return await self._bridging.view()

    async def bridge_requests(self, limit: int = 200) -> Sequence[RequestView]:
        """See `ports.EnginePort`."""
        return await self._bridging.requests(limit)

    async def cancel_request(self, request_id: str) -> bool:
        """See `ports.EnginePort`."""
        return await self._bridging.cancel(request_id)

    async def retry_request(self, request_id: str) -> str:
        """See `ports.EnginePort`."""
        return await self._bridging.retry(request_id)

    async def run_workflow(
        self, workflow_id: str, parameters: Mapping[str, Any], answer: Answer
    ) -> WorkflowEnded:
        """Run a cloud workflow; see `Bridging.run_workflow`."""
        return await self._bridging.run_workflow(workflow_id, parameters, answer)

    async def resume_workflows(self, answer: Answer) -> list[WorkflowEnded]:
        """See `Bridging.resume_workflows`."""
        return await self._bridging.resume_workflows(answer)

    # --- inside --------------------------------------------------------------------------------------

    async def _saw(self, event: Event) -> None:
        """Record, then show."""
        await self._recorder.record(event)
        self._broadcast.publish(event)

    async def _recall(self, read: Callable[..., T], *arguments: object) -> T:
        await self._recorder.flush()
        return await asyncio.to_thread(read, *arguments)

    def _run_here(self, tool: str, arguments: str) -> str:
        call = ToolCall(call_id=self._new_id(), tool=tool, arguments=arguments, source="maker")

        async def run() -> None:
            async for event in self._runner.run([call]):
                await self._saw(event)

        self._go(run())
        return call.call_id

    async def _introduce(self) -> None:
        """Ask Coze for the Bot's name; a token that does not work is said before the first question."""
        name, problem = "", None
        try:
            name = await self._chats.bot_name()
        except CozeProblem as error:
            problem = error.problem
        self._connection = replace(self._connection, bot_name=name)
        self._broadcast.publish(ConnectionChanged(at=self._clock(), bot_name=name, problem=problem))

    async def _follow_drafts(self) -> None:
        async for names in self.library.watch():
            self._broadcast.publish(DraftChanged(at=self._clock(), names=names))

    async def _upload(self, path: Path) -> str:
        client = await self._chats.client()
        return await client.upload(path)

    def _go(self, work: Coroutine[Any, Any, None]) -> None:
        """Run in the background; a failure is logged and ends only that piece of work."""

        async def guarded() -> None:
            try:
                await work
            except asyncio.CancelledError:
                raise
            except Exception:
                log.exception("background work failed")

        task = asyncio.create_task(guarded())
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
