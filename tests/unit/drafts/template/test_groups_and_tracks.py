"""Groups of slots for lists of any length, and tracks that a template did not have."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from app_drafts import PLACEHOLDER, clip_of, files, is_file, jianying_59, material, put, read, write
from c2jy_bridge.drafts import DraftError, Library
from c2jy_bridge.drafts.template.filler import TemplateFiller

FillIt = Callable[..., Any]


def starts(content: dict[str, Any], track: int) -> list[tuple[float, float]]:
    ranges = [clip["target_timerange"] for clip in content["tracks"][track]["segments"]]
    return [(when["start"] / 1e6, when["duration"] / 1e6) for when in ranges]


@pytest.fixture
def five(media: Path) -> dict[str, Any]:
    names = ("wide.png", "tall.jpg", "wide.png", "tall.jpg", "tall.jpg")
    return {"repeat": [{"items": [{"image1": str(media / n), "text1": f"{i}"} for i, n in enumerate(names)]}]}


async def test_a_group_is_shown_once_for_each_item_and_the_rest_moves(
    fill: FillIt, five: dict[str, Any], library: Library
) -> None:
    done, content = await fill(five)
    scenes = [(3.0 * n, 3.0) for n in range(5)]
    assert starts(content, 0) == [*scenes, (15.0, 3.0), (18.0, 2.0)]
    assert starts(content, 1) == [*scenes, (15.0, 3.0), (18.0, 2.0)]
    assert content["duration"] == 24_000_000
    pictures = content["tracks"][0]["segments"][:5]
    widths = [material(content, "videos", clip["material_id"])["width"] for clip in pictures]
    assert widths == [640, 90, 640, 90, 90]
    texts = [material(content, "texts", clip["material_id"]) for clip in content["tracks"][1]["segments"][:5]]
    assert [json.loads(text["content"])["text"] for text in texts] == ["0", "1", "2", "3", "4"]
    assert [issue for issue in library.check("new") if issue.severity == "error"] == []
    assert done.clips == 12 + 4 * 4  # picture, text, sticker and sound of the scene


async def test_what_lies_within_a_group_comes_with_it_and_what_covers_it_lasts_longer(
    fill: FillIt, five: dict[str, Any]
) -> None:
    _, content = await fill(five)
    assert starts(content, 2) == [(3.0 * n + 1, 2.0) for n in range(5)]
    assert starts(content, 3) == [(0.0, 24.0)]
    assert starts(content, 4) == [(0.0, 24.0)]


async def test_every_copy_has_ids_and_materials_of_its_own(fill: FillIt, five: dict[str, Any]) -> None:
    _, content = await fill(five)
    clips = [clip for track in content["tracks"] for clip in track["segments"]]
    ids = [clip["id"] for clip in clips]
    assert len(set(ids)) == len(ids)
    materials = [held["id"] for group in content["materials"].values() for held in group]
    assert len(set(materials)) == len(materials)
    references = [
        known for clip in content["tracks"][0]["segments"][:5] for known in clip["extra_material_refs"]
    ]
    assert len(references) == 10
    assert len(set(references)) == 10
    assert set(references) <= set(materials)


async def test_a_repeated_text_template_has_texts_of_its_own(fill: FillIt, media: Path) -> None:
    items = [{"text_template1": ["A", "a"]}, {"text_template1": ["B", "b"]}]
    _, content = await fill({"repeat": [{"items": items}]})
    shown = []
    for clip in content["tracks"][1]["segments"][1:3]:
        resources = material(content, "text_templates", clip["material_id"])["text_info_resources"]
        inner = [material(content, "texts", held["text_material_id"]) for held in resources]
        shown.append([json.loads(text["content"])["text"] for text in inner])
        assert all(known in {a["id"] for a in content["materials"]["material_animations"]}
                   for held in resources for known in held["extra_material_refs"])  # fmt: skip
    assert shown == [["A", "a"], ["B", "b"]]


async def test_a_group_of_one_item_changes_nothing_but_its_values(fill: FillIt) -> None:
    _, content = await fill({"repeat": [{"slots": ["text1"], "items": [{"text1": "x"}]}]})
    assert (content["duration"], len(content["tracks"][1]["segments"])) == (12_000_000, 3)


async def test_a_list_without_end_is_refused(filler: TemplateFiller, template: Path) -> None:
    items = [{"text1": "x"}] * 4000
    with pytest.raises(DraftError) as refused:
        await filler.fill("template", {"repeat": [{"items": items}]}, "new")
    assert [issue.code for issue in refused.value.issues] == ["repeat_too_many"]


async def test_tracks_of_our_own_spec_are_put_on_top(
    fill: FillIt, media: Path, library: Library, template: Path
) -> None:
    tracks = [
        {"type": "text", "name": "字幕", "clips": [{"text": "hello", "start": 1, "duration": 2}]},
        {"type": "video", "clips": [{"type": "image", "media": str(media / "tall.jpg"), "duration": 14}]},
    ]
    _, content = await fill({"tracks": tracks})
    before = read(template / "draft_content.json")
    assert content["tracks"][:8] == before["tracks"]
    assert [track["type"] for track in content["tracks"][8:]] == ["video", "text"]
    assert content["duration"] == 14_000_000
    (clip,) = content["tracks"][8]["segments"]
    assert material(content, "videos", clip["material_id"])["path"].startswith(f"{PLACEHOLDER}/materials/")
    top = [clip["render_index"] for track in content["tracks"] for clip in track["segments"]]
    assert top == sorted(top)
    assert library.check("new") == []


async def test_a_fault_in_a_track_names_its_place(filler: TemplateFiller, template: Path) -> None:
    tracks = [{"type": "text", "clips": [{"text": "x", "start": 1, "duration": -2}]}]
    with pytest.raises(DraftError) as refused:
        await filler.fill("template", {"tracks": tracks}, "new")
    assert refused.value.issues[0].path.startswith("tracks[0].clips[0]")


async def test_a_track_of_another_draft_comes_with_its_materials_and_files(
    filler: TemplateFiller, template: Path, tmp_path: Path, media: Path, library: Library
) -> None:
    other = tmp_path / "drafts" / "other"
    put(other / "Resources" / "song.wav", files(media)["sound.wav"])
    content = jianying_59(
        str(media / "wide.png"), str(media / "video.mp4"), f"{PLACEHOLDER}/Resources/song.wav"
    )
    write(other, content)
    take = [{"draft": "other", "track": "标题"}, {"draft": "other", "track": "audio", "start": 10}]
    done = await filler.fill("template", {"take": take}, "new")
    new = read(Path(done.path, "draft_content.json"))
    titles, sounds = new["tracks"][8:]
    assert (titles["type"], sounds["type"]) == ("text", "audio")
    assert titles["id"] != "K2"
    template_clip = titles["segments"][1]
    resources = material(new, "text_templates", template_clip["material_id"])["text_info_resources"]
    assert all(material(new, "texts", held["text_material_id"]) for held in resources)
    (sound,) = sounds["segments"]
    assert sound["target_timerange"]["start"] == 10_000_000
    path = material(new, "audios", sound["material_id"])["path"]
    assert path == f"{PLACEHOLDER}/materials/song.wav"
    assert is_file(done.path, "materials", "song.wav")
    assert library.check("new") == []


async def test_a_track_that_is_not_there_is_named_with_those_that_are(
    filler: TemplateFiller, template: Path
) -> None:
    with pytest.raises(DraftError) as refused:
        await filler.fill("template", {"take": [{"draft": "template", "track": "music"}]}, "new")
    (issue,) = refused.value.issues
    assert (issue.code, issue.path) == ("no_track", "take[0].track")
    assert "1: 标题" in issue.message


async def test_the_order_of_two_repeated_groups_does_not_matter(fill: FillIt) -> None:
    one = {"slots": ["text1"], "items": [{"text1": "a"}, {"text1": "b"}]}
    other = {"slots": ["text_template1"], "items": [{"text_template1": "c"}, {"text_template1": "d"}]}
    _, first = await fill({"repeat": [one, other]}, "first")
    _, second = await fill({"repeat": [other, one]}, "second")
    assert starts(first, 1) == starts(second, 1) == [
        (0.0, 3.0), (3.0, 3.0), (6.0, 3.0), (9.0, 3.0), (12.0, 2.0),
    ]  # fmt: skip
    assert clip_of(first, "S6")["target_timerange"] == clip_of(second, "S6")["target_timerange"]


async def test_a_group_that_is_the_whole_draft_is_repeated(
    filler: TemplateFiller, build: Any, media: Path, library: Library
) -> None:
    picture = {"type": "image", "media": str(media / "wide.png"), "duration": 2}
    text = {"text": "x", "start": 0, "duration": 2}
    await build(
        {"name": "one", "tracks": [{"type": "video", "clips": [picture]}, {"type": "text", "clips": [text]}]}
    )
    items = [{"image1": str(media / "tall.jpg"), "text1": f"{n}"} for n in range(5)]
    done = await filler.fill("one", {"repeat": [{"items": items}]}, "five")
    assert done.duration_us == 10_000_000
    assert starts(read(Path(done.path, "draft_content.json")), 0) == [(2.0 * n, 2.0) for n in range(5)]
    assert library.check("five") == []
    assert library.list()[0].state == "ok"
