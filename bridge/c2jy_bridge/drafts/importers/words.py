"""The importers' words, and the list of what is to be told about one draft."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Final

from c2jy_bridge import i18n
from c2jy_bridge.events import Issue, Severity
from c2jy_bridge.safety import visible

say = i18n.catalogue("importers")
_INDEX: Final = re.compile(r"\[\d+\]")
_SEPARATE: Final = 3
"""So many issues of one kind are told one by one; more become one with a count."""


def issue(code: str, path: str, severity: Severity = "error", **values: object) -> Issue:
    """An Issue in the words of the catalogue, in the language in use."""
    return Issue(
        code=code,
        path=path,
        severity=severity,
        message=say(f"issue.{code}", **values),
        fix=say(f"fix.{code}", **values),
    )


def shown(value: object, longest: int = 60) -> str:
    """A value from outside, short and harmless enough for a sentence."""
    text = visible(value if isinstance(value, str) else repr(value), newlines=False)
    return text if len(text) <= longest else text[: longest - 1] + "…"


class Report:
    """Collects issues of one draft in the order in which they are found."""

    def __init__(self) -> None:
        self._issues: list[Issue] = []

    def add(self, code: str, path: str, severity: Severity = "warning", **values: object) -> None:
        """Tell about one thing."""
        self._issues.append(issue(code, path, severity, **values))

    def extend(self, issues: Iterable[Issue]) -> None:
        """Tell what another part of the import found."""
        self._issues.extend(issues)

    @property
    def errors(self) -> tuple[Issue, ...]:
        """What makes the draft impossible."""
        return tuple(found for found in self._issues if found.severity == "error")

    def folded(self) -> tuple[Issue, ...]:
        """All issues; many of one kind become one whose path has `[*]` for the indices."""
        groups: dict[tuple[str, str], list[Issue]] = {}
        for found in self._issues:
            groups.setdefault((found.code, _INDEX.sub("[*]", found.path)), []).append(found)
        told: list[Issue] = []
        for (code, pattern), members in groups.items():
            if len(members) <= _SEPARATE:
                told.extend(members)
                continue
            first = members[0]
            more = say("more", count=len(members) - 1)
            told.append(Issue(code, pattern, first.severity, f"{first.message} {more}", first.fix))
        return tuple(told)
