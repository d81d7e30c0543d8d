"""The app's current activity, folded from events: for the header and for the question before quitting."""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import StrEnum

from c2jy_bridge.core import events as ev


class Doing(StrEnum):
    """What the app is doing, in categories that matter to the user."""

    STARTING = "starting"
    CONNECTING = "connecting"
    UNAVAILABLE = "unavailable"
    READY = "ready"
    SENDING = "sending"
    THINKING = "thinking"
    ANSWERING = "answering"
    CALLING = "calling"
    APPROVAL = "approval"
    WAITING = "waiting"
    WORKFLOW = "workflow"
    QUESTION = "question"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class Activity:
    """The state of the whole app in a few words; `since` is Unix seconds."""

    doing: Doing = Doing.STARTING
    since: float = 0.0
    turn_id: str = ""
    """The turn that runs; empty when none does."""
    tokens: int = 0
    """Of the last turn that reported its usage."""
    running: tuple[tuple[str, str], ...] = ()
    """Tool calls that were asked for and have no end yet: (call_id, tool), oldest first."""
    approvals: tuple[str, ...] = ()
    """Call ids that wait for a person, oldest first."""
    foreign_turns: frozenset[str] = frozenset()
    """Turns of bridge requests: they run beside the conversation and do not count as its activity."""
    workflows: tuple[str, ...] = ()
    """Ids of the running workflows."""
    asking: tuple[str, ...] = ()
    """Those of them that wait for the user's answer."""

    @property
    def busy(self) -> bool:
        """A turn or a tool call would be lost by quitting."""
        return bool(self.turn_id or self.running or self.workflows)

    @property
    def tool(self) -> str:
        """The tool named in the header: the newest running one."""
        return self.running[-1][1] if self.running else ""


def ready(activity: Activity, at: float) -> Activity:
    """Idle, with earlier errors cleared."""
    return replace(activity, doing=Doing.READY, since=at)


def loaded(activity: Activity, at: float, *, named: bool) -> Activity:
    """The engine has started and its stored data is shown; the Bot's name may still be unknown."""
    if activity.doing is not Doing.STARTING:
        return activity
    return _doing(activity, Doing.READY if named else Doing.CONNECTING, at)


def unavailable(activity: Activity, at: float) -> Activity:
    """The engine could not be started."""
    return replace(activity, doing=Doing.UNAVAILABLE, since=at)


def after(activity: Activity, event: ev.Event) -> Activity:
    """The activity once `event` has happened."""
    match event:
        case ev.TurnStarted(source="bridge" | "user", turn_id=turn_id):
            return replace(activity, foreign_turns=activity.foreign_turns | {turn_id})
        case ev.TurnEnded(turn_id=turn_id) if turn_id in activity.foreign_turns:
            return replace(activity, foreign_turns=activity.foreign_turns - {turn_id})
        case ev.TurnEvent(turn_id=turn_id) if turn_id in activity.foreign_turns:
            return activity
        case ev.TurnStarted(turn_id=turn_id) | ev.StreamRecovered(turn_id=turn_id):
            return _doing(replace(activity, turn_id=turn_id), Doing.WAITING, event.at)
        case ev.TurnEvent(turn_id=turn_id) if turn_id != activity.turn_id:
            return activity
        case ev.ReasoningDelta():
            return _doing(activity, Doing.THINKING, event.at)
        case ev.AnswerDelta():
            return _doing(activity, Doing.ANSWERING, event.at)
        case ev.ToolOutputsSubmitted():
            return _doing(activity, Doing.WAITING, event.at)
        case ev.TurnEnded():
            return _ended(activity, event)
        case ev.ToolCallRequested(call=call):
            calls = (*activity.running, (call.call_id, call.tool))
            return _calls(replace(activity, running=calls), event.at)
        case ev.ToolCallAwaitingApproval(call_id=call_id):
            return _calls(replace(activity, approvals=(*activity.approvals, call_id)), event.at)
        case ev.ToolCallStarted(call_id=call_id):
            waiting = tuple(one for one in activity.approvals if one != call_id)
            return _calls(replace(activity, approvals=waiting), event.at)
        case ev.ToolCallFinished(call_id=call_id):
            waiting = tuple(one for one in activity.approvals if one != call_id)
            calls = tuple(one for one in activity.running if one[0] != call_id)
            return _calls(replace(activity, approvals=waiting, running=calls), event.at)
        case ev.ConnectionChanged() if activity.doing is Doing.CONNECTING:
            return _doing(activity, Doing.READY if event.problem is None else Doing.UNAVAILABLE, event.at)
        case ev.WorkflowStarted(run_id=run_id):
            runs = (*activity.workflows, run_id)
            return _calls(replace(activity, workflows=runs), event.at)
        case ev.WorkflowAsked(run_id=run_id):
            return _calls(replace(activity, asking=(*activity.asking, run_id)), event.at)
        case ev.WorkflowEvent(run_id=run_id):
            asking = tuple(one for one in activity.asking if one != run_id)
            ended = isinstance(event, ev.WorkflowEnded)
            runs = tuple(one for one in activity.workflows if not (ended and one == run_id))
            return _calls(replace(activity, workflows=runs, asking=asking), event.at)
        case _:
            return activity


def _doing(activity: Activity, doing: Doing, at: float) -> Activity:
    return activity if activity.doing is doing else replace(activity, doing=doing, since=at)


def _calls(activity: Activity, at: float) -> Activity:
    if activity.approvals:
        return _doing(activity, Doing.APPROVAL, at)
    if activity.running:
        return _doing(activity, Doing.CALLING, at)
    if activity.turn_id:
        # The Bot's current activity is more precise.
        at_work = activity.doing in (Doing.SENDING, Doing.THINKING, Doing.ANSWERING)
        return activity if at_work else _doing(activity, Doing.WAITING, at)
    if activity.asking:
        return _doing(activity, Doing.QUESTION, at)
    return _doing(activity, Doing.WORKFLOW if activity.workflows else Doing.READY, at)


def _ended(activity: Activity, event: ev.TurnEnded) -> Activity:
    tokens = event.usage.total_tokens if isinstance(event, ev.TurnCompleted) else 0
    doing = Doing.FAILED if isinstance(event, ev.TurnFailed) else Doing.READY
    ended = replace(activity, turn_id="", tokens=tokens or activity.tokens)
    at_work = ended.running or ended.workflows
    return _calls(ended, event.at) if at_work else _doing(ended, doing, event.at)
