"""The panes and how they share the screen: side by side, stacked, or one at a time.

The panes never move in the tree; only classes change: of the screen (`-wide`, `-normal`, `-narrow`) and of
the panes that a layout hides; app.tcss does the rest. The bridge's pane is mounted when it is first needed;
on a wide screen it shares the place of the drafts.
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
from typing_extensions import override

from c2jy_tui.labels import say

PaneName = Literal["chat", "inspector", "drafts", "bridge"]
PANES: Final[tuple[PaneName, ...]] = get_args(PaneName)
SHARED: Final = PANES[2:]
"""Panes that share the place below the inspector on a wide screen."""
BREAKPOINTS: Final = [(0, "-narrow"), (80, "-normal"), (120, "-wide")]
"""Columns from which a layout begins."""
SHARES: Final[Mapping[str, int]] = {"chat_width": 60, "chat_height": 67, "calls_height": 50}
"""Percent that a pane has unless the user moves its edge. They are settings of the same names."""
LEAST, MOST, STEP = 25, 75, 5
_SIDE_CELLS: Final = 36
"""Columns that the panes at the right keep."""


def layout_for(columns: int) -> str:
    """The class of the layout for a screen of so many columns."""
    return next(name for least, name in reversed(BREAKPOINTS) if columns >= least)


def share_out(root: Widget, shares: Mapping[str, int], layout: str) -> None:
    """Give the panes below `root` their shares, as far as they differ from what the stylesheet says."""
    sizes: dict[str, dict[str, int]] = {}
    if layout == "-wide":
        width, upper = shares["chat_width"], shares["calls_height"]
        if width != SHARES["chat_width"]:
            sizes |= {"chat": {"width": width}, "side": {"width": 100 - width}}
        if upper != SHARES["calls_height"]:
            sizes |= {"inspector": {"height": upper}} | {name: {"height": 100 - upper} for name in SHARED}
    elif layout == "-normal" and (height := shares["chat_height"]) != SHARES["chat_height"]:
        sizes = {"chat": {"height": height}, "side": {"height": 100 - height}}
    for name in (*PANES, "side"):
        for widget in root.query(f"#{name}"):
            for rule in ("width", "height"):
                if (share := sizes.get(name, {}).get(rule)) is not None:
                    setattr(widget.styles, rule, f"{share}fr")
                else:
                    widget.styles.clear_rule(rule)


class PaneTab(Static):
    """The name of one pane, with the key that focuses it."""

    def __init__(self, pane: PaneName) -> None:
        super().__init__(classes=pane, markup=False)
        self.pane = pane

    def on_mount(self) -> None:
        """Name the key that the settings may have changed."""
        bindings = [active.binding for active in self.screen.active_bindings.values()]
        keys = [self.app.get_key_display(b) for b in bindings if b.action == f"go('{self.pane}')"]
        self.update(Content(" ".join([*keys, say(f"pane.{self.pane}")])))


class PaneTabs(Horizontal):
    """A row of pane names; the current one is marked."""

    @dataclass
    class Chosen(Message):
        """A tab was clicked."""

        pane: PaneName

    def __init__(self, panes: Sequence[PaneName], current: PaneName, *, id: str) -> None:
        super().__init__(id=id)
        self._tabs = [PaneTab(pane) for pane in panes]
        self.mark(current)

    @override
    def compose(self) -> ComposeResult:
        yield from self._tabs

    def mark(self, current: PaneName) -> None:
        """Mark the tab of one pane as current."""
        for tab in self._tabs:
            tab.set_class(tab.pane == current, "-current")

    def on_click(self, event: events.Click) -> None:
        if isinstance(event.widget, PaneTab):
            self.post_message(self.Chosen(event.widget.pane))


class Workspace(Vertical):
    """Chat, inspector, drafts, and the bridge's requests."""

    front: var[PaneName] = var("chat")
    """The pane that is shown when there is room for only one."""
    side: var[PaneName] = var("inspector")
    """The pane that is shown beside or below the chat when there is room for two."""
    low: var[PaneName] = var("drafts")
    """The pane that is shown below the inspector when there is room for three."""

    zoomed: var[bool] = var(False, toggle_class="-zoomed")
    """Whether one pane has the whole screen although there is room for more."""
    shares: var[Mapping[str, int]] = var(SHARES)
    """The percentages of the panes, by the names of SHARES."""

    def __init__(self, panes: Mapping[PaneName, Widget], shares: Mapping[str, int] = SHARES) -> None:
        super().__init__()
        self.set_reactive(Workspace.shares, {**SHARES, **shares})
        self._panes = dict(panes)
        self._side = Vertical(id="side")
        self._tabs = {
            "all": PaneTabs(PANES, self.front, id="all-tabs"),
            "side": PaneTabs(PANES[1:], self.side, id="side-tabs"),
            "low": PaneTabs(SHARED, self.low, id="low-tabs"),
        }
        self._arrange()

    @property
    def panes(self) -> Mapping[PaneName, Widget]:
        """The mounted panes, in their order."""
        return self._panes

    @override
    def compose(self) -> ComposeResult:
        yield self._tabs["all"]
        with Vertical(id="panes"):
            yield self._panes["chat"]
            with self._side:
                yield self._tabs["side"]
                yield self._panes["inspector"]
                yield self._tabs["low"]
                yield from (pane for name, pane in self._panes.items() if name in SHARED)

    async def add(self, pane: Literal["bridge"], widget: Widget) -> None:
        """Mount a pane that is created later than the screen."""
        self._panes[pane] = widget
        self._arrange()
        await self._side.mount(widget)
        self._share_out()

    def go(self, pane: PaneName) -> None:
        """Bring a pane to the front and focus it."""
        self._to_front(pane)
        widget = self._panes[pane]
        if pane != "chat":
            widget.focus()

    @property
    def layout_class(self) -> str:
        """The class of the layout: of a zoomed pane, that of a narrow screen."""
        return "-narrow" if self.zoomed else layout_for(self.app.size.width)

    def zoom(self) -> None:
        """Give the front pane the whole screen, or all panes their places again."""
        self.zoomed = not self.zoomed and self.layout_class != "-narrow"

    def move_edge(self, across: int, down: int) -> bool:
        """Move the edge between panes by steps to the right and down; False if there is none, or no room."""
        layout = self.layout_class
        name, steps = ("chat_width", across) if across else ("calls_height", down)
        if layout == "-normal":
            name, steps = "chat_height", down
        most = MOST
        if name == "chat_width":
            most = min(MOST, 100 - 100 * _SIDE_CELLS // self.app.size.width)
        share = max(LEAST, min(self.shares[name] + steps * STEP, most))
        if layout == "-narrow" or share == self.shares[name]:
            return False
        self.shares = {**self.shares, name: share}
        return True

    def watch_zoomed(self) -> None:
        self._share_out()

    def watch_shares(self) -> None:
        self._share_out()

    def on_resize(self) -> None:
        self._share_out()

    def _share_out(self) -> None:
        share_out(self, self.shares, self.layout_class)

    def on_descendant_focus(self, event: events.DescendantFocus) -> None:
        """Bring the focused widget's pane into view."""
        for name, pane in self._panes.items():
            if pane in event.widget.ancestors_with_self and self.front != name:
                self._to_front(name)

    def _to_front(self, pane: PaneName) -> None:
        self.front = pane
        if pane != "chat":
            self.side = pane
        if pane in SHARED:
            self.low = pane
        self._arrange()

    def _arrange(self) -> None:
        """Mark the panes that each layout hides, and the current tabs."""
        for name, pane in self._panes.items():
            # All at once: each change of a class styles everything in the pane anew.
            pane.update_classes(
                {
                    "pane": True,
                    "-not-front": name != self.front,
                    "-not-side": name not in ("chat", self.side),
                    "-shared": name in SHARED,
                    "-not-low": name in SHARED and name != self.low,
                }
            )
        self._side.set_class(self.front == "chat", "-not-front")
        self.set_class(sum(name in SHARED for name in self._panes) > 1, "-sharing")
        for place, current in (("all", self.front), ("side", self.side), ("low", self.low)):
            self._tabs[place].mark(current)
