"""Reads a table of values: CSV, JSON lines or the first sheet of an Excel workbook; one row a draft."""

from __future__ import annotations

import csv
import io
import json
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path
from typing import Any, Final

from c2jy_bridge.core.disk_space import os_reason
from c2jy_bridge.core.places import expanded, install_command
from c2jy_bridge.core.whole_files import read_whole
from c2jy_bridge.drafts.errors import DraftError, issue
from c2jy_bridge.drafts.template.values import LISTS

SUFFIXES: Final = (".csv", ".tsv", ".xlsx", ".jsonl", ".ndjson")
_MOST_ROWS: Final = 100_000
_MOST_COMPLETED: Final = 100
_OF_JSON: Final = ("{", "[")


@dataclass(frozen=True, slots=True)
class Row:
    """A row, numbered as a spreadsheet shows it: the header is 1."""

    number: int
    cells: Mapping[str, Any]
    """By column; empty cells are left out."""


def read_table(path: Path) -> list[Row]:
    """Read a table.

    A cell that begins with `{` or `[` is JSON; in a column of a list (`images`, `texts` ...) lines or `|`
    separate its items.

    Raises:
        DraftError: It cannot be read, has no rows, or names a column twice.
    """
    suffix = path.suffix.lower()
    if suffix not in SUFFIXES:
        raise DraftError([issue("table_kind", path.name, known=", ".join(SUFFIXES))])
    try:
        if suffix == ".xlsx":
            rows = list(_workbook(path))
        elif suffix in (".jsonl", ".ndjson"):
            rows = list(_json_lines(path))
        else:
            rows = list(_csv(path))
    except OSError as error:
        raise DraftError([issue("unreadable", path.name, reason=os_reason(error))]) from None
    if not rows:
        raise DraftError([issue("table_empty", path.name)])
    if len(rows) > _MOST_ROWS:
        raise DraftError([issue("table_long", path.name, rows=len(rows), most=_MOST_ROWS)])
    return rows


def tables_like(typed: str) -> list[str]:
    """Complete a path: the tables that begin with it, then the folders, with a `/` at the end.

    Args:
        typed: A path or its beginning, `~` for the home folder; relative ones begin at the working directory.
    """
    cut = max(typed.rfind("/"), typed.rfind(os.sep)) + 1
    before, begin = typed[:cut], typed[cut:]
    found: list[tuple[bool, str]] = []
    try:
        with os.scandir(expanded(Path(before or "."))) as entries:
            for entry in entries:
                if not entry.name.casefold().startswith(begin.casefold()):
                    continue
                if entry.name.startswith(".") and not begin:
                    continue
                if entry.is_dir():
                    found.append((False, f"{before}{entry.name}/"))
                elif entry.name.lower().endswith(SUFFIXES):
                    found.append((True, f"{before}{entry.name}"))
    except OSError:
        return []
    return [
        path for _, path in sorted(found, key=lambda one: (not one[0], one[1].casefold()))[:_MOST_COMPLETED]
    ]


def _csv(path: Path) -> Iterator[Row]:
    text = _decoded(path)
    first = text.partition("\n")[0]
    delimiter = max((",", "\t", ";", "，"), key=first.count)
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter)
    try:
        header = _header(next(reader, []), path)
        for number, cells in enumerate(reader, 2):
            yield from _row(number, header, cells, path)
    except csv.Error as error:
        raise DraftError([issue("table_csv", f"{path.name}:{reader.line_num}", reason=error)]) from None


def _json_lines(path: Path) -> Iterator[Row]:
    for number, line in enumerate(_decoded(path).splitlines(), 1):
        if not line.strip():
            continue
        try:
            held = json.loads(line)
        except ValueError as error:
            raise DraftError([issue("fill_not_json", f"{path.name}:{number}", reason=error)]) from None
        if not isinstance(held, dict):
            raise DraftError([issue("fill_not_object", f"{path.name}:{number}")])
        yield Row(number, held)


def _workbook(path: Path) -> Iterator[Row]:
    try:
        import openpyxl
    except ImportError:
        missing = issue("table_no_excel", path.name, command=install_command("tables"))
        raise DraftError([missing]) from None
    try:
        book = openpyxl.load_workbook(path, read_only=True, data_only=True)
    except OSError:
        raise
    except Exception as error:  # a damaged file makes zipfile, expat and the reader raise anything
        raise DraftError([issue("table_damaged", path.name, reason=error)]) from None
    try:
        rows = book.worksheets[0].iter_rows(values_only=True)
        header = _header([_text(cell) for cell in next(rows, ())], path)
        for number, cells in enumerate(rows, 2):
            yield from _row(number, header, [_text(cell) for cell in cells], path)
    finally:
        book.close()


def _decoded(path: Path) -> str:
    from c2jy_bridge.drafts.spec.input import decode_text  # only now: it brings all models of the spec

    return decode_text(read_whole(path))


def _text(cell: object) -> str:
    """A cell as its sheet shows it, as far as that is known."""
    if cell is None:
        return ""
    if isinstance(cell, float) and cell.is_integer():
        return str(int(cell))
    if isinstance(cell, datetime) and (cell.hour, cell.minute, cell.second) == (0, 0, 0):
        return cell.date().isoformat()
    if isinstance(cell, datetime):
        return cell.isoformat(" ")
    return cell.isoformat() if isinstance(cell, date) else str(cell)


def _header(cells: list[str], path: Path) -> list[str]:
    header = [cell.strip() for cell in cells]
    named = [name for name in header if name]
    if not named:
        raise DraftError([issue("table_empty", path.name)])
    if twice := sorted({name for name in named if named.count(name) > 1}):
        raise DraftError([issue("table_twice", path.name, column=twice[0])])
    return header


def _row(number: int, header: list[str], cells: list[str], path: Path) -> Iterator[Row]:
    held: dict[str, Any] = {}
    for name, cell in zip(header, cells, strict=False):
        if name and cell.strip():
            held[name] = _value(name, cell.strip(), f"{path.name}:{number}.{name}")
    if held:
        yield Row(number, held)


def _value(name: str, cell: str, where: str) -> Any:
    if cell.startswith(_OF_JSON):
        try:
            return json.loads(cell)
        except ValueError:
            if name in LISTS or cell.startswith("{"):
                raise DraftError([issue("fill_not_json", where, reason=cell[:80])]) from None
            return cell  # a text that begins with a bracket
    if name in LISTS:
        return [part.strip() for part in cell.replace("\n", "|").split("|") if part.strip()]
    return cell
