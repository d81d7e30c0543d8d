"""Drafts from a table, in the screen, made by the real engine."""

from __future__ import annotations

import asyncio
import csv
import io
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing
from pathlib import Path

import pytest
from PIL import Image
from textual.pilot import Pilot
from textual.widgets import Input, OptionList

from app_drafts import files, jianying_59, names, put, read, write
from c2jy_bridge.core.draft_views import BatchRow
from c2jy_bridge.core.settings import Settings
from c2jy_bridge.engine import Engine
from c2jy_tui.panes.drafts import DraftsPane
from c2jy_tui.screens.batch_form import BatchForm
from c2jy_tui.screens.batch_watch import BatchWatchScreen
from pane_host import Host, StillClock, soon

TABLE = "title,text1,image1,note\n一,words 1,wide.png,x\n二,words 2,gone.png,y\n三,words 3,wide.png,z\n"


@pytest.fixture
def place(tmp_path: Path) -> Path:
    """A drafts folder with one template, and a table with its picture beside it."""
    picture = tmp_path / "lists" / "wide.png"
    picture.parent.mkdir()
    Image.new("RGB", (640, 360), (180, 40, 40)).save(picture)
    template = jianying_59(str(picture), str(tmp_path / "no.mp4"), str(tmp_path / "no.wav"))
    write(tmp_path / "drafts" / "template", template)
    put(tmp_path / "lists" / "episodes.csv", TABLE)
    put(tmp_path / "lists" / "readme.txt", "no table")
    return tmp_path


@pytest.fixture
async def engine(place: Path) -> AsyncIterator[Engine]:
    settings = {
        "drafts": {"root": str(place / "drafts")},
        "data_dir": str(place / "data"),
        "config_dir": str(place / "config"),
    }
    one = Engine(Settings.model_validate(settings))
    yield one
    await one.close()


@pytest.fixture
def host() -> Host:
    return Host(DraftsPane(clock=StillClock()))


async def form_of(pilot: Pilot[None], engine: Engine) -> BatchForm:
    """The form for the only draft."""
    pane = pilot.app.query_one(DraftsPane)
    await pane.load(engine)
    await pilot.pause()
    await pilot.press("b")
    await soon(pilot, lambda: isinstance(pilot.app.screen, BatchForm))
    form = pilot.app.screen
    assert isinstance(form, BatchForm)
    return form


async def choose(pilot: Pilot[None], form: BatchForm, table: Path) -> None:
    form.query(Input).first().value = str(table)
    await soon(pilot, lambda: form._plan is not None)
    await pilot.pause()


def hold(engine: Engine, rows: int) -> asyncio.Event:
    """Let batches wait after so many rows until the event is set."""
    released, batch = asyncio.Event(), engine.drafts.batch

    async def held(template: str | Path, table: Path, name: str) -> AsyncGenerator[BatchRow, None]:
        async with aclosing(batch(template, table, name)) as made:
            count = 0
            async for row in made:
                yield row
                if (count := count + 1) == rows:
                    await released.wait()

    engine.drafts.batch = held  # type: ignore[method-assign]  # no batch is slow enough to be left
    return released


async def run(pilot: Pilot[None]) -> BatchWatchScreen:
    await pilot.press("ctrl+r")
    await soon(pilot, lambda: isinstance(pilot.app.screen, BatchWatchScreen))
    watch = pilot.app.screen
    assert isinstance(watch, BatchWatchScreen)
    await soon(pilot, lambda: watch.run.seen)
    await pilot.pause()
    return watch


async def test_tab_and_the_list_complete_the_path_to_tables_only(
    host: Host, engine: Engine, place: Path
) -> None:
    async with host.run_test(size=(120, 36)) as pilot:
        form = await form_of(pilot, engine)
        table, found = form.query(Input).first(), form.query_one("#tables", OptionList)
        table.value = f"{place}/li"
        await soon(pilot, lambda: found.option_count == 1)
        await pilot.press("tab")
        assert table.value == f"{place}/lists/"
        await soon(pilot, lambda: form._found == [f"{place}/lists/episodes.csv"])
        await pilot.press("tab")
        assert table.value == f"{place}/lists/episodes.csv"


async def test_the_form_shows_what_each_column_fills_and_the_names_of_the_first_rows(
    host: Host, engine: Engine, place: Path
) -> None:
    async with host.run_test(size=(120, 36)) as pilot:
        form = await form_of(pilot, engine)
        await choose(pilot, form, place / "lists" / "episodes.csv")
        lines = host.seen().splitlines()
        at = next(n for n, line in enumerate(lines) if "text1" in line and "note" in line)
        assert lines[at + 1].split()[1:-1] == ["–", "→", "text1", "→", "image1", "–"]
        assert lines[at + 2].split()[1:-1] == ["一", "一", "words", "1", "wide.png", "x"]
        assert [field.value for field in form.query(Input)][1] == "{title}"


async def test_a_table_that_fills_nothing_does_not_start_and_says_how_columns_are_named(
    host: Host, engine: Engine, place: Path
) -> None:
    put(place / "lists" / "other.csv", "title,day\na,1\n")
    async with host.run_test(size=(120, 36)) as pilot:
        form = await form_of(pilot, engine)
        await choose(pilot, form, place / "lists" / "other.csv")
        await pilot.press("ctrl+r")
        await soon(pilot, lambda: isinstance(form.focused, Input) and form._plan is not None)
        assert pilot.app.screen is form
        assert "No column of the table fills anything" in host.seen()
        assert "image1" in host.seen()


async def test_every_row_gets_its_line_and_a_failed_one_says_why(
    host: Host, engine: Engine, place: Path
) -> None:
    async with host.run_test(size=(120, 36)) as pilot:
        form = await form_of(pilot, engine)
        await choose(pilot, form, place / "lists" / "episodes.csv")
        watch = await run(pilot)
        assert [(row.row, row.name, row.state) for row in watch.run.rows] == [
            (2, "一", "made"),
            (3, "二", "failed"),
            (4, "三", "made"),
        ]
        assert names(place / "drafts") == sorted(["template", "一", "三"])
        seen = host.seen()
        assert "2 made · 0 there already · 1 failed" in seen
        assert "gone.png" in seen.split("Finished")[1]  # the cursor is on what failed
        await pilot.press("y")
        report = list(csv.reader(io.StringIO(host.copied)))
        assert [line[1] for line in report[1:]] == ["made", "failed", "made"]
        assert "gone.png" in report[2][4]
        await pilot.press("down", "enter")
        pane = host.query_one(DraftsPane)
        await soon(pilot, lambda: pane.current is not None and pane.current.name == "三")


async def test_after_a_correction_r_makes_only_what_failed(host: Host, engine: Engine, place: Path) -> None:
    async with host.run_test(size=(120, 36)) as pilot:
        form = await form_of(pilot, engine)
        await choose(pilot, form, place / "lists" / "episodes.csv")
        first = await run(pilot)
        put(place / "lists" / "episodes.csv", TABLE.replace("gone.png", "wide.png"))
        await soon(pilot, lambda: not host.query_one(DraftsPane)._jobs.busy)
        await pilot.press("r")
        await soon(pilot, lambda: host.screen is not first and isinstance(host.screen, BatchWatchScreen))
        second = host.screen
        assert isinstance(second, BatchWatchScreen)
        await soon(pilot, lambda: second.run.seen)
        assert [row.state for row in second.run.rows] == ["there", "made", "there"]
        assert names(place / "drafts") == sorted(["template", "一", "三", "二"])


async def test_a_cancelled_batch_keeps_whole_drafts_and_goes_on_later(
    host: Host, engine: Engine, place: Path
) -> None:
    released = hold(engine, 3)
    rows = "".join(f"e{n},words {n},wide.png,\n" for n in range(60))
    put(place / "lists" / "many.csv", "title,text1,image1,note\n" + rows)
    async with host.run_test(size=(80, 24)) as pilot:
        form = await form_of(pilot, engine)
        await choose(pilot, form, place / "lists" / "many.csv")
        await pilot.press("ctrl+r")
        await soon(pilot, lambda: isinstance(host.screen, BatchWatchScreen))
        watch = host.screen
        assert isinstance(watch, BatchWatchScreen)
        await soon(pilot, lambda: len(watch.run.rows) > 2)
        await pilot.press("X")
        await soon(pilot, lambda: watch.run.seen)
        assert watch.run.state == "cancelled"
        assert len(watch.run.rows) < 60
        made = names(place / "drafts")
        assert not [name for name in made if name.startswith(".")]
        for name in made[:3]:
            assert not [i for i in await engine.drafts.check(name) if i.code == "damaged"]
        await soon(pilot, lambda: not host.query_one(DraftsPane)._jobs.busy)
        released.set()
        await pilot.press("r")
        await soon(pilot, lambda: host.screen is not watch and isinstance(host.screen, BatchWatchScreen))
        again = host.screen
        assert isinstance(again, BatchWatchScreen)
        await soon(pilot, lambda: again.run.seen)
        assert again.run.counts["there"] >= len(made) - 1
        assert len(names(place / "drafts")) == 61


async def test_a_batch_runs_on_without_its_window_and_b_comes_back_to_it(
    host: Host, engine: Engine, place: Path
) -> None:
    released = hold(engine, 3)
    rows = "".join(f"e{n},words {n},wide.png,\n" for n in range(30))
    put(place / "lists" / "many.csv", "title,text1,image1,note\n" + rows)
    async with host.run_test(size=(80, 24)) as pilot:
        form = await form_of(pilot, engine)
        await choose(pilot, form, place / "lists" / "many.csv")
        await pilot.press("ctrl+r")
        await soon(pilot, lambda: isinstance(host.screen, BatchWatchScreen))
        await pilot.press("escape")
        released.set()
        await soon(pilot, lambda: "30 made" in host.said)
        await pilot.press("b")
        await soon(pilot, lambda: isinstance(host.screen, BatchWatchScreen))
        await pilot.pause()
        assert "30/30" in host.seen()


async def test_a_draft_is_duplicated_beside_it_and_the_cursor_goes_to_the_copy(
    host: Host, engine: Engine, place: Path
) -> None:
    before = files(place / "drafts" / "template")
    async with host.run_test(size=(120, 36)) as pilot:
        pane = host.query_one(DraftsPane)
        await pane.load(engine)
        await pilot.pause()
        await pilot.press("Y")
        await soon(pilot, lambda: pane.current is not None and pane.current.name == "template (2)")
        assert "template (2) is a copy of template." in host.said
    assert files(place / "drafts" / "template") == before
    copied = read(place / "drafts" / "template (2)" / "draft_content.json")
    assert copied["tracks"] == read(place / "drafts" / "template" / "draft_content.json")["tracks"]
