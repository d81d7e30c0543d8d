"""The panes and how they share the screen: side by side, stacked, or one at a time.

The panes never move in the tree: classes of the screen (`-wide`, `-normal`, `-narrow`) and some of the
workspace's own (which pane is in front) are all that changes, and app.tcss does the rest. The bridge's pane
comes in when it is first wanted; on a wide screen it shares the place of the drafts from then on.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Literal, get_args

from textual import events
from textual.app import ComposeResult
from textual.containers import Horizontal, Vertical
from textual.content import Content
from textual.message import Message
from textual.reactive import var
from textual.widget import Widget
from textual.widgets import Static

from c2jy_tui.labels import say

PaneName = Literal["chat", "inspector", "drafts", "bridge"]
PANES: Final[tuple[PaneName, ...]] = get_args(PaneName)
BREAKPOINTS: Final = [(0, "-narrow"), (80, "-normal"), (120, "-wide")]
"""Columns from which a layout begins (design.md 7)."""


def layout_for(columns: int) -> str:
    """The class of the layout for a screen of so many columns."""
    return next(name for least, name in reversed(BREAKPOINTS) if columns >= least)


class PaneTab(Static):
    """The name of one pane, with the key that leads to it."""

    def __init__(self, pane: PaneName) -> None:
        super().__init__(classes=pane, markup=False)
        self.pane = pane

    def on_mount(self) -> None:
        """Name the key that the settings may have changed."""
        bindings = [active.binding for active in self.screen.active_bindings.values()]
        keys = [self.app.get_key_display(b) for b in bindings if b.action == f"go('{self.pane}')"]
        self.update(Content.assemble((" ".join([*keys, ""]), "dim"), say(f"pane.{self.pane}")))


class PaneTabs(Horizontal):
    """A row of pane names; the one in front is marked."""

    @dataclass
    class Chosen(Message):
        """A tab was clicked."""

        pane: PaneName

    def __init__(self, panes: Sequence[PaneName], *, id: str) -> None:
        super().__init__(id=id)
        self._panes = panes

    def compose(self) -> ComposeResult:
        """One tab a pane."""
        for pane in self._panes:
            yield PaneTab(pane)

    def on_click(self, event: events.Click) -> None:
        """Bring the clicked one to the front."""
        if isinstance(event.widget, PaneTab):
            self.post_message(self.Chosen(event.widget.pane))


class Workspace(Vertical):
    """Chat, inspector, drafts, and the bridge's requests."""

    front: var[PaneName] = var("chat")
    """The pane that is seen when there is room for one only."""
    side: var[PaneName] = var("inspector")
    """The pane that is seen beside or below the chat when there is room for two."""
    low: var[PaneName] = var("drafts")
    """The pane that is seen below the inspector when there is room for three."""

    def __init__(self, chat: Widget, inspector: Widget, drafts: Widget) -> None:
        super().__init__()
        self._panes: dict[PaneName, Widget] = {"chat": chat, "inspector": inspector, "drafts": drafts}
        for pane in self._panes.values():
            pane.add_class("pane")
        self.update_classes(self._marks(), update=False)

    @property
    def panes(self) -> Mapping[PaneName, Widget]:
        """The panes that are there, in their order."""
        return self._panes

    def compose(self) -> ComposeResult:
        """Everything once; what is not wanted is not displayed."""
        yield PaneTabs(PANES, id="all-tabs")
        with Vertical(id="panes"):
            yield self._panes["chat"]
            with Vertical(id="side"):
                yield PaneTabs(PANES[1:], id="side-tabs")
                yield self._panes["inspector"]
                yield self._panes["drafts"]

    async def add(self, pane: Literal["bridge"], widget: Widget) -> None:
        """Take in a pane that the screen did not begin with."""
        widget.add_class("pane")
        side = self.query_one("#side")
        await side.mount(PaneTabs(("drafts", pane), id="low-tabs"), before=self._panes["drafts"])
        await side.mount(widget)
        self._panes[pane] = widget
        self.add_class(f"-with-{pane}")

    def go(self, pane: PaneName) -> None:
        """Bring a pane to the front and give it the keys."""
        self._to_front(pane)
        widget = self._panes[pane]
        if pane != "chat":
            widget.focus()

    def on_descendant_focus(self, event: events.DescendantFocus) -> None:
        """Whatever gets the keys must be in view."""
        for name, pane in self._panes.items():
            if pane in event.widget.ancestors_with_self and self.front != name:
                self._to_front(name)

    def _to_front(self, pane: PaneName) -> None:
        self.front = pane
        if pane != "chat":
            self.side = pane
        if pane in ("drafts", "bridge"):
            self.low = pane
        self.update_classes(self._marks())

    def _marks(self) -> dict[str, bool]:
        places = {"front": self.front, "side": self.side, "low": self.low}
        return {f"-{place}-{pane}": pane == there for place, there in places.items() for pane in PANES}
