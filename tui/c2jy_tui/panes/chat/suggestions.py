"""Questions to pick from: the Bot's follow-ups, and the examples that greet a newcomer."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from textual import events
from textual.app import ComposeResult
from textual.containers import VerticalGroup
from textual.content import Content
from textual.message import Message
from textual.widgets import Static

from c2jy_bridge.core.safety import visible
from c2jy_tui.widgets.bindings import binding


class Suggestion(Static, can_focus=True):
    """One question that can be asked by picking it."""

    def __init__(self, number: int, text: str) -> None:
        shown = Content.assemble((f"{number} ", "$text-primary bold"), visible(text, newlines=False))
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
        """The maker wants to ask `text`."""

        suggestions: Suggestions
        text: str

        @property
        def control(self) -> Suggestions:
            """The list that was picked from."""
            return self.suggestions

    def __init__(self, texts: Sequence[str], *, id: str | None = None) -> None:
        super().__init__(id=id)
        self.texts = tuple(texts)

    def compose(self) -> ComposeResult:
        """One line a question."""
        for number, text in enumerate(self.texts, start=1):
            yield Suggestion(number, text)

    async def offer(self, texts: Sequence[str]) -> None:
        """Show other questions."""
        if tuple(texts) == self.texts:
            return
        self.texts = tuple(texts)
        await self.recompose()

    def focus_first(self) -> None:
        """Put the cursor on the first question."""
        self.query(Suggestion).first().focus()

    def action_pick(self) -> None:
        """Ask the one under the cursor."""
        if isinstance(self.screen.focused, Suggestion):
            self.post_message(self.Picked(self, self.screen.focused.text))

    def action_move(self, step: int) -> None:
        """Go to the next or the previous one."""
        lines = list(self.query(Suggestion))
        if isinstance(self.screen.focused, Suggestion) and self.screen.focused in lines:
            lines[(lines.index(self.screen.focused) + step) % len(lines)].focus()

    def on_key(self, event: events.Key) -> None:
        """A digit picks at once: the list has the focus, nothing is being typed."""
        if event.key.isdecimal() and 1 <= int(event.key) <= len(self.texts):
            event.stop()
            self.post_message(self.Picked(self, self.texts[int(event.key) - 1]))

    def on_click(self, event: events.Click) -> None:
        """A click picks."""
        if isinstance(event.widget, Suggestion):
            event.stop()
            self.post_message(self.Picked(self, event.widget.text))
