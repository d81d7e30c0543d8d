from __future__ import annotations

import copy
from collections.abc import Callable
from pathlib import Path
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from c2jy_bridge.core.chunked_json import content_pieces
from c2jy_bridge.drafts import BuiltDraft, DraftError
from c2jy_bridge.drafts.write.paths import TargetRoot, local_view
from c2jy_bridge.drafts.write.verify import faults

Build = Callable[..., Any]
Content = Callable[[BuiltDraft], dict[str, Any]]


@pytest.mark.parametrize(
    ("root", "path"),
    [
        ("C:\\Users\\me\\drafts", "C:\\Users\\me\\drafts\\x\\materials\\a.mp4"),
        ("D:/JianyingPro Drafts/", "D:\\JianyingPro Drafts\\x\\materials\\a.mp4"),
        ("\\\\nas\\share", "\\\\nas\\share\\x\\materials\\a.mp4"),
        ("/Users/me/Movies", "/Users/me/Movies/x/materials/a.mp4"),
    ],
)
def test_paths_are_spelled_for_the_machine_that_opens_the_draft(root: str, path: str, tmp_path: Path) -> None:
    target = TargetRoot.of(root, tmp_path)
    assert target.material("x", "materials", "a.mp4") == path
    assert local_view(path, tmp_path / "x") == tmp_path / "x" / "materials" / "a.mp4"


@pytest.mark.parametrize(
    "root",
    [
        "drafts",
        "./x",
        "C:drafts",
        "~",
        "..\\x",
        "C:\\\x1b[31m",
        "/a\0b",
        "/a\nb",
        "/\u202ea",
        "/" + "a" * 2000,
    ],
)
def test_a_target_root_must_be_absolute(root: str, tmp_path: Path) -> None:
    with pytest.raises(DraftError, match="absolute"):
        TargetRoot.of(root, tmp_path)


@pytest.fixture
async def whole(build: Build, content_of: Content, media: Path) -> tuple[dict[str, Any], Path]:
    clips = [
        {"media": str(media / "video.mp4"), "duration": 1, "filters": ["KE1"]},
        {"media": str(media / "silent.mp4"), "duration": 1},
    ]
    tracks = [{"type": "video", "clips": clips}, {"type": "text", "clips": [{"text": "x", "duration": 2}]}]
    draft = await build({"name": "x", "tracks": tracks})
    return content_of(draft), Path(draft.path)


BREAKS: dict[str, tuple[Callable[[dict[str, Any]], Any], str]] = {
    "a segment without its material": (lambda c: c["materials"]["texts"].clear(), "dangling"),
    "an effect that is gone": (lambda c: c["materials"]["effects"].clear(), "dangling"),
    "no length": (
        lambda c: c["tracks"][0]["segments"][0]["target_timerange"].update(duration=0),
        "bad_duration",
    ),
    "overlap": (
        lambda c: c["tracks"][0]["segments"][1]["target_timerange"].update(start=1),
        "segments_overlap",
    ),
    "more than the file has": (
        lambda c: c["tracks"][0]["segments"][0]["source_timerange"].update(duration=10**9),
        "source_beyond",
    ),
    "too short": (lambda c: c.update(duration=5), "draft_too_short"),
    "no tracks": (lambda c: c.pop("tracks"), "not_a_draft"),
    "a path to nowhere": (
        lambda c: c["materials"]["videos"][0].update(path="/no/where.mp4"),
        "media_missing",
    ),
}


@pytest.mark.parametrize("what", BREAKS)
def test_a_broken_draft_is_found_out(whole: tuple[dict[str, Any], Path], what: str) -> None:
    content, folder = whole
    assert list(faults(content, folder)) == []
    broken = copy.deepcopy(content)
    spoil, code = BREAKS[what]
    spoil(broken)
    assert code in {issue.code for issue in faults(broken, folder)}


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=5), inner, max_size=4),
    max_leaves=15,
)
_CONTENT = st.dictionaries(st.sampled_from(["tracks", "materials", "duration", "id", "fps"]), _JSON)


@given(_CONTENT)
def test_content_in_pieces_is_the_same_json(content: dict[str, Any]) -> None:
    content = {**content, "materials": {"texts": [content] * 600, "none": []}}
    assert b"".join(content_pieces(content)) == orjson.dumps(content)


_SEGMENT = st.dictionaries(
    st.sampled_from(["material_id", "target_timerange", "source_timerange", "extra_material_refs", "start"]),
    _JSON,
)
_TRACKS = st.lists(
    st.dictionaries(st.just("segments"), st.lists(_SEGMENT | _JSON, max_size=3)) | _JSON, max_size=3
)
_MATERIALS = st.dictionaries(
    st.sampled_from(["videos", "audios", "texts"]), st.lists(_JSON, max_size=3) | _JSON
)


@given(st.fixed_dictionaries({"tracks": _TRACKS, "materials": _MATERIALS}, optional={"duration": _JSON}))
def test_no_content_however_strange_stops_the_check(content: dict[str, Any]) -> None:
    assert isinstance(list(faults(content, Path("/nowhere"))), list)


@pytest.mark.parametrize(
    "path",
    ["\\\\evil\\share\\a.mp4", "//evil/share/a.mp4", "\\\\?\\UNC\\evil\\share\\a.mp4", "\\\\.\\pipe\\a"],
)
def test_a_path_on_another_computer_is_never_looked_at(path: str, tmp_path: Path) -> None:
    assert local_view(path, tmp_path / "x") is None
