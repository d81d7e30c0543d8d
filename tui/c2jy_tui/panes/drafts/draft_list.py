"""The list half of the drafts pane: drafts as rows, sorted, filtered, the new ones marked."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final

from textual import on
from textual.events import Resize

from c2jy_bridge.core.events import Issue
from c2jy_bridge.core.views import DraftView
from c2jy_tui.panes.drafts import labels, order
from c2jy_tui.panes.drafts.labels import say
from c2jy_tui.widgets.columns import Row
from c2jy_tui.widgets.list_pane import ListPane
from c2jy_tui.widgets.row_list import RowList

AGING_S: Final = 30.0
"""Seconds between two looks at the clock, whose smallest step in the list is a minute."""


class DraftList(ListPane):
    """Drafts as rows; it draws and remembers, and does nothing to a draft."""

    def __init__(
        self, clock: Callable[[], float], *, id: str | None = None, classes: str | None = None
    ) -> None:
        rows = RowList(labels.COLUMNS, self._row, lambda name: say(f"column.{name}"))
        super().__init__(rows, say("filter.hint"), id=id, classes=classes)
        self.now = clock
        self.new: set[str] = set()
        """Names of the drafts that were written since the app began and not opened yet."""
        self.written: dict[str, Sequence[Issue]] = {}
        """By name, what the writing of a draft could not do as asked."""
        self.checked: dict[str, Sequence[Issue]] = {}
        """By name, what a check found since the draft last changed."""
        self.packed: dict[str, str] = {}
        """By name, the zip that a draft was packed into last."""
        self.doing = ""
        """What goes on with a draft, said instead of what all drafts are."""
        self._order = "newest"
        self._all: Sequence[DraftView] = ()
        self._shown: list[DraftView] = []
        self._name = ""
        self._moved_by_hand = False

    def on_mount(self) -> None:
        """Title, hint and the first lines."""
        self.border_title = say("title")
        self.set_interval(AGING_S, self.rows.refresh)
        self.relist()

    @property
    def current(self) -> DraftView | None:
        """The draft under the cursor."""
        return next((view for view in self._shown if view.name == self._name), None)

    def fill(self, drafts: Sequence[DraftView]) -> None:
        """The folder as it is now."""
        self._all = drafts
        names = {view.name for view in drafts}
        self.new &= names
        for remembered in (self.written, self.checked, self.packed):
            for name in remembered.keys() - names:
                remembered.pop(name)
        self.relist()

    def reveal(self, name: str) -> None:
        """Put the cursor on a draft, taking the filter away when it hides the draft."""
        if all(view.name != name for view in self._shown):
            self.action_unfilter()
        self._name, self._moved_by_hand = name, True
        self.relist()

    def apply_filter(self, text: str) -> None:
        """Show only the drafts that the filter's words ask for."""
        self.relist()

    def sort_on(self) -> None:
        """Take the next order."""
        self._order = order.following(self._order)
        self.relist()

    def relist(self) -> None:
        """Sort, filter and draw; the cursor stays on its draft, or on the first until somebody moves it."""
        self._shown = order.arranged(self._all, self._order, self.filter_text)
        names = [view.name for view in self._shown]
        cursor = names.index(self._name) if self._name in names else None
        if not self._moved_by_hand:
            cursor = 0
        self.rows.hint = say("empty.filter") if self.filter_text else say("empty")
        self.rows.reset(len(names), cursor)
        self._at_cursor()

    def say_doing(self, line: str) -> None:
        """Say what goes on; nothing when it has ended."""
        self.doing = line
        self._at_cursor()

    def on_resize(self, event: Resize) -> None:
        """A path shows as much as there is room for."""
        super().on_resize(event)
        self._at_cursor()

    def _at_cursor(self) -> None:
        """Say what the row under the cursor is, and what all rows together are."""
        at = self.rows.cursor
        view = self._shown[at] if at < len(self._shown) else None
        self._name = view.name if view else ""
        about = ""
        if view is not None:
            name = view.name
            noted = self.checked.get(name), self.written.get(name, ()), self.packed.get(name, "")
            about = labels.about(view, *noted, max(0, self.content_size.width - 2))
        total, shown = len(self._all), len(self._shown)
        state = labels.state(total, shown, len(self.new), order=self._order, filter_text=self.filter_text)
        self.describe(about, self.doing or state, (view is None, self.filter_text, bool(self.doing)))

    def _row(self, index: int) -> Row:
        view = self._shown[index]
        return labels.row(view, self.now(), new=view.name in self.new)

    @on(RowList.Moved)
    def _moved(self, event: RowList.Moved) -> None:
        event.stop()
        self._moved_by_hand |= event.by_hand
        self._at_cursor()
