"""What the screen knows, apart from any screen: it outlives a change of language."""

from __future__ import annotations

from dataclasses import dataclass, field

from c2jy_tui.activity import Activity
from c2jy_tui.approvals import Approvals
from c2jy_tui.bridge_mode import BridgeMode
from c2jy_tui.panes.chat.transcript import Transcript
from c2jy_tui.workflow_questions import WorkflowQuestions


@dataclass(slots=True)
class Session:
    """The stores that events are folded into."""

    activity: Activity
    transcript: Transcript = field(default_factory=Transcript)
    approvals: Approvals = field(default_factory=Approvals)
    bridge: BridgeMode = field(default_factory=BridgeMode)
    questions: WorkflowQuestions = field(default_factory=WorkflowQuestions)


def new_session(at: float) -> Session:
    """A session in which nothing has happened yet; `at` is Unix seconds."""
    return Session(Activity(since=at))
