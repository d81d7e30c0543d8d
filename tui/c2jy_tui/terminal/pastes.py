"""Recognises pastes of terminals that do not mark them as such.

Without brackets (`tmux paste-buffer`, screen, old consoles of Windows) a paste looks like typing, and each
line end in it like the Enter that sends. But it comes in one piece: no one types words, a line end and more
words between two reads. If the app was held up for so long that the user did, the words wait for another
Enter; nothing is lost.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from time import monotonic
from typing import Final

from textual._xterm_parser import BRACKETED_PASTE_END, BRACKETED_PASTE_START, XTermParser
from textual.message import Message
from typing_extensions import override

GOES_ON_S: Final = 0.05
"""Seconds within which another piece belongs to the same paste: a long one comes in several reads."""
_LONG: Final = 1_000
"""More characters than can be typed between two reads."""
_LINES: Final = re.compile(r"[^\r\n]{4,}(?:\r|\n)+[^\r\n]|(?:[^\r\n]+(?:\r|\n)+){2,}")
"""A line and the beginning of the next, or two lines; less may be Enter and a letter before and after it."""
_CONTROL: Final = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")
"""Keys, and the sequences of keys, mouse and marked pastes."""


class PasteMarks:
    """Puts the marks of a paste around text that must be one."""

    def __init__(self) -> None:
        self._pasted_at = -GOES_ON_S

    def mark(self, text: str, at: float) -> str:
        """The text of one read, marked if it is a paste; `at` is when it was read, in seconds."""
        goes_on = len(text) > 1 and at - self._pasted_at < GOES_ON_S
        if _CONTROL.search(text) or not (goes_on or len(text) >= _LONG or _LINES.search(text)):
            return text
        self._pasted_at = at
        lines = text.replace("\r\n", "\n").replace("\r", "\n")
        return f"{BRACKETED_PASTE_START}{lines}{BRACKETED_PASTE_END}"


class PasteParser(XTermParser):
    """Textual's parser with PasteMarks in front of it; what it is fed is what one read gave."""

    def __init__(self, debug: bool = False) -> None:
        super().__init__(debug)
        self._marks = PasteMarks()

    @override
    def feed(self, data: str) -> Iterable[Message]:
        return super().feed(self._marks.mark(data, monotonic()))
