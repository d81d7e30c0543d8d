"""What each app is known to want: each line finds its fault, a draft built for the app has none."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from c2jy_bridge.core.settings import DraftSettings
from c2jy_bridge.core.target_apps import APPS, PROFILES, DraftProfile
from c2jy_bridge.drafts import DraftBuilder, Library
from c2jy_bridge.drafts.write.app_rules import KNOWN, check_for

MakeBuilder = Callable[..., DraftBuilder]
Spoil = Callable[[dict[str, Any], dict[str, Any], Path], object]


@pytest.fixture
async def draft(make_builder: MakeBuilder, media: Path) -> Path:
    """A portable draft with a picture, a video and a sound, in a folder with an app's list that names it."""
    clips = [
        {"type": "image", "media": str(media / "wide.png"), "duration": 1},
        {"media": str(media / "video.mp4"), "duration": 1, "mask": {"shape": "圆形"}},
    ]
    tracks = [
        {"type": "video", "clips": clips},
        {"type": "audio", "clips": [{"media": str(media / "sound.wav")}]},
    ]
    builder = make_builder()
    return Path((await builder.build({"name": "x", "tracks": tracks}, register="create")).drafts[0].path)


def _content(folder: str) -> dict[str, Any]:
    content: dict[str, Any] = json.loads(Path(folder, "draft_info.json").read_bytes())
    return content


def _videos(content: dict[str, Any], **values: Any) -> None:
    for material in content["materials"]["videos"]:
        material.update(values)


def _is_fine_for_all(content: dict[str, Any], _meta: dict[str, Any], _folder: Path) -> None:
    """Nothing that any app is known to mind, but for what excludes each other."""
    content["last_modified_platform"]["device_id"] = "d"


SPOIL: dict[str, tuple[Spoil, int]] = {
    "for_no_content_file": (lambda c, m, f: (f / "draft_content.json").unlink(), 1),
    "for_no_info_file": (lambda c, m, f: (f / "draft_info.json").unlink(), 1),
    "for_placeholder_id": (lambda c, m, f: _videos(c, path="##_draftpath_placeholder_##/materials/a.png"), 2),
    "for_placeholder": (lambda c, m, f: None, 3),
    "for_not_in_resources": (lambda c, m, f: None, 3),
    "for_relative": (lambda c, m, f: _videos(c, path="./materials/a.png"), 2),
    "for_other_system": (lambda c, m, f: _videos(c, path="C:\\x.png"), 2),
    "for_outside": (lambda c, m, f: _videos(c, path="/elsewhere/x.png"), 2),
    "for_unregistered": (lambda c, m, f: m["draft_materials"][0].update(value=[]), 3),
    "for_no_local_id": (lambda c, m, f: _videos(c, local_material_id=""), 2),
    "for_other_local_id": (lambda c, m, f: _videos(c, local_material_id="another"), 2),
    "for_unverified": (lambda c, m, f: _videos(c, check_flag=63487), 2),
    "for_old_masks": (lambda c, m, f: c["materials"].pop("common_mask"), 1),
    "for_not_listed": (lambda c, m, f: (f.parent / "root_meta_info.json").unlink(), 1),
    "for_no_machine": (lambda c, m, f: c["last_modified_platform"].pop("device_id"), 1),
    "for_names_of_jianying": (lambda c, m, f: c["materials"]["effects"].append({"id": "e"}), 1),
}
ALWAYS = {"for_placeholder", "for_not_in_resources"}


def test_every_line_of_the_table_has_a_source_and_a_case_here() -> None:
    assert {rule.code for rule in KNOWN} == SPOIL.keys()
    assert all(rule.source and set(rule.profiles) <= set(PROFILES) for rule in KNOWN)


@pytest.mark.parametrize(
    ("code", "profile"), sorted({(rule.code, profile) for rule in KNOWN for profile in rule.profiles})
)
def test_a_fault_that_an_app_is_known_to_mind_is_found_once_with_its_count(
    draft: Path, code: str, profile: DraftProfile
) -> None:
    content = json.loads((draft / "draft_content.json").read_bytes())
    meta = json.loads((draft / "draft_meta_info.json").read_bytes())

    def found() -> dict[str, Any]:
        (draft / "draft_meta_info.json").write_text(json.dumps(meta), "utf-8")
        return {issue.code: issue for issue in check_for(draft, content, profile)}

    _is_fine_for_all(content, meta, draft)
    if APPS[profile].system == "mac" and code == "for_other_system":
        _videos(content, path="/Users/me/x.png")
    if code not in ALWAYS:
        assert code not in found()
    spoil, count = SPOIL[code]
    spoil(content, meta, draft)
    if APPS[profile].system == "windows" and code == "for_other_system":
        _videos(content, path="/Users/me/x.png")
    told = found()[code]
    source = next(rule.source for rule in KNOWN if rule.code == code and profile in rule.profiles)
    assert source in told.message
    if count > 1:
        assert str(count) in told.message


@pytest.mark.parametrize("profile", [profile for profile in PROFILES if "-" in profile])
async def test_a_draft_built_for_an_app_has_only_what_building_cannot_know(
    make_builder: MakeBuilder, library: Library, media: Path, profile: DraftProfile
) -> None:
    clips = [{"type": "image", "media": str(media / "wide.png"), "duration": 1}]
    document = {"name": "x", "tracks": [{"type": "video", "clips": clips}]}
    (made,) = (await make_builder().build(document, profile=profile)).drafts
    told = {issue.code: issue.severity for issue in made.issues}
    assert told.pop("for_rest") == "info"
    # The app's list and the machine come with a registration; Resources is what one report wants.
    registration = {"for_not_listed", "for_no_machine"}
    assert told.keys() - registration <= ({"for_not_in_resources"} if profile == "capcut-mac-3" else set())
    assert set(told.values()) <= {"warning"}
    view = library.detail("x").view
    assert view.media_paths == ("absolute" if profile == "capcut-mac-3" else "portable")
    found = library.check("x", profile)
    assert {issue.code for issue in found} - {"for_rest"} == told.keys()
    assert ("error" in {i.severity for i in found}) == ("for_not_listed" in told)


async def test_a_profile_of_the_settings_says_the_same_and_the_document_goes_before(
    make_builder: MakeBuilder,
) -> None:
    text = {"name": "x", "tracks": [{"type": "text", "clips": [{"text": "x", "duration": 1}]}]}
    builder = make_builder(DraftSettings(profile="jianying-mac-11"))
    (made,) = (await builder.build(text)).drafts
    assert [issue.code for issue in made.issues] == ["for_rest"]
    assert _content(made.path)["platform"]["os"] == "mac"
    (made,) = (await builder.build({**text, "target": {"profile": "both"}})).drafts
    assert made.issues == ()


def test_what_others_made_of_a_draft_stops_no_check(draft: Path) -> None:
    shutil.rmtree(draft.parent / "x" / "materials")
    (draft / "draft_meta_info.json").write_bytes(b"\xff\x00")
    (draft.parent / "root_meta_info.json").write_bytes(b"[]")
    for content in ({}, {"materials": 5}, {"materials": {"videos": [5, {"path": 7}], "masks": "x"}}):
        for profile in PROFILES:
            assert check_for(draft, content, profile)[-1].code == "for_rest"
