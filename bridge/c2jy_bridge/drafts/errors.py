"""The one exception of this room, and how an Issue of it is worded."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from c2jy_bridge.events import Issue, Severity
from c2jy_bridge.i18n import catalogue

say: Final = catalogue("drafts")


class DraftError(ValueError):
    """No draft was made.

    `issues` holds every reason that was found, at least one; `str()` is their messages.
    """

    def __init__(self, issues: Iterable[Issue]) -> None:
        self.issues: tuple[Issue, ...] = tuple(issues)
        lines = (f"{i.path}: {i.message}" if i.path else i.message for i in self.issues)
        super().__init__("\n".join(lines))


def issue(code: str, path: str, severity: Severity = "error", **values: object) -> Issue:
    """An Issue in the words of the catalogue: `issue.<code>` what happened, `fix.<code>` what to do."""
    message, fix = say(f"issue.{code}", **values), say(f"fix.{code}", **values)
    return Issue(code, path, severity, message, "" if fix == f"fix.{code}" else fix)
