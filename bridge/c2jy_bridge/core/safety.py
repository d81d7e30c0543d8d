"""Filters strings from outside before they reach a terminal, a log or a file name."""

from __future__ import annotations

import re
from typing import Final

# C0 without \t and \n, DEL, C1 (U+009B is a one-byte CSI), and the separators that break lines silently.
_CONTROLS: Final = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028\u2029]")
# Bidi embeddings, overrides and isolates: they can make `gpj.exe` read as `exe.jpg` (Trojan Source, 2021).
_BIDI: Final = re.compile("[\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]")
# Half of a pair: UTF-8 cannot encode it.
_SURROGATES: Final = re.compile("[\ud800-\udfff]")
_CRLF: Final = re.compile("\r\n?")


def visible(text: str) -> str:
    """`text` without anything that a terminal would interpret.

    Control characters are removed, bidi controls become `<U+202E>`, half surrogates U+FFFD, CR and CRLF LF.
    """
    text = _CRLF.sub("\n", text)
    text = _CONTROLS.sub(lambda m: "\n" if m[0] in "\u2028\u2029\x85" else "", text)
    text = _BIDI.sub(lambda m: f"<U+{ord(m[0]):04X}>", text)
    return _SURROGATES.sub("\ufffd", text)


def one_line(text: str) -> str:
    """`visible` with line ends and tabs folded to spaces."""
    return visible(text).replace("\n", " ").replace("\t", " ")


def words_of(error: BaseException) -> str:
    """The text of an exception; empty when it has none or fails to make it."""
    try:
        return str(error)
    except BaseException:  # other people's `__str__` may raise anything
        return ""
