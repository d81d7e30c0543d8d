"""The inspector pane: the live list of tool calls, and the actions on the call under the cursor."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar, Final

from textual import on, work
from textual.binding import BindingType
from textual.message import Message
from textual.reactive import var
from typing_extensions import override

from c2jy_bridge.core.events import ApprovalAnswer, Decision, Event, RunWith, ToolCall, ToolCallRequested
from c2jy_bridge.core.ports import CallHold
from c2jy_bridge.core.safety import visible
from c2jy_tui.formatting import Clock, error_reason
from c2jy_tui.panes.inspector import exported, labels
from c2jy_tui.panes.inspector.labels import say
from c2jy_tui.panes.inspector.record import CallRecord, first_seen
from c2jy_tui.panes.inspector.store import CallStore, every_call, parse_filter
from c2jy_tui.widgets.bindings import binding
from c2jy_tui.widgets.list_pane import ListPane
from c2jy_tui.widgets.row_list import Row, RowList

if TYPE_CHECKING:
    from c2jy_bridge.engine import Engine

    # The screens are imported when they open: the first paint must not wait for their widgets.
    from c2jy_tui.screens.call_detail import CallDetailScreen, CallIntent

TICK_S: Final = 0.5
"""Seconds between two redraws of running times while a call runs or waits."""

# The actions on a call, each with the test whether the call allows it.
_POSSIBLE: dict[str, Callable[[CallRecord], bool]] = {
    "decide": lambda r: r.status == "waiting",
    "stop": lambda r: r.status == "running",
    "rerun": lambda r: r.ended,
    "edit": lambda r: r.ended or r.status == "waiting",
    "copy": lambda r: bool(r.call.output),
    "copy_command": lambda r: True,
    "mark": lambda r: True,
}


def hold_of(text: str) -> CallHold:
    """Holds the calls that match a filter of the list."""
    wanted = parse_filter(text)

    def matches(call: ToolCall) -> bool:
        record = first_seen(ToolCallRequested(at=0.0, call_id=call.call_id, call=call))
        return record is not None and wanted(record)

    return CallHold(matches, text)


class Inspector(ListPane):
    """Tool calls as rows, newest last, and the detail of the one under the cursor."""

    HELP = "inspector:help"
    BINDINGS: ClassVar[list[BindingType]] = [
        binding("inspector", "inspector.approve", "a", "decide('once')"),
        binding("inspector", "inspector.deny", "d", "decide('deny')"),
        binding("inspector", "inspector.always", "A", "decide('always')"),
        binding("inspector", "inspector.stop", "X", "stop"),
        binding("inspector", "inspector.rerun", "r", "rerun"),
        binding("inspector", "inspector.edit", "e", "edit"),
        binding("inspector", "inspector.hold", "i", "hold"),
        binding("inspector", "inspector.older", "O", "older"),
        binding("inspector", "inspector.filter", "slash", "filter"),
        binding("inspector", "inspector.unfilter", "escape", "unfilter", show=False),
        binding("inspector", "inspector.copy", "y", "copy"),
        binding("inspector", "inspector.copy_command", "c", "copy_command"),
        binding("inspector", "inspector.follow", "F", "follow"),
        binding("inspector", "inspector.mark", "space", "mark"),
        binding("inspector", "inspector.compare", "D", "compare"),
        binding("inspector", "inspector.export", "x", "export"),
    ]

    following: var[bool] = var(True, toggle_class="-following")
    """Whether the cursor goes to each new call."""

    @dataclass
    class ApprovalRequested(Message):
        """The user wants to see the approval dialog of a waiting call again."""

        call_id: str

    @dataclass
    class DecisionMade(Message):
        """The user answered a waiting call from its row."""

        call_id: str
        answer: ApprovalAnswer

    def __init__(self, *, clock: Clock, export_folder: Path | None = None, id: str | None = None) -> None:
        """`w` writes into `export_folder`, and `x` proposes it; the current or the home folder when None."""
        super().__init__(labels.COLUMNS, say, clock=clock, id=id)
        self.store = CallStore()
        self.marked: list[str] = []
        self.current_id = ""
        self._relist_due = False
        self._folder = export_folder
        self._engine: Engine | None = None
        self._detail: CallDetailScreen | None = None

    def on_mount(self) -> None:
        self._ticker = self.set_interval(TICK_S, self.tick, pause=True)
        self._relist()

    @property
    def current(self) -> CallRecord | None:
        """The call under the cursor."""
        return self.store.get(self.current_id)

    def show(self, event: Event) -> None:
        """Apply one event; those that are not about a tool call change nothing."""
        changed = self.store.apply(event)
        if changed:
            self._relist_soon()
        if self._detail is not None and (call_id := self._detail.record.call.call_id) in changed:
            self._detail.record = self.store[call_id]

    async def load(self, engine: Engine) -> None:
        """Fill from the journal, and keep the engine for the actions."""
        self._engine = engine
        self.store.fill(await engine.calls())
        self._relist_soon()

    @override
    def apply_filter(self, text: str) -> None:
        self.store.set_filter(parse_filter(text))
        self._relist()

    def reveal(self, call_id: str) -> None:
        """Put the cursor on a call, dropping the filter when it hides the call."""
        if self.store.get(call_id) is None:
            return
        if call_id not in self.store.shown:
            self.action_unfilter()
            self.store.set_filter(every_call)
        self.current_id = call_id
        self._follow(False)

    def tick(self) -> None:
        """Redraw whatever shows a running time."""
        shown = self.store.shown
        for index in self.rows.visible_rows():
            if index < len(shown) and not self.store[shown[index]].ended:
                self.rows.redraw(index)
        if self._detail is not None:
            self._detail.tick()

    def _relist_soon(self) -> None:
        """Redraw once for all events that arrive together."""
        if not self._relist_due and self.is_attached:
            self._relist_due = True
            self.call_later(self._relist)

    def _relist(self) -> None:
        self._relist_due = False
        shown = self.store.shown
        if self.following:
            cursor: int | None = len(shown) - 1
        else:
            cursor = shown.index(self.current_id) if self.current_id in shown else None
        self.rows.hint = say("empty.filter") if self.filter_text else say("empty")
        self.rows.reset(len(shown), cursor)
        self._describe_cursor()
        if any(not record.ended for record in self.store):
            self._ticker.resume()
        else:
            self._ticker.pause()

    def _describe_cursor(self) -> None:
        """Describe the row under the cursor, and all rows together."""
        shown = self.store.shown
        self.current_id = shown[self.rows.cursor] if self.rows.cursor < len(shown) else ""
        record = self.current
        hold = self._engine.hold if self._engine else None
        self.describe(
            labels.about(record) if record else "",
            labels.state(
                list(self.store),
                len(shown),
                following=self.following,
                filter_text=self.filter_text,
                forgotten=self.store.forgotten,
                hold=None if hold is None else hold.text or say("hold.all"),
            ),
            (self.current_id, record.status if record else "", bool(shown), self.filter_text),
        )

    @override
    def row(self, index: int) -> Row:
        record = self.store[self.store.shown[index]]
        return labels.row(record, self._clock(), marked=record.call.call_id in self.marked)

    @override
    def ruled(self, index: int) -> bool:
        """A rule below the last call of a conversation, and of an earlier start of the app."""
        if index + 1 >= len(self.store.shown):
            return False
        this, following = (self.store[self.store.shown[n]] for n in (index, index + 1))
        other = {this.call.conversation_id, following.call.conversation_id} - {""}
        return this.live != following.live or (
            len(other) == 2 and this.call.source == following.call.source == "chat"
        )

    @on(RowList.Moved)
    def _moved(self, event: RowList.Moved) -> None:
        event.stop()
        if event.by_user:
            self.following = event.to_end
        self._describe_cursor()

    def _follow(self, newest: bool) -> None:
        self.following = newest
        self._relist()

    # --- actions ------------------------------------------------------------------------------------

    @override
    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        if action in _POSSIBLE:
            return (record := self.current) is not None and _POSSIBLE[action](record)
        if action == "compare":
            return len(self.marked) == 2
        if action == "export":
            return len(self.store) > 0
        return super().check_action(action, parameters)

    @on(RowList.Opened)
    def _open(self, event: RowList.Opened) -> None:
        event.stop()
        record = self.current
        if record is None:
            return
        if record.status == "waiting":
            self.post_message(self.ApprovalRequested(record.call.call_id))
        else:
            self._open_detail(record)

    def _open_detail(self, record: CallRecord) -> None:
        from c2jy_tui.screens.call_detail import CallDetailScreen

        self._detail = CallDetailScreen(record, clock=self._clock, folder=self._folder)
        call_id = record.call.call_id

        def closed(intent: CallIntent | None) -> None:
            self._detail = None
            if intent is not None:
                self._do(intent, call_id)

        self.app.push_screen(self._detail, closed)

    def _do(self, intent: CallIntent, call_id: str) -> None:
        match intent:
            case "rerun":
                self._rerun(call_id, None)
            case "edit":
                self._edit(call_id)
            case "stop":
                self._stop(call_id)
            case _:
                self.post_message(self.DecisionMade(call_id, Decision(intent)))

    def action_decide(self, decision: str) -> None:
        self.post_message(self.DecisionMade(self.current_id, Decision(decision)))

    def action_stop(self) -> None:
        self._stop(self.current_id)

    def action_rerun(self) -> None:
        """Run the call under the cursor again, here, with the same arguments."""
        self._rerun(self.current_id, None)

    def action_edit(self) -> None:
        self._edit(self.current_id)

    def _edit(self, call_id: str) -> None:
        from c2jy_tui.screens.call_detail import EditArgumentsScreen

        call = self.store[call_id].call

        def edited(arguments: str | None) -> None:
            if arguments is None:
                return
            if self.store[call_id].status == "waiting":
                self.post_message(self.DecisionMade(call_id, RunWith(arguments)))
            else:
                self._rerun(call_id, arguments)

        def faults(text: str) -> Sequence[str]:
            return self._engine.argument_faults(call.tool, text) if self._engine else ()

        self.app.push_screen(EditArgumentsScreen(call.tool, call.arguments, faults), edited)

    @work(group="inspector", exit_on_error=False)
    async def _rerun(self, call_id: str, arguments: str | None) -> None:
        if self._engine is None:
            return
        try:
            await self._engine.rerun(call_id, arguments)
        except Exception as error:
            self.notify_error("rerun.failed", error)
        else:
            self._follow(True)
            self.notify_text("rerun.started")

    @work(group="inspector", exit_on_error=False)
    async def _stop(self, call_id: str) -> None:
        if self._engine is not None and not await self._engine.cancel_call(call_id):
            self.notify_text("stop.too_late", "warning")

    def action_hold(self) -> None:
        """Hold the calls that the filter matches, or every call; or hold no more."""
        if (engine := self._engine) is None:
            return
        if engine.hold is None:
            engine.hold = hold_of(self.filter_text)
            self.notify_text("hold.on", filter=self.filter_text or say("hold.all"))
        else:
            engine.hold = None
            self.notify_text("hold.off")
        self._describe_cursor()

    @work(group="older", exclusive=True, exit_on_error=False)
    async def action_older(self) -> None:
        """Read the calls before the oldest of the list from the journal."""
        if self._engine is None or (oldest := next(iter(self.store), None)) is None:
            return
        self.is_loading = True
        try:
            found = await self._engine.calls(before=oldest.call.requested_at)
        finally:
            self.is_loading = False
        if not found:
            self.notify_text("older.none")
            return
        self.store.grow(found)
        self.current_id = found[-1].call_id
        self._follow(False)

    def action_copy(self) -> None:
        if record := self.current:
            self.app.copy_to_clipboard(visible(record.call.output))

    def action_copy_command(self) -> None:
        if record := self.current:
            self.app.copy_to_clipboard(labels.command_line(record))

    def action_follow(self) -> None:
        self._follow(not self.following)

    def action_mark(self) -> None:
        """Mark the call under the cursor, or remove its mark; only the last two marks count."""
        if self.current_id in self.marked:
            self.marked.remove(self.current_id)
        else:
            self.marked = [*self.marked, self.current_id][-2:]
        self.rows.refresh()
        self.refresh_bindings()

    def action_compare(self) -> None:
        """Show the two marked calls side by side as a unified diff, the earlier first."""
        from c2jy_tui.screens.call_detail import CompareCallsScreen

        both = [r for r in self.store if r.call.call_id in self.marked]
        if len(both) == 2:
            self.app.push_screen(CompareCallsScreen(both[0], both[1], now=self._clock()))

    def action_export(self) -> None:
        """Write the calls of the list into a file that the user names: JSON lines, or HAR by its suffix."""
        stamp = time.strftime("%Y%m%d-%H%M%S", time.localtime(self._clock()))
        self._ask_export(str((self._folder or Path.home()) / f"calls-{stamp}.jsonl"))

    def _ask_export(self, proposed: str) -> None:
        from c2jy_tui.screens.dialogs import LineScreen

        records = [self.store[call_id] for call_id in self.store.shown]

        def chosen(path: str | None) -> None:
            if path:
                self._export(records, path)

        dialog = LineScreen(say("export.title", count=len(records)), proposed, say("export.about"))
        self.app.push_screen(dialog, chosen)

    @work(group="inspector", exit_on_error=False)
    async def _export(self, records: Sequence[CallRecord], path: str) -> None:
        try:
            file = await asyncio.to_thread(exported.write, records, path)
        except OSError as error:
            if isinstance(error, FileExistsError):
                self.notify_text("export.exists", "error", path=visible(path))
            else:
                self.notify_text("export.failed", "error", path=visible(path), error=error_reason(error))
            self._ask_export(path)
        else:
            self.notify_text("export.done", count=len(records), path=visible(str(file)))
