"""The requests pane: the live list of bridge requests, and the actions on the request under the cursor."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, Final

from textual import on, work
from textual.binding import BindingType
from textual.message import Message
from textual.reactive import var
from textual.timer import Timer
from typing_extensions import override

from c2jy_bridge.core.events import BridgeRequestChanged, Event
from c2jy_bridge.core.safety import visible
from c2jy_tui.controllers.bridge_mode import BridgeMode
from c2jy_tui.formatting import Clock
from c2jy_tui.labels import source_label
from c2jy_tui.panes.bridge import labels
from c2jy_tui.panes.bridge.labels import say
from c2jy_tui.panes.bridge.record import RequestRecord, StateHistory
from c2jy_tui.widgets.bindings import binding
from c2jy_tui.widgets.list_pane import ListPane
from c2jy_tui.widgets.row_list import Row, RowList

if TYPE_CHECKING:
    from c2jy_bridge.engine import Engine

    # The screen is imported when it opens.
    from c2jy_tui.screens.request_detail import RequestDetailScreen, RequestIntent

DEBOUNCE_S: Final = 0.1
"""Seconds in which changes of requests are collected before the list is read again."""
TICK_S: Final = 0.5
"""Seconds between two redraws of running times while a request is open."""


class BridgePane(ListPane):
    """Bridge requests as rows, newest first, and the detail of the one under the cursor."""

    HELP = "bridge_pane:help"
    BINDINGS: ClassVar[list[BindingType]] = [
        binding("bridge_pane", "requests.retry", "r", "retry"),
        binding("bridge_pane", "requests.cancel", "X", "cancel"),
        binding("bridge_pane", "requests.machines", "m", "machines"),
        binding("bridge_pane", "requests.copy_command", "c", "copy_command"),
        binding("bridge_pane", "requests.copy_result", "y", "copy_result"),
        binding("bridge_pane", "requests.filter", "slash", "filter"),
        binding("bridge_pane", "requests.unfilter", "escape", "unfilter", show=False),
    ]

    mode: var[BridgeMode] = var(BridgeMode, init=False)
    """Bridge mode, shown in the line below the list and in an empty list."""

    @dataclass
    class CallRequested(Message):
        """The user wants to see the tool call of a request in the inspector."""

        call_id: str

    def __init__(self, *, clock: Clock, mode: BridgeMode, id: str | None = None) -> None:
        """Assign `mode` anew when it changes."""
        super().__init__(labels.COLUMNS, say, clock=clock, id=id)
        self.set_reactive(BridgePane.mode, mode)
        self._history = StateHistory()
        self._all: Sequence[RequestRecord] = ()
        self._shown: Sequence[RequestRecord] = ()
        self._request_id = ""
        self._moved_by_user = False
        self._to_reveal = ""
        """A request to put the cursor on once it is listed."""
        self._demo = False
        self._engine: Engine | None = None
        self._debounce: Timer | None = None
        self._detail: RequestDetailScreen | None = None

    def on_mount(self) -> None:
        self._ticker = self.set_interval(TICK_S, self.tick, pause=True)
        self._relist()

    @property
    def current(self) -> RequestRecord | None:
        """The request under the cursor."""
        return self._get(self._request_id)

    def _get(self, request_id: str) -> RequestRecord | None:
        """One request, if it is in the list."""
        return next((record for record in self._all if record.view.request_id == request_id), None)

    def show(self, event: Event) -> None:
        """Apply one event; those that are not about a request change nothing."""
        if not isinstance(event, BridgeRequestChanged):
            return
        self._history.add(event)
        if self._debounce is None:
            self._debounce = self.set_timer(DEBOUNCE_S, self._debounced)

    async def load(self, engine: Engine) -> None:
        """Fill from the engine, and keep it for the actions."""
        self._engine = engine
        self._demo = engine.connection.demo
        await self._read()

    def _debounced(self) -> None:
        self._debounce = None
        self._read_again()

    @work(group="requests-read", exclusive=True, exit_on_error=False)
    async def _read_again(self) -> None:
        try:
            await self._read()
        except Exception as error:
            self.notify_error("read.failed", error)

    async def _read(self) -> None:
        if self._engine is None:
            return
        views = await self._engine.bridge_requests()
        # While bridge mode is off the engine returns none; those listed stay.
        if views or self.mode.view.on:
            self._history.retain({view.request_id for view in views})
            self._all = [self._history.record(view) for view in views]
            self._relist()
        if self._detail is not None and (now := self._get(self._detail.record.view.request_id)):
            self._detail.record = now

    def watch_mode(self, before: BridgeMode, after: BridgeMode) -> None:
        """Redraw when it was switched or has a problem; the last activity is shown by the header."""
        if self.is_mounted and before.shown_state != after.shown_state:
            self._relist()

    def reveal(self, request_id: str) -> None:
        """Put the cursor on a request as soon as it is there."""
        self._to_reveal = request_id
        self._relist()

    @override
    def apply_filter(self, text: str) -> None:
        self._relist()

    def tick(self) -> None:
        """Redraw whatever shows a running time."""
        for index in self.rows.visible_rows():
            if index < len(self._shown) and not self._shown[index].ended:
                self.rows.redraw(index)
        if self._detail is not None:
            self._detail.tick()

    def _relist(self) -> None:
        wanted = self.filter_text.casefold().split()
        self._shown = [record for record in self._all if _matches(record, wanted)]
        ids = [record.view.request_id for record in self._shown]
        cursor: int | None = 0
        if self._to_reveal in ids:
            self._request_id, self._moved_by_user, self._to_reveal = self._to_reveal, True, ""
        if self._moved_by_user:
            cursor = ids.index(self._request_id) if self._request_id in ids else None
        self.rows.hint = labels.empty(self.mode, demo=self._demo, filter_text=self.filter_text)
        self.rows.reset(len(ids), cursor)
        self._describe_cursor()
        if any(not record.ended for record in self._all):
            self._ticker.resume()
        else:
            self._ticker.pause()

    def _describe_cursor(self) -> None:
        """Describe the row under the cursor, and all rows together."""
        at = self.rows.cursor
        record = self._shown[at] if at < len(self._shown) else None
        self._request_id = record.view.request_id if record else ""
        still_open = sum(not one.ended for one in self._all)
        total, shown = len(self._all), len(self._shown)
        self.describe(
            labels.about(record) if record else "",
            labels.state(total, shown, still_open, self.mode, filter_text=self.filter_text),
            (record and record.view.state, self.filter_text, self.mode.http_address, self.mode.view.on),
        )

    @override
    def row(self, index: int) -> Row:
        return labels.row(self._shown[index], self._clock())

    @on(RowList.Moved)
    def _moved(self, event: RowList.Moved) -> None:
        event.stop()
        if event.by_user:
            self._moved_by_user, self._to_reveal = True, ""
        self._describe_cursor()

    # --- actions ------------------------------------------------------------------------------------

    @override
    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        record = self.current
        match action:
            case "retry" | "cancel":
                return record is not None and self._possible(action, record)
            case "machines":
                return bool(self.mode.view.machine)
            case "copy_command":
                if not self.mode.http_address:
                    return False
                return record.repeatable if record is not None else not self.rows.count
            case "copy_result":
                return record is not None and bool(record.view.result)
            case _:
                return super().check_action(action, parameters)

    def _possible(self, intent: str, record: RequestRecord) -> bool:
        if not self.mode.view.on:
            return False
        # A chat that a workflow had begun ended with it and cannot be retried.
        return record.ended and record.repeatable if intent == "retry" else not record.ended

    @on(RowList.Opened)
    def _open(self, event: RowList.Opened) -> None:
        event.stop()
        if (record := self.current) is None:
            return
        from c2jy_tui.screens.request_detail import RequestDetailScreen

        request_id = record.view.request_id

        def closed(intent: RequestIntent | None) -> None:
            self._detail = None
            if intent is not None:
                self._do(intent, request_id)

        self._detail = RequestDetailScreen(
            record, address=self.mode.http_address, possible=self._possible, clock=self._clock
        )
        self.app.push_screen(self._detail, closed)

    def _do(self, intent: RequestIntent, request_id: str) -> None:
        match intent:
            case "retry":
                self._retry(request_id)
            case "cancel":
                self._cancel(request_id)
            case "call":
                if (record := self._get(request_id)) is not None:
                    self.post_message(self.CallRequested(record.view.call_id))

    def action_retry(self) -> None:
        if record := self.current:
            self._retry(record.view.request_id)

    def action_cancel(self) -> None:
        if record := self.current:
            self._cancel(record.view.request_id)

    @work(group="requests", exit_on_error=False)
    async def action_machines(self) -> None:
        """Show the studio's machines; the request under the cursor can be sent to one of them."""
        if (engine := self._engine) is None:
            return
        try:
            machines = await engine.machines()
        except Exception as error:
            self.notify_error("machines.failed", error)
            return
        from c2jy_tui.screens.machines import MachinesScreen

        record, request = self.current, ""
        if record is not None and record.repeatable and record.view.state != "running":
            request = f"{labels.tool(record)} ({labels.state_word(record.view.state)})"
        screen = MachinesScreen(
            machines,
            here=self.mode.view.machine,
            request=request,
            read=engine.machines,
            drain=engine.drain_machine,
            clock=self._clock,
        )
        machine = await self.app.push_screen_wait(screen)
        if machine and record is not None:
            await self._send(engine, record.view.request_id, machine)

    async def _send(self, engine: Engine, request_id: str, machine: str) -> None:
        try:
            sent = await engine.send_request(request_id, machine)
        except Exception as error:
            self.notify_error("send.failed", error)
            return
        if not sent:
            self.notify_text("send.too_late", "warning")
            return
        self.reveal(sent)
        self._read_again()
        self.notify_text("send.done", machine=machine)

    @work(group="requests", exit_on_error=False)
    async def _retry(self, request_id: str) -> None:
        if self._engine is None:
            return
        try:
            again = await self._engine.retry_request(request_id)
        except Exception as error:
            self.notify_error("retry.failed", error)
            return
        if not again:
            self.notify_text("gone", "warning")
            return
        self.reveal(again)
        self._read_again()
        self.notify_text("retry.started")

    @work(group="requests", exit_on_error=False)
    async def _cancel(self, request_id: str) -> None:
        if self._engine is None:
            return
        try:
            known = await self._engine.cancel_request(request_id)
        except Exception as error:
            self.notify_error("cancel.failed", error)
            return
        if known:
            self.notify_text("cancel.asked")
        else:
            self.notify_text("gone", "warning")

    def action_copy_command(self) -> None:
        """Copy the request under the cursor as a command line; a first one while there is none."""
        address = self.mode.http_address
        if (record := self.current) is not None:
            command = labels.curl_command(address, record.view.tool, record.view.arguments)
        else:
            command = labels.first_curl_command(address)
        self.app.copy_to_clipboard(command)

    def action_copy_result(self) -> None:
        if record := self.current:
            self.app.copy_to_clipboard(visible(record.view.result))


def _matches(record: RequestRecord, wanted: Sequence[str]) -> bool:
    view = record.view
    problem = labels.problem_line(view.problem) if view.problem else ""
    named = (labels.tool(record), source_label(view.source), labels.state_word(view.state), view.request_id)
    known = (
        view.tool,
        view.source,
        view.state,
        view.requester,
        view.machine,
        *(chat.chat_id for chat in view.chats),
    )
    text = "\n".join((*named, *known, view.arguments, view.result, problem)).casefold()
    return all(word in text for word in wanted)
