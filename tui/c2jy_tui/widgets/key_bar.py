"""The footer with the keys that fit, the key for help always among them."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from typing import Final

from rich.cells import cell_len
from textual import events
from textual.app import ComposeResult
from textual.widget import Widget
from textual.widgets import Footer
from textual.widgets._footer import FooterKey  # not exported by Textual; its version is pinned
from typing_extensions import override

_KEPT: Final = ("help", "back")
"""Actions that stay when others have no room."""
_EDGE: Final = 1
"""Cells of the border left of the palette's key."""


class KeyBar(Footer):
    """Textual's footer without the keys that do not fit.

    Textual draws those on under the palette's key, where their edges cut its Chinese characters in two.
    """

    DEFAULT_CSS = """
    KeyBar.-compact FooterKey.-command-palette { margin-right: 0; padding-right: 1; }
    """

    _composed_for: Hashable = None
    """The keys offered and the width when the footer was last composed."""

    @override
    def compose(self) -> ComposeResult:
        self._composed_for = self._choice()
        yield from fitting([*super().compose()], self.size.width)

    @override
    async def recompose(self) -> None:
        """Recompose, but not behind a dialog: there new keys are not laid out until it closes.

        Textual requests it with every focus and every refresh of bindings; most change no key.
        """
        if self.is_attached and self.screen.is_active and self._composed_for != self._choice():
            await super().recompose()

    def _choice(self) -> Hashable:
        bound = self.screen.active_bindings.values()
        keys = tuple((active.binding, active.enabled, active.tooltip) for active in bound)
        return self.size.width, keys

    def on_resize(self, event: events.Resize) -> None:
        if self._composed_for is not None:
            self.refresh(recompose=True)


def fitting(keys: Sequence[Widget], width: int) -> list[Widget]:
    """The keys that fit into `width` cells; later ones are dropped first, never help and back."""
    palette = [key for key in keys if key.has_class("-command-palette")]
    others = [key for key in keys if key not in palette]
    room = width - sum(_cells(key) + _EDGE for key in palette)
    room -= sum(_cells(key) for key in others if _kept(key))
    chosen = []
    for key in others:
        if not _kept(key):
            room -= _cells(key)
            if room < 0:
                continue
        chosen.append(key)
    return [*chosen, *palette]


def _kept(key: Widget) -> bool:
    return isinstance(key, FooterKey) and key.action.removeprefix("app.").removeprefix("screen.") in _KEPT


def _cells(key: Widget) -> int:
    """Cells of one key in the compact look: key, space, words, and the gap to the next."""
    if not isinstance(key, FooterKey):
        return 0
    words = f"{key.key_display} {key.description}" if key.description else key.key_display
    return cell_len(words) + 1
