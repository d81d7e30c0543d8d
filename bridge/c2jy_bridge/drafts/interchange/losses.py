"""What of a draft or a timeline has no place on the other side; every such thing becomes an Issue."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final, Literal

from c2jy_bridge.core.events import Issue, Severity
from c2jy_bridge.drafts.errors import clock, issue, say

Fate = Literal["lost", "kept", "changed", "missing"]
"""lost: it is not in what is made; kept: only we can read it there; changed: it is there in another form;
missing: it is there, but its file is not on this machine."""
_ISSUES: Final[dict[Fate, tuple[str, Severity]]] = {
    "lost": ("exchange_lost", "warning"),
    "kept": ("exchange_kept", "info"),
    "changed": ("exchange_changed", "info"),
    "missing": ("exchange_missing", "warning"),
}


class Losses:
    """Collects them; what happens to many clips alike is one Issue with their number and the first place."""

    def __init__(self) -> None:
        self._found: dict[tuple[Fate, str, str], list[tuple[str, int]]] = {}

    def note(self, what: str, path: str, at_us: int, *, name: str = "", fate: Fate = "lost") -> None:
        """Add one.

        Args:
            what: A key of the catalogue, such as `effect` or `crop`.
            path: Where it is in the draft or the timeline.
            at_us: When it begins, microseconds.
            name: What it is called there.
            fate: What becomes of it.
        """
        self._found.setdefault((fate, what, name), []).append((path, at_us))

    def issues(self, form: str) -> Iterator[Issue]:
        """One Issue for each kind and name, in the order in which they were found.

        Args:
            form: What the file or the draft is called in the message.
        """
        for (fate, what, name), places in self._found.items():
            path, at_us = places[0]
            shown = name.strip()[:80] or say("preview.nameless")
            words = say(f"exchange.{what}", name=shown)
            if words == f"exchange.{what}":
                words = say(f"preview.{what}", name=shown)
            values = {"what": words, "form": form, "count": len(places), "at": clock(max(0, at_us))}
            code, severity = _ISSUES[fate]
            yield issue(code, path, severity, **values)
