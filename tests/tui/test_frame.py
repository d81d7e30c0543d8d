"""What the terminal gets is less than Textual would write, and the screen is the same."""

from __future__ import annotations

from typing import Any

import pyte
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rich.console import Console
from rich.segment import Segment
from rich.style import Style
from textual._compositor import ChopsUpdate, LayoutUpdate
from textual.geometry import Region
from textual.strip import Strip

from c2jy_tui.app import C2jyApp
from c2jy_tui.terminal.cells import change
from c2jy_tui.terminal.frame import Frame, FrameRate
from c2jy_tui.themes import Look
from pane_host import soon

Update = LayoutUpdate | ChopsUpdate
CONSOLE = Console(color_system="truecolor", force_terminal=True)


class Twins:
    """Two terminals: one is written to by Textual, the other through a Frame."""

    def __init__(self, columns: int, rows: int, frame: Frame) -> None:
        self.theirs, self.ours = pyte.Screen(columns, rows), pyte.Screen(columns, rows)
        self._their_stream, self._our_stream = pyte.Stream(self.theirs), pyte.Stream(self.ours)
        self.frame = frame
        self.bytes = [0, 0]
        self.clear()

    def clear(self) -> None:
        """As a terminal does when a program begins, comes back or was resized."""
        for stream in (self._their_stream, self._our_stream):
            stream.feed("\x1b[?7l\x1b[2J")

    def resize(self, columns: int, rows: int) -> None:
        for screen in (self.theirs, self.ours):
            screen.resize(rows, columns)

    def show(self, update: Update, console: Console) -> None:
        written = update.render_segments(console), self.frame.update(update, console).text
        self.bytes = [sum_ + len(text.encode()) for sum_, text in zip(self.bytes, written, strict=True)]
        self._their_stream.feed(written[0])
        self._our_stream.feed(written[1])

    def assert_same(self) -> None:
        for y in range(self.theirs.lines):
            assert seen(self.ours, y) == seen(self.theirs, y), (y, self.ours.display[y])


def seen(screen: pyte.Screen, y: int) -> list[Any]:
    """The cells of a row; the colour of letters counts only where a letter or a line can be seen."""
    row = [screen.buffer[y][x] for x in range(screen.columns)]
    return [
        cell._replace(fg="default", bold=False, italics=False, blink=False)
        if cell.data == " " and not (cell.underscore or cell.strikethrough or cell.reverse)
        else cell
        for cell in row
    ]


# --- any update ----------------------------------------------------------------------------------------

TEXT = "清晨的阳光洒在老街的石板路上小吃摊升起热气我们从这里开始今天"
COLUMNS, ROWS = 24, 8
LETTERS = st.text("ab ─│中文。é😀", min_size=1, max_size=COLUMNS)
STYLES = st.builds(
    Style,
    color=st.sampled_from([None, "red", "#102030"]),
    bgcolor=st.sampled_from([None, "blue", "#405060"]),
    bold=st.booleans(),
    underline=st.booleans(),
    reverse=st.booleans(),
)
LINES = st.lists(st.tuples(LETTERS, STYLES), min_size=1, max_size=4).map(
    lambda parts: Strip([Segment(*part) for part in parts]).adjust_cell_length(COLUMNS, Style())
)


def drawn(lines: list[Strip]) -> Update:
    return LayoutUpdate([[line] for line in lines], Region(0, 0, COLUMNS, len(lines)))


def redrawn(lines: list[Strip], top: int, bottom: int) -> Update:
    """The rows from `top` to before `bottom`."""
    spans = [(y, 0, COLUMNS) for y in range(top, bottom)]
    return ChopsUpdate([{0: line} for line in lines], spans, [[COLUMNS]] * ROWS)


@pytest.mark.parametrize("erases", [False, True])
@settings(max_examples=50, deadline=None)
@given(screens=st.lists(st.lists(LINES, min_size=ROWS, max_size=ROWS), min_size=2, max_size=4))
def test_any_screen_after_any_other_is_the_same(erases: bool, screens: list[list[Strip]]) -> None:
    twins = Twins(COLUMNS, ROWS, Frame(erases_in_colour=erases))
    for lines in screens:
        twins.show(drawn(lines), CONSOLE)
        twins.assert_same()


@settings(max_examples=50, deadline=None)
@given(
    lines=st.lists(LINES, min_size=ROWS, max_size=ROWS),
    more=LINES,
    top=st.integers(0, 3),
    bottom=st.integers(5, ROWS),
    by=st.integers(-2, 2),
)
def test_rows_that_move_are_the_same(lines: list[Strip], more: Strip, top: int, bottom: int, by: int) -> None:
    twins = Twins(COLUMNS, ROWS, Frame(erases_in_colour=True))
    twins.show(drawn(lines), CONSOLE)
    inside = lines[top:bottom]
    inside = [*inside[by:], *[more] * by] if by > 0 else [*[more] * -by, *inside[: len(inside) + by]]
    twins.show(redrawn([*lines[:top], *inside, *lines[bottom:]], top, bottom), CONSOLE)
    twins.assert_same()


def test_one_line_more_scrolls_those_above_it() -> None:
    lines = [Strip([Segment(TEXT[n:] + TEXT[:n], Style())]).adjust_cell_length(60) for n in range(21)]
    before = LayoutUpdate([[line] for line in lines[:20]], Region(0, 0, 60, 20))
    after = ChopsUpdate([{0: x} for x in lines[1:21]], [(y, 0, 60) for y in range(20)], [[60]] * 20)
    twins = Twins(60, 20, Frame(erases_in_colour=True))
    twins.show(before, CONSOLE)
    twins.bytes = [0, 0]
    twins.show(after, CONSOLE)
    twins.assert_same()
    assert twins.bytes[1] < 150 < twins.bytes[0]


def test_nothing_is_written_twice_until_the_terminal_was_cleared() -> None:
    lines = [Strip([Segment("中文", Style())]).adjust_cell_length(COLUMNS) for _ in range(ROWS)]
    twins = Twins(COLUMNS, ROWS, Frame())
    twins.show(drawn(lines), CONSOLE)
    twins.bytes = [0, 0]
    twins.show(drawn(lines), CONSOLE)
    assert twins.bytes[1] == 0
    twins.clear()
    twins.frame.forget()
    twins.show(drawn(lines), CONSOLE)
    twins.assert_same()


@pytest.mark.parametrize(
    ("before", "after", "sequence"),
    [
        ("1;31", "31", "\x1b[22m"),
        ("1;2;31", "2;31", "\x1b[22;2m"),
        ("4;38;2;1;2;3;48;5;7", "38;2;1;2;3;48;5;8", "\x1b[24;48;5;8m"),
        ("31;44", "44", "\x1b[39m"),
        ("31;44", "", "\x1b[m"),
        ("", "97;104", "\x1b[97;104m"),
    ],
)
def test_a_look_changes_in_few_bytes(before: str, after: str, sequence: str) -> None:
    assert change(before, after) == sequence


def test_what_moves_by_itself_is_drawn_ten_times_a_second_and_keys_at_once() -> None:
    rate = FrameRate(10)
    assert rate.allows(100.0)
    rate.drawn(100.0)
    assert not rate.allows(100.05)
    assert rate.allows(100.11)
    rate.used(100.02)
    assert rate.allows(100.05)


async def test_a_frame_that_must_wait_is_drawn_later(stage: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    async with stage(lang="en", look=Look(low_bandwidth=True)) as on:
        allowed = False
        monkeypatch.setattr(C2jyApp, "may_draw", property(lambda _: allowed))
        displays: list[object] = []
        monkeypatch.setattr(C2jyApp, "_display", lambda *given: displays.append(given))
        on.main.chat.composer.write("words")
        await on.pilot.pause(0.2)
        assert not displays
        allowed = True
        await soon(on.pilot, lambda: bool(displays))


# --- the app -------------------------------------------------------------------------------------------


@pytest.fixture
def twins(monkeypatch: pytest.MonkeyPatch) -> Twins:
    """Both terminals, written to by any app of this test."""
    both = Twins(120, 36, Frame(erases_in_colour=True))
    display = C2jyApp._display

    def on_both(app: C2jyApp, screen: Any, update: Any) -> None:
        if isinstance(update, LayoutUpdate | ChopsUpdate) and not app._batch_count:
            both.frame = app._frame
            both.show(update, app.console)
        display(app, screen, update)

    monkeypatch.setattr(C2jyApp, "_display", on_both)
    return both


@pytest.mark.slow
@pytest.mark.parametrize("lang", ["en", "zh"])
async def test_the_app_looks_the_same_after_each_thing_that_is_done(
    stage: Any, twins: Twins, lang: str
) -> None:
    async with stage(lang=lang) as on:
        twins.assert_same()
        await on.ask("做一个美食视频 😀")
        for n in range(40):
            await on.play(on.bot.says(f"第{n}行，清晨的阳光洒在老街的石板路上。\n\n"))
            twins.assert_same()
        for key in ("f4", "f3", "pageup", "pagedown", "f1", "escape"):
            await on.press(key)
            twins.assert_same()
        await on.press("ctrl+p", *"abc")
        twins.assert_same()
        await on.press("escape")
        on.app.theme = "c2jy-light"
        await on.settle()
        twins.assert_same()
        assert twins.bytes[1] * 4 < twins.bytes[0]


async def test_the_app_looks_the_same_after_resizes(stage: Any, twins: Twins) -> None:
    async with stage(lang="zh") as on:
        await on.ask("hi")
        await on.play(on.bot.says("清晨的阳光洒在老街的石板路上。" * 20))
        for size in ((80, 24), (60, 24), (60, 24), (200, 50), (120, 36)):
            twins.resize(*size)
            twins.clear()
            await on.pilot.resize_terminal(*size)
            await on.settle()
            twins.assert_same()
