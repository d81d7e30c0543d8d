"""stdin, stdout and stderr of a command: in any encoding, and without what tools write to stdout."""

from __future__ import annotations

import codecs
import io
import json
import os
import sys
from contextlib import suppress
from typing import Final, TextIO

from c2jy_bridge.core.whole_files import MOST_BYTES
from c2jy_tui.commands import say

_TEXT: Final = "c2jy.text"
_JSON: Final = "c2jy.json"
_PLAIN: Final = {
    "✓": "+",
    "✗": "x",
    "→": "->",
    "·": "*",
    "–": "-",
    "—": "-",
    "…": "...",
    "“": '"',
    "”": '"',
    "‘": "'",
    "’": "'",
    "\xa0": " ",
}
"""Characters of our texts that GBK, ASCII or a Windows code page may lack."""


def survive_encodings() -> None:
    """Replace characters that the terminal or pipe cannot encode, instead of failing."""
    codecs.register_error(_TEXT, _readable)
    codecs.register_error(_JSON, _escaped)
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors=_TEXT)
    if isinstance(sys.stdin, io.TextIOWrapper):
        sys.stdin.reconfigure(errors="surrogateescape")  # for `decoded`


def claim_stdout() -> None:
    """Keep file descriptor 1 for `sys.stdout` alone: what a tool or its children write there goes to stderr.

    It lasts until the process ends: a program started by a tool may outlive the command.
    """
    ours = sys.stdout
    if ours is not sys.__stdout__ or not isinstance(ours, io.TextIOWrapper):
        return  # claimed before, or a test reads it
    ours.flush()
    copy = os.dup(1)
    try:
        os.dup2(2, 1)
    except OSError:  # stderr is closed
        with open(os.devnull, "wb") as nowhere:
            os.dup2(nowhere.fileno(), 1)
    sys.stdout = io.TextIOWrapper(
        os.fdopen(copy, "wb"),
        encoding=ours.encoding,
        errors=ours.errors,
        line_buffering=ours.line_buffering,
    )


def fitting(json_text: str) -> str:
    """JSON for stdout: what its encoding lacks is written as \\uXXXX."""
    encoding = getattr(sys.stdout, "encoding", None) or "utf-8"
    with suppress(LookupError):
        return json_text.encode(encoding, _JSON).decode(encoding)
    return json_text


class NotText(ValueError):
    """The bytes are not text in any expected encoding; the message is for the user."""


def read_stdin() -> bytes:
    """All of stdin.

    Raises:
        NotText: It is longer than any document.
    """
    content = sys.stdin.buffer.read(MOST_BYTES + 1)
    if len(content) > MOST_BYTES:
        raise NotText(say("stdin.too_large", most=MOST_BYTES // 1024**2))
    return content


def read_line(stream: TextIO) -> str | None:
    """One line, without its end; None at the end of the stream."""
    line = stream.readline()
    if not line:
        return None
    if _is_foreign(line):
        line = decoded(line.encode(stream.encoding, "surrogateescape"))
    return line.rstrip("\n")


def argument(text: str) -> str:
    """A text from the command line, which Python decodes by the locale, whatever its encoding.

    Raises:
        NotText: It is no text.
    """
    return decoded(os.fsencode(text)) if _is_foreign(text) else text


def decoded(content: bytes) -> str:
    """Text in UTF-8, with a mark in UTF-16 (PowerShell's `>`), or in GBK (Chinese Windows).

    Raises:
        NotText: In none of them.
    """
    if content.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        encodings = ["utf-16"]
    else:
        encodings = ["utf-8-sig", "gb18030"]
    for encoding in encodings:
        with suppress(UnicodeDecodeError):
            return content.decode(encoding)
    raise NotText(say("stdin.not_text"))


def _is_foreign(text: str) -> bool:
    return any("\udc80" <= character <= "\udcff" for character in text)


def _readable(error: UnicodeError) -> tuple[str, int]:
    assert isinstance(error, UnicodeEncodeError)
    lacking = error.object[error.start : error.end]
    return "".join(_PLAIN.get(one) or _code(one) for one in lacking), error.end


def _code(character: str) -> str:
    return character.encode("ascii", "backslashreplace").decode()


def _escaped(error: UnicodeError) -> tuple[str, int]:
    assert isinstance(error, UnicodeEncodeError)
    return json.dumps(error.object[error.start : error.end])[1:-1], error.end
