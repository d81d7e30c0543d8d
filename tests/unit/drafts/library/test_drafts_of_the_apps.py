"""Drafts that the apps saved: every clip is shown, and what is missing is named once."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from app_drafts import PLACEHOLDER, jianying_59, put, read, segment, times, write
from c2jy_bridge.core.views import ClipView, DraftDetail
from c2jy_bridge.drafts import Library

LOST = "E:/shot/wide.mp4"


@pytest.fixture
def content(media: Path) -> dict[str, Any]:
    return jianying_59(*(str(media / name) for name in ("wide.png", "video.mp4", "sound.wav")))


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return tmp_path / "drafts"


def clips(detail: DraftDetail) -> list[ClipView]:
    return [clip for track in detail.tracks for clip in track.clips]


def test_every_clip_is_shown_with_its_kind(library: Library, root: Path, content: dict[str, Any]) -> None:
    write(root / "x", content)
    detail = library.detail("x")
    assert [track.kind for track in detail.tracks] == [t["type"] for t in content["tracks"]]
    assert [(clip.kind, clip.label) for clip in clips(detail)] == [
        ("image", "wide.png"),
        ("video", "clip.mp4"),
        ("compound", "复合片段1"),
        ("text", "春天来了"),
        ("text_template", "TITLE\nsubtitle"),
        ("text", "old caption"),
        ("sticker", "花"),
        ("effect", "金粉"),
        ("adjustment", ""),
        ("filter", "晴空"),
        ("unknown", ""),
        ("audio", "song.wav"),
    ]
    assert detail.issues == ()


def test_a_compound_clip_shows_what_is_inside_it(
    library: Library, root: Path, content: dict[str, Any]
) -> None:
    write(root / "x", content)
    compound = clips(library.detail("x"))[2]
    inside = [(clip.kind, clip.label) for track in compound.inside for clip in track.clips]
    assert inside == [("image", "wide.png"), ("text", "inside")]


def test_a_curve_of_speeds_is_told_from_one_speed(
    library: Library, root: Path, content: dict[str, Any]
) -> None:
    content["tracks"][0]["segments"][0]["speed"] = 2.0
    write(root / "x", content)
    picture, video, *_ = clips(library.detail("x"))
    assert (picture.speed, picture.speed_curve, video.speed_curve) == (2.0, False, True)


def test_a_clip_tells_its_place_its_keyframes_its_transition_and_what_is_applied(
    library: Library, root: Path, content: dict[str, Any]
) -> None:
    first = content["tracks"][0]["segments"][0]
    first["clip"] |= {"alpha": 0.5, "rotation": 90.0, "transform": {"x": 0.5, "y": -0.25}}
    first["volume"] = 0.8
    points = [{"time_offset": at, "values": [1.0]} for at in (0, 1_000_000)]
    first["common_keyframes"] = [{"keyframe_list": points}, {"keyframe_list": points[1:]}]
    first["extra_material_refs"] += ["TR", "MA"]
    content["materials"]["transitions"] = [{"id": "TR", "name": "叠化", "duration": 500_000}]
    content["materials"]["common_mask"] = [{"id": "MA", "name": "圆形"}]
    write(root / "x", content)
    shown, *_ = clips(library.detail("x"))
    assert (shown.transition, shown.transition_us, shown.keyframes_us) == ("叠化", 500_000, (0, 1_000_000))
    look = shown.look
    assert (look.x, look.y, look.rotation, look.opacity, look.volume) == (0.5, -0.25, 90.0, 0.5, 0.8)
    assert (look.width, look.height, look.source_start_us) == (640, 360, 0)
    assert look.applied == (("animation", "in"), ("mask", "圆形"))


def test_a_lost_file_of_many_clips_is_one_finding_that_counts_them(
    library: Library, root: Path, content: dict[str, Any]
) -> None:
    videos, segments = content["materials"]["videos"], content["tracks"][0]["segments"]
    for number in range(20):
        videos.append({**videos[1], "id": f"M{number}", "path": LOST})
        segments.append(segment(f"Z{number}", f"M{number}", 8 + number / 8, 1 / 8))
    write(root / "x", content)
    (issue,) = library.check("x")
    assert (issue.code, issue.severity) == ("media_elsewhere_made", "error")
    assert LOST in issue.message
    assert "20" in issue.message
    assert "JianYing 5.9.0, windows" in issue.message


def test_a_file_lost_inside_a_compound_clip_is_named(
    library: Library, root: Path, content: dict[str, Any]
) -> None:
    inner = content["materials"]["drafts"][0]["draft"]
    inner["materials"]["videos"][0]["path"] = f"{PLACEHOLDER}/Resources/local/gone.png"
    write(root / "x", content)
    (issue,) = library.check("x")
    assert issue.code == "media_missing"
    assert issue.path == "materials.drafts[0].draft.materials.videos[0].path"
    assert library.list()[0].media_missing == 1


def test_media_named_by_the_placeholder_are_looked_for_in_the_draft(
    library: Library, root: Path, content: dict[str, Any]
) -> None:
    content["materials"]["audios"][0]["path"] = f"{PLACEHOLDER}/materials/a.wav"
    folder = write(root / "x", content)
    assert [issue.code for issue in library.check("x")] == ["media_missing"]
    (folder / "materials").mkdir()
    (folder / "materials" / "a.wav").write_bytes(b"RIFF")
    assert library.check("x") == []


@pytest.mark.parametrize("folder", ["mac", "mac renamed"])
def test_media_in_the_resources_of_a_draft_from_a_mac_are_found_in_it(
    library: Library, root: Path, media: Path, folder: str
) -> None:
    """CapCut 3 for Mac names them by full paths of that machine; the folder came here with them."""
    at_home = "/Users/ann/Movies/CapCut/User Data/Projects/com.lveditor.draft/mac"
    paths = [f"{at_home}/Resources/{name}" for name in ("local/wide.png", "video.mp4", "audioAlg/sound.wav")]
    made = write(root / folder, jianying_59(*paths))
    meta = read(made / "draft_meta_info.json")
    put(made / "draft_meta_info.json", json.dumps({**meta, "draft_fold_path": at_home}))
    for path in paths:
        put(made / path.removeprefix(f"{at_home}/"), (media / Path(path).name).read_bytes())
    assert [view.media_missing for view in library.list()] == [0]
    assert [clip.media_ok for clip in clips(library.detail(folder))].count(False) == 0
    assert [issue for issue in library.check(folder) if "Resources" in issue.message] == []


def test_clips_that_a_transition_lays_over_each_other_are_whole(
    library: Library, root: Path, content: dict[str, Any]
) -> None:
    content["materials"]["transitions"] = [{"id": "R1", "duration": 500_000, "is_overlap": True}]
    first, second, _ = content["tracks"][0]["segments"]
    first["extra_material_refs"].append("R1")
    second["target_timerange"] = times(2.5, 3)
    write(root / "x", content)
    assert library.check("x") == []
    second["target_timerange"] = times(2.4, 3)
    write(root / "x", content)
    assert [issue.code for issue in library.check("x")] == ["segments_overlap"]


def timelines(folder: Path, content: dict[str, Any], *, more: str = "T-2") -> None:
    """The Timelines folder of CapCut 8, with one timeline beside the main one."""
    main = content["id"]
    listed = [{"id": main, "name": "Timeline 01"}, {"id": more, "name": "Vertical"}]
    project = {"main_timeline_id": main, "timelines": listed, "version": 0}
    (folder / "Timelines").mkdir(parents=True)
    (folder / "Timelines" / "project.json").write_text(json.dumps(project))
    write(folder / "Timelines" / main, content)
    write(
        folder / "Timelines" / more.replace("/", "_"),
        {**content, "id": more, "tracks": content["tracks"][:1]},
    )


def test_further_timelines_are_shown(library: Library, root: Path, content: dict[str, Any]) -> None:
    timelines(write(root / "x", content), content)
    (timeline,) = library.detail("x").timelines
    assert (timeline.name, timeline.duration_us, len(timeline.tracks)) == ("Vertical", 12_000_000, 1)


def test_a_timeline_with_a_name_that_leads_elsewhere_is_not_followed(
    library: Library, root: Path, content: dict[str, Any]
) -> None:
    timelines(write(root / "x", content), content, more="../../y")
    write(root / "y", content)
    assert library.detail("x").timelines == ()


def test_a_draft_whose_content_is_in_its_timeline_only_is_read_there(
    library: Library, root: Path, content: dict[str, Any]
) -> None:
    folder = write(root / "x", content)
    timelines(folder, content)
    (folder / "draft_content.json").unlink()
    (view,) = library.list()
    assert (view.state, view.clips) == ("foreign", 12)
    assert len(clips(library.detail("x"))) == 12
