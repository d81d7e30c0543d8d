"""One batch: the rows that are done, and its report; no widget."""

from __future__ import annotations

import csv
import io
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal

from rich.cells import cell_len
from textual.content import Content

from c2jy_bridge.core.draft_views import BatchPlan, BatchRow
from c2jy_bridge.core.events import Issue
from c2jy_bridge.core.safety import one_line
from c2jy_tui import formatting
from c2jy_tui.panes.drafts import labels
from c2jy_tui.panes.drafts.labels import say
from c2jy_tui.widgets.row_list import Cell, Column, Row, Tone, fit_columns, pad_cell, truncate

RunState = Literal["running", "done", "cancelled", "failed"]


@dataclass(frozen=True, slots=True)
class BatchOptions:
    """The answer of the form."""

    table: str
    pattern: str
    total: int = 0


@dataclass(slots=True)
class BatchRun:
    """A batch that runs or has run; times are Unix seconds."""

    template: str
    options: BatchOptions
    began_at: float
    rows: list[BatchRow] = field(default_factory=list)
    counts: Counter[str] = field(default_factory=Counter)
    state: RunState = "running"
    ended_at: float = 0.0
    issues: Sequence[Issue] = ()
    """Why it failed as a whole."""
    seen: bool = False
    """Its end was shown to the user."""

    def add(self, row: BatchRow) -> None:
        """A row is done."""
        self.rows.append(row)
        self.counts[row.state] += 1

    def end(self, state: RunState, at: float, issues: Sequence[Issue] = ()) -> None:
        """Nothing more comes."""
        self.state, self.ended_at, self.issues = state, at, issues

    def progress(self) -> str:
        """`123/1000 · 2 failed`."""
        parts = [f"{len(self.rows)}/{max(self.options.total, len(self.rows))}"]
        if failed := self.counts["failed"]:
            parts.append(say("batch.count_failed", count=failed))
        return " · ".join(parts)

    def summary(self) -> str:
        """How many were made, were there, and failed."""
        counts = (say(f"batch.count_{state}", count=self.counts[state]) for state in ("made", "there"))
        parts = [*counts, say("batch.count_failed", count=self.counts["failed"])]
        if (left := self.options.total - len(self.rows)) > 0 and self.state != "running":
            parts.append(say("batch.count_left", count=left))
        return " · ".join(parts)

    def bar(self, width: int) -> str:
        """Progress on exactly `width` cells."""
        done = width * len(self.rows) // max(1, self.options.total, len(self.rows))
        return "█" * done + "░" * (width - done)

    def elapsed(self, now: float) -> str:
        """How long it runs or has run."""
        return formatting.countable((self.ended_at or now) - self.began_at)

    def report(self) -> str:
        """A line a row, as CSV: what became of it, and for a failed one why and what to do."""
        out = io.StringIO()
        writer = csv.writer(out, lineterminator="\n")
        writer.writerow(
            [say(f"batch.head_{name}") for name in ("row", "state", "name", "path", "why", "fix")]
        )
        for row in self.rows:
            whys = " / ".join(labels.issue_line(issue) for issue in row.issues)
            fixes = " / ".join(dict.fromkeys(one_line(issue.fix) for issue in row.issues if issue.fix))
            writer.writerow([row.row, say(f"batch.{row.state}"), row.name, row.path, whys, fixes])
        return out.getvalue()


COLUMNS = (
    Column("row", 5, right=True),
    Column("state", 10),
    Column("name", 14, grow=True, max_width=44),
    Column("note", 14, grow=True, priority=50),
)
_TONES: dict[str, Tone] = {"made": "good", "there": "muted", "failed": "bad"}
_SIGNS = {"made": "✓", "there": "·", "failed": "✗"}


def cells(row: BatchRow) -> Row:
    """A row of the table as a row of the list."""
    first = next((issue for issue in row.issues if issue.severity != "info"), None)
    return {
        "row": Cell((str(row.row),), "muted"),
        "state": Cell((f"{_SIGNS[row.state]} {say(f'batch.{row.state}')}",), _TONES[row.state]),
        "name": Cell((one_line(row.name) or "-",)),
        "note": Cell(
            (labels.issue_line(first) if first else "",), "bad" if row.state == "failed" else "warn"
        ),
    }


def plan_lines(plan: BatchPlan, width: int) -> Content:
    """The first rows of a table under its columns and what each fills, on at most `width` cells."""
    names = Column(" name", 12, grow=True, max_width=28, priority=1000)
    columns = [names]
    for number, column in enumerate(plan.columns):
        widest = max(
            8,
            cell_len(column.name),
            cell_len(_fills(column.fills)),
            *(_width(row[number]) for row in plan.rows),
        )
        # What fills nothing gives way first, then the last ones.
        rank = (900 if column.fills else 500) - number
        columns.append(
            Column(column.name, min(widest, 16), grow=True, max_width=max(16, widest), priority=rank)
        )
    fitted = fit_columns(columns, width)
    by_name = {column.name: column for column in plan.columns}
    at = {column.name: number for number, column in enumerate(plan.columns)}

    def line(first: str, cell: dict[str, str]) -> str:
        shown = (first if column is names else cell[column.name] for column, _ in fitted)
        pairs = zip(shown, fitted, strict=True)
        return " ".join(pad_cell(Cell((truncate(text, wide),)), wide) for text, (_, wide) in pairs)

    lines = [
        Content.styled(line(say("batch.draft"), {name: one_line(name) for name in by_name}), "bold"),
        Content.styled(
            line("", {name: _fills(column.fills) for name, column in by_name.items()}), "$text-success"
        ),
    ]
    for number, row in enumerate(plan.rows):
        first = one_line(plan.names[number]) if number < len(plan.names) else "?"
        lines.append(Content(line(first or "?", {name: one_line(row[at[name]]) for name in by_name})))
    hidden = len(columns) - len(fitted)
    rest = [
        say("batch.rows_more", count=plan.total - len(plan.rows)) if plan.total > len(plan.rows) else "",
        say("batch.columns_more", count=hidden) if hidden else "",
    ]
    if words := " · ".join(filter(None, rest)):
        lines.append(Content.styled(words, "dim"))
    return Content("\n").join(lines)


def _fills(slots: Sequence[str]) -> str:
    if not slots:
        return "–"
    return f"→ {slots[0]}" + (f" +{len(slots) - 1}" if len(slots) > 1 else "")


def _width(text: str) -> int:
    return cell_len(one_line(text))
