"""Builds the entries of the open conversation, in order, from events and from the journal."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace

from c2jy_bridge.core import events as ev
from c2jy_bridge.core.views import CallView, MessageView, RecordedRun, WaitingWorkflow, WrittenDraft
from c2jy_tui.formatting import is_tool_request
from c2jy_tui.panes.chat.entries import (
    Answer,
    AnyEntry,
    Call,
    Draft,
    Failure,
    FollowUps,
    Notice,
    Question,
    Run,
    Thinking,
)


class Runs:
    """Workflow runs of this process, and those that an earlier one left waiting, by id."""

    def __init__(self) -> None:
        self._runs: dict[str, Run] = {}

    def __contains__(self, run_id: str) -> bool:
        return run_id in self._runs

    @property
    def open(self) -> list[Run]:
        """Runs that have not ended: they stay in view whatever conversation is open."""
        return [run for run in self._runs.values() if run.open]

    def load(self, recorded: RecordedRun) -> Iterator[tuple[float, AnyEntry]]:
        """Rebuild a run from the journal; yields its entries with their times."""
        run_id = recorded.events[0].run_id
        known = self._runs.pop(run_id, None)
        for event in recorded.events:
            for entry in self.apply(event)[0]:
                yield event.at, entry
        run = self._runs[run_id]
        run.recorded_until = recorded.events[-1].at
        if run.open:  # nothing is known of its end: its process was killed, or it waits (see `left`)
            run.state, run.question = (known.state, known.question) if known else ("dropped", "")

    def apply(self, event: ev.WorkflowEvent) -> tuple[Sequence[AnyEntry], Sequence[AnyEntry]]:
        """Apply one event; returns the new entries, and those that changed."""
        run = self._runs.get(event.run_id)
        if run is not None and event.at <= run.recorded_until:
            return (), ()  # it was still on its way when the journal was read
        if run is None:
            if not isinstance(event, ev.WorkflowStarted):
                return (), ()
            run = Run(at=event.at, run_id=event.run_id, workflow_id=event.workflow_id)
            self._runs[event.run_id] = run
            return (run,), ()
        match event:
            case ev.WorkflowStarted(at=at):
                run.at, run.state, run.question = at, "running", ""
            case ev.WorkflowSaid(text=text):
                # A request for our tools shows up as the calls it leads to.
                if text.strip() and not is_tool_request(text):
                    run.state = "running"
                    return (_said(run, text, event.at),), (run,)
            case ev.WorkflowAsked(text=text):
                run.state, run.question = "asking", text
            case ev.WorkflowAnswered(text=text):
                run.state, run.question = "running", ""
                return (Question(at=event.at, text=text, accepted=True),), (run,)
            case ev.WorkflowEnded():
                return self._ended(run, event), (run,)
        return (), (run,)

    def _ended(self, run: Run, event: ev.WorkflowEnded) -> Sequence[AnyEntry]:
        run.ended_at, run.debug_url = event.at, event.debug_url
        ends: list[AnyEntry] = []
        if event.output not in ("", run.output) and not is_tool_request(event.output):
            # From Coze's record: the stream had broken.
            ends.append(_said(run, event.output, event.at))
        if event.problem is None:
            run.state = "done"
            return ends
        run.state = "stopped" if event.problem.kind == "cancelled" else "failed"
        if run.failed:
            ends.append(Failure(at=event.at, problem=event.problem, link=event.debug_url))
        return ends

    def left(self, waiting: WaitingWorkflow) -> Run:
        """Add or change a run that an earlier process left waiting."""
        run = Run(at=waiting.at, run_id=waiting.run_id, workflow_id=waiting.workflow_id)
        run = self._runs.setdefault(waiting.run_id, run)
        run.state = "left"
        run.question = "" if is_tool_request(waiting.question) else waiting.question
        return run

    def drop(self, run_id: str) -> Run:
        """The user does not want to resume a run that was left waiting."""
        run = self._runs[run_id]
        run.state = "dropped"
        return run


def _said(run: Run, text: str, at: float) -> Answer:
    """The entry of a message of a run, which is its output until the next one."""
    run.output = text
    return Answer(at=at, message_id=f"{run.run_id}-{at}", parts=[text], complete=True)


class Transcript:
    """The entries of one conversation, oldest first."""

    def __init__(self) -> None:
        self.entries: list[AnyEntry] = []
        self.turn_id = ""
        """The turn that runs; empty when none does."""
        self._answers: dict[str, Answer] = {}
        self._thoughts: dict[str, Thinking] = {}
        self._calls: dict[str, Call] = {}
        self._runs = Runs()
        self._foreign: set[str] = set()
        """Turn ids of the bridge and of the user's reruns, which are not part of this conversation."""

    def clear(self) -> None:
        """Start another conversation; open workflow runs stay in view."""
        self.entries[:] = self._runs.open
        self.turn_id = ""
        self._answers.clear()
        self._thoughts.clear()
        self._calls.clear()

    def ask(self, turn_id: str, text: str, at: float) -> Sequence[AnyEntry]:
        """Add the user's question once the engine has it; its TurnStarted may have arrived before."""
        if any(isinstance(e, Question) and e.turn_id == turn_id for e in reversed(self.entries)):
            return ()
        self.turn_id = turn_id
        return (self._add(Question(at=at, turn_id=turn_id, text=text)),)

    def apply(self, event: ev.Event) -> Sequence[AnyEntry]:
        """Apply one event; returns the entries that are new or changed."""
        match event:
            case ev.TurnStarted():
                return self._turn_started(event)
            case ev.TurnEvent(turn_id=turn_id) if turn_id in self._foreign:
                return ()
            case ev.ReasoningDelta(message_id=message_id, text=text):
                return (self._think(event, message_id, text),)
            case ev.AnswerDelta(message_id=message_id, text=text):
                answer, touched = self._answer(event, message_id)
                answer.parts.append(text)
                return touched
            case ev.AnswerCompleted():
                return self._complete(event)
            case ev.FollowUpSuggested(text=text):
                return (self._follow_up(event, text),)
            case ev.StreamRecovered(reason=reason, turn_id=turn_id):
                self.turn_id = turn_id
                return (self._add(Notice(at=event.at, turn_id=turn_id, key=f"notice.recovered_{reason}")),)
            case ev.TurnEnded():
                return self._turn_ended(event)
            case ev.WorkflowEvent():
                return self._workflow_event(event)
            case ev.ToolCallEvent():
                return self._call_event(event)
            case ev.DraftWritten(call_id=call_id) if call_id in self._calls:
                entry = Draft(
                    at=event.at,
                    name=event.name,
                    path=event.path,
                    duration_us=event.duration_us,
                    issues=len(event.issues),
                )
                return (self._add(entry),)
            case _:
                return ()

    def offer(self, waiting: WaitingWorkflow) -> Sequence[AnyEntry]:
        """Add a run that an earlier process left waiting."""
        run = self._runs.left(waiting)
        return (run if run in self.entries else self._add(run),)

    def drop(self, run_id: str) -> Sequence[AnyEntry]:
        """Drop a run that was left waiting."""
        return (self._runs.drop(run_id),)

    def note(self, key: str, at: float, **values: str) -> AnyEntry:
        """Add a remark of the app itself."""
        return self._add(Notice(at=at, key=key, values=values))

    def fail(self, problem: ev.Problem, at: float) -> AnyEntry:
        """Add an error that belongs to no turn."""
        return self._add(Failure(at=at, problem=problem))

    def last_question(self) -> Question | None:
        """The newest question to the Bot."""
        return next((e for e in reversed(self.entries) if isinstance(e, Question) and e.turn_id), None)

    def last_answer(self) -> Answer | None:
        """The newest answer with a text."""
        return next((e for e in reversed(self.entries) if isinstance(e, Answer) and e.text), None)

    def _add(self, entry: AnyEntry) -> AnyEntry:
        self.entries.append(entry)
        return entry

    def _turn_started(self, event: ev.TurnStarted) -> Sequence[AnyEntry]:
        if event.source != "chat":
            self._foreign.add(event.turn_id)
            return ()
        self.turn_id = event.turn_id
        for entry in reversed(self.entries):
            if isinstance(entry, Question) and entry.turn_id == event.turn_id:
                entry.accepted = True
                return (entry,)
        question = Question(at=event.at, turn_id=event.turn_id, text=event.text, accepted=True)
        return (self._add(question),)

    def _think(self, event: ev.TurnEvent, message_id: str, text: str) -> AnyEntry:
        thought = self._thoughts.get(message_id)
        if thought is None:
            thought = self._thoughts[message_id] = Thinking(at=event.at, turn_id=event.turn_id)
            self._add(thought)
        thought.parts.append(text)
        return thought

    def _answer(self, event: ev.TurnEvent, message_id: str) -> tuple[Answer, list[AnyEntry]]:
        touched: list[AnyEntry] = []
        thought = self._thoughts.get(message_id)
        if thought is not None and thought.ended_at is None:
            thought.ended_at = event.at
            touched.append(thought)
        answer = self._answers.get(message_id)
        if answer is None:
            answer = Answer(at=event.at, turn_id=event.turn_id, message_id=message_id)
            self._answers[message_id] = answer
            self._add(answer)
        return answer, [*touched, answer]

    def _complete(self, event: ev.AnswerCompleted) -> Sequence[AnyEntry]:
        touched: list[AnyEntry] = []
        if event.reasoning and event.message_id not in self._thoughts:
            touched.append(self._think(event, event.message_id, event.reasoning))
        if not event.text and event.message_id not in self._answers:
            return touched
        answer, more = self._answer(event, event.message_id)
        if answer.text != event.text:
            answer.replaced += not event.text.startswith(answer.text)
            answer.parts[:] = [event.text]
        answer.complete = True
        return [*touched, *more]

    def _follow_up(self, event: ev.TurnEvent, text: str) -> AnyEntry:
        last = self.entries[-1] if self.entries else None
        if not isinstance(last, FollowUps) or last.turn_id != event.turn_id:
            last = FollowUps(at=event.at, turn_id=event.turn_id)
            self._add(last)
        if text not in last.texts:
            last.texts.append(text)
        return last

    def _turn_ended(self, event: ev.TurnEnded) -> Sequence[AnyEntry]:
        if event.turn_id == self.turn_id:
            self.turn_id = ""
        touched: list[AnyEntry] = []
        for entry in reversed(self.entries):
            if entry.turn_id != event.turn_id:
                continue
            if isinstance(entry, Question):
                break
            if isinstance(entry, Thinking) and entry.ended_at is None:
                entry.ended_at = event.at
                touched.append(entry)
            elif isinstance(entry, Answer) and not entry.complete:
                entry.complete = True
                touched.append(entry)
        match event:
            case ev.TurnCancelled():
                touched.append(self._add(Notice(at=event.at, turn_id=event.turn_id, key="notice.cancelled")))
            case ev.TurnFailed(problem=problem):
                touched.append(self._add(Failure(at=event.at, turn_id=event.turn_id, problem=problem)))
        return touched

    def _workflow_event(self, event: ev.WorkflowEvent) -> Sequence[AnyEntry]:
        new, changed = self._runs.apply(event)
        self.entries.extend(new)
        return [*changed, *new]

    def _call_event(self, event: ev.ToolCallEvent) -> Sequence[AnyEntry]:
        if isinstance(event, ev.ToolCallRequested):
            of_run = event.call.turn_id in self._runs
            if not of_run and (event.call.source != "chat" or event.call.turn_id in self._foreign):
                return ()
            turn_id = "" if of_run else event.call.turn_id
            call = Call(at=event.at, turn_id=turn_id, call_id=event.call_id, tool=event.call.tool)
            self._calls[event.call_id] = call
            return (self._add(call),)
        known = self._calls.get(event.call_id)
        if known is None:
            return ()
        match event:
            case ev.ToolCallAwaitingApproval():
                known.awaiting = True
            case ev.ToolCallStarted():
                known.awaiting, known.started_at = False, event.at
            case ev.ToolCallProgress():
                known.progress = event
            case ev.ToolCallFinished():
                known.awaiting, known.progress = False, None
                known.outcome, known.error = event.outcome, event.error
                known.elapsed_s, known.replayed = event.elapsed_s, event.replayed
        return (known,)

    def load(
        self,
        messages: Iterable[MessageView],
        calls: Iterable[CallView],
        runs: Iterable[RecordedRun] = (),
        drafts: Iterable[WrittenDraft] = (),
    ) -> None:
        """Load a conversation from the journal."""
        self.clear()
        found = [(entry.at, entry) for message in messages for entry in self._from_message(message)]
        found += [(view.requested_at, self._from_call(view)) for view in calls if view.source == "chat"]
        for run in runs:
            found += self._runs.load(run)
            found += [(view.requested_at, self._from_call(replace(view, turn_id=""))) for view in run.calls]
        found += [(made.at, _from_draft(made)) for made in drafts if made.call_id in self._calls]
        # A stable sort: entries of equal time keep the journal's order.
        shown = [entry for _, entry in sorted(found, key=lambda one: one[0])]
        self.entries = [*shown, *(run for run in self._runs.open if run not in shown)]
        self._drop_old_follow_ups()

    def _from_message(self, message: MessageView) -> Iterable[AnyEntry]:
        at, turn_id = message.at, message.turn_id
        match message.kind:
            case "question":
                yield Question(at=at, turn_id=turn_id, text=message.text, accepted=True)
            case "answer":
                if message.reasoning:
                    yield Thinking(
                        at=at,
                        turn_id=turn_id,
                        parts=[message.reasoning],
                        # Sorted with its answer, however long it took.
                        ended_at=at + (message.thought_s or 0.0),
                        timed=message.thought_s is not None,
                    )
                if not message.text:
                    return
                answer = Answer(at=at, turn_id=turn_id, message_id=message.message_id, complete=True)
                answer.parts.append(message.text)
                if message.message_id:
                    self._answers[message.message_id] = answer
                yield answer
            case "follow_up":
                yield FollowUps(at=at, turn_id=turn_id, texts=[message.text])
            case "error":
                text, _, hint = message.text.partition("\n")
                problem = ev.Problem("journal", text, hint, logid=message.message_id)
                yield Failure(at=at, turn_id=turn_id, problem=problem)
            case "notice":
                yield Notice(at=at, turn_id=turn_id, key=f"notice.{message.text}")

    def _from_call(self, view: CallView) -> Call:
        call = Call(at=view.requested_at, turn_id=view.turn_id, call_id=view.call_id, tool=view.tool)
        call.started_at, call.outcome, call.error = view.started_at, view.outcome, view.error
        if view.started_at is not None and view.finished_at is not None:
            call.elapsed_s = view.finished_at - view.started_at
        self._calls[view.call_id] = call
        return call

    def _drop_old_follow_ups(self) -> None:
        """Keep only the follow-ups of the last turn, as one entry."""
        last_turn = next((e.turn_id for e in reversed(self.entries) if e.turn_id), "")
        ups = [e for e in self.entries if isinstance(e, FollowUps) and e.turn_id == last_turn]
        self.entries = [e for e in self.entries if not isinstance(e, FollowUps)]
        if ups:
            texts = list(dict.fromkeys(text for one in ups for text in one.texts))
            self.entries.append(FollowUps(at=ups[-1].at, turn_id=last_turn, texts=texts))


def _from_draft(made: WrittenDraft) -> Draft:
    return Draft(at=made.at, name=made.name, path=made.path, duration_us=made.duration_us, issues=made.issues)
