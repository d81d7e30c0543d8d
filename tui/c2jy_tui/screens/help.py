"""F1: what the focused pane is for, and every key that works in it."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import ActiveBinding, Binding
from textual.containers import Vertical, VerticalScroll
from textual.dom import DOMNode

from c2jy_tui.labels import label, say
from c2jy_tui.panes.chat.prose import Prose
from c2jy_tui.widgets.base_screens import BaseDialog
from c2jy_tui.widgets.bindings import binding


def help_text(
    focused: Iterable[DOMNode],
    bindings: Iterable[ActiveBinding],
    key_of: Callable[[Binding], str],
) -> str:
    """The help for where the focus is, as Markdown.

    Args:
        focused: The focused widget and its ancestors, nearest first; the first with a `HELP` explains.
        bindings: Every binding that works there, in words.
        key_of: How a key is written.
    """
    about = label(next((str(node.HELP) for node in focused if node.HELP), "tui:help.app"))
    rows: dict[str, tuple[str, list[str]]] = {}
    # What the footer shows comes first.
    for active in sorted(bindings, key=lambda active: not active.binding.show):
        binding = active.binding
        if binding.id and binding.description:
            keys = rows.setdefault(binding.id, (binding.tooltip or binding.description, []))[1]
            if (key := key_of(binding)) not in keys:
                keys.append(key)
    table = [f"| {say('help.key')} | {say('help.what')} | {say('help.id')} |", "|---|---|---|"]
    table += [f"| {' '.join(keys)} | {what} | `{identity}` |" for identity, (what, keys) in rows.items()]
    return "\n".join([about, "", *table, "", say("help.remap")])


class HelpScreen(BaseDialog[None]):
    """Shows a help text."""

    CSS_PATH = "help.tcss"
    BINDINGS: ClassVar = [
        binding("tui", "help.back", "f1,q", "back", show=False),
        binding("tui", "help.down", "j", "scroll(1)", show=False),
        binding("tui", "help.up", "k", "scroll(-1)", show=False),
    ]

    def __init__(self, text: str) -> None:
        super().__init__()
        self._text = text

    def compose(self) -> ComposeResult:
        """Title, text, keys."""
        with Vertical(id="dialog") as dialog:
            dialog.border_title = say("help.title")
            dialog.border_subtitle = say("help.close")
            with VerticalScroll(id="text"):
                yield Prose(self._text)

    def on_mount(self) -> None:
        """Ready to scroll."""
        self.query_one("#text").focus()

    def action_scroll(self, step: int) -> None:
        """Move by lines."""
        self.query_one("#text").scroll_relative(y=step, animate=False)
