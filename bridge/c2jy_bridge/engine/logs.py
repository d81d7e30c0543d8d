"""The log file: what a maker can send us when something went wrong, without a secret in it."""

from __future__ import annotations

import logging
import logging.handlers
from pathlib import Path
from typing import Final

from pydantic import SecretStr

from c2jy_bridge.core.safety import visible

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
