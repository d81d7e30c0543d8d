"""A screen to test: an engine scripted by the test, a stopped clock, no animation."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from textual.pilot import Pilot

from c2jy_bridge.core import events as ev
from c2jy_bridge.core.bridge_requests import BridgeRequest
from c2jy_bridge.core.events import Decision, Event, Issue, Problem
from c2jy_bridge.core.ports import Busy
from c2jy_bridge.core.views import (
    BridgeView,
    CallView,
    ConnectionView,
    ConversationView,
    DraftDetail,
    IntakeView,
    MessageView,
    ToolView,
    WaitingWorkflow,
    WorkflowRequest,
)
from c2jy_bridge.engine.workflows import AnswersWorkflow
from c2jy_tui.app import C2jyApp
from c2jy_tui.panes.chat import ChatPane
from c2jy_tui.panes.chat.pane import TranscriptView
from c2jy_tui.screens import settling
from c2jy_tui.screens.main import MainScreen
from pane_host import PaneDrafts, soon

if TYPE_CHECKING:
    from c2jy_bridge.engine import Engine, Workflows
else:  # the fakes inherit nothing: a method that they lack fails, and is not the real one over nothing
    Engine = Workflows = object

NOW = 1_760_000_000.0


class Clock:
    """A clock that moves only by `advance`."""

    def __init__(self) -> None:
        self.now = NOW

    def __call__(self) -> float:
        return self.now

    def advance(self, seconds: float) -> None:
        self.now += seconds


class ScriptedDrafts(PaneDrafts):
    """Drafts over a list, each of which can be opened."""

    async def open(self, name: str) -> DraftDetail:
        return DraftDetail(view=next(draft for draft in self.folder if draft.name == name))


class ScriptedWorkflows(Workflows):
    """Replaces `engine.Workflows`: records the calls; its runs end at once."""

    def __init__(self) -> None:
        self.request = WorkflowRequest("7397")
        self.left: list[WaitingWorkflow] = []
        self.ran: list[tuple[str, dict[str, Any]]] = []
        self.intents: list[tuple[str, str]] = []
        self.answers: list[str] = []
        self.asks: list[ev.WorkflowAsked] = []
        """Put to the user by the next run or resumption."""

    async def remembered(self) -> WorkflowRequest:
        return self.request

    async def run(
        self, workflow_id: str, parameters: Mapping[str, Any], answer: AnswersWorkflow
    ) -> ev.WorkflowEnded:
        self.ran.append((workflow_id, dict(parameters)))
        return await self._asking(answer)

    async def waiting(self) -> Sequence[WaitingWorkflow]:
        return self.left

    async def resume(self, run_id: str, answer: AnswersWorkflow) -> ev.WorkflowEnded | None:
        self.intents.append(("resume", run_id))
        return await self._asking(answer)

    async def stop(self, run_id: str) -> bool:
        self.intents.append(("stop", run_id))
        return True

    async def drop(self, run_id: str) -> None:
        self.intents.append(("drop", run_id))

    async def aclose(self) -> None:
        self.intents.append(("close", ""))

    async def _asking(self, answer: AnswersWorkflow) -> ev.WorkflowEnded:
        for question in self.asks:
            self.answers.append(await answer(question))
        return ev.WorkflowEnded(at=NOW, run_id="run-1")


class ScriptedEngine(Engine):
    """Replaces `Engine`: emits the events of the test and records the calls."""

    connection: ConnectionView
    conversation_id: str
    drafts: ScriptedDrafts
    workflows: ScriptedWorkflows

    def __init__(self, clock: Clock) -> None:
        self.clock = clock
        self.connection = ConnectionView(
            bot_name="美食助手", bot_id="7429", host="api.coze.cn", drafts_root="/home/maker/drafts"
        )
        self.conversation_id = "conv-1"
        self.sent: list[str] = []
        self.decisions: list[tuple[str, Decision]] = []
        self.cancelled = 0
        self.closed = False
        self.busy = False
        self.opened: list[str] = []
        self.open_elsewhere: set[str] = set()
        self.stored_conversations: list[ConversationView] = []
        self.stored_messages: list[MessageView] = []
        self.stored_calls: list[CallView] = []
        self.stored_questions: list[str] = []
        self.drafts = ScriptedDrafts()
        self.workflows = ScriptedWorkflows()
        self.stored_issues: list[Issue] = []
        self.rerun_calls: list[tuple[str, str | None]] = []
        self.bridge_view = BridgeView(on=False)
        self.bridge_problem: Problem | None = None
        self.switched: list[bool] = []
        self.stored_requests: list[BridgeRequest] = []
        self.request_intents: list[tuple[str, str]] = []
        self._listeners: list[asyncio.Queue[Event | None]] = []

    async def start(self, *, reopen: bool = False) -> None:
        """Nothing runs in the background."""

    def write_manifests(self, folder: Path) -> list[Path]:
        return []

    def emit(self, *events: Event) -> None:
        for queue in self._listeners:
            for event in events:
                queue.put_nowait(event)

    def events(self) -> AsyncIterator[Event]:
        queue: asyncio.Queue[Event | None] = asyncio.Queue()
        self._listeners.append(queue)
        return self._stream(queue)

    async def _stream(self, queue: asyncio.Queue[Event | None]) -> AsyncIterator[Event]:
        while (event := await queue.get()) is not None:
            yield event

    async def send(self, text: str) -> str:
        if self.busy:
            raise Busy
        self.sent.append(text)
        return f"turn-{len(self.sent)}"

    async def cancel(self) -> None:
        self.cancelled += 1

    def decide(self, call_id: str, decision: Decision) -> bool:
        self.decisions.append((call_id, decision))
        return True

    async def rerun(self, call_id: str, arguments: str | None = None) -> str:
        self.rerun_calls.append((call_id, arguments))
        return f"{call_id}-again"

    async def cancel_call(self, call_id: str) -> bool:
        return True

    async def new_conversation(self) -> None:
        self.conversation_id = ""

    async def open_conversation(self, conversation_id: str) -> bool:
        if conversation_id in self.open_elsewhere:
            return False
        self.conversation_id = conversation_id
        self.opened.append(conversation_id)
        return True

    async def conversations(self) -> Sequence[ConversationView]:
        return self.stored_conversations

    async def messages(self, conversation_id: str) -> Sequence[MessageView]:
        return self.stored_messages

    async def calls(self, conversation_id: str | None = None, limit: int = 1000) -> Sequence[CallView]:
        return self.stored_calls

    async def questions(self, limit: int = 200) -> Sequence[str]:
        return self.stored_questions

    def tools(self) -> Sequence[ToolView]:
        return ()

    def issues(self) -> Sequence[Issue]:
        return self.stored_issues

    async def call_tool(self, name: str, arguments: dict[str, Any]) -> str:
        return "call-x"

    @property
    def resuming(self) -> bool:
        return False

    async def finish_resumed(self) -> int:
        return 0

    async def switch_bridge(self, on: bool) -> Problem | None:
        self.switched.append(on)
        if on and self.bridge_problem is not None:
            self.emit(ev.BridgeStopped(at=self.clock(), problem=self.bridge_problem))
            return self.bridge_problem
        if on:
            address = "http://127.0.0.1:8765"
            self.bridge_view = BridgeView(
                on=True, address=address, intakes=(IntakeView("http", address, self.clock()),)
            )
            self.emit(ev.BridgeStarted(at=self.clock(), address=address))
        else:
            self.bridge_view = BridgeView(on=False)
            self.emit(ev.BridgeStopped(at=self.clock()))
        return None

    async def bridge(self) -> BridgeView:
        return self.bridge_view

    async def bridge_requests(self, limit: int = 200) -> Sequence[BridgeRequest]:
        return self.stored_requests[:limit] if self.bridge_view.on else ()

    async def cancel_request(self, request_id: str) -> bool:
        self.request_intents.append(("cancel", request_id))
        return any(request.request_id == request_id for request in self.stored_requests)

    async def retry_request(self, request_id: str) -> str:
        self.request_intents.append(("retry", request_id))
        return f"{request_id}-again"

    async def close(self) -> None:
        self.closed = True
        for queue in self._listeners:
            queue.put_nowait(None)


class Say:
    """Makes the events of a turn, one after the other, at the clock's time."""

    def __init__(self, clock: Clock, turn_id: str = "turn-1") -> None:
        self._clock = clock
        self.turn_id = turn_id

    def _turn(self, kind: type[Any], **fields: Any) -> Any:
        return kind(at=self._clock(), turn_id=self.turn_id, **fields)

    def started(self, text: str, source: str = "chat") -> Event:
        return self._turn(
            ev.TurnStarted, conversation_id="conv-1", chat_id="chat-1", text=text, source=source
        )

    def thinks(self, text: str, message_id: str = "m1") -> Event:
        return self._turn(ev.ReasoningDelta, message_id=message_id, text=text)

    def says(self, text: str, message_id: str = "m1") -> Event:
        return self._turn(ev.AnswerDelta, message_id=message_id, text=text)

    def said(self, text: str, message_id: str = "m1") -> Event:
        return self._turn(ev.AnswerCompleted, message_id=message_id, text=text)

    def suggests(self, text: str) -> Event:
        return self._turn(ev.FollowUpSuggested, text=text)

    def recovered(self, reason: str = "dropped") -> Event:
        return self._turn(ev.StreamRecovered, reason=reason)

    def completed(self, tokens: int = 1234) -> Event:
        return self._turn(ev.TurnCompleted, usage=ev.Usage(total_tokens=tokens))

    def failed(self, problem: ev.Problem) -> Event:
        return self._turn(ev.TurnFailed, problem=problem)

    def cancelled(self) -> Event:
        return self._turn(ev.TurnCancelled)

    def wants(self, tool: str, arguments: str = "{}", call_id: str = "call-1") -> Event:
        call = ev.ToolCall(call_id=call_id, tool=tool, arguments=arguments, turn_id=self.turn_id)
        return ev.ToolCallRequested(at=self._clock(), call_id=call_id, call=call)

    def asks_leave(
        self,
        tool: str,
        arguments: dict[str, Any],
        call_id: str = "call-1",
        deadline_s: float | None = None,
        reason: str = "policy",
        scope: str = "conv-1",
    ) -> Event:
        return ev.ToolCallAwaitingApproval(
            at=self._clock(),
            call_id=call_id,
            tool=tool,
            arguments=arguments,
            reason=reason,
            deadline_s=deadline_s,
            scope=scope,
        )

    def runs(self, call_id: str = "call-1") -> Event:
        return ev.ToolCallStarted(at=self._clock(), call_id=call_id, deadline_s=600.0)

    def progresses(self, message: str, done: int, total: int | None, call_id: str = "call-1") -> Event:
        return ev.ToolCallProgress(at=self._clock(), call_id=call_id, message=message, done=done, total=total)

    def finished(
        self,
        tool: str,
        outcome: ev.Outcome = ev.Outcome.OK,
        call_id: str = "call-1",
        elapsed_s: float = 2.3,
        error: str = "",
    ) -> Event:
        return ev.ToolCallFinished(
            at=self._clock(),
            call_id=call_id,
            tool=tool,
            outcome=outcome,
            output='{"status":"success"}',
            elapsed_s=elapsed_s,
            error=error,
        )

    def wrote(self, name: str, duration_us: int = 12_500_000, call_id: str = "call-1") -> Event:
        return ev.DraftWritten(
            at=self._clock(),
            draft_id="D-1",
            name=name,
            path=f"/home/maker/drafts/{name}",
            duration_us=duration_us,
            call_id=call_id,
        )


@pytest.fixture(scope="session", autouse=True)
def brief_waits() -> Iterator[None]:
    """Look for idleness every 8 ms instead of 20, and parse each stylesheet once for all apps.

    Half the time of these tests was spent asleep, and a fifteenth on parsing the same CSS again.
    """
    import textual._wait as wait
    from textual.css.stylesheet import Stylesheet

    parsed: dict[Any, Any] = {}
    parse = Stylesheet._parse_rules

    def once(sheet: Stylesheet, *text: Any, **more: Any) -> Any:
        key = (text, *more.items(), *sheet._variables.items())
        if key not in parsed:
            parsed[key] = parse(sheet, *text, **more)
        return parsed[key]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(wait, "SLEEP_GRANULARITY", 0.008)
        patch.setattr(wait, "SLEEP_IDLE", 0.0004)
        patch.setattr(Stylesheet, "_parse_rules", once)
        yield


@pytest.fixture(autouse=True)
def still_screen(monkeypatch: pytest.MonkeyPatch) -> None:
    """No blinking cursor, no other time zone: a picture taken twice is the same picture."""
    time.tzset()
    from textual.widgets import Input, TextArea

    monkeypatch.setattr(settling, "QUIET_S", 0.01)
    monkeypatch.setattr(Input, "_toggle_cursor", lambda self: None)
    monkeypatch.setattr(TextArea, "_toggle_cursor_blink_visible", lambda self: None)


class Stage:
    """The whole app on an invisible screen, with its engine, clock and Bot."""

    def __init__(self, app: C2jyApp, pilot: Pilot[None], engine: ScriptedEngine, clock: Clock) -> None:
        self.app = app
        self.pilot = pilot
        self.engine = engine
        self.clock = clock
        self.bot = Say(clock)

    @property
    def main(self) -> MainScreen:
        assert self.app._main is not None
        return self.app._main

    @property
    def chat(self) -> ChatPane:
        return self.main.chat

    async def settle(self) -> None:
        """Until everything that was said is drawn."""
        for _ in range(3):
            await self.pilot.pause()
            if self.app._main is not None and self.main.is_mounted:
                await self.chat.flush()
        if settling.QUIET_S < 1:  # a dialog that has come up takes keys
            await soon(self.pilot, lambda: getattr(self.app.screen, "settled", True))
        await self.pilot.pause()

    async def tick(self) -> None:
        """Let every running time be drawn at the clock's time, whenever the screen's own second comes."""
        self.main.header.refresh()
        self.main.inspector.tick()
        self.main.query_one(TranscriptView).tick()
        await self.settle()

    async def play(self, *events: Event) -> None:
        self.engine.emit(*events)
        await self.settle()

    async def press(self, *keys: str) -> None:
        await self.pilot.press(*keys)
        await self.settle()

    async def ask(self, text: str) -> None:
        """Type a question and send it."""
        self.chat.composer.write(text)
        await self.press("enter")

    @property
    def lines(self) -> list[str]:
        """The text on the screen, line by line."""
        return [strip.text.rstrip() for strip in self.app.screen._compositor.render_strips()]

    @property
    def text(self) -> str:
        return "\n".join(self.lines)

    @property
    def said(self) -> str:
        """The screen without the pane at the right, the borders and the line ends."""
        return "".join(line.split("││")[0].strip("│ ") for line in self.lines)


async def entered(app: C2jyApp, pilot: Pilot[None]) -> None:
    """Wait until the main screen is there and knows its engine."""
    await soon(pilot, lambda: app._main is not None and app.screen is app._main)
    await soon(pilot, lambda: app._main is not None and app._main.activity.doing != "starting")
    # Of an empty list Textual makes "all workers", and one of them lives as long as the engine.
    if beginning := [w for w in app.workers if w.group in ("attach_engine", "warm up")]:
        await app.workers.wait_for_complete(beginning)
    await pilot.pause()


Staged = Callable[..., AbstractAsyncContextManager[Stage]]


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def engine(clock: Clock) -> ScriptedEngine:
    return ScriptedEngine(clock)


@pytest.fixture
def bot(clock: Clock) -> Say:
    return Say(clock)


@pytest.fixture
def make_app(engine: ScriptedEngine, clock: Clock) -> Callable[..., C2jyApp]:
    """The app around the scripted engine; `start` replaces the way to it."""

    def make(start: Callable[[], Awaitable[Engine]] | None = None, **more: Any) -> C2jyApp:
        async def at_once() -> Engine:
            return engine

        app = C2jyApp(start or at_once, clock=clock, **more)
        app.animation_level = "none"
        return app

    return make


@pytest.fixture
def stage_of(engine: ScriptedEngine, clock: Clock) -> Callable[..., Awaitable[Stage]]:
    """A stage for an app that runs already."""

    async def staged(app: C2jyApp, pilot: Pilot[None]) -> Stage:
        await entered(app, pilot)
        on = Stage(app, pilot, engine, clock)
        await on.settle()
        return on

    return staged


@pytest.fixture
def stage(make_app: Callable[..., C2jyApp], stage_of: Callable[..., Awaitable[Stage]]) -> Staged:
    """`async with stage(size=(120, 36), lang="en") as on:` runs the app until the block ends."""

    @asynccontextmanager
    async def staged(size: tuple[int, int] = (120, 36), **more: Any) -> AsyncIterator[Stage]:
        app = make_app(**more)
        async with app.run_test(size=size) as pilot:
            yield await stage_of(app, pilot)

    return staged
