"""Several drafts marked and worked on together, a draft renamed, tags."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from textual.pilot import Pilot
from textual.widgets import Input

from c2jy_bridge.core.draft_views import DraftError
from c2jy_bridge.core.events import Issue
from c2jy_bridge.core.views import DraftView
from c2jy_tui.panes.drafts import DraftsPane
from c2jy_tui.screens.dialogs import ConfirmScreen, LineScreen
from pane_host import NOON, Host, PaneDrafts, PaneEngine, StillClock, soon

ONE = DraftView("one", "/drafts/one", "ok", modified_at=NOON - 60, ours=True, width=1920, height=1080)
FOLDER = [
    ONE,
    replace(ONE, name="two", path="/drafts/two", modified_at=NOON - 120, tags=("done", "片头")),
    replace(ONE, name="three", path="/drafts/three", modified_at=NOON - 180, ours=False, state="foreign"),
]


@pytest.fixture
def drafts() -> PaneDrafts:
    return PaneDrafts(folder=list(FOLDER))


@pytest.fixture
def host() -> Host:
    return Host(DraftsPane(clock=StillClock()))


async def begin(host: Host, drafts: PaneDrafts, pilot: Pilot[Any]) -> DraftsPane:
    assert isinstance(host.pane, DraftsPane)
    await host.pane.load(PaneEngine(drafts=drafts))
    await pilot.pause()
    return host.pane


async def shows(pilot: Pilot[Any], kind: type) -> None:
    await soon(pilot, lambda: isinstance(pilot.app.screen, kind))


async def ends(pilot: Pilot[Any]) -> None:
    await pilot.app.workers.wait_for_complete()
    await pilot.pause()


async def test_marked_drafts_go_to_the_trash_together_after_one_question_and_come_back_together(
    host: Host, drafts: PaneDrafts
) -> None:
    async with host.run_test(size=(90, 24)) as pilot:
        await begin(host, drafts, pilot)
        await pilot.press("space", "down", "space")
        assert "marked: 2" in host.seen()
        assert "* one" in host.seen()
        assert "* two" not in host.seen()
        await pilot.press("delete")
        await shows(pilot, ConfirmScreen)
        assert "Move 2 drafts to the trash? one, three" in host.seen()
        assert "Not made by this app (1): three" in host.seen()
        await pilot.press("n")
        await ends(pilot)
        assert len(drafts.folder) == 3
        await pilot.press("delete")
        await shows(pilot, ConfirmScreen)
        await pilot.press("y")
        await ends(pilot)
        assert [view.name for view in drafts.folder] == ["two"]
        assert host.said.count("trash: 2") == 1
        assert "marked" not in host.seen()
        await pilot.press("U")
        await ends(pilot)
        assert {view.name for view in drafts.folder} == {"one", "two", "three"}


async def test_esc_removes_the_marks_and_star_marks_all_that_the_filter_lets_through(
    host: Host, drafts: PaneDrafts
) -> None:
    async with host.run_test(size=(90, 24)) as pilot:
        await begin(host, drafts, pilot)
        await pilot.press("slash", "t", "enter", "asterisk")
        assert "marked: 2" in host.seen()
        await pilot.press("asterisk")
        assert "marked" not in host.seen()
        await pilot.press("asterisk", "escape")
        assert "marked" not in host.seen()
        assert "2 of 3 match" in host.seen()
        await pilot.press("escape")
        assert "Drafts: 3" in host.seen()


async def test_marked_drafts_are_packed_and_checked_with_one_report(host: Host, drafts: PaneDrafts) -> None:
    drafts.faults["two"] = [Issue("gone", "clip", "error", "is gone", "")]
    async with host.run_test(size=(90, 24)) as pilot:
        await begin(host, drafts, pilot)
        await pilot.press("asterisk", "v")
        await ends(pilot)
        assert "Verified: 3, everything is present in 2\ntwo: clip: is gone" in host.said
        drafts.refusals.append(DraftError([Issue("full", "", "error", "no room", "")]))
        await pilot.press("z")
        await shows(pilot, ConfirmScreen)
        assert "/exports" in host.seen()
        await pilot.press("y")
        await ends(pilot)
        assert [asked[1] for asked in drafts.asked if asked[0] == "pack"] == ["one", "two", "three"]
        assert "Packed: 2, in /exports\none: no room" in host.said


async def test_a_draft_is_renamed_again_asked_when_the_name_is_taken_and_U_takes_it_back(
    host: Host, drafts: PaneDrafts
) -> None:
    taken = Issue("name_taken", "name", "error", "is taken", "")
    drafts.refusals.append(DraftError([taken]))
    async with host.run_test(size=(90, 24)) as pilot:
        pane = await begin(host, drafts, pilot)
        await pilot.press("e")
        await shows(pilot, LineScreen)
        host.screen.query_one(Input).value = "two"
        await pilot.press("enter")
        await soon(pilot, lambda: "is taken" in host.seen())
        host.screen.query_one(Input).value = "新年"
        await pilot.press("enter")
        await ends(pilot)
        assert "one is now called 新年" in host.said
        assert pane.current is not None
        assert pane.current.name == "新年"
        await pilot.press("U")
        await ends(pilot)
        assert drafts.asked[-2:] == [("rename", "新年", "one"), ("list",)]
        assert "新年 is called one again" in host.said


async def test_tags_are_in_the_row_found_by_the_filter_and_changed_for_all_marked(
    host: Host, drafts: PaneDrafts
) -> None:
    async with host.run_test(size=(90, 24)) as pilot:
        await begin(host, drafts, pilot)
        assert "two  #done #片头" in host.seen()
        await pilot.press("slash", *"#do", "enter")
        assert "1 of 3 match" in host.seen()
        await pilot.press("escape", "asterisk", "number_sign")
        await shows(pilot, LineScreen)
        host.screen.query_one(Input).value = "#new old"
        await pilot.press("enter")
        await ends(pilot)
        assert {view.name: view.tags for view in drafts.folder} == {
            "one": ("new", "old"),
            "two": ("done", "new", "old", "片头"),
            "three": ("new", "old"),
        }
        await pilot.press("number_sign")
        await shows(pilot, LineScreen)
        assert host.screen.query_one(Input).value == "#new #old"
        host.screen.query_one(Input).value = ""
        await pilot.press("enter")
        await ends(pilot)
        assert {view.tags for view in drafts.folder} == {(), ("done", "片头")}
