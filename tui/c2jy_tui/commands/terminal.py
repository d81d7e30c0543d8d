"""The terminal is the app's alone: what anything else prints goes to the log."""

from __future__ import annotations

import io
import logging
import os
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

log: Final = logging.getLogger("c2jy_bridge.printed")

_LAST_WORDS_S: Final = 0.5
"""How long the end waits for what was printed last: a program that a tool began may keep the pipe open."""


@contextmanager
def terminal_of_our_own() -> Iterator[None]:
    """Point file descriptors 1 and 2 at the log, and what Textual draws with at the terminal.

    A tool's C library or a program that it starts writes to the descriptors, past everything that Python
    could catch, and would spoil the screen. Textual 8.2.8 draws through `sys.__stderr__` and asks the size
    through `sys.__stdout__`. Windows has another driver and keeps its descriptors.
    """
    if sys.platform == "win32":
        yield
        return
    kept = {name: getattr(sys, name) for name in ("stdout", "stderr", "__stdout__", "__stderr__")}
    sys.stdout.flush()
    sys.stderr.flush()
    ours = {1: os.dup(1), 2: os.dup(2)}
    terminal = {number: _text(copy) for number, copy in ours.items()}
    read, write = os.pipe()
    reader = threading.Thread(target=_into_log, args=(read,), name="printed", daemon=True)
    reader.start()
    for number in ours:
        os.dup2(write, number)
    os.close(write)
    sys.stdout = sys.__stdout__ = terminal[1]  # type: ignore[misc]  # as Textual reads it
    sys.stderr = sys.__stderr__ = terminal[2]  # type: ignore[misc]
    try:
        yield
    finally:
        for number, file in terminal.items():
            file.flush()
            os.dup2(ours[number], number)
        for name, stream in kept.items():
            setattr(sys, name, stream)
        for file in terminal.values():
            file.close()
        reader.join(_LAST_WORDS_S)


def _text(descriptor: int) -> io.TextIOWrapper:
    return os.fdopen(descriptor, "w", encoding="utf-8", errors="replace")


def _into_log(descriptor: int) -> None:
    with os.fdopen(descriptor, encoding="utf-8", errors="replace") as lines:
        for line in lines:
            if line.strip():
                log.warning("%s", line.rstrip())
