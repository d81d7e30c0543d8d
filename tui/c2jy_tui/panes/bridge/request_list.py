"""The list half of the requests pane: requests as rows, newest first, live; filtering."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final

from textual import on
from textual.reactive import var

from c2jy_bridge.core.views import RequestView
from c2jy_tui.controllers.bridge_mode import BridgeMode
from c2jy_tui.panes.bridge import labels
from c2jy_tui.panes.bridge.labels import say
from c2jy_tui.panes.bridge.record import RequestRecord, Seen
from c2jy_tui.widgets.columns import Row
from c2jy_tui.widgets.list_pane import ListPane
from c2jy_tui.widgets.row_list import RowList

TICK_S: Final = 0.5
"""Seconds between two looks at the clock while a request is open."""


class RequestList(ListPane):
    """Requests as rows; it draws and remembers, and does nothing to a request."""

    mode: var[BridgeMode] = var(BridgeMode, init=False)
    """Bridge mode, as the line below and an empty list speak of it."""

    def __init__(
        self,
        clock: Callable[[], float],
        mode: BridgeMode,
        *,
        id: str | None = None,
        classes: str | None = None,
    ) -> None:
        rows = RowList(labels.COLUMNS, self._row, lambda name: say(f"column.{name}"))
        super().__init__(rows, say("filter.hint"), id=id, classes=classes)
        self.now = clock
        self.seen = Seen()
        self.demo = False
        self.set_reactive(RequestList.mode, mode)
        self._all: Sequence[RequestRecord] = ()
        self._shown: Sequence[RequestRecord] = ()
        self._request_id = ""
        self._moved_by_hand = False
        self._awaited = ""
        """A request to go to that is not listed yet."""

    def on_mount(self) -> None:
        """Title, hint and the first lines."""
        self.border_title = say("title")
        self._ticker = self.set_interval(TICK_S, self.tick, pause=True)
        self._relist()

    @property
    def current(self) -> RequestRecord | None:
        """The request under the cursor."""
        return self.get(self._request_id)

    def get(self, request_id: str) -> RequestRecord | None:
        """One request, while it is held."""
        return next((record for record in self._all if record.view.request_id == request_id), None)

    def watch_mode(self, before: BridgeMode, after: BridgeMode) -> None:
        """Switched, or something is wrong now; signs of life alone are the header's."""
        if self.is_mounted and before.known != after.known:
            self._relist()

    def fill(self, views: Sequence[RequestView]) -> None:
        """The newest requests as they are now, newest first."""
        self.seen.keep({view.request_id for view in views})
        self._all = [self.seen.record(view) for view in views]
        self._relist()

    def reveal(self, request_id: str) -> None:
        """Put the cursor on a request as soon as it is there."""
        self._awaited = request_id
        self._relist()

    def apply_filter(self, text: str) -> None:
        """Show only the requests in which all the filter's words are."""
        self._relist()

    def tick(self) -> None:
        """Draw the rows anew whose time runs."""
        for index in self.rows.seen():
            if index < len(self._shown) and not self._shown[index].ended:
                self.rows.redraw(index)

    def _relist(self) -> None:
        wanted = self.filter_text.casefold().split()
        self._shown = [record for record in self._all if _has(record, wanted)]
        ids = [record.view.request_id for record in self._shown]
        cursor: int | None = 0
        if self._awaited in ids:
            self._request_id, self._moved_by_hand, self._awaited = self._awaited, True, ""
        if self._moved_by_hand:
            cursor = ids.index(self._request_id) if self._request_id in ids else None
        self.rows.hint = labels.empty(self.mode, demo=self.demo, filter_text=self.filter_text)
        self.rows.reset(len(ids), cursor)
        self._at_cursor()
        if any(not record.ended for record in self._all):
            self._ticker.resume()
        else:
            self._ticker.pause()

    def _at_cursor(self) -> None:
        """Say what the row under the cursor is, and what all rows together are."""
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

    def _row(self, index: int) -> Row:
        return labels.row(self._shown[index], self.now())

    @on(RowList.Moved)
    def _moved(self, event: RowList.Moved) -> None:
        event.stop()
        if event.by_hand:
            self._moved_by_hand, self._awaited = True, ""
        self._at_cursor()


def _has(record: RequestRecord, wanted: Sequence[str]) -> bool:
    view = record.view
    problem = labels.problem_line(view.problem) if view.problem else ""
    named = (labels.tool(record), labels.source(view.source), labels.state_word(view.state), view.request_id)
    known = (view.tool, view.source, view.state, view.requester, *view.chat_ids)
    text = "\n".join((*named, *known, view.arguments, view.result, problem)).casefold()
    return all(word in text for word in wanted)
