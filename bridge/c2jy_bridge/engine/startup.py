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
    """Formats records without known secrets and control characters."""

    def __init__(self, secrets: list[SecretStr]) -> None:
        super().__init__("%(asctime)s %(levelname)s %(name)s: %(message)s")
        self._secrets = [value for s in secrets if (value := s.get_secret_value())]

    def format(self, record: logging.LogRecord) -> str:
        """The record as text, with its traceback."""
        text = super().format(record)
        for secret in self._secrets:
            text = text.replace(secret, HIDDEN)
        return visible(text)


def open_log(folder: Path, secrets: list[SecretStr]) -> logging.Handler:
    """Send the engine's log only to `<folder>/c2jy.log`; returns the handler, for `close_log`."""
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
    """Close the log file; when no engine is left, records propagate to other handlers again."""
    for name in ("c2jy_bridge", "cozepy"):
        logger = logging.getLogger(name)
        logger.removeHandler(handler)
        logger.propagate = not logger.handlers
    handler.close()


say: Final = catalogue("engine")


@contextmanager
def startup_errors(what: Literal["drafts", "data", "journal"], path: Path) -> Iterator[None]:
    """Turn a failure to open `path` into a SettingsError that names its setting and the reason."""
    try:
        yield
    except (OSError, sqlite3.Error) as error:
        reason = (error.strerror if isinstance(error, OSError) else "") or str(error)
        if isinstance(error, OSError):
            is_full = error.errno in (errno.ENOSPC, errno.EDQUOT)
        else:
            is_full = getattr(error, "sqlite_errorcode", None) == sqlite3.SQLITE_FULL
        key = "needed.space" if is_full else f"needed.{what}"
        raise SettingsError(say(key, path=path, reason=reason)) from error
