"""Questions to pick from: the Bot's follow-ups, and the welcome text with its examples."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar, Final

from textual import events
from textual.app import ComposeResult
from textual.containers import VerticalGroup
from textual.content import Content
from textual.message import Message
from textual.widgets import Static
from typing_extensions import override

from c2jy_bridge.core.safety import one_line
from c2jy_bridge.core.views import ConnectionView
from c2jy_tui.labels import say
from c2jy_tui.widgets.bindings import binding
from c2jy_tui.widgets.prose import Prose

EXAMPLES: Final = ("welcome.example_food", "welcome.example_trip", "welcome.example_list")


class Suggestion(Static, can_focus=True):
    """One question of the list."""

    def __init__(self, number: int, text: str) -> None:
        shown = Content.assemble((f"{number} ", "$text-primary bold"), one_line(text))
        super().__init__(shown, markup=False)
        self.text = text


class Suggestions(VerticalGroup):
    """A numbered list of questions: digits, arrows and Enter, or a click."""

    BINDINGS: ClassVar = [
        binding("tui", "suggestions.pick", "enter", "pick"),
        binding("tui", "suggestions.up", "up,k", "move(-1)", show=False),
        binding("tui", "suggestions.down", "down,j", "move(1)", show=False),
    ]

    @dataclass
    class Picked(Message):
        """The user picked the question `text`."""

        text: str

    def __init__(self, texts: Sequence[str], *, id: str | None = None) -> None:
        super().__init__(id=id)
        self.texts = tuple(texts)

    @override
    def compose(self) -> ComposeResult:
        for number, text in enumerate(self.texts, start=1):
            yield Suggestion(number, text)

    async def offer(self, texts: Sequence[str]) -> None:
        """Show other questions."""
        if tuple(texts) == self.texts:
            return
        self.texts = tuple(texts)
        await self.recompose()

    def focus_first(self) -> None:
        """Focus the first question."""
        self.query(Suggestion).first().focus()

    def action_pick(self) -> None:
        if isinstance(self.screen.focused, Suggestion):
            self.post_message(self.Picked(self.screen.focused.text))

    def action_move(self, step: int) -> None:
        lines = list(self.query(Suggestion))
        if isinstance(self.screen.focused, Suggestion) and self.screen.focused in lines:
            lines[(lines.index(self.screen.focused) + step) % len(lines)].focus()

    def on_key(self, event: events.Key) -> None:
        """Pick by digit: the list has the focus, so nothing is being typed."""
        if event.key.isdecimal() and 1 <= int(event.key) <= len(self.texts):
            event.stop()
            self.post_message(self.Picked(self.texts[int(event.key) - 1]))

    def on_click(self, event: events.Click) -> None:
        if isinstance(event.widget, Suggestion):
            event.stop()
            self.post_message(self.Picked(event.widget.text))


class Welcome(VerticalGroup):
    """Shown in an empty conversation: what this is, and three things to try."""

    def __init__(self, connection: ConnectionView | None) -> None:
        super().__init__()
        self._connection = connection

    @override
    def compose(self) -> ComposeResult:
        # No Markdown here: its parser would be imported before the first paint.
        yield Prose(say("welcome.title"), markdown=False, classes="title")
        yield Prose(say("welcome.about"), markdown=False, classes="about")
        yield Prose(markdown=False, classes="where")
        yield Prose(say("welcome.try"), markdown=False, classes="try")
        yield Suggestions([say(key) for key in EXAMPLES])

    def on_mount(self) -> None:
        self.connect(self._connection)

    def connect(self, connection: ConnectionView | None) -> None:
        """Show the drafts folder, and that the demo needs no account."""
        self._connection = connection
        where = self.query_one(".where", Prose)
        where.display = connection is not None
        if connection is not None:
            text = say("welcome.where", folder=one_line(connection.drafts_root))
            where.replace(f"{say('welcome.demo')}\n{text}" if connection.demo else text)
