"""What a table makes of a template, before anything is written: the drafts' names, what each column fills."""

from __future__ import annotations

import string
from collections.abc import Sequence
from typing import Any, Final

from c2jy_bridge.core.draft_views import BatchPlan, TableColumn
from c2jy_bridge.core.events import Issue
from c2jy_bridge.drafts.errors import DraftError, issue
from c2jy_bridge.drafts.template.slots import Slot
from c2jy_bridge.drafts.template.table import Row
from c2jy_bridge.drafts.template.values import LISTS, OTHERS
from c2jy_bridge.drafts.write.paths import checked_name, suggestion

_SHOWN: Final = 5
"""Rows of a preview."""
_TITLES: Final = ("title", "name", "标题", "名称", "名字", "文件名")
"""Columns that are likely to hold the draft's name, likeliest first."""


def plan_batch(template: str, slots: Sequence[Slot], rows: Sequence[Row], pattern: str) -> BatchPlan:
    """Preview a batch.

    Args:
        template: The draft's name.
        slots: What of it can be filled.
        rows: The table.
        pattern: Of the drafts' names; empty: one is suggested.
    """
    columns = list(dict.fromkeys(key for row in rows for key in row.cells))
    pattern = pattern or _suggested(template, columns)
    issues: list[Issue] = []
    names: list[str] = []
    try:
        check_pattern(pattern, rows)
        names = [_name_or_nothing(pattern, row) for row in rows[:_SHOWN]]
    except DraftError as error:
        issues += error.issues
    named = [TableColumn(column, filled_by(column, slots)) for column in columns]
    if not any(column.fills for column in named):
        known = ", ".join(slot.view.slot for slot in slots[:12])
        issues.append(issue("fills_nothing", "", slots=known or "-"))
    shown = tuple(tuple(_cell(row.cells.get(column, "")) for column in columns) for row in rows[:_SHOWN])
    return BatchPlan(pattern, len(rows), tuple(named), shown, tuple(names), tuple(issues))


def fills(column: str, slots: Sequence[Slot]) -> bool:
    """Whether a column is for the template; others may be there for the name or for the user."""
    return bool(filled_by(column, slots))


def filled_by(column: str, slots: Sequence[Slot]) -> tuple[str, ...]:
    """The slots that a column fills, or the kinds of a list; none when it is not for the template."""
    if column in LISTS:
        return LISTS[column]
    if column in OTHERS:
        return (column,)
    by_name = tuple(slot.view.slot for slot in slots if column in (slot.view.slot, slot.segment_id))
    return by_name or tuple(slot.view.slot for slot in slots if slot.view.label == column)


def check_pattern(pattern: str, rows: Sequence[Row]) -> None:
    """Raise DraftError when a pattern names a column that no row has."""
    columns = dict.fromkeys(key for row in rows for key in row.cells)
    try:
        fields = [field for _, field, _, _ in string.Formatter().parse(pattern) if field is not None]
    except ValueError as error:
        raise DraftError([issue("pattern", "name", pattern=pattern, reason=error)]) from None
    for field in fields:
        if field not in columns and field != "row":
            known = ", ".join(list(columns)[:20])
            raise DraftError([issue("pattern_column", "name", column=field, columns=known)])


def name_of(pattern: str, row: Row) -> str:
    """The draft's name; what no folder can be called is replaced, as the cells are not written for that."""
    cells = {key: value if isinstance(value, (str, int, float)) else "" for key, value in row.cells.items()}
    made = "".join(
        text + (str({"row": row.number, **cells}.get(field, "")) if field is not None else "")
        for text, field, _, _ in string.Formatter().parse(pattern)
    )
    return checked_name(suggestion(made.strip()))


def _name_or_nothing(pattern: str, row: Row) -> str:
    try:
        return name_of(pattern, row)
    except DraftError:
        return ""


def _suggested(template: str, columns: Sequence[str]) -> str:
    by_folded = {column.casefold(): column for column in columns}
    for title in _TITLES:
        if (column := by_folded.get(title)) is not None:
            return f"{{{column}}}"
    return template.replace("{", "{{").replace("}", "}}") + " {row}"


def _cell(value: Any) -> str:
    return (
        value
        if isinstance(value, str)
        else " | ".join(map(str, value))
        if isinstance(value, list)
        else str(value)
    )
