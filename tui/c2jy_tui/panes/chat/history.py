"""Going back and forth through what was typed before."""

from __future__ import annotations

from collections.abc import Sequence


class InputHistory:
    """Earlier texts, and the draft that waits while the maker looks at them."""

    def __init__(self, texts: Sequence[str] = ()) -> None:
        self._texts = list(texts)
        self._at = len(self._texts)
        self._draft = ""

    def add(self, text: str) -> None:
        """Take in a text that was sent; the same twice in a row counts once."""
        if not self._texts or self._texts[-1] != text:
            self._texts.append(text)
        self._at = len(self._texts)
        self._draft = ""

    def older(self, current: str) -> str | None:
        """The text before; None at the first one. `current` is kept when it is the draft."""
        if self._at == 0:
            return None
        if self._at == len(self._texts):
            self._draft = current
        self._at -= 1
        return self._texts[self._at]

    def newer(self) -> str | None:
        """The text after, at the end the draft; None when the draft is there already."""
        if self._at == len(self._texts):
            return None
        self._at += 1
        return self._draft if self._at == len(self._texts) else self._texts[self._at]
