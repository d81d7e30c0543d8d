"""Python's cycle collector held back while one draft is made.

A large draft is a million objects that all live until it is written. The collector would walk them again and
again, a tenth of a second each time with every thread waiting, and find nothing to free.
"""

from __future__ import annotations

import gc
import threading
from collections.abc import Iterator
from contextlib import contextmanager

_lock = threading.Lock()
_holding = 0
_was_enabled = True


@contextmanager
def held_back() -> Iterator[None]:
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
            if _holding == 0 and _was_enabled:
                gc.enable()
