"""The text field in which a question is written, with the history of earlier ones."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar, Final

from textual import events, on
from textual.message import Message
from textual.reactive import var
from textual.widgets import TextArea
from typing_extensions import override

from c2jy_bridge.core.i18n import byte_size
from c2jy_bridge.core.safety import visible
from c2jy_tui.labels import say
from c2jy_tui.panes.chat.completion import Completions
from c2jy_tui.widgets.bindings import binding, moment

IN_USE_S: Final = 1.5
"""Seconds after a key for which the composer counts as in use though it is empty."""

FOLD_LINES: Final = 12
FOLD_CHARS: Final = 2_000
"""Longest paste that is written out: about what the field shows at once."""
TWICE_S: Final = 0.6
"""Seconds within which a second Esc means to rewind."""


class InputHistory:
    """Earlier texts, and the unsent text while the user browses them."""

    def __init__(self, texts: Sequence[str] = ()) -> None:
        self._texts = list(texts)
        self._at = len(self._texts)
        self._draft = ""

    def add(self, text: str) -> None:
        """Append a text that was sent; the same twice in a row counts once."""
        if not self._texts or self._texts[-1] != text:
            self._texts.append(text)
        self._at = len(self._texts)
        self._draft = ""

    def older(self, current: str) -> str | None:
        """The previous text; None at the first one. `current` is kept when it is the unsent one."""
        if self._at == 0:
            return None
        if self._at == len(self._texts):
            self._draft = current
        self._at -= 1
        return self._texts[self._at]

    def newer(self) -> str | None:
        """The next text, at the end the unsent one; None when that is shown already."""
        if self._at == len(self._texts):
            return None
        self._at += 1
        return self._draft if self._at == len(self._texts) else self._texts[self._at]


class Composer(TextArea):
    """Several lines of text; Enter sends, Ctrl+J begins a new line, Up and Down go through earlier ones."""

    BINDINGS: ClassVar = [
        binding("tui", "chat.send", "enter", "send"),
        binding("tui", "chat.new_line", "ctrl+j,alt+enter", "new_line"),
        binding("tui", "chat.suggestions", "tab", "suggestions"),
        binding("tui", "chat.page_up", "pageup", "page(-1)", show=False),
        binding("tui", "chat.page_down", "pagedown", "page(1)", show=False),
        binding("tui", "chat.undo", "ctrl+underscore", "undo", show=False),
        binding("tui", "chat.to_end", "ctrl+end", "newest", show=False),
    ]

    can_suggest: var[bool] = var(False, bindings=True)
    """Whether Tab goes to the suggestions; otherwise it goes to the next pane."""

    @dataclass
    class Submitted(Message):
        """The user pressed Enter on a text that is not blank."""

        text: str

    @dataclass
    class Scrolled(Message):
        """Scroll the transcript without leaving the composer: by pages, or to its end for 0."""

        pages: int

    class QuestionRequested(Message):
        """Enter on an empty field: open the question that waits for the user, if any."""

    class RewindRequested(Message):
        """Esc twice on an empty field: go back to an earlier question."""

    class SuggestionsRequested(Message):
        """Tab: move the focus to the suggestions."""

    def __init__(self) -> None:
        super().__init__(
            soft_wrap=True,
            show_line_numbers=False,
            highlight_cursor_line=False,
            tab_behavior="focus",
            compact=True,
        )
        self._history = InputHistory()
        self._last_key = -math.inf
        self._last_escape = -math.inf
        self.completions: Completions | None = None
        """The proposals that this field's keys move through."""
        self._folded: dict[str, str] = {}
        """Long pastes by the line that stands for each."""

    @property
    def in_use(self) -> bool:
        """Whether the user is writing: then nothing may take the focus away."""
        return self.has_focus and (bool(self.text) or moment() - self._last_key < IN_USE_S)

    def on_mount(self) -> None:
        # The terminal's cursor is kept at ours, because an input method opens its window there.
        self.screen.screen_layout_refresh_signal.subscribe(self, self._place_cursor)
        self.cursor_blink = self.app.animation_level != "none"

    def _place_cursor(self, _: object) -> None:
        # Textual 8.2.8 moves it when the text changes, but not when the composer itself does.
        if self.has_focus:
            self.app.cursor_position = self.cursor_screen_offset

    @override
    async def _on_key(self, event: events.Key) -> None:
        """Run our own bindings here, in the order of the keys.

        A TextArea would take Enter as text before its bindings are asked. A priority binding is run before
        the letters typed just ahead of it have arrived, and would send half of what was typed quickly.
        """
        self._last_key = event.time
        if self._complete(event.key):
            event.stop()
            event.prevent_default()
            return
        if event.key == "escape" and not self.text:
            if event.time - self._last_escape < TWICE_S:
                event.stop()
                self._last_escape = -math.inf
                self.post_message(self.RewindRequested())
                return
            self._last_escape = event.time
        if not event.is_printable:
            bound = self.screen.active_bindings.get(event.key)
            if bound is not None and bound.node is self and bound.enabled:
                event.stop()
                event.prevent_default()
                await self.run_action(bound.binding.action)
                return
        await super()._on_key(event)

    def _complete(self, key: str) -> bool:
        """Use a key for the proposals, while there are any."""
        shown = self.completions
        if shown is None or not shown.display or (proposal := shown.current) is None:
            return False
        match key:
            case "up" | "down":
                shown.step(-1 if key == "up" else 1)
            case "escape":
                shown.close()
            case "enter" if self.text == proposal.text.strip():
                return False  # written in full: Enter sends it
            case "tab" | "enter":
                row, column = self.cursor_location
                self.replace(proposal.text, (row, column - proposal.replaced), (row, column))
            case _:
                return False
        return True

    @on(TextArea.Changed)
    def _changed(self) -> None:
        if (shown := self.completions) is None:
            return
        row, column = self.cursor_location
        before = self.document.get_line(row)[:column]
        if shown.display or "@" in before or (row == 0 and before.startswith("/")):
            shown.update_for(before, first=row == 0)

    def whole(self, text: str) -> str:
        """`text` with every folded paste in place of its line."""
        for line, pasted in self._folded.items():
            text = text.replace(line, pasted)
        return text

    @override
    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        return self.can_suggest if action == "suggestions" else super().check_action(action, parameters)

    def remember(self, questions: Sequence[str]) -> None:
        """Load the questions of earlier sessions, oldest first."""
        self._history = InputHistory([visible(question) for question in questions])

    def write(self, text: str) -> None:
        """Replace the text, with the cursor at its end."""
        self.load_text(visible(text))
        self.move_cursor(self.document.end)

    def action_send(self) -> None:
        """Submit the text and clear the field, so that what is typed next is not glued to it."""
        self._last_key = -math.inf
        text = self.text.strip()
        if text:
            self.clear()
            self.post_message(self.Submitted(text))
        else:
            self.post_message(self.QuestionRequested())

    def sent(self, text: str) -> None:
        """`text` was sent or queued: Up recalls it, with its long pastes folded."""
        for line, pasted in self._folded.items():
            text = text.replace(pasted, line)
        self._history.add(text)

    def give_back(self, text: str) -> None:
        """`text` was not sent: put it back, before what was typed since."""
        self.write(f"{text}\n{self.text}" if self.text.strip() else text)

    def action_new_line(self) -> None:
        self.insert("\n")

    def action_suggestions(self) -> None:
        self.post_message(self.SuggestionsRequested())

    def action_page(self, pages: int) -> None:
        self.post_message(self.Scrolled(pages))

    def action_newest(self) -> None:
        self.post_message(self.Scrolled(0))

    @override
    def action_cursor_up(self, select: bool = False) -> None:
        if not select and self.navigator.is_first_wrapped_line(self.cursor_location):
            if (text := self._history.older(self.text)) is not None:
                self.write(text)
            return
        super().action_cursor_up(select)

    @override
    def action_cursor_down(self, select: bool = False) -> None:
        if not select and self.navigator.is_last_wrapped_line(self.cursor_location):
            if (text := self._history.newer()) is not None:
                self.write(text)
            return
        super().action_cursor_down(select)

    async def on_paste(self, event: events.Paste) -> None:
        """Paste visible text only, nothing that a terminal would interpret; fold a long one into one line."""
        event.stop()
        event.prevent_default()
        self._last_key = event.time
        text = visible(event.text)
        lines = text.count("\n") + 1
        if lines > FOLD_LINES or len(text) > FOLD_CHARS:
            size = byte_size(len(text.encode()))
            line = say("chat.pasted", n=len(self._folded) + 1, lines=lines, size=size)
            self._folded[line] = text
            text = line
        self.insert(text)
