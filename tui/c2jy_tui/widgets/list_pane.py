"""Base of the panes that are lists: rows, a line about the current row, a filter, a line about all."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from typing import ClassVar, Self

from textual import on
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Vertical
from textual.content import Content
from textual.events import Resize
from textual.message import Message
from textual.notifications import SeverityLevel
from textual.reactive import var
from textual.widgets import Input, Static
from typing_extensions import override

from c2jy_bridge.core.i18n import Say, catalogue
from c2jy_tui.formatting import Clock, error_reason
from c2jy_tui.labels import LOCALE
from c2jy_tui.widgets.bindings import binding
from c2jy_tui.widgets.row_list import Column, Row, RowList

say = catalogue("rows", LOCALE)


class FilterInput(Input):
    """The one-line filter field below a list; Enter keeps the filter, Esc drops it."""

    DEFAULT_CSS = """
    FilterInput { display: none; }
    FilterInput.-open { display: block; }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        binding("rows", "filter.keep", "enter,down", "keep", priority=False),
        binding("rows", "filter.drop", "escape", "drop"),
    ]

    class Left(Message):
        """The user left the field."""

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(compact=True, id=id, select_on_focus=False)

    def action_keep(self) -> None:
        self.set_class(bool(self.value), "-open")
        self.post_message(self.Left())

    def action_drop(self) -> None:
        self.value = ""
        self.action_keep()


class ListPane(Vertical):
    """A list with two lines and a filter; a subclass supplies the rows, their texts and the filter."""

    DEFAULT_CSS = """
    ListPane {
        & > .list-pane--line { height: 1; padding: 0 1; text-wrap: nowrap; text-overflow: ellipsis; }
        & > .list-pane--about { color: $text-muted; }
        &.-low > .list-pane--about { display: none; }
    }
    """
    BINDINGS: ClassVar[list[BindingType]] = []

    is_loading: var[bool] = var(False, init=False)
    """Whether the items are still being read: too early to call the list empty."""

    def __init__(self, columns: Sequence[Column], texts: Say, *, clock: Clock, id: str | None = None) -> None:
        """`texts` is the subclass's catalogue; `clock` gives Unix seconds, as the engine's does."""
        super().__init__(id=id)
        self.rows = RowList(columns, self.row, lambda name: texts(f"column.{name}"), ruled=self.ruled)
        self._texts = texts
        self._clock = clock
        self._filter = FilterInput()
        self._filter.placeholder = texts("filter.hint")
        self._about = Static(classes="list-pane--line list-pane--about")
        self._state = Static(classes="list-pane--line")
        self._about_all = ""
        self._offer: Hashable = None

    @override
    def compose(self) -> ComposeResult:
        yield self.rows
        yield self._about
        yield self._filter
        yield self._state

    def on_mount(self) -> None:
        self.border_title = self._texts("title")

    def watch_is_loading(self, is_loading: bool) -> None:
        """Show that items are being read, or the line about all rows."""
        self.rows.loading_hint = say("loading") if is_loading else ""
        self._state.update(Content("" if is_loading else self._about_all))

    @override
    def focus(self, scroll_visible: bool = True) -> Self:
        self.rows.focus(scroll_visible)
        return self

    @override
    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        return bool(self.filter_text) if action == "unfilter" else True

    def row(self, index: int) -> Row:
        """The cells of one row."""
        raise NotImplementedError

    def ruled(self, index: int) -> bool:
        """Whether a rule is drawn below a row."""
        return False

    def apply_filter(self, text: str) -> None:
        """Show only the rows that match `text`; all when it is empty."""
        raise NotImplementedError

    @property
    def filter_text(self) -> str:
        """The text of the filter."""
        return self._filter.value.strip()

    def describe(self, about: str, state: str, offer: Hashable) -> None:
        """Set the lines about the current row and about all; a changed `offer` redraws the footer."""
        self._about.update(Content(about))
        self._about_all = state
        self._state.update(Content("" if self.is_loading else state))
        if offer != self._offer:
            self._offer = offer
            self.refresh_bindings()

    def notify_text(self, key: str, severity: SeverityLevel = "information", **values: object) -> None:
        """Show a text of the pane's catalogue as a notice."""
        self.notify(self._texts(key, **values), severity=severity, markup=False)

    def notify_error(self, key: str, error: Exception, **values: object) -> None:
        """Show an error of the engine to the user."""
        self.notify_text(key, "error", error=error_reason(error), **values)

    def action_filter(self) -> None:
        self._filter.add_class("-open")
        self._filter.focus()

    def action_unfilter(self) -> None:
        self._filter.action_drop()

    @on(Input.Changed)
    def _filter_changed(self, event: Input.Changed) -> None:
        event.stop()
        self.apply_filter(self.filter_text)

    @on(FilterInput.Left)
    def _filter_left(self, event: FilterInput.Left) -> None:
        event.stop()
        self.rows.focus()

    def on_resize(self, event: Resize) -> None:
        """Hide the line about the row in a low pane."""
        self.set_class(event.size.height < 9, "-low")
