"""Lists the drafts in the trash, to restore them or delete them for good."""

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

from c2jy_bridge.core.draft_views import TrashedView
from c2jy_bridge.core.i18n import byte_size
from c2jy_bridge.core.safety import one_line
from c2jy_tui.formatting import Clock
from c2jy_tui.panes.drafts import labels
from c2jy_tui.panes.drafts.labels import say
from c2jy_tui.widgets.bindings import BaseDialog, binding
from c2jy_tui.widgets.key_bar import KeyBar
from c2jy_tui.widgets.row_list import Cell, Column, Row, RowList

COLUMNS: Final = (
    Column("name", 14, grow=True),
    Column("length", 7, right=True, priority=60),
    Column("size", 8, right=True, priority=80),
    Column("media", 13, grow=True, max_width=20, priority=70),
    Column("trashed", 8, grow=True, max_width=14, right=True, priority=90),
)


class TrashRows(RowList):
    """Rows of drafts; opening a row restores its draft."""

    BINDINGS: ClassVar[list[BindingType]] = [binding("drafts_pane", "trash.restore", "enter,U", "open")]


Act = Callable[[str, str], Awaitable[None]]
"""An action on a ticket and the draft's name; returns its result as text."""


class TrashScreen(BaseDialog[None]):
    """Drafts in the trash, newest first; it is never emptied automatically."""

    CSS_PATH = "trash.tcss"
    HELP = "drafts_pane:help.trash"
    BINDINGS: ClassVar[list[BindingType]] = [
        binding("drafts_pane", "trash.delete", "delete", "delete"),
        binding("drafts_pane", "trash.back", "q", "back", show=False),
    ]

    def __init__(
        self,
        entries: Sequence[TrashedView],
        *,
        drafts_root: str,
        read: Callable[[], Awaitable[Sequence[TrashedView]]],
        restore: Act,
        delete: Act,
        clock: Clock,
    ) -> None:
        """`entries` are newest first; `read` reads the trash again; drafts come back to `drafts_root`."""
        super().__init__()
        self._entries = entries
        self._drafts_root = drafts_root
        self._read = read
        self._restore = restore
        self._delete = delete
        self._clock = clock
        self._rows = TrashRows(COLUMNS, self._row, lambda name: say(f"column.{name}"))

    @override
    def compose(self) -> ComposeResult:
        with Vertical(id="dialog") as dialog:
            dialog.border_title = say("trash.title")
            yield self._rows
            yield Static(id="about")
            yield Static(id="all")
            yield KeyBar(compact=True, show_command_palette=False)

    def on_mount(self) -> None:
        self._rows.hint = say("trash.empty")
        self._list()
        self._rows.focus()

    @property
    def current(self) -> TrashedView | None:
        """The draft under the cursor."""
        at = self._rows.cursor
        return self._entries[at] if at < len(self._entries) else None

    def _list(self) -> None:
        self._rows.reset(len(self._entries))
        size = sum(entry.draft.size_bytes for entry in self._entries)
        count = len(self._entries)
        self.query_one("#all", Static).update(
            Content(say("trash.all", count=count, size=byte_size(size)) if count else "")
        )
        self._about()
        self.refresh_bindings()

    def _about(self) -> None:
        entry = self.current
        lines: list[str] = []
        if entry is not None:
            root = one_line(entry.root)
            here = entry.root == self._drafts_root
            lines.append(
                say("trash.from", root=root)
                if here
                else say("trash.from_elsewhere", root=root, here=one_line(self._drafts_root))
            )
            if not entry.draft.ours:
                lines.append(say("trash.not_ours"))
        self.query_one("#about", Static).update(Content("\n".join(lines)))

    def _row(self, index: int) -> Row:
        entry = self._entries[index]
        cells = labels.row(entry.draft, self._clock(), new=False)
        since = labels.age(entry.trashed_at, self._clock())
        return {**cells, "trashed": Cell((since,), "muted")}

    @override
    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        if action == "delete":
            return self.current is not None and self.current.draft.ours
        return True

    @on(RowList.Moved)
    def _moved(self, event: RowList.Moved) -> None:
        event.stop()
        self._about()
        self.refresh_bindings()

    @on(RowList.Opened)
    def _opened(self, event: RowList.Opened) -> None:
        event.stop()
        if (entry := self.current) is not None:
            self._act(self._restore, entry)

    def action_delete(self) -> None:
        if (entry := self.current) is None:
            return
        from c2jy_tui.screens.dialogs import ConfirmScreen

        def answered(yes: bool | None) -> None:
            if yes:
                self._act(self._delete, entry)

        name = one_line(entry.draft.name)
        self.app.push_screen(ConfirmScreen(say("delete.title"), say("delete.sure", name=name)), answered)

    @work(group="trash", exit_on_error=False)
    async def _act(self, act: Act, entry: TrashedView) -> None:
        await act(entry.ticket, entry.draft.name)
        self._entries = await self._read()
        self._list()
