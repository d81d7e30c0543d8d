"""What the engine stands on when it starts; what is not there is said in a sentence with its setting."""

from __future__ import annotations

import errno
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final, Literal

from c2jy_bridge.core.i18n import catalogue
from c2jy_bridge.core.settings import SettingsError

say: Final = catalogue("engine")


@contextmanager
def needed(what: Literal["drafts", "data", "journal"], path: Path) -> Iterator[None]:
    """Around whatever opens `path`.

    Raises:
        SettingsError: It cannot be used; the message says which setting names it and why.
    """
    try:
        yield
    except (OSError, sqlite3.Error) as error:
        reason = (error.strerror if isinstance(error, OSError) else "") or str(error)
        if _is_full(error):
            raise SettingsError(say("needed.space", path=path, reason=reason)) from error
        raise SettingsError(say(f"needed.{what}", path=path, reason=reason)) from error


def _is_full(error: OSError | sqlite3.Error) -> bool:
    """Whether only space is missing, so that nothing is wrong with the place itself."""
    if isinstance(error, OSError):
        return error.errno in (errno.ENOSPC, errno.EDQUOT)
    return getattr(error, "sqlite_errorcode", None) == sqlite3.SQLITE_FULL
