"""Narrow ports between rooms that must not import one another.

`EnginePort` is the engine as a face sees it, with `DraftsPort` and `WorkflowsPort` as parts of it: they stand
down here so that a screen can be typed, and painted, without importing what the engine is made of.
`ReceiptStore` is the journal as the tool runner sees it.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from c2jy_bridge.core.bridge_requests import BridgeRequest
from c2jy_bridge.core.draft_views import (
    BuildReport,
    OnProgress,
    OriginView,
    Packed,
    PackingView,
    TimeUnitName,
    TrashedView,
)
from c2jy_bridge.core.events import (
    Decision,
    Event,
    Issue,
    Outcome,
    Problem,
    ToolCall,
    WorkflowAsked,
    WorkflowEnded,
)
from c2jy_bridge.core.views import (
    BridgeView,
    CallView,
    ConnectionView,
    ConversationView,
    DraftDetail,
    DraftView,
    MessageView,
    ToolView,
    WaitingWorkflow,
    WorkflowRequest,
)


class DraftsPort(Protocol):
    """What a face may ask about drafts. What changes on disk is also told as `DraftChanged`."""

    async def list(self) -> Sequence[DraftView]:
        """The drafts folder, newest first."""

    async def open(self, name: str) -> DraftDetail:
        """One draft opened, with its tracks."""

    async def check(self, name: str) -> Sequence[Issue]:
        """Verify one draft now; empty when whole."""

    async def trash(self, name: str) -> str:
        """Move a draft into the trash folder beside the data; returns a ticket for `restore`."""

    async def restore(self, ticket: str) -> str:
        """Undo `trash`, also of an earlier run of the app; returns the draft's name."""

    async def trashed(self) -> Sequence[TrashedView]:
        """What is in the trash, newest first. It never empties by itself."""

    async def delete(self, ticket: str) -> str:
        """Delete a draft in the trash for good; returns its name.

        Raises:
            DraftError: It is not proven to be ours.
        """

    async def packing(self, name: str) -> PackingView:
        """What there is to choose before a draft is packed.

        Raises:
            DraftError: There is no such draft.
        """

    async def pack(
        self,
        name: str,
        out: str = "",
        *,
        target_root: str = "",
        replace_zip: bool = False,
        on_progress: OnProgress | None = None,
    ) -> Packed:
        """Pack a draft for another machine; cancelled, it leaves nothing behind.

        Args:
            name: The draft.
            out: The zip, or a folder for it; empty: the folder for zips.
            target_root: The drafts folder that the paths in the zip are spelled for; empty leaves them.
            replace_zip: Whether a zip that is at `out` may go.
            on_progress: Called on the event loop.

        Raises:
            DraftError: It cannot be packed; `pack_there` when there is a zip already.
        """

    async def origin(self, name: str) -> OriginView:
        """What a draft can be built from again.

        Raises:
            DraftError: From nothing: it is not ours, or its document is gone.
        """

    async def rebuild(
        self, name: str, *, time_unit: TimeUnitName | None = None, on_progress: OnProgress | None = None
    ) -> BuildReport:
        """Build a draft anew from its own document, beside it; cancelled, it leaves nothing behind.

        Args:
            name: The draft; it stays as it is.
            time_unit: Another unit for the numbers of the export that it came from; None: as they were read.
            on_progress: Called on the event loop.

        Raises:
            DraftError: It cannot be built.
        """


AnswersWorkflow = Callable[[WorkflowAsked], Awaitable[str]]
"""Asks the maker what a workflow asks of a person; a JSON object when the question has fields."""


class WorkflowsPort(Protocol):
    """What a face may ask about cloud workflows. What happens in a run is told as `WorkflowEvent`s."""

    async def remembered(self) -> WorkflowRequest:
        """What was run last, else the workflow that the settings name."""

    async def run(
        self, workflow_id: str, parameters: Mapping[str, Any], answer: AnswersWorkflow
    ) -> WorkflowEnded:
        """Run a workflow to its end: tools it asks for run here, other questions go to `answer`."""

    async def waiting(self) -> Sequence[WaitingWorkflow]:
        """Runs that an earlier process left waiting, oldest first."""

    async def resume(self, run_id: str, answer: AnswersWorkflow) -> WorkflowEnded | None:
        """Bring a run that was left waiting to its end; None when it does not wait."""

    async def stop(self, run_id: str) -> bool:
        """Stop following a run of this process and forget it; False when it does not run."""

    async def drop(self, run_id: str) -> None:
        """Forget a run that was left waiting."""


class EnginePort(Protocol):
    """What a face may ask of the engine. Answers to intents come back as events."""

    @property
    def connection(self) -> ConnectionView:
        """The Bot, the host, the drafts folder; for the header."""

    @property
    def conversation_id(self) -> str:
        """The open conversation; empty before the first turn of a new one."""

    def events(self) -> AsyncIterator[Event]:
        """All events from now on. Each caller gets its own stream, which ends when the engine closes."""

    async def send(self, text: str) -> str:
        """Start a turn in the open conversation; returns its `turn_id` at once.

        Raises:
            Busy: A turn of this conversation is still running.
        """

    async def cancel(self) -> None:
        """Stop the running turn, if any; `TurnCancelled` (or its end) follows."""

    def decide(self, call_id: str, decision: Decision) -> bool:
        """Answer a `ToolCallAwaitingApproval`; False when nobody waits for it any more."""

    async def rerun(self, call_id: str, arguments: str | None = None) -> str:
        """Run a recorded call again here, with other arguments if given; returns the new call's id.

        Its output goes to the inspector only, never to Coze.
        """

    async def cancel_call(self, call_id: str) -> bool:
        """Stop one running tool call; Coze gets an error output for it. False when it does not run."""

    async def new_conversation(self) -> None:
        """Leave the open conversation; the next turn begins another."""

    async def open_conversation(self, conversation_id: str) -> None:
        """Make an earlier conversation the open one."""

    async def conversations(self) -> Sequence[ConversationView]:
        """Newest first."""

    async def messages(self, conversation_id: str) -> Sequence[MessageView]:
        """Oldest first."""

    async def calls(self, conversation_id: str | None = None, limit: int = 1000) -> Sequence[CallView]:
        """Recorded tool calls, oldest first, of one conversation or of all."""

    async def questions(self, limit: int = 200) -> Sequence[str]:
        """What the maker typed before, oldest first: the input history."""

    @property
    def drafts(self) -> DraftsPort:
        """The drafts folder and what can be done with the drafts in it."""

    @property
    def workflows(self) -> WorkflowsPort:
        """Cloud workflows run from here."""

    def tools(self) -> Sequence[ToolView]:
        """Every tool the Bot can call."""

    def issues(self) -> Sequence[Issue]:
        """What went wrong while starting (a user tool that did not load ...)."""

    async def call_tool(self, name: str, arguments: dict[str, Any]) -> str:
        """Run one tool from here with the same runner and policy; returns the recorded call's id."""

    async def switch_bridge(self, on: bool) -> Problem | None:
        """Turn bridge mode on or off; `BridgeStarted` or `BridgeStopped` follows. Why it could not be."""

    async def bridge(self) -> BridgeView:
        """Bridge mode now."""

    async def bridge_requests(self, limit: int = 200) -> Sequence[BridgeRequest]:
        """The newest bridge requests, newest first; none while bridge mode is off."""

    async def cancel_request(self, request_id: str) -> bool:
        """End a bridge request; False when there is none of that id."""

    async def retry_request(self, request_id: str) -> str:
        """Ask for the same thing again as a new request; its id, empty when there is no such one."""

    async def close(self) -> None:
        """Stop everything that runs and close the journal."""


class Busy(RuntimeError):
    """The conversation already has a running turn."""


@dataclass(frozen=True, slots=True)
class Receipt:
    """Proof that a tool call came to its end, with what Coze is told; times are Unix seconds."""

    outcome: Outcome
    output: str
    finished_at: float
    error: str = ""
    started_at: float | None = None


class ReceiptConflict(ValueError):
    """The same tool_call_id came again with other arguments: neither run nor answered from the receipt."""


class ReceiptStore(Protocol):
    """Where receipts are kept. Both calls block for as long as the disk needs."""

    def receipt(self, call: ToolCall) -> Receipt | None:
        """The receipt of this call, if it ended before; a call without a `tool_call_id` has none.

        Raises:
            ReceiptConflict: There is one, for other arguments.
        """

    def write_receipt(self, call: ToolCall, receipt: Receipt) -> None:
        """Keep a receipt; it is durable when this returns."""
