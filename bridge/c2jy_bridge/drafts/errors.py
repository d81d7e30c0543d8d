"""How an Issue of this room is worded, and the one exception that carries them."""

from __future__ import annotations

from typing import Final

from c2jy_bridge.core.draft_views import DraftError
from c2jy_bridge.core.events import Issue, Severity
from c2jy_bridge.core.i18n import catalogue

__all__ = ["DraftError", "issue", "say"]

say: Final = catalogue("drafts")


def issue(code: str, path: str, severity: Severity = "error", **values: object) -> Issue:
    """An Issue in the words of the catalogue: `issue.<code>` what happened, `fix.<code>` what to do."""
    message, fix = say(f"issue.{code}", **values), say(f"fix.{code}", **values)
    return Issue(code, path, severity, message, "" if fix == f"fix.{code}" else fix)
