"""Any valid document becomes a whole draft; the same document read again becomes the same one."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from c2jy_bridge.drafts import DraftError
from c2jy_bridge.drafts.compile.draft import compile_draft
from c2jy_bridge.drafts.compile.plan import PlacedFile
from c2jy_bridge.drafts.errors import IssueCollector
from c2jy_bridge.drafts.materials import Material
from c2jy_bridge.drafts.spec.document import AudioClip, PictureClip
from c2jy_bridge.drafts.spec.reading import parse_spec
from c2jy_bridge.drafts.write.verify import faults

S = 1_000_000
FILES = {
    kind: Material(kind, Path(kind), "0" * 64, kind, "x", 1, length, size, size, sound, kind)  # type: ignore[arg-type]
    for kind, length, size, sound in (
        ("video", 3 * S, 100, True),
        ("image", 0, 50, False),
        ("audio", 2 * S, 0, True),
    )
}
_TIME = st.one_of(st.floats(0, 30), st.integers(0, 30), st.integers(0, 40_000).map(lambda ms: f"{ms}ms"))
_LONG = st.one_of(st.floats(0.01, 20), st.integers(1, 30_000).map(lambda ms: f"{ms}ms"))
_SHARE = st.floats(0, 1)
_RANGE = st.fixed_dictionaries({"duration": _LONG}, optional={"start": _TIME})
_LOOK = st.fixed_dictionaries(
    {}, optional={"x": st.floats(-3, 3), "y": st.floats(-3, 3), "scale": st.floats(0.1, 9), "opacity": _SHARE}
)
_MOVES = st.lists(
    st.fixed_dictionaries(
        {
            "property": st.sampled_from(["position_x", "scale", "scale_x", "alpha", "volume", "rotation"]),
            "at": _TIME,
            "value": st.floats(-2, 2),
        }
    ),
    max_size=4,
)
_ANIMATIONS = st.lists(
    st.fixed_dictionaries(
        {
            "kind": st.sampled_from(["in", "out", "group", "loop"]),
            "name": st.sampled_from(["渐显", "渐隐", "三分割", "晃动", "没有"]),
        },
        optional={"duration": _TIME},
    ),
    max_size=3,
)
_NAMES = st.lists(st.sampled_from(["1998", "KE1", "70s", "没有的名字", "大叔"]), max_size=2)
_PLAYED = {
    "trim": st.fixed_dictionaries({}, optional={"start": st.floats(0, 4), "duration": _LONG}),
    "speed": st.floats(0.01, 100),
    "volume": st.floats(0, 10),
    "keep_pitch": st.booleans(),
    "fade": st.fixed_dictionaries({}, optional={"in": _TIME, "out": _TIME}),
    "loop": st.booleans(),
    "keyframes": _MOVES,
    "effects": _NAMES,
}
_PICTURED = {
    "transform": _LOOK,
    "fit": st.sampled_from(["fit", "fill", "stretch"]),
    "crop": st.just({"left": 0.2, "bottom": 0.7}),
    "animations": _ANIMATIONS,
    "filters": _NAMES,
    "transition": st.sampled_from(["叠化", "没有"]),
    "mask": st.fixed_dictionaries(
        {"shape": st.sampled_from(["圆形", "rect", "x"])}, optional={"round_corner": _SHARE}
    ),
    "mix_mode": st.sampled_from(["滤色", "nothing"]),
    "background": st.sampled_from([{"kind": "blur"}, {"color": "#fff"}]),
    "chroma": st.just({"color": "#0f0"}),
    "keyframes": _MOVES,
}
_AT = {"at": _RANGE}
_CLIPS = {
    "video": st.one_of(
        st.fixed_dictionaries(
            {"type": st.just("video"), "media": st.sampled_from(["video", "image"])},
            optional={**_AT, **_PLAYED, **_PICTURED},
        ),
        st.fixed_dictionaries(
            {"type": st.just("image"), "media": st.just("image"), **_AT}, optional=_PICTURED
        ),
    ),
    "audio": st.fixed_dictionaries(
        {"media": st.sampled_from(["audio", "video"])}, optional={**_AT, **_PLAYED}
    ),
    "text": st.fixed_dictionaries(
        {"text": st.text(min_size=1), **_AT},
        optional={"transform": _LOOK, "animations": _ANIMATIONS, "keyframes": _MOVES},
    ),
    "sticker": st.fixed_dictionaries({"resource_id": st.just("1"), **_AT}, optional={"keyframes": _MOVES}),
    "effect": st.fixed_dictionaries(
        {"name": st.sampled_from(["1998", "没有"]), **_AT},
        optional={"params": st.lists(st.none() | st.floats(0, 100), max_size=5)},
    ),
    "filter": st.fixed_dictionaries({"name": st.sampled_from(["KE1", "没有"]), **_AT}),
}
_TRACK = st.sampled_from(sorted(_CLIPS)).flatmap(
    lambda kind: st.fixed_dictionaries(
        {"type": st.just(kind), "clips": st.lists(_CLIPS[kind], max_size=5)},
        optional={
            "overlap": st.sampled_from(["lane", "shift", "trim", "error"]),
            "name": st.text(max_size=5),
        },
    )
)
_DOCUMENT = st.fixed_dictionaries({"tracks": st.lists(_TRACK, min_size=1, max_size=4)})


def _compiled(document: dict[str, Any]) -> tuple[dict[str, Any], IssueCollector]:
    spec = parse_spec(document).spec
    collector = IssueCollector()
    files = {
        f"tracks[{t}].clips[{c}]": PlacedFile(FILES[clip.media.address], clip.media.address, "name")
        for t, track in enumerate(spec.tracks)
        for c, clip in enumerate(track.clips)
        if isinstance(clip, (PictureClip, AudioClip))
    }
    return compile_draft(spec, files, collector).content, collector


@settings(max_examples=120, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(_DOCUMENT)
def test_any_valid_document_becomes_a_whole_draft_or_an_explanation(document: dict[str, Any]) -> None:
    content, collector = _compiled(document)
    assert all(issue.message and not issue.message.startswith("issue.") for issue in collector.issues)
    if not collector.failed:
        wrong = [fault for fault in faults(content, Path("/nowhere")) if fault.code != "media_missing"]
        assert wrong == []
        assert content["tracks"]


@settings(max_examples=50, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(_DOCUMENT)
def test_a_document_written_out_and_read_again_makes_the_same_draft(document: dict[str, Any]) -> None:
    written = parse_spec(document).spec.model_dump(mode="json", exclude_unset=True)
    (one, collector), (two, again) = _compiled(document), _compiled(written)
    assert collector.issues == again.issues
    spans = [
        [s["target_timerange"] for track in content["tracks"] for s in track["segments"]]
        for content in (one, two)
    ]
    assert spans[0] == spans[1]


@settings(max_examples=100, deadline=None)
@given(
    st.recursive(
        st.none() | st.text() | st.integers() | st.floats(),
        lambda x: st.lists(x) | st.dictionaries(st.text(), x),
    )
)
def test_anything_at_all_is_a_document_or_an_error_of_ours(anything: Any) -> None:
    from c2jy_bridge.compat.coze2jianying import read_document

    with pytest.raises(DraftError) as caught:
        read_document(anything, "auto")
    assert caught.value.issues
