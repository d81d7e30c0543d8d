"""Python's memory kept from stopping every thread while a large draft is made.

A large draft is a million objects that all live until it is written. The cycle collector would walk them
again and again, a tenth of a second each time with every thread waiting, and find nothing to free; and to let
go of all of them at once is one call that no other thread can interrupt.
"""

from __future__ import annotations

import gc
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final

_AT_ONCE: Final = 256
"""Objects that are let go of in one step; with all that hangs on them well under a millisecond."""

_lock = threading.Lock()
_holding = 0
_aside = 0
_was_enabled = True


@contextmanager
def gc_paused() -> Iterator[None]:
    """No cycle collection inside this block; several threads may be in one at once."""
    global _holding, _was_enabled
    with _lock:
        if _holding == 0:
            _was_enabled = gc.isenabled()
            gc.disable()
        _holding += 1
    try:
        yield
    finally:
        with _lock:
            _holding -= 1
            if _holding == 0:
                if _aside:
                    gc.freeze()  # else the first collection from here would walk all that was made
                if _was_enabled:
                    gc.enable()


@contextmanager
def gc_frozen() -> Iterator[None]:
    """What is made in blocks of `gc_paused` inside this one is no business of the collector until its end."""
    global _aside
    with _lock:
        _aside += 1
    try:
        yield
    finally:
        with _lock:
            _aside -= 1
            if _aside == 0:
                gc.unfreeze()


def release_in_steps(items: list[Any]) -> None:
    """Empty a long list in steps, so that other threads get their turn between them."""
    while items:
        del items[-_AT_ONCE:]
