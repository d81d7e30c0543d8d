"""Jump mode: a letter on everything that can have the focus; the letter goes there."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from textual import events
from textual.app import ComposeResult
from textual.errors import NoWidget
from textual.geometry import Offset
from textual.screen import Screen
from textual.widget import Widget
from textual.widgets import Static
from typing_extensions import override

from c2jy_tui.widgets.bindings import BaseDialog
from c2jy_tui.widgets.workspace import PaneTab

LETTERS: Final = "asdfghjklqwertyuiopzxcvbnm"
"""Letters in the order in which they are given: those under the fingers first."""
_LABEL_CELLS: Final = 3


def targets(screen: Screen[object]) -> Mapping[str, tuple[Widget, Offset]]:
    """What can be gone to on a screen, from top left to bottom right, with its letter and its place."""
    found: dict[Offset, Widget] = {}
    for widget in [*screen.focus_chain, *screen.query(PaneTab)]:
        try:
            shown = screen.find_widget(widget).visible_region
        except NoWidget:  # hidden, or above or below what is scrolled into view
            continue
        if shown:
            place = shown.offset
            while place in found:  # a list at the very corner of its pane
                place += Offset(_LABEL_CELLS + 1, 0)
            found[place] = widget
    places = sorted(found, key=lambda place: (place.y, place.x))
    return {letter: (found[place], place) for letter, place in zip(LETTERS, places, strict=False)}


def jump(screen: Screen[object]) -> None:
    """Show the letters over a screen and focus what is chosen; above them already, take them away."""
    from c2jy_tui.screens.main import MainScreen

    if isinstance(screen, JumpScreen):
        screen.dismiss(None)
        return

    def go(widget: Widget | None) -> None:
        if isinstance(widget, PaneTab) and isinstance(screen, MainScreen):
            screen.go(widget.pane)
        elif widget is not None:
            widget.focus()

    screen.app.push_screen(JumpScreen(targets(screen)), go)


class JumpScreen(BaseDialog[Widget]):
    """Shows the letters over the screen below; any other key goes back."""

    DEFAULT_CSS = """
    JumpScreen { background: transparent; }
    JumpScreen Static {
        position: absolute;
        width: auto;
        height: 1;
        background: $primary;
        color: $background;
        text-style: bold;
    }
    JumpScreen Static:nocolor { text-style: bold reverse; }
    """

    def __init__(self, targets: Mapping[str, tuple[Widget, Offset]]) -> None:
        super().__init__()
        self._targets = targets

    @override
    def compose(self) -> ComposeResult:
        for letter, (_, place) in self._targets.items():
            label = Static(f" {letter} ", markup=False)
            label.styles.offset = place
            yield label

    def on_key(self, event: events.Key) -> None:
        event.stop()
        widget, _ = self._targets.get(event.key, (None, None))
        self.dismiss(widget)
