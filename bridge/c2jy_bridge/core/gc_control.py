"""Keeps the garbage collector from blocking all threads while a large draft is built or the user types.

A large draft is a million live objects, and so are a long conversation's widgets. Each full collection would
walk them for a tenth of a second or two with every thread waiting; and releasing them all at once is one
uninterruptible call.
"""

from __future__ import annotations

import gc
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final

_AT_ONCE: Final = 256
"""Objects released in one step, well under a millisecond."""

_SOME, _MANY = 10, 200
"""Collections of the second generation, each after 40,000 new objects, that make a full one due: in a pause,
or at once."""

_lock = threading.Lock()
_holding = 0
_aside = 0
_was_enabled = True


@contextmanager
def gc_paused() -> Iterator[None]:
    """Disable cycle collection inside this block; threads may nest it."""
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
                    gc.freeze()  # else the next collection would walk all the new objects
                if _was_enabled:
                    gc.enable()


@contextmanager
def gc_frozen() -> Iterator[None]:
    """Exclude objects created in nested `gc_paused` blocks from collection until this block ends."""
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


def leave_full_collections() -> None:
    """From now on full collections happen in `collect_in_pause` only; those of young objects take 2 ms."""
    gc.set_threshold(2_000, 20, 1_000_000)


def collect_in_pause(*, idle: bool) -> None:
    """Do a full collection if one is due; `idle`: the user would not notice the pause."""
    if _holding == 0 and gc.get_count()[2] >= (_SOME if idle else _MANY):
        gc.collect()


def release_in_steps(items: list[Any]) -> None:
    """Empty a long list in steps between which other threads can run."""
    while items:
        del items[-_AT_ONCE:]
