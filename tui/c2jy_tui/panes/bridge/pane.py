"""The requests pane: the list of bridge requests, and the keys for the one under the cursor."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, Final

from textual import on, work
from textual.binding import BindingType
from textual.message import Message
from textual.notifications import SeverityLevel
from textual.timer import Timer
from typing_extensions import override

from c2jy_bridge.core.events import BridgeRequestChanged, Event
from c2jy_bridge.core.ports import EnginePort
from c2jy_bridge.core.safety import visible
from c2jy_tui.controllers.bridge_mode import BridgeMode
from c2jy_tui.panes.bridge import curl
from c2jy_tui.panes.bridge.labels import say
from c2jy_tui.panes.bridge.record import RequestRecord
from c2jy_tui.panes.bridge.request_list import RequestList
from c2jy_tui.widgets.bindings import binding
from c2jy_tui.widgets.row_list import RowList

if TYPE_CHECKING:
    # The screen is imported when it opens.
    from c2jy_tui.screens.request_detail import RequestDetailScreen, RequestIntent

SETTLE_S: Final = 0.1
"""Seconds in which changes of requests are collected before the list is read again."""


class BridgePane(RequestList):
    """The live list of bridge requests and the detail of the one under the cursor."""

    HELP = "bridge_pane:help"
    BINDINGS: ClassVar[list[BindingType]] = [
        binding("bridge_pane", "requests.retry", "t", "retry"),
        binding("bridge_pane", "requests.cancel", "x", "cancel"),
        binding("bridge_pane", "requests.copy_command", "c", "copy_command"),
        binding("bridge_pane", "requests.copy_result", "y", "copy_result"),
        binding("bridge_pane", "requests.filter", "slash", "filter"),
        binding("bridge_pane", "requests.unfilter", "escape", "unfilter", show=False),
    ]

    @dataclass
    class CallRequested(Message):
        """The maker wants to see the tool call of a request in the inspector."""

        call_id: str

    def __init__(
        self,
        *,
        clock: Callable[[], float],
        mode: BridgeMode,
        id: str | None = None,
        classes: str | None = None,
    ) -> None:
        """An empty list.

        Args:
            clock: Unix seconds; the same clock as the engine's.
            mode: Bridge mode now; assign `mode` anew when it changes.
            id: The widget's id.
            classes: The widget's classes.
        """
        super().__init__(clock, mode, id=id, classes=classes)
        self._engine: EnginePort | None = None
        self._settling: Timer | None = None
        self._detail: RequestDetailScreen | None = None

    def show(self, event: Event) -> None:
        """Take in one event; those that are not about a request change nothing."""
        if not isinstance(event, BridgeRequestChanged):
            return
        self.seen.take(event)
        if self._settling is None:
            self._settling = self.set_timer(SETTLE_S, self._settled)

    async def load(self, engine: EnginePort) -> None:
        """Fill from the engine and keep it for what the maker asks of it."""
        self._engine = engine
        self.demo = engine.connection.demo
        await self._read()

    def _settled(self) -> None:
        self._settling = None
        self._read_again()

    @work(group="requests-read", exclusive=True, exit_on_error=False)
    async def _read_again(self) -> None:
        try:
            await self._read()
        except Exception as error:
            self._failed("read.failed", error)

    async def _read(self) -> None:
        if self._engine is None:
            return
        views = await self._engine.bridge_requests()
        # While bridge mode is off there are none to be had; what was seen of them stays.
        if views or self.mode.view.on:
            self.fill(views)
        if self._detail is not None and (now := self.get(self._detail.record.view.request_id)):
            self._detail.record = now

    def tick(self) -> None:
        """Draw anew what shows a running time."""
        super().tick()
        if self._detail is not None:
            self._detail.tick()

    # --- what the maker asks for --------------------------------------------------------------------

    @override
    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        record = self.current
        match action:
            case "retry" | "cancel":
                return record is not None and self._possible(action, record)
            case "copy_command":
                if not self.mode.http_address:
                    return False
                return record.repeatable if record is not None else not self.rows.count
            case "copy_result":
                return record is not None and bool(record.view.result)
            case "unfilter":
                return bool(self.filter_text)
            case _:
                return True

    def _possible(self, intent: str, record: RequestRecord) -> bool:
        if not self.mode.view.on:
            return False
        # A chat that a workflow had begun has ended with it and cannot be had again.
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
            record, address=self.mode.http_address, possible=self._possible, clock=self.now
        )
        self.app.push_screen(self._detail, closed)

    def _do(self, intent: RequestIntent, request_id: str) -> None:
        match intent:
            case "retry":
                self._retry(request_id)
            case "cancel":
                self._cancel(request_id)
            case "call":
                if (record := self.get(request_id)) is not None:
                    self.post_message(self.CallRequested(record.view.call_id))

    def action_retry(self) -> None:
        """Ask for the same thing again."""
        if record := self.current:
            self._retry(record.view.request_id)

    def action_cancel(self) -> None:
        """End the open request under the cursor."""
        if record := self.current:
            self._cancel(record.view.request_id)

    @work(group="requests", exit_on_error=False)
    async def _retry(self, request_id: str) -> None:
        if self._engine is None:
            return
        try:
            again = await self._engine.retry_request(request_id)
        except Exception as error:
            self._failed("retry.failed", error)
            return
        if not again:
            self._tell("gone", "warning")
            return
        self.reveal(again)
        self._read_again()
        self._tell("retry.started")

    @work(group="requests", exit_on_error=False)
    async def _cancel(self, request_id: str) -> None:
        if self._engine is None:
            return
        try:
            known = await self._engine.cancel_request(request_id)
        except Exception as error:
            self._failed("cancel.failed", error)
            return
        if known:
            self._tell("cancel.asked")
        else:
            self._tell("gone", "warning")

    def action_copy_command(self) -> None:
        """Copy the request under the cursor as a command line; a first one while there is none."""
        address = self.mode.http_address
        if (record := self.current) is not None:
            command = curl.command_line(address, record.view.tool, record.view.arguments)
        else:
            command = curl.first_request(address)
        self.app.copy_to_clipboard(command)

    def action_copy_result(self) -> None:
        """Copy the result of the request under the cursor."""
        if record := self.current:
            self.app.copy_to_clipboard(visible(record.view.result))

    def _failed(self, key: str, error: Exception) -> None:
        """Whatever the engine could not do, the maker reads it."""
        self._tell(key, "error", error=visible(str(error) or type(error).__name__))

    def _tell(self, key: str, severity: SeverityLevel = "information", **values: object) -> None:
        self.notify(say(key, **values), severity=severity, markup=False)
