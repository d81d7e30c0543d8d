"""Packing, building again and the trash, from the drafts pane."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import Any

import pytest
from textual.pilot import Pilot
from textual.widgets import Input, OptionList

from c2jy_bridge.core.draft_views import DraftError, OriginView
from c2jy_bridge.core.events import Issue
from c2jy_bridge.core.views import DraftView
from c2jy_tui.panes.drafts import DraftsPane
from c2jy_tui.screens.dialogs import ConfirmScreen
from c2jy_tui.screens.draft_forms import ExportChoice, PackForm, UnitChoice
from c2jy_tui.screens.trash import TrashScreen
from pane_host import NOON, Host, PaneDrafts, PaneEngine, StillClock, soon

S = 1_000_000
BEACH = DraftView(
    "beach", "/drafts/beach", "ok", 12 * S, 4_200_000, 3, 9, 5, modified_at=NOON - 60, ours=True
)
LENGTHS = {"us": 12_500, "ms": 12_500_000, "s": 12_500_000_000}
EVIDENCE = Issue("time_unit", "", "info", "Times were read as milliseconds: 3 of 3 clips fit", "try another")


@pytest.fixture
def drafts() -> PaneDrafts:
    return PaneDrafts(folder=[BEACH])


@pytest.fixture
def host() -> Host:
    return Host(DraftsPane(clock=StillClock()))


async def begin(host: Host, drafts: PaneDrafts, pilot: Pilot[Any]) -> DraftsPane:
    assert isinstance(host.pane, DraftsPane)
    await host.pane.load(PaneEngine(drafts=drafts))
    await pilot.pause()
    return host.pane


async def shows(pilot: Pilot[Any], kind: type) -> Any:
    await soon(pilot, lambda: isinstance(pilot.app.screen, kind))
    return pilot.app.screen


async def ends(pilot: Pilot[Any]) -> None:
    await pilot.app.workers.wait_for_complete()
    await pilot.pause()


def refused(code: str) -> DraftError:
    return DraftError([Issue(code, "", "error", f"{code} happened", "do the other thing")])


async def test_enter_packs_with_the_paths_as_they_are_and_says_where_the_zip_is(
    host: Host, drafts: PaneDrafts
) -> None:
    async with host.run_test(size=(80, 24)) as pilot:
        await begin(host, drafts, pilot)
        await pilot.press("z")
        await shows(pilot, PackForm)
        assert "/drafts" in host.seen()
        await pilot.press("enter")
        await ends(pilot)
        assert drafts.asked[-1] == ("pack", "beach", "", "", False)
        assert "✓ beach is packed (12.0 kB):\n/exports/beach.zip" in host.said
        assert "Packed: /exports/beach.zip" in host.seen()


async def test_a_draft_is_exported_as_a_timeline_and_the_first_of_what_did_not_fit_is_shown(
    host: Host, drafts: PaneDrafts
) -> None:
    async with host.run_test(size=(80, 24)) as pilot:
        await begin(host, drafts, pilot)
        await pilot.press("x")
        await shows(pilot, ExportChoice)
        assert "OTIO" in host.seen()
        await pilot.press("down", "enter")
        await ends(pilot)
        assert drafts.asked[-1] == ("export", "beach", "fcpxml")
        assert "✓ beach is exported: 3 tracks, 9 clips\n/exports/beach.fcpxml\n" in host.said
        assert host.said.count("mask 圆形") == 3
        assert "2 more: c2jy-tui draft export" in host.said


async def test_a_portable_draft_needs_no_folder_of_the_other_machine(host: Host, drafts: PaneDrafts) -> None:
    drafts.folder = [replace(BEACH, media_paths="portable")]
    async with host.run_test(size=(80, 24)) as pilot:
        await begin(host, drafts, pilot)
        await pilot.press("z")
        await shows(pilot, PackForm)
        assert "It is portable: leave this empty" in host.seen()
        await pilot.press("enter")
        await ends(pilot)
        assert drafts.asked[-1] == ("pack", "beach", "", "", False)


async def test_a_suggested_folder_wants_the_account_of_the_other_machine(
    host: Host, drafts: PaneDrafts
) -> None:
    async with host.run_test(size=(80, 24)) as pilot:
        await begin(host, drafts, pilot)
        await pilot.press("z")
        form = await shows(pilot, PackForm)
        await pilot.press("down", "enter")
        await pilot.press("enter")
        assert "Replace <name>" in host.seen()
        await pilot.press(*"me", "enter")
        await ends(pilot)
        assert drafts.asked[-1] == ("pack", "beach", "", r"C:\Users\me\Projects", False)
        assert not form.is_attached


async def test_an_answer_that_will_not_do_is_asked_for_again_with_the_reason(
    host: Host, drafts: PaneDrafts
) -> None:
    drafts.refusals = [refused("pack_there"), refused("pack_no_folder")]
    async with host.run_test(size=(80, 30)) as pilot:
        await begin(host, drafts, pilot)
        await pilot.press("z")
        form = await shows(pilot, PackForm)
        form.query(Input).last().value = "/elsewhere/x.zip"
        await pilot.press("enter")
        await soon(pilot, lambda: "pack_there happened" in host.seen())
        assert "→ do the other thing" in host.seen()
        await pilot.press("enter")
        await soon(pilot, lambda: "pack_no_folder happened" in host.seen())
        assert [asked[-1] for asked in drafts.asked if asked[0] == "pack"] == [False, True]
        await pilot.press(*"y", "enter")
        await ends(pilot)
        assert drafts.asked[-1] == ("pack", "beach", "/elsewhere/x.zipy", "", False)


async def test_a_reason_that_no_answer_helps_against_ends_it(host: Host, drafts: PaneDrafts) -> None:
    drafts.refusals = [refused("media_missing")]
    async with host.run_test(size=(80, 24)) as pilot:
        await begin(host, drafts, pilot)
        await pilot.press("z")
        await shows(pilot, PackForm)
        await pilot.press("enter")
        await ends(pilot)
        assert "media_missing happened\n→ do the other thing" in host.said
        assert "Drafts: 1" in host.seen()


async def test_long_work_says_how_far_it_is_and_esc_stops_it(host: Host, drafts: PaneDrafts) -> None:
    drafts.held = asyncio.Event()
    async with host.run_test(size=(80, 24)) as pilot:
        pane = await begin(host, drafts, pilot)
        await pilot.press("R")
        await soon(pilot, lambda: "beach: Building 1.0/4.0 MB · Esc stops" in host.seen())
        await pilot.press("z")
        assert "beach is busy" in host.said
        await pilot.press("escape")
        await soon(pilot, lambda: "beach: stopped. Nothing was left behind." in host.said)
        await soon(pilot, lambda: "Drafts: 1" in host.seen())
        assert [view.name for view in drafts.folder] == ["beach"]
        assert pane.check_action("cancel", ()) is False


async def test_a_draft_is_built_again_beside_itself_and_the_cursor_goes_there(
    host: Host, drafts: PaneDrafts
) -> None:
    async with host.run_test(size=(80, 24)) as pilot:
        pane = await begin(host, drafts, pilot)
        await pilot.press("R")
        await ends(pilot)
        assert drafts.asked[-2:] == [("rebuild", "beach", None), ("list",)]
        assert pane.current is not None
        assert pane.current.name == "beach (2)"
        assert "/drafts/beach (2)" in host.said


@pytest.mark.parametrize("state", ["ok", "encrypted"])
async def test_what_was_changed_in_jianying_is_asked_about_before_building_again(
    host: Host, drafts: PaneDrafts, state: Any
) -> None:
    drafts.folder = [replace(BEACH, state=state)]
    drafts.origins["beach"] = OriginView(resaved=state == "ok")
    async with host.run_test(size=(80, 24)) as pilot:
        await begin(host, drafts, pilot)
        await pilot.press("R")
        await shows(pilot, ConfirmScreen)
        await pilot.press("escape")
        await ends(pilot)
        assert ("rebuild", "beach", None) not in drafts.asked
        await pilot.press("R")
        await shows(pilot, ConfirmScreen)
        await pilot.press("y")
        await ends(pilot)
        assert ("rebuild", "beach", None) in drafts.asked


async def test_another_unit_is_offered_with_its_length_and_what_the_present_one_was_decided_by(
    host: Host, drafts: PaneDrafts
) -> None:
    drafts.origins["beach"] = OriginView(False, "ms", LENGTHS, EVIDENCE)  # type: ignore[arg-type]  # str keys
    async with host.run_test(size=(80, 24)) as pilot:
        await begin(host, drafts, pilot)
        await pilot.press("u")
        choice = await shows(pilot, UnitChoice)
        seen = host.seen()
        assert "3 of 3 clips fit" in seen
        assert "milliseconds  0:12.5  ← current unit" in seen
        assert "seconds  3:28:20.0" in seen
        assert choice.query_one(OptionList).highlighted == 2
        await pilot.press("enter")
        await ends(pilot)
        assert ("rebuild", "beach", "s") in drafts.asked
        drafts.asked.clear()
        await pilot.press("j", "u")
        await shows(pilot, UnitChoice)
        await pilot.press("k", "enter")
        await ends(pilot)
        assert "beach is already in milliseconds; nothing was built." in host.said
        assert drafts.asked == []


async def test_a_draft_of_another_kind_has_no_other_unit(host: Host, drafts: PaneDrafts) -> None:
    async with host.run_test(size=(80, 24)) as pilot:
        await begin(host, drafts, pilot)
        await pilot.press("u")
        await ends(pilot)
        assert "was not built from a Coze2JianYing export" in host.said
        assert pilot.app.screen is host.screen_stack[0]


async def test_the_trash_brings_back_what_an_earlier_run_moved_there(host: Host, drafts: PaneDrafts) -> None:
    drafts.bin = {"1": replace(BEACH, name="alps"), "2": replace(BEACH, name="city", ours=False)}
    async with host.run_test(size=(80, 24)) as pilot:
        pane = await begin(host, drafts, pilot)
        assert pane.check_action("undo", ()) is False
        await pilot.press("t")
        screen = await shows(pilot, TrashScreen)
        assert "In the trash: 2, 8.4 MB" in host.seen()
        await pilot.press("enter")
        await soon(pilot, lambda: "alps" in [view.name for view in drafts.folder])
        await soon(pilot, lambda: len(screen._entries) == 1)
        await pilot.press("escape")
        await ends(pilot)
        assert pane.current is not None
        assert pane.current.name == "alps"


async def test_only_what_this_app_made_is_deleted_for_good_and_only_after_asking(
    host: Host, drafts: PaneDrafts
) -> None:
    drafts.bin = {"1": replace(BEACH, name="alps"), "2": replace(BEACH, name="city", ours=False)}
    async with host.run_test(size=(80, 24)) as pilot:
        await begin(host, drafts, pilot)
        await pilot.press("t")
        screen = await shows(pilot, TrashScreen)
        await pilot.press("j", "delete")
        assert pilot.app.screen is screen
        assert "never deleted permanently" in host.seen()
        await pilot.press("k", "delete")
        await shows(pilot, ConfirmScreen)
        await pilot.press("n")
        await soon(pilot, lambda: pilot.app.screen is screen)
        assert set(drafts.bin) == {"1", "2"}
        await pilot.press("delete")
        await shows(pilot, ConfirmScreen)
        await pilot.press("y")
        await soon(pilot, lambda: set(drafts.bin) == {"2"})
        await soon(pilot, lambda: "alps is deleted permanently." in host.said)


async def test_an_undone_deletion_in_the_trash_is_no_longer_undoable(host: Host, drafts: PaneDrafts) -> None:
    async with host.run_test(size=(80, 24)) as pilot:
        pane = await begin(host, drafts, pilot)
        await pilot.press("delete")
        await ends(pilot)
        assert pane.check_action("undo", ()) is True
        await pilot.press("t")
        await shows(pilot, TrashScreen)
        await pilot.press("U")
        await soon(pilot, lambda: drafts.bin == {})
        await pilot.press("escape")
        await ends(pilot)
        assert pane.check_action("undo", ()) is False
