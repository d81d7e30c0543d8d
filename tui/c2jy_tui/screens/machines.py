"""Lists the machines of the studio: load, last heartbeat, version; drains one, or sends it a request."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import ClassVar, Final

from textual import on, work
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Vertical
from textual.content import Content
from textual.widgets import Static
from typing_extensions import override

from c2jy_bridge.core.i18n import byte_size
from c2jy_bridge.core.safety import one_line
from c2jy_bridge.core.views import WorkerView
from c2jy_tui import formatting
from c2jy_tui.formatting import Clock
from c2jy_tui.panes.bridge.labels import say
from c2jy_tui.widgets.bindings import BaseDialog, binding
from c2jy_tui.widgets.key_bar import KeyBar
from c2jy_tui.widgets.row_list import Cell, Column, Row, RowList

READ_S: Final = 2.0
"""Seconds between two looks at the machines while the list is open."""
COLUMNS: Final = (
    Column("machine", 10, grow=True, priority=95),
    Column("status", 9, grow=True, max_width=14, priority=90),
    Column("load", 6, right=True, priority=80),
    Column("heartbeat", 9, right=True, priority=70),
    Column("labels", 8, grow=True, max_width=20, priority=40),
    Column("free", 9, right=True, priority=50),
    Column("version", 8, priority=30),
)


class MachineRows(RowList):
    """Rows of machines; opening one sends the request to it."""

    BINDINGS: ClassVar[list[BindingType]] = [binding("bridge_pane", "machines.send", "enter", "open")]

    @override
    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        if action == "open":
            return isinstance(self.screen, MachinesScreen) and self.screen.can_send
        return super().check_action(action, parameters)


class MachinesScreen(BaseDialog[str]):
    """The machines that are there, by name; the answer is the one that shall run the request."""

    CSS_PATH = "machines.tcss"
    HELP = "bridge_pane:help.machines"
    BINDINGS: ClassVar[list[BindingType]] = [
        binding("bridge_pane", "machines.drain", "d", "drain"),
        binding("bridge_pane", "machines.back", "q", "back", show=False),
    ]

    def __init__(
        self,
        machines: Sequence[WorkerView],
        *,
        here: str,
        request: str,
        read: Callable[[], Awaitable[Sequence[WorkerView]]],
        drain: Callable[[str, bool], Awaitable[None]],
        clock: Clock,
    ) -> None:
        """What is done is done by the callables.

        Args:
            machines: As they are now.
            here: The name of this one.
            request: The request that can be sent to one, in words; empty when there is none.
            read: Reads the machines again.
            drain: Has a machine take no more requests, or take them again.
            clock: Unix seconds.
        """
        super().__init__()
        self._machines = machines
        self._here = here
        self._request = request
        self._read = read
        self._drain = drain
        self._clock = clock
        self._ordered: dict[str, bool] = {}
        """Orders that their machines have not heard yet."""
        self._rows = MachineRows(COLUMNS, self._row, lambda name: say(f"machines.{name}"))

    @override
    def compose(self) -> ComposeResult:
        with Vertical(id="dialog") as dialog:
            dialog.border_title = say("machines.title")
            yield self._rows
            yield Static(id="about", markup=False)
            yield Static(
                self._request and say("machines.send_what", request=self._request), id="request", markup=False
            )
            yield KeyBar(compact=True, show_command_palette=False)

    def on_mount(self) -> None:
        self._rows.hint = say("machines.none")
        self._list()
        self._rows.focus()
        self.set_interval(READ_S, self._read_again)

    @property
    def current(self) -> WorkerView | None:
        """The machine under the cursor."""
        at = self._rows.cursor
        return self._machines[at] if at < len(self._machines) else None

    @property
    def can_send(self) -> bool:
        """Whether there is a request, and a machine to send it to."""
        return bool(self._request) and self.current is not None

    def _list(self) -> None:
        was = self.current
        names = [machine.name for machine in self._machines]
        self._rows.reset(len(names), names.index(was.name) if was and was.name in names else 0)
        self._about()

    def _about(self) -> None:
        machine = self.current
        lines = []
        if machine is not None:
            if machine.name == self._here:
                lines.append(say("machines.here"))
            if machine.drafts_root:
                lines.append(say("machines.drafts", folder=one_line(machine.drafts_root)))
            if self._draining(machine):
                lines.append(say("machines.draining_means"))
        self.query_one("#about", Static).update(Content("\n".join(lines)))
        self.refresh_bindings()

    def _draining(self, machine: WorkerView) -> bool:
        return self._ordered.get(machine.name, machine.draining)

    def _row(self, index: int) -> Row:
        machine = self._machines[index]
        draining = self._draining(machine)
        silent_s = max(0.0, self._clock() - machine.alive_at)
        return {
            "machine": Cell((one_line(machine.name),)),
            "status": Cell(
                (say("machines.drains" if draining else "machines.takes"),), "warn" if draining else "good"
            ),
            "load": Cell((f"{machine.at_work}/{machine.parallel}",), "busy" if machine.at_work else "muted"),
            "heartbeat": Cell((formatting.elapsed(silent_s),), "warn" if silent_s > 30 else "muted"),
            "labels": Cell((one_line(" ".join(machine.labels)),), "muted"),
            "free": Cell((byte_size(machine.free_bytes),), "muted"),
            "version": Cell((one_line(machine.version),), "muted"),
        }

    @override
    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        return self.current is not None if action == "drain" else True

    @on(RowList.Moved)
    def _moved(self, event: RowList.Moved) -> None:
        event.stop()
        self._about()

    @on(RowList.Opened)
    def _opened(self, event: RowList.Opened) -> None:
        event.stop()
        if self.can_send and (machine := self.current):
            self.dismiss(machine.name)

    @work(group="machines", exclusive=True, exit_on_error=False)
    async def action_drain(self) -> None:
        if (machine := self.current) is None:
            return
        draining = not self._draining(machine)
        try:
            await self._drain(machine.name, draining)
        except Exception as error:
            self.notify(say("machines.failed", error=one_line(str(error))), severity="error", markup=False)
            return
        self._ordered[machine.name] = draining
        self._list()

    @work(group="machines-read", exclusive=True, exit_on_error=False)
    async def _read_again(self) -> None:
        try:
            self._machines = await self._read()
        except Exception as error:
            self.notify(say("machines.failed", error=one_line(str(error))), severity="error", markup=False)
            return
        heard = {machine.name: machine.draining for machine in self._machines}
        self._ordered = {name: order for name, order in self._ordered.items() if heard.get(name) != order}
        self._list()
