"""Searches the open conversation: a field at the bottom of the chat, and the matches it goes through."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Horizontal
from textual.message import Message
from textual.widgets import Input, Static
from typing_extensions import override

from c2jy_bridge.core.safety import visible
from c2jy_tui.labels import say
from c2jy_tui.panes.chat.entries import Answer, AnyEntry, Failure, Question
from c2jy_tui.widgets.bindings import binding


class SearchBar(Horizontal):
    """The words that are searched for, and which match is in view; hidden while there are none."""

    BINDINGS: ClassVar[list[BindingType]] = [
        binding("tui", "chat.find_close", "escape", "close"),
        binding("tui", "chat.find_older", "up", "step(-1)", show=False),
        binding("tui", "chat.find_newer", "down", "step(1)", show=False),
    ]

    @dataclass
    class Left(Message):
        """The field was left: with Enter the words stay, and n and N go through the matches."""

        closed: bool

    def __init__(
        self,
        entries: Callable[[], Sequence[AnyEntry]],
        *,
        mark: Callable[[str], None],
        reveal: Callable[[AnyEntry], Awaitable[None]],
    ) -> None:
        """Args:
        entries: Gives the whole conversation, also what is not drawn.
        mark: Highlights words; none when empty.
        reveal: Brings a match into view.
        """
        super().__init__(id="find")
        self._entries = entries
        self._mark = mark
        self._reveal = reveal
        self._at: AnyEntry | None = None
        self.words = ""

    @override
    def compose(self) -> ComposeResult:
        yield Input(placeholder=say("chat.find"), compact=True)
        yield Static(markup=False)

    def on_mount(self) -> None:
        self.display = False

    def open(self, words: str = "") -> None:
        """Show the field; with `words` search at once and leave the focus where it is."""
        self.display = True
        field = self.query_one(Input)
        if words:
            field.value = words
        else:
            field.focus()
            field.select_all()

    def close(self) -> None:
        """Hide the field and the highlights."""
        if self.display:
            self.display = False
            self.query_one(Input).clear()

    def action_close(self) -> None:
        self.post_message(self.Left(closed=True))

    @on(Input.Changed)
    def _changed(self, event: Input.Changed) -> None:
        event.stop()
        self.words = visible(event.value).strip()
        self._at = None
        self._mark(self.words)
        self.action_step(-1)

    @on(Input.Submitted)
    def _submitted(self, event: Input.Submitted) -> None:
        event.stop()
        self.post_message(self.Left(closed=not self.words))

    def action_step(self, step: int) -> None:
        """Go to the next older (-1) or newer (1) match; from the end begins the newest."""
        matches = [entry for entry in self._entries() if self._matches(entry)] if self.words else []
        if not matches:
            self.query_one(Static).update(say("chat.find_none") if self.words else "")
            return
        if self._at in matches:
            at = (matches.index(self._at) + step) % len(matches)
        else:
            at = len(matches) - 1 if step < 0 else 0
        self._at = matches[at]
        self.query_one(Static).update(f"{at + 1}/{len(matches)}")
        self.run_worker(self._reveal(self._at), group="reveal", exclusive=True, exit_on_error=False)

    def _matches(self, entry: AnyEntry) -> bool:
        match entry:
            case Question(text=text) | Answer(text=text):
                return self.words.lower() in text.lower()
            case Failure(problem=problem):
                return self.words.lower() in problem.message.lower()
            case _:
                return False
