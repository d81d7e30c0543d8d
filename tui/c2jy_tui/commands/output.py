"""Plain output: JSON and diagnostics that no terminal can trip over."""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Sequence
from dataclasses import asdict, is_dataclass
from typing import TYPE_CHECKING, Any, Final

from c2jy_bridge.core.events import Issue
from c2jy_bridge.core.safety import visible
from c2jy_tui.commands import say

if TYPE_CHECKING:
    from c2jy_bridge.engine import Progress

# C1 and bidi controls and the odd line ends: legal inside JSON, but not for a terminal that shows it.
_RISKY: Final = re.compile("[\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff]")


def as_json(value: Any, *, indent: int | None = None) -> str:
    """JSON with readable Chinese and nothing in it that a terminal would obey."""
    text = json.dumps(value, ensure_ascii=False, indent=indent, default=_plain)
    return _RISKY.sub(lambda m: f"\\u{ord(m[0]):04x}", text)


def _plain(value: Any) -> Any:
    return asdict(value) if is_dataclass(value) and not isinstance(value, type) else str(value)


def complain(text: str) -> None:
    """One line of diagnostics."""
    print(visible(text), file=sys.stderr, flush=True)


def complain_of(issue: Issue) -> None:
    """One issue: what, where, what to do."""
    where = f"{issue.path}: " if issue.path else ""
    fix = f" → {issue.fix}" if issue.fix else ""
    text = f"{say(f'severity.{issue.severity}')}: {where}{issue.message}{fix}"
    complain(visible(text, newlines=False))  # a line end from outside could pass for another diagnostic


def refused(issues: Sequence[Issue], *, as_json_too: bool) -> int:
    """Why a command did nothing; its status."""
    if as_json_too:
        print(as_json({"status": "error", "issues": issues}, indent=2))
    for issue in issues:
        complain_of(issue)
    return 1


def show_progress(progress: Progress) -> None:
    """One line on a terminal, written over again and again."""
    if sys.stderr.isatty():
        total = f"/{progress.total}" if progress.total else ""
        text = f"{visible(progress.message, newlines=False)} {progress.done}{total}"
        print(f"\r\x1b[K{text}", end="", file=sys.stderr, flush=True)


def clear_progress() -> None:
    """Take that line away."""
    if sys.stderr.isatty():
        print("\r\x1b[K", end="", file=sys.stderr, flush=True)
