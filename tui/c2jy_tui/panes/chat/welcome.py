"""What a newcomer sees before anything was asked: what this is, and three things to try."""

from __future__ import annotations

from typing import Final

from textual.app import ComposeResult
from textual.containers import VerticalGroup

from c2jy_bridge.core.safety import visible
from c2jy_bridge.core.views import ConnectionView
from c2jy_tui.labels import say
from c2jy_tui.panes.chat.prose import Prose
from c2jy_tui.panes.chat.suggestions import Suggestions

EXAMPLES: Final = ("welcome.example_food", "welcome.example_trip", "welcome.example_list")


class Welcome(VerticalGroup):
    """The empty conversation."""

    def __init__(self, connection: ConnectionView | None) -> None:
        super().__init__()
        self._connection = connection

    def compose(self) -> ComposeResult:
        """Title, what it does, where drafts go, examples."""
        # No Markdown here: its parser would be imported before the first paint.
        yield Prose(say("welcome.title"), markdown=False, classes="title")
        yield Prose(say("welcome.about"), markdown=False, classes="about")
        yield Prose(markdown=False, classes="where")
        yield Prose(say("welcome.try"), markdown=False, classes="try")
        yield Suggestions([say(key) for key in EXAMPLES])

    def on_mount(self) -> None:
        """Say where drafts go, when that is known."""
        self.connect(self._connection)

    def connect(self, connection: ConnectionView | None) -> None:
        """Show where drafts go, and that the demo needs no account."""
        self._connection = connection
        where = self.query_one(".where", Prose)
        where.display = connection is not None
        if connection is not None:
            text = say("welcome.where", folder=visible(connection.drafts_root, newlines=False))
            where.replace(f"{say('welcome.demo')}\n{text}" if connection.demo else text)
