"""Makes and collects the Issues of one import."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable
from typing import Final

from c2jy_bridge.core import i18n
from c2jy_bridge.core.events import Issue, Severity
from c2jy_bridge.core.safety import one_line
from c2jy_bridge.drafts.errors import issues_from

say: Final = i18n.catalogue("importers")
issue: Final = issues_from(say)
_INDEX: Final = re.compile(r"\[\d+\]")
_SEPARATE: Final = 3
"""Most issues of one kind that are reported one by one; more become one with a count."""
_READ: Final = 50
"""The same for errors: each of them has to be corrected."""
_WORDED: Final = 500
"""Most issues of one kind that are kept at all."""


def shown(value: object, longest: int = 60) -> str:
    """A value from outside, short and harmless enough for a sentence."""
    text = one_line(value if isinstance(value, str) else repr(value))
    return text if len(text) <= longest else text[: longest - 1] + "…"


class ImportIssueCollector:
    """Collects issues of one draft in the order in which they are found."""

    def __init__(self) -> None:
        self._issues: list[Issue] = []
        self._count: Counter[str] = Counter()

    def add(self, code: str, path: str, severity: Severity = "warning", **values: object) -> None:
        """Add an issue; beyond `_WORDED` of one code they are only counted."""
        self._count[code] += 1
        if self._count[code] <= _WORDED:
            self._issues.append(issue(code, path, severity, **values))

    def extend(self, issues: Iterable[Issue]) -> None:
        """Add issues that another part of the import made."""
        for found in issues:
            self._count[found.code] += 1
            if self._count[found.code] <= _WORDED:
                self._issues.append(found)

    @property
    def errors(self) -> tuple[Issue, ...]:
        """The errors; folded when there are more than `_READ` of a kind."""
        return tuple(found for found in self.folded(_READ) if found.severity == "error")

    def folded(self, separate: int = _SEPARATE) -> tuple[Issue, ...]:
        """All issues; more of one kind than `separate` become one whose path has `[*]` for the indices."""
        groups: dict[tuple[str, str], list[Issue]] = {}
        for found in self._issues:
            groups.setdefault((found.code, _INDEX.sub("[*]", found.path)), []).append(found)
        last = dict(groups.keys())
        folded: list[Issue] = []
        for (code, pattern), members in groups.items():
            unworded = max(0, self._count[code] - _WORDED) if last[code] == pattern else 0
            if len(members) + unworded <= separate:
                folded.extend(members)
                continue
            first = members[0]
            more = say("more", count=len(members) + unworded - 1)
            folded.append(Issue(code, pattern, first.severity, f"{first.message} {more}", first.fix))
        return tuple(folded)
