"""An engine scripted by a test: its clock, its answers, and the events of a turn."""

from __future__ import annotations

import asyncio
import math
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from c2jy_bridge.core import events as ev
from c2jy_bridge.core.bridge_requests import BridgeRequest
from c2jy_bridge.core.events import ApprovalAnswer, Event, Issue, Problem
from c2jy_bridge.core.ports import Busy, CallHold
from c2jy_bridge.core.settings import Settings
from c2jy_bridge.core.views import (
    BotView,
    BridgeView,
    CallView,
    ConnectionView,
    ConversationView,
    DraftDetail,
    FoundMessage,
    IntakeView,
    MessageView,
    PublishedWorkflow,
    RecordedRun,
    ToolView,
    UploadedFile,
    UsageView,
    WaitingWorkflow,
    WorkerView,
    WorkflowRequest,
    WrittenDraft,
)
from c2jy_bridge.engine.conversations import Fork
from c2jy_bridge.engine.workflows import AnswersWorkflow
from pane_host import PaneDrafts

if TYPE_CHECKING:
    from c2jy_bridge.engine import Conversations, Engine, Workflows
else:  # the fakes inherit nothing: a method that they lack fails, and is not the real one over nothing
    Conversations = Engine = Workflows = object

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

    def __init__(self, emit: Callable[[Event], None]) -> None:
        self.emit = emit
        self.request = WorkflowRequest("7397")
        self.left: list[WaitingWorkflow] = []
        self.ran: list[tuple[str, dict[str, Any]]] = []
        self.intents: list[tuple[str, str]] = []
        self.answers: list[str] = []
        self.asks: list[ev.WorkflowAsked] = []
        """Put to the user by the next run or resumption."""

    async def published(self) -> Sequence[PublishedWorkflow]:
        return [PublishedWorkflow("7397", "Make a soup video", "kitchen")]

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
            text = self.answers[-1]
            self.emit(ev.WorkflowAnswered(at=NOW, run_id=question.run_id, text=text))
        return ev.WorkflowEnded(at=NOW, run_id="run-1")


class ScriptedConversations(Conversations):
    """Replaces `engine.Conversations`: lists what the test stored and records the calls."""

    def __init__(self, engine: ScriptedEngine) -> None:
        self.engine = engine
        self.found: list[FoundMessage] = []
        self.asked: list[tuple[str, ...]] = []
        self.deleted: list[ConversationView] = []
        self.problem: Problem | None = None
        self.forked = Fork("conv-fork", "", 0, 0)

    async def list(self) -> Sequence[ConversationView]:
        return list(self.engine.stored_conversations)

    async def search(self, words: str) -> Sequence[FoundMessage]:
        self.asked.append(("search", words))
        return self.found

    async def rename(self, conversation_id: str, title: str) -> Problem | None:
        self.asked.append(("rename", conversation_id, title))
        return self.problem

    async def delete(self, conversation_id: str, *, is_open: bool) -> None:
        if conversation_id in self.engine.open_elsewhere:
            raise Busy(conversation_id)
        stored = self.engine.stored_conversations
        self.deleted.append(next(one for one in stored if one.conversation_id == conversation_id))
        stored.remove(self.deleted[-1])

    async def undo_delete(self) -> str:
        if not self.deleted:
            return ""
        self.engine.stored_conversations.append(back := self.deleted.pop())
        return back.conversation_id

    async def fork(self, conversation_id: str, turn_id: str) -> Fork:
        self.asked.append(("fork", conversation_id, turn_id))
        return self.forked

    async def erase_deleted(self) -> None:
        """Nothing is ever old enough."""

    async def markdown(self, conversation_id: str) -> str:
        return f"# {conversation_id}\n"


class ScriptedEngine(Engine):
    """Replaces `Engine`: emits the events of the test and records the calls."""

    connection: ConnectionView
    conversation_id: str
    conversations: ScriptedConversations
    drafts: ScriptedDrafts
    workflows: ScriptedWorkflows

    def __init__(self, clock: Clock) -> None:
        self.clock = clock
        self.connection = ConnectionView(
            bot_name="美食助手", bot_id="7429", host="api.coze.cn", drafts_root="/home/maker/drafts"
        )
        self.conversation_id = "conv-1"
        self.sent: list[str] = []
        self.stored_usage = UsageView()
        self.stored_bots: list[BotView] = []
        self.sent_files: list[UploadedFile] = []
        self.upload_fails = False
        self.settings = Settings()
        self.decisions: list[tuple[str, ApprovalAnswer]] = []
        self.hold: CallHold | None = None
        self.cancelled = 0
        self.closed = False
        self.busy = False
        self.opened: list[str] = []
        self.open_elsewhere: set[str] = set()
        self.conversations = ScriptedConversations(self)
        self.stored_conversations: list[ConversationView] = []
        self.stored_messages: list[MessageView] = []
        self.stored_calls: list[CallView] = []
        self.stored_drafts: list[WrittenDraft] = []
        self.stored_questions: list[str] = []
        self.stored_runs: list[RecordedRun] = []
        self.drafts = ScriptedDrafts()
        self.workflows = ScriptedWorkflows(self.emit)
        self.stored_issues: list[Issue] = []
        self.rerun_calls: list[tuple[str, str | None]] = []
        self.bridge_view = BridgeView(on=False)
        self.bridge_problem: Problem | None = None
        self.switched: list[bool] = []
        self.stored_requests: list[BridgeRequest] = []
        self.request_intents: list[tuple[str, str]] = []
        self.stored_machines: list[WorkerView] = []
        self._listeners: list[asyncio.Queue[Event | None]] = []

    async def start(self, *, reopen: bool = False) -> None:
        """Nothing runs in the background."""

    async def check_journal(self) -> None:
        """There is none."""

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

    async def bots(self) -> Sequence[BotView]:
        return self.stored_bots

    async def use_bot(self, bot_id: str) -> None:
        self.connection = replace(self.connection, bot_id=bot_id)
        self.conversation_id = ""

    async def upload(self, path: Path) -> UploadedFile:
        if self.upload_fails:
            raise OSError("no route")
        return UploadedFile("file", f"id of {path.name}", path.name)

    async def send(self, text: str, *, files: Sequence[UploadedFile] = ()) -> str:
        if self.busy:
            raise Busy
        self.sent_files = list(files)
        self.sent.append(text)
        return f"turn-{len(self.sent)}"

    async def cancel(self) -> None:
        self.cancelled += 1

    def decide(self, call_id: str, answer: ApprovalAnswer) -> bool:
        self.decisions.append((call_id, answer))
        return True

    def argument_faults(self, tool: str, arguments: str) -> tuple[str, ...]:
        return ("$.wrong: unknown",) if '"wrong"' in arguments else ()

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

    async def messages(self, conversation_id: str) -> Sequence[MessageView]:
        return self.stored_messages

    async def calls(
        self, conversation_id: str | None = None, limit: int = 1000, before: float = math.inf
    ) -> Sequence[CallView]:
        return self.stored_calls

    async def workflow_runs(self, conversation_id: str, *, loose: bool = False) -> Sequence[RecordedRun]:
        return self.stored_runs

    async def written_drafts(self, conversation_id: str) -> Sequence[WrittenDraft]:
        return self.stored_drafts

    async def usage(self, conversation_id: str) -> UsageView:
        return self.stored_usage

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

    async def serve_agents(self, **options: Any) -> Problem | None:
        return None

    async def switch_bridge(self, on: bool) -> Problem | None:
        self.switched.append(on)
        if on and self.bridge_problem is not None:
            self.emit(ev.BridgeStopped(at=self.clock(), problem=self.bridge_problem))
            return self.bridge_problem
        if on:
            address = "http://127.0.0.1:8765"
            self.bridge_view = BridgeView(
                on=True,
                address=address,
                intakes=(IntakeView("http", address, self.clock()),),
                machine=self.stored_machines[0].name if self.stored_machines else "",
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

    async def machines(self) -> Sequence[WorkerView]:
        return self.stored_machines if self.bridge_view.on else ()

    async def drain_machine(self, name: str, draining: bool) -> None:
        self.request_intents.append(("drain" if draining else "undrain", name))
        self.stored_machines = [
            replace(one, draining=draining) if one.name == name else one for one in self.stored_machines
        ]

    async def send_request(self, request_id: str, machine: str) -> str:
        self.request_intents.append((f"send to {machine}", request_id))
        return request_id

    async def close(self) -> None:
        self.closed = True
        for queue in self._listeners:
            queue.put_nowait(None)


class Say:
    """Makes the events of a turn, one after the other, at the clock's time."""

    def __init__(self, clock: Clock, turn_id: str = "turn-1") -> None:
        self._clock = clock
        self.turn_id = turn_id

    def _turn(self, kind: type[Any], **fields: Any) -> Event:
        event: Event = kind(at=self._clock(), turn_id=self.turn_id, **fields)
        return event

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
