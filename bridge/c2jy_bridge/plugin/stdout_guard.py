"""What tools print: a command's stdout is its answer, often JSON lines, and no place for a tool's words."""

from __future__ import annotations

import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any, Final, TextIO, cast

IN_TOOL: Final = ContextVar("in tool", default=False)
"""True while a tool's function runs, in its task or its thread."""


@contextmanager
def prints_go_to_stderr() -> Iterator[None]:
    """Inside the block `print` in a tool, or in a thread that one has started, writes to stderr.

    The app's own output comes from the main thread, outside of tools, and goes to stdout as before.
    """
    own = sys.stdout
    sys.stdout = cast(TextIO, _Divided(own))
    try:
        yield
    finally:
        sys.stdout = own


class _Divided:
    def __init__(self, own: TextIO) -> None:
        self._own = own

    def __getattr__(self, name: str) -> Any:
        ours = threading.current_thread() is threading.main_thread() and not IN_TOOL.get()
        return getattr(self._own if ours else sys.stderr, name)
