"""The list half of the inspector: calls as rows, live; following, filtering, marking."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final

from textual import on
from textual.reactive import var

from c2jy_bridge.core.events import Event
from c2jy_bridge.core.views import CallView
from c2jy_tui.panes.inspector import labels, query
from c2jy_tui.panes.inspector.labels import say
from c2jy_tui.panes.inspector.record import CallRecord
from c2jy_tui.panes.inspector.store import CallStore, everything
from c2jy_tui.widgets.columns import Row
from c2jy_tui.widgets.list_pane import ListPane
from c2jy_tui.widgets.row_list import RowList

TICK_S: Final = 0.5
"""Seconds between two looks at the clock while a call runs or waits."""


class CallList(ListPane):
    """Calls as rows, newest last; it draws and remembers, and does nothing to a call."""

    following: var[bool] = var(True, toggle_class="-following")
    """Whether the cursor goes to each new call."""

    def __init__(
        self, clock: Callable[[], float], *, id: str | None = None, classes: str | None = None
    ) -> None:
        rows = RowList(labels.COLUMNS, self._row, lambda name: say(f"column.{name}"))
        super().__init__(rows, say("filter.hint"), id=id, classes=classes)
        self.now = clock
        self.store = CallStore()
        self.marked: list[str] = []
        self.current_id = ""
        self._due = False

    def on_mount(self) -> None:
        """Title, hint and the first lines."""
        self.border_title = say("title")
        self._ticker = self.set_interval(TICK_S, self.tick, pause=True)
        self._relist()

    @property
    def current(self) -> CallRecord | None:
        """The call under the cursor."""
        return self.store.get(self.current_id)

    def take(self, event: Event) -> Sequence[str]:
        """Take in one event; returns the ids of the calls that it changed."""
        changed = self.store.take(event)
        if changed:
            self._soon()
        return changed

    def fill(self, calls: Sequence[CallView]) -> None:
        """Take in what the journal has."""
        self.store.fill(calls)
        self._soon()

    def sift(self, text: str) -> None:
        """Show only the calls that the filter's words ask for."""
        self.store.only(query.parse(text))
        self._relist()

    def follow(self, newest: bool) -> None:
        """Go with each new call, or stay where the cursor is."""
        self.following = newest
        self._relist()

    def reveal(self, call_id: str) -> None:
        """Put the cursor on a call, taking the filter away when it hides the call."""
        if self.store.get(call_id) is None:
            return
        if call_id not in self.store.shown:
            self.action_unfilter()
            self.store.only(everything)
        self.current_id = call_id
        self.follow(False)

    def toggle_mark(self) -> None:
        """Mark the call under the cursor or take its mark away; the last two marks count."""
        if self.current_id in self.marked:
            self.marked.remove(self.current_id)
        else:
            self.marked = [*self.marked, self.current_id][-2:]
        self.rows.refresh()
        self.refresh_bindings()

    def tick(self) -> None:
        """Draw the rows anew whose time runs."""
        shown = self.store.shown
        for index in self.rows.seen():
            if index < len(shown) and not self.store[shown[index]].ended:
                self.rows.redraw(index)

    def _soon(self) -> None:
        """Draw once for all events that came together."""
        if not self._due and self.is_attached:
            self._due = True
            self.call_later(self._relist)

    def _relist(self) -> None:
        self._due = False
        shown = self.store.shown
        if self.following:
            cursor: int | None = len(shown) - 1
        else:
            cursor = shown.index(self.current_id) if self.current_id in shown else None
        self.rows.hint = say("empty.filter") if self.sifting else say("empty")
        self.rows.reset(len(shown), cursor)
        self._at_cursor()
        if any(not record.ended for record in self.store):
            self._ticker.resume()
        else:
            self._ticker.pause()

    def _at_cursor(self) -> None:
        """Say what the row under the cursor is, and what all rows together are."""
        shown = self.store.shown
        self.current_id = shown[self.rows.cursor] if self.rows.cursor < len(shown) else ""
        record = self.current
        statuses = [r.status for r in self.store]
        self.say_about(
            labels.about(record) if record else "",
            labels.state(
                len(statuses),
                len(shown),
                statuses.count("running"),
                statuses.count("waiting"),
                following=self.following,
                sifting=self.sifting,
                forgotten=self.store.forgotten,
            ),
            (self.current_id, record.status if record else "", bool(shown), self.sifting),
        )

    def _row(self, index: int) -> Row:
        record = self.store[self.store.shown[index]]
        return labels.row(record, self.now(), marked=record.call.call_id in self.marked)

    @on(RowList.Moved)
    def _moved(self, event: RowList.Moved) -> None:
        event.stop()
        if event.by_hand:
            self.following = event.to_end
        self._at_cursor()
