"""Issues of this room: their wording, a collector for them, and the exception that carries them."""

from __future__ import annotations

import errno
from pathlib import Path
from typing import Final, Literal, Protocol

from c2jy_bridge.core.disk_space import os_reason
from c2jy_bridge.core.draft_views import DraftError
from c2jy_bridge.core.events import Issue, Severity
from c2jy_bridge.core.i18n import Say, catalogue

__all__ = [
    "DraftError",
    "IssueCollector",
    "IssueFactory",
    "clock",
    "disk_issue",
    "issue",
    "issues_from",
    "say",
]


class IssueFactory(Protocol):
    """Makes an Issue in the words of one catalogue, in the language in use."""

    def __call__(self, code: str, path: str, severity: Severity = "error", **values: object) -> Issue:
        """The texts are `issue.<code>` and, where there is one, `fix.<code>`."""


def issues_from(say: Say) -> IssueFactory:
    """The factory for the Issues of a catalogue."""

    def issue(code: str, path: str, severity: Severity = "error", **values: object) -> Issue:
        message, fix = say(f"issue.{code}", **values), say(f"fix.{code}", **values)
        return Issue(code, path, severity, message, "" if fix == f"fix.{code}" else fix)

    return issue


say: Final = catalogue("drafts")
issue: Final = issues_from(say)


def clock(micros: int) -> str:
    """Microseconds for people: `0:03.5`, `1:02:03`."""
    seconds, fraction = divmod(micros, 1_000_000)
    hours, rest = divmod(seconds, 3600)
    minutes, seconds = divmod(rest, 60)
    head = f"{hours}:{minutes:02}" if hours else f"{minutes}"
    tail = f".{fraction:06}".rstrip("0") if fraction else ""
    return f"{head}:{seconds:02}{tail}"


_FULL, _READ_ONLY, _FILE_SIZE = 1, 2, 3
_REASONS: Final = {
    errno.ENOSPC: _FULL,
    errno.EDQUOT: _FULL,
    errno.EROFS: _READ_ONLY,
    errno.EACCES: _READ_ONLY,
    errno.EPERM: _READ_ONLY,
    errno.EFBIG: _FILE_SIZE,
}
_CODES: Final = {
    "draft": ("disk", "disk_full", "disk_read_only", "disk_file_size"),
    "preview": ("preview_disk", "preview_disk", "preview_disk", "preview_disk"),
    "timeline": ("exchange_disk", "exchange_disk", "exchange_disk", "exchange_disk"),
    "zip": ("pack_disk", "pack_disk_full", "pack_disk_read_only", "pack_disk_file_size"),
}


def disk_issue(
    error: OSError,
    path: str,
    place: Path,
    severity: Severity = "error",
    *,
    what: Literal["draft", "zip", "preview", "timeline"] = "draft",
) -> Issue:
    """Why a draft or a file made of it could not be written: no room, no permission, a limit, another."""
    code = _CODES[what][_REASONS.get(error.errno or 0, 0)]
    return issue(code, path, severity, reason=os_reason(error), place=place)


_MOST_OF_ONE_KIND: Final = 200


class IssueCollector:
    """Collects issues; a kind that comes thousands of times is kept 200 times and then counted."""

    def __init__(self) -> None:
        self._found: list[Issue] = []
        self._count: dict[tuple[str, Severity], int] = {}
        self._once: set[object] = set()

    def add(self, code: str, path: str, severity: Severity, **values: object) -> None:
        """Add an issue in the words of the catalogue; the same code at the same path is added once."""
        if (code, path) in self._once:
            return
        self._once.add((code, path))
        count = self._count.get((code, severity), 0) + 1
        self._count[code, severity] = count
        if count <= _MOST_OF_ONE_KIND:
            self._found.append(issue(code, path, severity, **values))

    def once(self, key: object, code: str, path: str, severity: Severity, **values: object) -> None:
        """Add an issue unless one was added for `key`."""
        if key not in self._once:
            self._once.add(key)
            self.add(code, path, severity, **values)

    def extend(self, *issues: Issue) -> None:
        """Add issues that were made elsewhere."""
        self._found.extend(issues)

    @property
    def issues(self) -> tuple[Issue, ...]:
        """All of them, with a last one for each kind that came too often."""
        rest = [
            issue("more_of_this", "", severity, kind=code, count=count - _MOST_OF_ONE_KIND)
            for (code, severity), count in self._count.items()
            if count > _MOST_OF_ONE_KIND
        ]
        return (*self._found, *rest)

    @property
    def count(self) -> int:
        """How many were found so far."""
        return sum(self._count.values())

    @property
    def failed(self) -> bool:
        """Whether any of them is an error."""
        return any(found.severity == "error" for found in self._found)

    def raise_if_failed(self) -> None:
        """Raise `DraftError` with everything found when any of it is an error."""
        if self.failed:
            raise DraftError(self.issues)
