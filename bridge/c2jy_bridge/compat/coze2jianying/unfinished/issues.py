"""The words of unfinished drafts."""

from __future__ import annotations

from typing import Final

from c2jy_bridge.core.events import Issue, Severity
from c2jy_bridge.core.i18n import catalogue

say: Final = catalogue("unfinished")


def issue(code: str, path: str, severity: Severity = "error", **values: object) -> Issue:
    """An Issue in the words of the catalogue: `issue.<code>` what happened, `fix.<code>` what to do."""
    return Issue(code, path, severity, say(f"issue.{code}", **values), say(f"fix.{code}", **values))
