"""Start-up: the log file, and I/O failures turned into a SettingsError that names the setting."""

from __future__ import annotations

import errno
import logging
import logging.handlers
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final, Literal

from pydantic import SecretStr

from c2jy_bridge.core.i18n import catalogue
from c2jy_bridge.core.safety import visible
from c2jy_bridge.core.settings import SettingsError

MAX_BYTES: Final = 1_000_000
BACKUPS: Final = 3
HIDDEN: Final = "***"


class Redacting(logging.Formatter):
    """Writes one line a record, with known secrets and control characters taken out."""

    def __init__(self, secrets: list[SecretStr]) -> None:
        super().__init__("%(asctime)s %(levelname)s %(name)s: %(message)s")
        self._secrets = [value for s in secrets if (value := s.get_secret_value())]

    def format(self, record: logging.LogRecord) -> str:
        """The line; a traceback follows on further lines."""
        text = super().format(record)
        for secret in self._secrets:
            text = text.replace(secret, HIDDEN)
        return visible(text)


def open_log(folder: Path, secrets: list[SecretStr]) -> logging.Handler:
    """Send the engine's log to `<folder>/c2jy.log` and nowhere else: a screen must stay clean.

    Returns:
        The handler, for `close_log`.
    """
    folder.mkdir(parents=True, exist_ok=True)
    handler = logging.handlers.RotatingFileHandler(
        folder / "c2jy.log", maxBytes=MAX_BYTES, backupCount=BACKUPS, encoding="utf-8", delay=True
    )
    handler.setFormatter(Redacting(secrets))
    for name in ("c2jy_bridge", "cozepy"):
        logger = logging.getLogger(name)
        logger.addHandler(handler)
        logger.propagate = False
    return handler


def close_log(handler: logging.Handler) -> None:
    """Let go of the file; when no engine is left, whoever else listens to the log hears it again."""
    for name in ("c2jy_bridge", "cozepy"):
        logger = logging.getLogger(name)
        logger.removeHandler(handler)
        logger.propagate = not logger.handlers
    handler.close()


say: Final = catalogue("engine")


@contextmanager
def startup_errors(what: Literal["drafts", "data", "journal"], path: Path) -> Iterator[None]:
    """Turn a failure to open `path` into a SettingsError.

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
