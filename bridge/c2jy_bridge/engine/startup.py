"""Start-up: the log file, and I/O failures turned into a SettingsError that names the setting."""

from __future__ import annotations

import json
import logging
import logging.handlers
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final, Literal

from pydantic import SecretStr
from typing_extensions import override

from c2jy_bridge.core.disk_space import is_full, os_reason
from c2jy_bridge.core.events import Issue
from c2jy_bridge.core.i18n import catalogue
from c2jy_bridge.core.places import path_fault
from c2jy_bridge.core.safety import visible
from c2jy_bridge.core.settings import Settings, SettingsError
from c2jy_bridge.journal import Journal, Owner
from c2jy_bridge.journal.database import damage, is_damage, set_aside

MAX_BYTES: Final = 1_000_000
BACKUPS: Final = 3
HIDDEN: Final = "***"

log: Final = logging.getLogger(__name__)


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


class _QuietHandler(logging.handlers.RotatingFileHandler):
    """A log that drops what it cannot write: its disk may be full, and stderr is the screen."""

    @override
    def handleError(self, record: logging.LogRecord) -> None:
        pass


def open_log(folder: Path, secrets: list[SecretStr]) -> logging.Handler:
    """Send the engine's log only to `<folder>/c2jy.log`; returns the handler, for `close_log`."""
    folder.mkdir(parents=True, exist_ok=True)
    handler = _QuietHandler(
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
        reason = os_reason(error)
        key = "needed.space" if is_full(error, path.parent) else f"needed.{what}"
        if isinstance(error, sqlite3.Error) and is_damage(error):
            key = "needed.damaged"
        raise SettingsError(say(key, path=path, reason=reason)) from error


def open_journal(
    path: Path, *, scope: str, owner: Owner, clock: Callable[[], float]
) -> tuple[Journal, list[Issue]]:
    """Open the journal; a file that is damaged is set aside, which the issue says, and a new one begun.

    Raises:
        sqlite3.Error: As `Journal` does, and when another process uses a damaged file.
    """
    try:
        return Journal(path, scope=scope, owner=owner.name), []
    except sqlite3.DatabaseError as error:
        if not is_damage(error) or not owner.is_alone():
            raise
        reason = str(error)
    aside = set_aside(path, clock())
    return Journal(path, scope=scope, owner=owner.name), [_set_aside(path, aside, reason)]


def check_journal(path: Path, journal: Journal, owner: Owner, at: float) -> list[Issue]:
    """Look for damaged pages and set such a file aside; takes up to 2 s: call it in a thread."""
    reason = damage(path)
    if not reason:
        return []
    log.error("the journal is damaged: %s", reason)
    if not owner.is_alone():
        message, fix = say("journal.damaged", reason=reason), say("journal.damaged.fix")
        return [Issue("journal.damaged", str(path), "error", message, fix)]
    return [_set_aside(path, journal.begin_anew(at), reason)]


def _set_aside(path: Path, aside: Path, reason: str) -> Issue:
    message = say("journal.set_aside", reason=reason, aside=aside)
    return Issue("journal.set_aside", str(path), "error", message, say("journal.set_aside.fix"))


STEPS_DONE: Final = "setup.json"
"""In the data folder: the steps of the guide that leave no setting behind, once they are done."""


def steps_done(data_dir: Path) -> set[str]:
    """The recorded steps of the first-run guide."""
    try:
        done = json.loads((data_dir / STEPS_DONE).read_text(encoding="utf-8"))["done"]
    except (OSError, ValueError, KeyError, TypeError):
        return set()
    return {str(name) for name in done} if isinstance(done, list) else set()


def record_step(data_dir: Path, name: str) -> None:
    """Remember that a step of the guide is done; raises OSError."""
    data_dir.mkdir(parents=True, exist_ok=True)
    text = json.dumps({"done": sorted({*steps_done(data_dir), name})})
    (data_dir / STEPS_DONE).write_text(text, encoding="utf-8")


def check_folders(settings: Settings) -> None:
    """Refuse folders of the settings that cannot be meant, before anything is made there.

    Raises:
        SettingsError: The message says which setting names it and why.
    """
    for what, path in (("drafts", settings.drafts_root), ("data", settings.data_dir)):
        fault = path_fault(path)
        # Our own folders are made with everything above them; so is a data folder.
        if fault and (fault != "missing" or path == settings.drafts.root):
            raise SettingsError(say(f"needed.{what}", path=visible(str(path)), reason=say(f"path.{fault}")))
