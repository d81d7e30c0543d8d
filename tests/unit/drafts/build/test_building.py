"""From a document to draft folders: what is written, what is refused, what is left behind."""

from __future__ import annotations

import asyncio
import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from c2jy_bridge.core.settings import DraftSettings, MaterialSettings
from c2jy_bridge.drafts import BuiltDraft, DraftBuilder, DraftError, Progress

Build = Callable[..., Any]
Content = Callable[[BuiltDraft], dict[str, Any]]
MakeBuilder = Callable[..., DraftBuilder]
TEXT = {"type": "text", "clips": [{"text": "你好", "duration": 2}]}


@pytest.fixture
def whole(media: Path) -> dict[str, Any]:
    """A document with clips of all four common kinds."""
    return {
        "schema": "c2jy/1",
        "name": "中国美食",
        "tracks": [
            {
                "type": "video",
                "clips": [
                    {"media": str(media / "video.mp4"), "duration": 2},
                    {"type": "image", "media": str(media / "wide.png"), "duration": 1},
                ],
            },
            {"type": "audio", "clips": [{"media": str(media / "sound.wav")}]},
            TEXT,
        ],
    }


def _read(draft: BuiltDraft, file: str) -> Any:
    return json.loads((Path(draft.path) / file).read_text(encoding="utf-8"))


def _exists(path: str) -> bool:
    return Path(path).is_file()


async def test_a_draft_has_its_media_inside_and_registered(build: Build, whole: Any, tmp_path: Path) -> None:
    draft = await build(whole)
    folder = tmp_path / "drafts" / "中国美食"
    assert (draft.path, draft.name, draft.issues) == (str(folder), "中国美食", ())
    assert (draft.duration_us, draft.tracks, draft.clips, draft.media) == (3_000_000, 3, 4, 3)
    content, meta = _read(draft, "draft_content.json"), _read(draft, "draft_meta_info.json")
    materials = content["materials"]["videos"] + content["materials"]["audios"]
    registered = {e["id"]: e["file_Path"] for e in meta["draft_materials"][0]["value"]}
    assert len(materials) == len(registered) == 3
    for material in materials:
        placeholder, inside, name = material["path"].split("/")
        assert placeholder == "##_draftpath_placeholder_0E685133-18CE-45ED-8CB8-2904A212EC80_##"
        assert inside == "materials"
        assert name in os.listdir(folder / "materials")
        assert name.isascii()
        assert registered[material["local_material_id"]] == f"./materials/{name}"
    assert [m["check_flag"] for m in content["materials"]["videos"]] == [62978047, 62978047]
    assert [m["check_flag"] for m in content["materials"]["audios"]] == [3]
    assert {e["metetype"] for e in meta["draft_materials"][0]["value"]} == {"video", "photo", "music"}
    assert _read(draft, "draft_info.json") == content


async def test_every_draft_has_ids_names_and_times_of_its_own(make_builder: MakeBuilder, whole: Any) -> None:
    builder = make_builder(clock=lambda: 1_700_000_000.5)
    one, two = [(await builder.build(whole)).drafts[0] for _ in range(2)]
    assert (one.name, two.name) == ("中国美食", "中国美食 (2)")
    metas = [_read(draft, "draft_meta_info.json") for draft in (one, two)]
    contents = [_read(draft, "draft_content.json") for draft in (one, two)]
    assert len({meta["draft_id"] for meta in metas}) == 2
    assert [c["id"] for c in contents] == [one.draft_id, two.draft_id]
    for draft, meta in zip((one, two), metas, strict=True):
        assert meta["draft_name"] == draft.name
        assert meta["draft_fold_path"] == Path(draft.path).as_posix()
        assert meta["draft_root_path"] == Path(draft.path).parent.as_posix()
        assert meta["tm_duration"] == 3_000_000
        assert meta["tm_draft_create"] == meta["tm_draft_modified"] == 1_700_000_000_500_000
        assert (Path(draft.path) / meta["draft_cover"]).read_bytes()[:2] == b"\xff\xd8"


async def test_a_file_shown_in_several_ways_is_registered_once_under_the_id_that_all_name(
    build: Build, content_of: Content, media: Path
) -> None:
    video = str(media / "video.mp4")
    clips = [{"media": video, "duration": 1}, {"media": video, "duration": 1, "crop": {"left": 0.5}}]
    sound = {"type": "audio", "clips": [{"media": video, "duration": 1}]}
    draft = await build({"name": "x", "tracks": [{"type": "video", "clips": clips}, sound]})
    materials = content_of(draft)["materials"]
    named = [m["local_material_id"] for m in materials["videos"] + materials["audios"]]
    registered = [e["id"] for e in _read(draft, "draft_meta_info.json")["draft_materials"][0]["value"]]
    assert (len(named), len(set(named)), registered) == (3, 1, named[:1])


async def test_absolute_paths_are_a_setting_and_follow_the_name_that_a_draft_gets(
    make_builder: MakeBuilder, whole: Any
) -> None:
    builder = make_builder(DraftSettings(media_paths="absolute"))
    one, two = [(await builder.build(whole)).drafts[0] for _ in range(2)]
    for draft in (one, two):
        content, meta = _read(draft, "draft_content.json"), _read(draft, "draft_meta_info.json")
        materials = content["materials"]["videos"] + content["materials"]["audios"]
        registered = {e["id"]: e["file_Path"] for e in meta["draft_materials"][0]["value"]}
        assert all(Path(m["path"]).parent == Path(draft.path, "materials") for m in materials)
        assert {m["local_material_id"]: m["path"] for m in materials} == registered
        assert {m["check_flag"] for m in content["materials"]["videos"]} == {63487}
    assert one.path != two.path


async def test_the_document_stays_with_the_draft_and_builds_it_again(
    builder: DraftBuilder, build: Build, whole: Any, content_of: Content
) -> None:
    draft = await build({**whole, "meta": {"mine": 1}})
    kept = (Path(draft.path) / "c2jy.json").read_bytes()
    assert json.loads(kept)["marker"]["draft_id"] == draft.draft_id
    assert json.loads(kept)["document"]["meta"] == {"mine": 1}
    again = (await builder.build(kept)).drafts[0]
    assert (again.duration_us, again.tracks, again.clips) == (draft.duration_us, draft.tracks, draft.clips)


@pytest.mark.parametrize(
    "wrap",
    [
        json.dumps,
        lambda d: json.dumps(d).encode("utf-8-sig"),
        lambda d: json.dumps(d).encode("utf-16"),
        lambda d: f"```json\n{json.dumps(d, indent=1)}\n```",
        lambda d: json.dumps(json.dumps(d)),
        lambda d: [d],
        lambda d: {"drafts": [d]},
        lambda d: {"output": json.dumps(d)},
    ],
)
async def test_a_document_may_come_as_text_or_in_a_wrapper(build: Build, wrap: Any) -> None:
    draft = await build(wrap({"schema": "c2jy/1", "name": "x", "tracks": [TEXT]}))
    assert draft.clips == 1


async def test_several_drafts_of_a_document_share_a_given_name_by_number(builder: DraftBuilder) -> None:
    document = {"schema": "c2jy/1", "tracks": [TEXT]}
    report = await builder.build([document, document], name="集")
    assert [draft.name for draft in report.drafts] == ["集", "集 (2)"]


async def test_of_several_drafts_the_good_ones_are_built_and_the_others_explained(
    builder: DraftBuilder,
) -> None:
    bad = {
        "schema": "c2jy/1",
        "name": "bad",
        "tracks": [{"type": "video", "clips": [{"media": "nowhere.mp4"}]}],
    }
    report = await builder.build([{"schema": "c2jy/1", "name": "good", "tracks": [TEXT]}, bad])
    assert [draft.name for draft in report.drafts] == ["good"]
    assert [(i.path, i.severity) for i in report.issues if i.code == "file_missing"] == [
        ("[1].tracks[0].clips[0].media", "error")
    ]


async def test_all_reasons_are_told_at_once_and_nothing_is_written(
    build: Build, media: Path, tmp_path: Path
) -> None:
    clips = [
        {"media": "nowhere.mp4"},
        {"media": str(media / "sound.wav")},
        {"media": str(media / "wide.png")},
    ]
    with pytest.raises(DraftError) as caught:
        await build({"schema": "c2jy/1", "name": "a/b", "tracks": [{"type": "video", "clips": clips}]})
    assert [(i.code, i.path) for i in caught.value.issues] == [
        ("name_character", "name"),
        ("file_missing", "tracks[0].clips[0].media"),
        ("no_picture", "tracks[0].clips[1].media"),
        ("image_without_duration", "tracks[0].clips[2].at"),
    ]
    assert all(i.message and i.fix for i in caught.value.issues)
    assert not (tmp_path / "drafts").exists()


async def test_a_dry_run_fetches_and_checks_but_writes_nothing(
    build: Build, whole: Any, tmp_path: Path
) -> None:
    draft = await build(whole, dry_run=True)
    assert (draft.path, draft.clips, draft.media, draft.duration_us) == ("", 4, 3, 3_000_000)
    assert not (tmp_path / "drafts").exists()


@pytest.mark.parametrize(
    ("root", "first"),
    [
        ("C:\\Users\\me\\com.lveditor.draft", "C:\\Users\\me\\com.lveditor.draft\\中国美食\\materials\\"),
        ("/Users/me/Movies", "/Users/me/Movies/中国美食/materials/"),
    ],
)
async def test_for_another_machine_the_paths_are_those_of_that_machine(
    build: Build, whole: Any, content_of: Content, library: Any, root: str, first: str
) -> None:
    draft = await build(whole, target_root=root)
    materials = content_of(draft)["materials"]
    assert all(m["path"].startswith(first) for m in materials["videos"] + materials["audios"])
    meta = _read(draft, "draft_meta_info.json")
    assert meta["draft_fold_path"] == f"{root}/中国美食".replace("\\", "/")
    (told,) = library.check("中国美食")
    assert (told.code, told.severity) == ("other_root", "warning")
    assert first.removesuffix("materials\\").removesuffix("/materials/").rstrip("\\") in told.message


@pytest.mark.parametrize(
    ("profile", "files"),
    [
        ("jianying_win", {"draft_content.json"}),
        ("jianying_mac", {"draft_info.json"}),
        ("both", {"draft_content.json", "draft_info.json"}),
    ],
)
async def test_the_profile_says_which_main_files_there_are(
    make_builder: MakeBuilder, profile: Any, files: set[str]
) -> None:
    builder = make_builder(DraftSettings(profile=profile))
    (draft,) = (await builder.build({"schema": "c2jy/1", "name": "x", "tracks": [TEXT]})).drafts
    assert {f for f in os.listdir(draft.path) if f.startswith(("draft_content", "draft_info"))} == files


@pytest.mark.parametrize("folder", ["../out", "/etc", "a/b", "..", "CON", "x\0"])
async def test_no_draft_is_written_outside_the_declared_folders(
    build: Build, tmp_path: Path, folder: str
) -> None:
    with pytest.raises(DraftError):
        await build({"schema": "c2jy/1", "name": "x", "tracks": [TEXT]}, output_folder=folder)
    assert not (tmp_path / "drafts").exists()


async def test_a_link_in_the_drafts_folder_is_no_way_out(build: Build, tmp_path: Path) -> None:
    (tmp_path / "outside").mkdir()
    (tmp_path / "drafts").mkdir()
    (tmp_path / "drafts" / "sub").symlink_to(tmp_path / "outside")
    with pytest.raises(DraftError):
        await build({"schema": "c2jy/1", "name": "x", "tracks": [TEXT]}, output_folder="sub")
    assert os.listdir(tmp_path / "outside") == []


@pytest.mark.parametrize(
    "folder_given", ["{root}/\x1b]52;c;eA==\x07", "{root}/a\0b", "{root}/\ud800", "{root}/.c2jy-tmp-12345678"]
)
async def test_a_whole_path_makes_no_folder_of_a_name_that_a_draft_may_not_have(
    build: Build, tmp_path: Path, folder_given: str
) -> None:
    folder = folder_given.format(root=tmp_path / "drafts")
    with pytest.raises(DraftError):
        await build({"schema": "c2jy/1", "name": "x", "tracks": [TEXT]}, output_folder=folder)
    assert not (tmp_path / "drafts").exists()


@pytest.mark.parametrize("folder_given", ["x", "{root}/x", "{root}/x/materials", "{root}/x/y/z"])
async def test_no_draft_is_written_into_another_one(build: Build, tmp_path: Path, folder_given: str) -> None:
    document = {"schema": "c2jy/1", "name": "x", "tracks": [TEXT]}
    first = Path((await build(document)).path)
    before = os.listdir(first)
    with pytest.raises(DraftError) as caught:
        await build(document, output_folder=folder_given.format(root=tmp_path / "drafts"))
    assert [issue.code for issue in caught.value.issues] == ["output_in_draft"]
    assert os.listdir(first) == before


async def test_a_draft_may_go_into_a_plain_subfolder_or_a_declared_one(
    build: Build, tmp_path: Path, media: Path
) -> None:
    document = {"schema": "c2jy/1", "name": "x", "tracks": [TEXT]}
    inside = await build(document, output_folder="系列")
    assert inside.path == str(tmp_path / "drafts" / "系列" / "x")
    declared = await build(document, output_folder=str(media / "out"))
    assert declared.path == str(media / "out" / "x")


async def test_a_name_that_is_only_an_id_is_made_readable(build: Build, codes: Any) -> None:
    name = "91E08AC5-22FB-47e2-9AA0-7DC300FAEA2B"
    draft = await build({"schema": "c2jy/1", "name": name, "tracks": [TEXT]})
    assert draft.name == f"Draft {name}"
    assert codes(draft) == {"name_uuid"}


async def test_an_existing_draft_is_never_touched(build: Build, tmp_path: Path) -> None:
    mine = tmp_path / "drafts" / "x"
    mine.mkdir(parents=True)
    (mine / "mine").write_text("mine", encoding="utf-8")
    document = {"schema": "c2jy/1", "name": "x", "tracks": [TEXT]}
    assert (await build(document)).name == "x (2)"
    error = {**document, "target": {"on_conflict": "error"}}
    with pytest.raises(DraftError, match="exists"):
        await build(error)
    own = {**document, "id": "7", "target": {"on_conflict": "replace_own"}}
    assert (await build(own)).name == "x (3)"
    assert os.listdir(mine) == ["mine"]


async def test_two_drafts_never_differ_in_case_only_since_windows_would_make_them_one(
    build: Build, tmp_path: Path
) -> None:
    document = {"id": "7", "tracks": [TEXT], "target": {"on_conflict": "replace_own"}}
    names = [(await build({**document, "name": name})).name for name in ("Film", "film", "FILM")]
    assert names == ["Film", "film (2)", "FILM (3)"]
    with pytest.raises(DraftError, match="exists"):
        await build({**document, "name": "film", "target": {"on_conflict": "error"}})


async def test_only_our_own_draft_of_the_same_document_is_replaced(
    build: Build, content_of: Content, tmp_path: Path
) -> None:
    document = {
        "schema": "c2jy/1",
        "id": "7",
        "name": "x",
        "tracks": [TEXT],
        "target": {"on_conflict": "replace_own"},
    }
    first = await build(document)
    second = await build(
        {**document, "tracks": [{"type": "text", "clips": [{"text": "neu", "duration": 5}]}]}
    )
    assert second.name == "x"
    assert second.draft_id != first.draft_id
    assert content_of(second)["duration"] == 5_000_000
    other = await build({**document, "id": "8"})
    assert other.name == "x (2)"
    assert sorted(os.listdir(tmp_path / "drafts")) == ["x", "x (2)"]


async def test_a_request_that_comes_again_finds_its_draft(builder: DraftBuilder, tmp_path: Path) -> None:
    document = {"schema": "c2jy/1", "name": "x", "tracks": [TEXT]}
    first, again, other = [
        (await builder.build(document, request_id=request)).drafts[0] for request in ("a", "a", "b")
    ]
    assert (again.draft_id, again.path) == (first.draft_id, first.path)
    assert other.name == "x (2)"
    assert sorted(os.listdir(tmp_path / "drafts")) == ["x", "x (2)"]


async def test_progress_is_told_on_the_event_loop(builder: DraftBuilder, whole: Any) -> None:
    loop, seen = asyncio.get_running_loop(), []

    def told(progress: Progress) -> None:
        assert asyncio.get_running_loop() is loop
        seen.append(progress)

    await builder.build(whole, on_progress=told)
    await asyncio.sleep(0)
    assert seen[-1].unit == "bytes"
    assert seen[-1].done == seen[-1].total > 0


async def test_probing_answers_each_input_in_order(builder: DraftBuilder, media: Path) -> None:
    sources = [str(media / "video.mp4"), "nowhere.png", str(media / "sound.wav"), str(media / "video.mp4")]
    results = await builder.probe(sources)
    assert [r.source for r in results] == sources
    assert [r.material.kind if r.material else None for r in results] == ["video", None, "audio", "video"]
    assert "nowhere.png" in results[1].error
    assert results[3].material == results[0].material


async def test_missing_media_may_become_placeholders_and_issues(
    make_builder: MakeBuilder, content_of: Content, media: Path, library: Any
) -> None:
    builder = make_builder(DraftSettings(on_missing="placeholder"))
    clips = [
        {"type": "video", "media": "nowhere.mp4", "trim": {"start": 9}},
        {"type": "image", "media": "nowhere.png", "duration": 2},
        {"type": "image", "media": str(media / "wide.png"), "duration": 1},
    ]
    sound = {"type": "audio", "clips": [{"media": "nowhere.mp3", "duration": 1}]}
    report = await builder.build(
        {"name": "x", "height": 1920, "tracks": [{"type": "video", "clips": clips}, sound]}
    )
    (draft,) = report.drafts
    assert [(i.code, i.severity, i.path) for i in draft.issues] == [
        ("placeholder", "warning", "tracks[0].clips[0].media"),
        ("placeholder", "warning", "tracks[0].clips[1].media"),
        ("sound_left_out", "warning", "tracks[1].clips[0].media"),
    ]
    assert [(c.start_us, c.duration_us, c.media_ok) for c in library.detail("x").tracks[0].clips] == [
        (0, 5_000_000, True),
        (5_000_000, 2_000_000, True),
        (7_000_000, 1_000_000, True),
    ]
    assert library.check("x") == []


async def test_a_draft_for_capcut_says_whose_names_it_has(make_builder: MakeBuilder, codes: Any) -> None:
    builder = make_builder(DraftSettings(profile="capcut_win"))
    effect = {"type": "effect", "clips": [{"name": "1998", "duration": 1}]}
    plain = (await builder.build({"name": "x", "tracks": [TEXT]})).drafts[0]
    named = (await builder.build({"name": "x", "tracks": [TEXT, effect]})).drafts[0]
    assert (codes(plain), codes(named)) == ({"profile_untried"}, {"profile_untried", "names_of_jianying"})


async def test_media_that_stay_in_place_are_referred_to_where_they_are(
    build: Build, content_of: Content, whole: Any
) -> None:
    draft = await build({**whole, "target": {"media_mode": "reference"}})
    assert "materials" not in os.listdir(draft.path)
    assert all(_exists(m["path"]) for m in content_of(draft)["materials"]["videos"])
    with pytest.raises(DraftError, match="another machine"):
        await build({**whole, "target": {"media_mode": "reference"}}, target_root="C:\\x")


async def test_media_of_a_cache_named_from_the_working_folder_are_referred_to_by_their_full_path(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    make_builder: MakeBuilder,
    content_of: Content,
    whole: Any,
) -> None:
    monkeypatch.chdir(tmp_path)
    builder = make_builder(cache_dir=Path("cache"))
    (draft,) = (await builder.build({**whole, "target": {"media_mode": "reference"}})).drafts
    paths = [material["path"] for material in content_of(draft)["materials"]["videos"]]
    assert paths
    assert all(path.startswith(str(tmp_path / "cache")) for path in paths)


async def test_the_same_file_by_two_names_and_crops_is_one_file_in_the_draft(
    build: Build, content_of: Content, media: Path, tmp_path: Path
) -> None:
    copied = media / "copy of wide.png"
    copied.write_bytes((media / "wide.png").read_bytes())
    image = {"media": str(media / "wide.png"), "duration": 1}
    clips = [image, {**image, "crop": {"left": 0.5}}, {**image, "media": str(copied)}]
    draft = await build({"name": "x", "tracks": [{"type": "image", "clips": clips}]})
    assert (draft.media, len(os.listdir(Path(draft.path) / "materials"))) == (1, 1)
    assert len(content_of(draft)["materials"]["videos"]) == 2
    assert len(_read(draft, "draft_meta_info.json")["draft_materials"][0]["value"]) == 1


async def test_a_limit_on_files_is_an_issue_at_the_clip(make_builder: MakeBuilder, media: Path) -> None:
    builder = make_builder(materials=MaterialSettings(max_files=1))
    clips = [{"media": str(media / name), "duration": 1} for name in ("wide.png", "tall.jpg")]
    with pytest.raises(DraftError) as caught:
        await builder.build({"name": "x", "tracks": [{"type": "image", "clips": clips}]})
    assert [(i.code, i.path) for i in caught.value.issues] == [("too_many", "tracks[0].clips[1].media")]
