"""The drafts pane as a person uses it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from textual.pilot import Pilot

from c2jy_bridge.core import i18n
from c2jy_bridge.core.events import DraftChanged, DraftWritten, Issue
from c2jy_bridge.core.views import ClipLook, ClipView, DraftDetail, DraftState, DraftView, TrackView
from c2jy_tui import desktop
from c2jy_tui.panes.drafts import DraftsPane, labels
from c2jy_tui.panes.drafts.draft_list import ORDERS
from c2jy_tui.screens.draft_detail import DraftDetailScreen
from pane_host import NOON, Host, PaneDrafts, PaneEngine, StillClock, soon

S = 1_000_000


@pytest.fixture
def pane() -> DraftsPane:
    return DraftsPane(clock=StillClock())


@pytest.fixture
def host(pane: DraftsPane) -> Host:
    return Host(pane)


def draft(name: str, minutes: float = 5, state: DraftState = "ok", **more: Any) -> DraftView:
    view = DraftView(
        name=name,
        state=state,
        path=f"/drafts/{name}",
        duration_us=12_500_000,
        size_bytes=4_200_000,
        tracks=3,
        clips=9,
        media=5,
        width=1920,
        height=1080,
        modified_at=NOON - minutes * 60,
        ours=True,
    )
    return replace(view, **more)


FOUR = [
    draft("beach", 3, size_bytes=10, duration_us=3 * S),
    draft("Alps", 60, "media_missing", media_missing=2, size_bytes=30),
    draft("city", 2000, "encrypted", size_bytes=20, ours=False),
    draft("dunes", 90_000, "foreign", duration_us=99 * S, ours=False),
]


def names(pane: DraftsPane) -> list[str]:
    return [view.name for view in pane._list.shown]


def wrote(name: str, *issues: Issue) -> DraftWritten:
    return DraftWritten(
        at=NOON, draft_id="1", name=name, path=f"/drafts/{name}", duration_us=S, issues=issues
    )


async def keys(pilot: Pilot[Any], *pressed: str) -> None:
    await pilot.press(*pressed)
    await settled(pilot)


async def settled(pilot: Pilot[Any]) -> None:
    await pilot.app.workers.wait_for_complete()
    await pilot.pause()


async def burst_over(pilot: Pilot[Any]) -> None:
    assert isinstance(pilot.app, Host)
    pane = pilot.app.pane
    assert isinstance(pane, DraftsPane)
    await soon(pilot, lambda: pane._debounce is None)
    await settled(pilot)


async def test_an_empty_folder_says_in_one_sentence_how_a_draft_comes_here(
    host: Host, pane: DraftsPane
) -> None:
    async with host.run_test(size=(70, 12)) as pilot:
        await pane.load(PaneEngine())
        await keys(pilot, "enter", "v", "o", "y", "delete", "u", "U", "z", "R", "s", "down")
        assert "No drafts yet. Ask the Bot for a video" in host.seen()
        assert host.said == ""


async def test_a_row_tells_length_size_tracks_clips_media_and_age(host: Host, pane: DraftsPane) -> None:
    async with host.run_test(size=(100, 12)) as pilot:
        await pane.load(PaneEngine(drafts=PaneDrafts(folder=FOUR)))
        await settled(pilot)
        rows = [line.split() for line in host.seen().splitlines()[1:5]]
        assert rows[0] == ["beach", "0:03.0", "10", "B", "3", "9", "✓", "media", "ok", "5", "3", "min"]
        assert rows[1][-5:] == ["!", "2", "missing", "1", "h"]
        assert rows[2] == ["city", "20", "B", "#", "encrypted", "1", "d"]
        assert rows[3][-4:] == ["~", "not", "ours", "26-09-20"]


async def test_a_written_draft_appears_marked_as_new_until_it_is_opened(host: Host, pane: DraftsPane) -> None:
    engine = PaneEngine(drafts=PaneDrafts(folder=[FOUR[0]]))
    async with host.run_test(size=(100, 12)) as pilot:
        await pane.load(engine)
        await settled(pilot)
        view = draft("中国美食", 0)
        engine.drafts.folder.append(view)
        engine.drafts.details["中国美食"] = DraftDetail(view)
        pane.show(wrote("中国美食", Issue("x", "tracks[0]", "warning", "filter is not carried")))
        await burst_over(pilot)
        assert names(pane) == ["中国美食", "beach"]
        assert "new, just now" in host.seen()
        assert "new: 1" in host.seen()
        assert "Notes from building it (1): tracks[0]: filter is not carried" in host.seen()
        await keys(pilot, "enter")
        await keys(pilot, "escape")
        assert "new" not in host.seen().replace("newest", "")


async def test_a_burst_of_changes_on_disk_is_one_look_at_the_folder(host: Host, pane: DraftsPane) -> None:
    engine = PaneEngine(drafts=PaneDrafts(folder=list(FOUR)))
    async with host.run_test(size=(100, 12)) as pilot:
        await pane.load(engine)
        engine.drafts.asked.clear()
        for _ in range(50):
            pane.show(DraftChanged(at=NOON, names=("beach",)))
        await burst_over(pilot)
        assert engine.drafts.asked == [("list",)]


async def test_the_cursor_stays_on_its_draft_when_others_come_and_go(host: Host, pane: DraftsPane) -> None:
    engine = PaneEngine(drafts=PaneDrafts(folder=list(FOUR)))
    async with host.run_test(size=(100, 12)) as pilot:
        await pane.load(engine)
        await keys(pilot, "j", "j")
        assert pane.current.name == "city"
        engine.drafts.folder = [draft("new", 0), *FOUR[2:]]
        pane.show(DraftChanged(at=NOON))
        await burst_over(pilot)
        assert pane.current.name == "city"
        assert pane.rows.cursor == 1


async def test_ten_thousand_drafts_draw_only_what_is_seen(host: Host, pane: DraftsPane) -> None:
    drawn: list[int] = []
    row = pane.rows._row

    def counted(index: int) -> Any:
        drawn.append(index)
        return row(index)

    pane.rows._row = counted
    engine = PaneEngine(drafts=PaneDrafts(folder=[draft(f"d{n}", n) for n in range(10_000)]))
    async with host.run_test(size=(80, 24)) as pilot:
        await pane.load(engine)
        await settled(pilot)
        assert pane.rows.count == 10_000
        await keys(pilot, "G")
        assert "d9999" in host.seen()
        assert len(drawn) < 300


async def test_the_last_column_is_not_hidden_by_the_scrollbar(host: Host, pane: DraftsPane) -> None:
    async with host.run_test(size=(80, 12)) as pilot:
        await pane.load(PaneEngine(drafts=PaneDrafts(folder=[draft(f"d{n}", n + 1) for n in range(100)])))
        await settled(pilot)
        assert pane.rows.show_vertical_scrollbar
        assert host.seen().splitlines()[1].rstrip("▁▂▃▄▅▆▇█ ").endswith("1 min")


async def test_s_goes_through_the_orders_and_says_which(host: Host, pane: DraftsPane) -> None:
    async with host.run_test(size=(100, 12)) as pilot:
        await pane.load(PaneEngine(drafts=PaneDrafts(folder=list(FOUR))))
        await settled(pilot)
        seen = {}
        for _ in ORDERS:
            seen[host.seen().splitlines()[-2].split(" · ")[-1]] = names(pane)
            await keys(pilot, "s")
        assert seen == {
            "newest first": ["beach", "Alps", "city", "dunes"],
            "by name": ["Alps", "beach", "city", "dunes"],
            "longest first": ["dunes", "Alps", "city", "beach"],
            "largest first": ["dunes", "Alps", "city", "beach"],
            "problems first": ["Alps", "city", "dunes", "beach"],
        }
        assert "newest first" in host.seen()


async def test_the_filter_looks_at_names_and_states(host: Host, pane: DraftsPane) -> None:
    async with host.run_test(size=(100, 12)) as pilot:
        await pane.load(PaneEngine(drafts=PaneDrafts(folder=list(FOUR))))
        await keys(pilot, "slash", *"missing")
        assert names(pane) == ["Alps"]
        await keys(pilot, "escape", "slash", *"BEACH", "enter")
        assert names(pane) == ["beach"]
        assert "1 of 4 match" in host.seen()
        await keys(pilot, "slash", *"x")
        assert "No draft matches the filter." in host.seen()
        await keys(pilot, "escape")
        assert len(names(pane)) == 4


async def test_verifying_says_what_is_wrong_and_keeps_saying_it_until_the_draft_changes(
    host: Host, pane: DraftsPane
) -> None:
    gone = Issue("media_missing", "tracks[0].clips[1]", "error", "a.mp4 is gone")
    engine = PaneEngine(drafts=PaneDrafts(folder=list(FOUR), faults={"Alps": [gone]}))
    async with host.run_test(size=(100, 14)) as pilot:
        await pane.load(engine)
        await keys(pilot, "v")
        assert "✓ beach: everything is present." in host.said
        assert "✓ verified: everything is present" in host.seen()
        await keys(pilot, "j", "v")
        assert "✗ Alps: problems found (1)" in host.said
        assert "tracks[0].clips[1]: a.mp4 is gone" in host.said
        await keys(pilot, "k", "j")
        assert "✗ Problems found (1): tracks[0].clips[1]" in host.seen()
        pane.show(DraftChanged(at=NOON, names=("Alps",)))
        await burst_over(pilot)
        assert "✗ Problems found" not in host.seen()


async def test_a_draft_goes_to_the_trash_and_comes_back(host: Host, pane: DraftsPane) -> None:
    engine = PaneEngine(drafts=PaneDrafts(folder=list(FOUR)))
    async with host.run_test(size=(100, 14)) as pilot:
        await pane.load(engine)
        await keys(pilot, "j", "delete")
        assert names(pane) == ["beach", "city", "dunes"]
        assert "Alps is in the trash. U undoes it" in host.said
        await keys(pilot, "U")
        assert "Alps" in names(pane)
        assert pane.current.name == "Alps"
        assert "Alps is restored." in host.said
        await keys(pilot, "U")
        assert engine.drafts.bin == {}


async def test_several_deletions_are_undone_last_first(host: Host, pane: DraftsPane) -> None:
    engine = PaneEngine(drafts=PaneDrafts(folder=[draft("a", 1), draft("b", 2), draft("c", 3)]))
    async with host.run_test(size=(100, 14)) as pilot:
        await pane.load(engine)
        await keys(pilot, "delete")
        await keys(pilot, "delete")
        assert names(pane) == ["c"]
        await keys(pilot, "U")
        assert names(pane) == ["b", "c"]
        await keys(pilot, "U")
        assert names(pane) == ["a", "b", "c"]


async def test_a_draft_of_somebody_else_goes_to_the_trash_only_when_asked_twice(
    host: Host, pane: DraftsPane
) -> None:
    engine = PaneEngine(drafts=PaneDrafts(folder=list(FOUR)))
    async with host.run_test(size=(100, 14)) as pilot:
        await pane.load(engine)
        await keys(pilot, "j", "j", "delete")
        assert "city" in names(pane)
        assert "city was not made by this app." in host.said
        await keys(pilot, "j", "delete", "k")  # another one in between does not count
        assert "dunes" in names(pane)
        await keys(pilot, "delete")
        assert "city" in names(pane)
        await keys(pilot, "delete")
        assert "city" not in names(pane)


async def test_what_the_engine_cannot_do_is_said_with_its_reason(
    host: Host, pane: DraftsPane, monkeypatch: pytest.MonkeyPatch
) -> None:
    engine = PaneEngine(drafts=PaneDrafts(folder=list(FOUR)))

    async def locked(name: str) -> Any:
        raise PermissionError(13, "Permission denied", name)

    monkeypatch.setattr(engine.drafts, "trash", locked)
    monkeypatch.setattr(engine.drafts, "check", locked)
    async with host.run_test(size=(100, 20)) as pilot:
        await pane.load(engine)
        await keys(pilot, "enter")
        assert "beach could not be opened: No such file or directory" in host.said
        await keys(pilot, "delete")
        assert "beach could not be moved to the trash: Permission denied" in host.said
        await keys(pilot, "v")
        assert "beach could not be verified: Permission denied" in host.said
        monkeypatch.setattr(engine.drafts, "list", lambda: locked(""))
        pane.show(DraftChanged(at=NOON))
        await burst_over(pilot)
        assert "The drafts folder could not be read: Permission denied" in host.said
        assert len(names(pane)) == 4


async def test_of_a_long_path_the_end_is_seen(host: Host, pane: DraftsPane) -> None:
    view = draft("beach", path="/home/maker/a/very/long/way/to/the/folder/of/drafts/beach")
    async with host.run_test(size=(50, 12)) as pilot:
        await pane.load(PaneEngine(drafts=PaneDrafts(folder=[view])))
        await settled(pilot)
        assert "…" in host.seen()
        assert "folder/of/drafts/beach" in host.seen()
        await pilot.resize_terminal(90, 12)
        await soon(pilot, lambda: view.path in host.seen())


async def test_paths_are_copied_and_over_ssh_o_copies_too(
    host: Host, pane: DraftsPane, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SSH_CONNECTION", "1.2.3.4 5 6.7.8.9 22")
    async with host.run_test(size=(100, 14)) as pilot:
        await pane.load(PaneEngine(drafts=PaneDrafts(folder=list(FOUR))))
        await keys(pilot, "y")
        assert host.copied == "/drafts/beach"
        host.copied = ""
        await keys(pilot, "o")
        assert host.copied == "/drafts/beach"
        assert "No file manager can be opened from here" in host.said


def found(program: str) -> str:
    return f"/bin/{program}"


@pytest.mark.parametrize(
    ("platform", "environment", "which", "command"),
    [
        ("linux", {"DISPLAY": ":0"}, found, ["/bin/xdg-open", "/d"]),
        ("linux", {"WAYLAND_DISPLAY": "wayland-0"}, found, ["/bin/xdg-open", "/d"]),
        ("linux", {"DISPLAY": ":0", "SSH_CONNECTION": "x"}, found, None),
        ("linux", {"DISPLAY": ":0", "SSH_TTY": "/dev/pts/1"}, found, None),
        ("linux", {}, found, None),
        ("linux", {"DISPLAY": ":0"}, lambda _: None, None),
        ("linux", {"WSL_DISTRO_NAME": "Ubuntu", "DISPLAY": ":0"}, found, ["/bin/explorer.exe", "."]),
        ("darwin", {}, found, ["/bin/open", "/d"]),
        ("darwin", {"SSH_CONNECTION": "x"}, found, None),
        ("win32", {}, found, ["/bin/explorer", "/d"]),
    ],
)
def test_a_folder_opens_only_where_somebody_would_see_it(
    platform: str,
    environment: dict[str, str],
    which: Callable[[str], str | None],
    command: list[str] | None,
) -> None:
    assert desktop.folder_command("/d", platform, environment, which) == command


@pytest.mark.parametrize(
    ("seconds", "en", "zh"),
    [
        (-5, "just now", "刚刚"),
        (59, "just now", "刚刚"),
        (60, "1 min", "1 分钟前"),
        (3 * 3600, "3 h", "3 小时前"),
        (27 * 86400, "27 d", "27 天前"),
        (28 * 86400, "26-10-24", "26-10-24"),
    ],
)
def test_an_age_is_in_the_largest_unit_that_fits(seconds: float, en: str, zh: str) -> None:
    assert labels.age(NOON - seconds, NOON) == en
    i18n.use("zh")
    assert labels.age(NOON - seconds, NOON) == zh


def detail_of(view: DraftView) -> DraftDetail:
    clips = (
        ClipView("video", 0, 4 * S, "open.mp4", "/drafts/x/open.mp4"),
        ClipView("image", 4 * S, 3 * S, "面条.webp", "/drafts/x/面条.webp", media_ok=False),
    )
    captions = TrackView("text", "subtitles", (ClipView("text", S, 2 * S, "你好 [b]x[/b]"),))
    issues = (Issue("media_missing", "tracks[0].clips[1]", "error", "面条.webp is gone", "Put it back."),)
    return DraftDetail(view, 30.0, (TrackView("video", "main", clips), captions), issues)


async def opened(pilot: Pilot[Any], pane: DraftsPane, engine: PaneEngine) -> DraftDetailScreen:
    await pane.load(engine)
    await keys(pilot, "enter")
    screen = pilot.app.screen
    assert isinstance(screen, DraftDetailScreen)
    return screen


async def test_the_detail_shows_the_draft_its_tracks_the_clip_and_its_faults(
    host: Host, pane: DraftsPane
) -> None:
    view = replace(FOUR[1], media_paths="portable")
    engine = PaneEngine(drafts=PaneDrafts(folder=[view], details={"Alps": detail_of(view)}))
    async with host.run_test(size=(100, 30)) as pilot:
        await opened(pilot, pane, engine)
        seen = host.seen()
        assert "Alps   ! 2 missing" in seen
        facts = "1920×1080 · 30 fps · 0:12.5 · tracks 3, clips 9 · 30 B"
        assert f"{facts} · portable · 1 h" in seen
        assert "/drafts/Alps" in seen
        assert seen.index("text subt") < seen.index("video main")  # the top track first
        assert "text subtitles · clip 1 of 1 · 0:01.0 to 0:03.0 · length 0:02.0" in seen
        assert "你好 [b]x[/b]" in seen
        assert "✗ tracks[0].clips[1]: 面条.webp is gone" in seen
        assert "→ Put it back." in seen
        await keys(pilot, "j", "right")
        assert "video main · clip 2 of 2 · 0:04.0 to 0:07.0 · length 0:03.0" in host.seen()
        assert "! missing: /drafts/x/面条.webp" in host.seen()
        await keys(pilot, "y")
        assert host.copied == "/drafts/Alps"


async def test_the_tracks_of_the_draft_under_the_cursor_are_shown_where_the_list_leaves_room(
    host: Host, pane: DraftsPane
) -> None:
    details = {"Alps": detail_of(FOUR[1]), "beach": DraftDetail(FOUR[0])}
    engine = PaneEngine(drafts=PaneDrafts(folder=FOUR[:2], details=details))
    async with host.run_test(size=(90, 20)) as pilot:
        await pane.load(engine)
        await keys(pilot, "down")
        await soon(pilot, lambda: "▎V open.mp4" in host.seen())
        assert pane.rows.has_focus
        await keys(pilot, "up")
        await soon(pilot, lambda: "open.mp4" not in host.seen())
        engine.drafts.folder += [draft(f"d{n}", n + 100) for n in range(12)]
        pane.show(DraftChanged(at=NOON))
        await burst_over(pilot)
        await keys(pilot, "down")
        assert pane.current.name == "Alps"
        await soon(pilot, lambda: pane._glance._small_of[0] == "Alps")
        await pilot.pause()
        assert "open.mp4" not in host.seen()


async def test_the_detail_lists_missing_media_first_and_the_properties_of_the_clip(
    host: Host, pane: DraftsPane
) -> None:
    detail = detail_of(FOUR[1])
    look = ClipLook(x=0.5, rotation=90.0, opacity=0.5, applied=(("mask", "圆形"),))
    (first, *rest), *others = (track.clips for track in detail.tracks)
    first = replace(first, look=look, transition="叠化", transition_us=S // 2, keyframes_us=(0, S))
    tracks = (TrackView("video", "main", (first, *rest)), TrackView("text", "subtitles", others[0]))
    drafts = PaneDrafts(folder=[FOUR[1]], details={"Alps": replace(detail, tracks=tracks)})
    async with host.run_test(size=(130, 36)) as pilot:
        await opened(pilot, pane, PaneEngine(drafts=drafts))
        await keys(pilot, "down", "g")
        seen = host.seen()
        media = seen[seen.index("Media (2)") :]
        assert media.index("missing: /drafts/x/面条.webp") < media.index("open.mp4")
        for line in ("+480, +0 px", "90°", "50%", "圆形", "叠化 500 ms", "2: 0:00.0, 0:01.0"):
            assert line in seen


async def test_verifying_in_the_detail_replaces_what_was_known(host: Host, pane: DraftsPane) -> None:
    view = FOUR[1]
    engine = PaneEngine(drafts=PaneDrafts(folder=[view], details={"Alps": detail_of(view)}))
    async with host.run_test(size=(100, 30)) as pilot:
        await opened(pilot, pane, engine)
        assert "Problems (1)" in host.seen()
        await keys(pilot, "v")
        assert "✓ Verified: every clip and every file is present." in host.seen()
        assert "面条.webp is gone" not in host.seen()
        assert ("check", "Alps") in engine.drafts.asked


async def test_an_open_detail_follows_the_draft_on_disk(host: Host, pane: DraftsPane) -> None:
    view = FOUR[1]
    engine = PaneEngine(drafts=PaneDrafts(folder=[view], details={"Alps": detail_of(view)}))
    async with host.run_test(size=(100, 30)) as pilot:
        await opened(pilot, pane, engine)
        whole = replace(view, state="ok", media_missing=0)
        engine.drafts.folder = [whole]
        engine.drafts.details["Alps"] = DraftDetail(
            whole, 25.0, (TrackView("audio", "", (ClipView("audio", 0, S, "m.mp3", "/m.mp3"),)),)
        )
        pane.show(DraftChanged(at=NOON, names=("Alps",)))
        await burst_over(pilot)
        seen = host.seen()
        assert "25 fps" in seen
        assert "audio · clip 1 of 1" in seen
        assert "No known problems." in seen


async def test_an_open_detail_closes_when_its_draft_is_gone(host: Host, pane: DraftsPane) -> None:
    view = FOUR[1]
    engine = PaneEngine(drafts=PaneDrafts(folder=[view], details={"Alps": detail_of(view)}))
    async with host.run_test(size=(100, 30)) as pilot:
        await opened(pilot, pane, engine)
        engine.drafts.folder.clear()
        engine.drafts.details.clear()
        pane.show(DraftChanged(at=NOON, names=("Alps",)))
        await burst_over(pilot)
        assert not isinstance(host.screen, DraftDetailScreen)
        assert "Alps could not be opened: No such file or directory" in host.said
        assert names(pane) == []


async def test_an_encrypted_draft_says_why_there_is_nothing_to_see(host: Host, pane: DraftsPane) -> None:
    view = FOUR[2]
    engine = PaneEngine(drafts=PaneDrafts(folder=[view], details={"city": DraftDetail(view)}))
    async with host.run_test(size=(100, 30)) as pilot:
        await opened(pilot, pane, engine)
        assert "JianYing has saved and encrypted this draft." in host.seen()
        await keys(pilot, "right", "plus", "0", "n", "escape")
        assert not isinstance(host.screen, DraftDetailScreen)


async def test_hostile_draft_names_reach_the_screen_as_plain_text(host: Host, pane: DraftsPane) -> None:
    nasty = "[red]x[/]\x1b]0;owned\x07\u202egpj"
    view = draft(nasty)
    clips = (ClipView("video", 0, S, nasty, nasty),)
    detail = DraftDetail(
        view, 30, (TrackView(nasty, nasty, clips),), (Issue("x", nasty, "error", nasty, nasty),)
    )
    async with host.run_test(size=(100, 30)) as pilot:
        await pane.load(
            PaneEngine(
                drafts=PaneDrafts(folder=[view], details={nasty: detail}, faults={nasty: list(detail.issues)})
            )
        )
        for pressed in ((), ("v",), ("enter",)):
            await keys(pilot, *pressed)
            seen = host.seen()
            assert "[red]x[/]" in seen
            assert "<U+202E>" in seen
            assert "\x1b" not in seen
            assert "\u202e" not in seen


@pytest.mark.parametrize("width", [46, 60, 80, 120])
async def test_chinese_words_keep_every_column_in_its_cells(width: int, host: Host, pane: DraftsPane) -> None:
    i18n.use("zh")
    folder_now = [replace(view, name="中国美食介绍" * 9) for view in FOUR[:1]] + FOUR[1:]
    async with host.run_test(size=(width, 12)) as pilot:
        await pane.load(PaneEngine(drafts=PaneDrafts(folder=folder_now)))
        await settled(pilot)
        assert [pane.rows.render_line(y).cell_length for y in range(6)] == [
            width - 1
        ] * 6  # one for the scrollbar
        assert "! 缺 2 个" in host.seen()
