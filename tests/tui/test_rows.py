"""Columns, widths and short texts, which all lists use."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len

from c2jy_bridge.core.i18n import byte_size
from c2jy_tui import formatting
from c2jy_tui.panes.drafts.labels import COLUMNS as DRAFTS
from c2jy_tui.panes.inspector.labels import COLUMNS as CALLS
from c2jy_tui.widgets.row_list import GAP, Cell, Column, fit_columns, pad_cell, truncate, truncate_start


@given(st.sampled_from([CALLS, DRAFTS]), st.integers(1, 300))
def test_columns_and_gaps_never_need_more_than_the_width(columns: tuple[Column, ...], width: int) -> None:
    shown = fit_columns(columns, width)
    assert shown
    assert sum(cells for _, cells in shown) + GAP * (len(shown) - 1) <= width


def test_a_list_that_gets_narrow_loses_the_least_important_column_first() -> None:
    lost = []
    before = {column.name for column in DRAFTS}
    for width in range(120, 10, -1):
        now = {column.name for column, _ in fit_columns(DRAFTS, width)}
        lost += sorted(before - now)
        before = now
    assert lost == ["tracks", "clips", "size", "age", "media", "length"]


def test_a_wide_list_gives_what_is_over_to_the_column_without_an_end() -> None:
    columns = (Column("a", 5, grow=True), Column("b", 5, grow=True, max_width=8), Column("c", 5))
    assert [cells for _, cells in fit_columns(columns, 100)] == [85, 8, 5]


@given(st.text(st.characters(categories=["L", "N", "P"])), st.integers(0, 40))
def test_a_clipped_text_never_needs_more_cells_than_there_are(text: str, width: int) -> None:
    assert cell_len(truncate(text, width)) <= width


@given(st.lists(st.text("ab中文…", max_size=30), min_size=1, max_size=3), st.integers(1, 40), st.booleans())
def test_a_cell_fills_its_column_exactly(variants: list[str], width: int, right: bool) -> None:
    assert cell_len(pad_cell(Cell(tuple(variants)), width, right=right)) == width


@given(st.text(max_size=60), st.integers(0, 40))
def test_of_a_path_the_end_stays_within_the_cells_there_are(text: str, width: int) -> None:
    shown = truncate_start(text, width)
    assert cell_len(shown) <= width or shown == text
    assert text.endswith(shown.removeprefix("…"))
    assert cell_len(truncate_start("/home/maker/草稿/中国美食", 12)) <= 12
    assert truncate_start("/home/maker/草稿/中国美食", 12) == "…稿/中国美食"


def test_the_longest_way_to_say_it_that_fits_is_taken() -> None:
    cell = Cell(("… running 1.2/3.4 MB", "… 1.2/3.4 MB"))
    assert pad_cell(cell, 22).strip() == "… running 1.2/3.4 MB"
    assert pad_cell(cell, 13).strip() == "… 1.2/3.4 MB"
    assert pad_cell(cell, 8) == "… 1.2/3…"


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0, "0 ms"),
        (-1, "0 ms"),
        (0.34, "340 ms"),
        (0.9999, "1.0 s"),
        (1.24, "1.2 s"),
        (9.96, "10 s"),
        (59.6, "1:00"),
        (65, "1:05"),
        (3723, "1:02:03"),
    ],
)
def test_elapsed_time_is_short_at_every_scale(seconds: float, text: str) -> None:
    assert formatting.elapsed(seconds) == text


@pytest.mark.parametrize(
    ("us", "text"),
    [
        (0, "0:00.0"),
        (4_500_000, "0:04.5"),
        (59_960_000, "1:00.0"),
        (720_000_000, "12:00.0"),
        (3_723_500_000, "1:02:03.5"),
    ],
)
def test_a_place_on_the_timeline_is_minutes_seconds_and_tenths(us: int, text: str) -> None:
    assert formatting.length(us) == text


@pytest.mark.parametrize(
    ("count", "text"),
    [(0, "0 B"), (812, "812 B"), (999_600, "1.0 MB"), (4_200_000, "4.2 MB"), (120_000_000, "120 MB")],
)
def test_sizes_are_in_units_of_a_thousand(count: int, text: str) -> None:
    assert byte_size(count) == text


def test_a_call_of_another_day_shows_its_date() -> None:
    now = 1_795_262_400.0
    assert formatting.clock_time(now - 60, now) == ("11:59:00",)
    assert formatting.clock_time(now - 86_400, now) == ("11-20 12:00:00", "11-20")
    assert formatting.clock_time(now - 400 * 86_400, now)[-1] == "2025-10"
