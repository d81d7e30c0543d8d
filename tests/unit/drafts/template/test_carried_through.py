"""What a template holds and is not filled is carried through with its bytes, known or not."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from app_drafts import PLACEHOLDER, files, is_file, jianying_59, names, put, read, write
from c2jy_bridge.drafts import DraftError, Library
from c2jy_bridge.drafts.template.filler import TemplateFiller

FillIt = Callable[..., Any]


async def test_filling_nothing_gives_the_same_bytes_and_leaves_the_template(
    fill: FillIt, template: Path
) -> None:
    put(template / "common_attachment" / "unknown.bin", b"\x00\x01")
    before = files(template)
    done, _ = await fill({})
    after = files(Path(done.path))
    assert files(template) == before
    assert set(after) - set(before) == {"c2jy.json"}
    assert {name for name in before if after[name] != before[name]} == {"draft_meta_info.json"}


async def test_a_new_word_changes_that_word_only(fill: FillIt, template: Path) -> None:
    done, _ = await fill({"text1": ["夏天", "走了"]})
    before = files(template)["draft_content.json"].decode()
    after = files(Path(done.path))["draft_content.json"].decode()
    assert after == before.replace("春天", "夏天").replace("来了", "走了")


async def test_a_new_picture_changes_its_material_only(fill: FillIt, template: Path, media: Path) -> None:
    done, content = await fill({"image1": str(media / "tall.jpg")})
    before = read(template / "draft_content.json")
    changed = content["materials"]["videos"].pop(0)
    was = before["materials"]["videos"].pop(0)
    assert content == before
    kept = {"id", "has_audio"}
    assert {key: changed[key] for key in kept} == {key: was[key] for key in kept}
    assert (changed["width"], changed["height"]) == (90, 160)
    assert changed["path"].startswith(f"{PLACEHOLDER}/materials/")
    assert is_file(done.path, changed["path"].removeprefix(f"{PLACEHOLDER}/"))


async def test_odd_spellings_of_numbers_survive_beside_a_change(fill: FillIt, template: Path) -> None:
    done, _ = await fill({"text_template1": ["A", "B"], "text2": "neu"})
    text = files(Path(done.path))["draft_content.json"].decode()
    for odd in ('"y":1.0e-5', '"y":-0.0', "18446744073709551616", "0.6000000238418579", "1.0182337649086284"):
        assert odd in text
    assert text.count("春天") == 1


async def test_every_copy_of_the_content_follows_and_former_versions_stay_behind(
    fill: FillIt, template: Path
) -> None:
    main = files(template)["draft_content.json"]
    project = {"main_timeline_id": "T1", "timelines": [{"id": "T1", "name": "Timeline 01"}]}
    put(template / "Timelines" / "project.json", json.dumps(project))
    for name in ("template-2.tmp", "draft_info.json", "Timelines/T1/draft_content.json"):
        put(template / name, main)
    put(template / "draft_content.json.bak", main)
    done, _ = await fill({"text2": "follows"})
    folder = Path(done.path)
    held = {name: data for name, data in files(folder).items() if b"follows" in data and name != "c2jy.json"}
    assert sorted(held) == [
        "Timelines/T1/draft_content.json", "draft_content.json", "draft_info.json", "template-2.tmp",
    ]  # fmt: skip
    assert len(set(held.values())) == 1
    assert not is_file(folder / "draft_content.json.bak")


async def test_a_compound_clip_is_filled_inside_and_its_file_with_it(
    fill: FillIt, template: Path, media: Path
) -> None:
    held = read(template / "draft_content.json")["materials"]["drafts"][0]
    inner = template / "subdraft" / "INNER"
    put(inner / "draft_content.json", json.dumps(held["draft"], ensure_ascii=False))
    put(inner / "sub_draft_config.json", '{"name":"复合片段1"}')
    done, content = await fill({"compound1/text1": "outside", "compound1/image1": str(media / "tall.jpg")})
    new = content["materials"]["drafts"][0]["draft"]
    assert "outside" in new["materials"]["texts"][0]["content"]
    assert new["materials"]["videos"][0]["width"] == 90
    copied = Path(done.path, "subdraft", "INNER")
    assert read(copied / "draft_content.json") == new
    assert files(copied)["sub_draft_config.json"] == files(inner)["sub_draft_config.json"]
    assert content["materials"]["videos"][0]["width"] == 640


async def test_media_inside_the_template_come_along_unless_they_were_replaced(
    filler: TemplateFiller, tmp_path: Path, media: Path, library: Library
) -> None:
    folder = tmp_path / "drafts" / "own"
    put(folder / "Resources" / "local" / "a.png", files(media)["wide.png"])
    put(folder / "Resources" / "local" / "b.mp4", files(media)["video.mp4"])
    windows = "C:/Users/ann/AppData/Local/JianyingPro/User Data/Projects/com.lveditor.draft/own"
    write(folder, jianying_59(
        f"{PLACEHOLDER}/Resources/local/a.png", f"{windows}/Resources/local/b.mp4", str(media / "sound.wav")
    ))  # fmt: skip
    done = await filler.fill("own", {"video1": str(media / "silent.mp4")}, "new")
    assert names(Path(done.path, "Resources", "local")) == ["a.png"]
    kept = await filler.fill("own", {"text1": "x"}, "kept")
    content = read(Path(kept.path, "draft_content.json"))
    assert content["materials"]["videos"][1]["path"] == f"{PLACEHOLDER}/Resources/local/b.mp4"
    assert [issue.code for issue in library.check("kept")] == []


async def test_an_encrypted_template_is_refused_as_one(filler: TemplateFiller, template: Path) -> None:
    put(template / "draft_content.json", b"h4g8XOe61B0b0IMRMLzcc3jJ8IBRca")
    with pytest.raises(DraftError) as refused:
        await filler.fill("template", {}, "new")
    assert [issue.code for issue in refused.value.issues] == ["encrypted"]
    assert "new" not in names(template.parent)
