from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from c2jy_bridge.core import i18n
from c2jy_bridge.core.events import Issue
from c2jy_bridge.drafts import DraftError
from c2jy_bridge.drafts.spec.appearance import Transform, parse_colour, parse_rgb
from c2jy_bridge.drafts.spec.document import DraftSpec, ImageClip
from c2jy_bridge.drafts.spec.reading import is_spec, parse_spec


def _one(clip: dict[str, Any], kind: str = "text") -> dict[str, Any]:
    return {"tracks": [{"type": kind, "clips": [clip]}]}


def _faults(document: dict[str, Any]) -> list[tuple[str, str]]:
    with pytest.raises(DraftError) as caught:
        parse_spec(document)
    return [(issue.code, issue.path) for issue in caught.value.issues]


def test_every_fault_of_a_document_is_told_at_once() -> None:
    document = {
        "width": "wide",
        "tracks": [
            {"type": "vidio", "clips": []},
            {
                "type": "text",
                "clips": [
                    {"text": "", "start": "5"},
                    {"text": "x", "style": {"size": -1, "colour": "x", "color": "nope"}},
                    {"type": "txt", "text": "x"},
                ],
            },
        ],
    }
    assert _faults(document) == [
        ("not_a_number", "width"),
        ("not_one_of", "tracks[0].type"),
        ("time_without_unit", "tracks[1].clips[0].start"),
        ("empty_text", "tracks[1].clips[0].text"),
        ("out_of_range", "tracks[1].clips[1].style.size"),
        ("colour", "tracks[1].clips[1].style.color"),
        ("not_one_of", "tracks[1].clips[2].type"),
    ]


def test_a_wrong_word_is_answered_with_the_nearest_right_one() -> None:
    with pytest.raises(DraftError) as caught:
        parse_spec({"tracks": [{"type": "vidio", "clips": []}]})
    assert '"video"' in caught.value.issues[0].fix


def test_the_words_for_a_fault_are_chinese_in_chinese() -> None:
    i18n.use("zh")
    with pytest.raises(DraftError, match="没有单位"):
        parse_spec(_one({"text": "x", "start": "5"}))


@pytest.mark.parametrize(
    ("document", "path", "near"),
    [
        ({"nmae": "x", **_one({"text": "x"})}, "nmae", "name"),
        (_one({"text": "x", "styel": {}}), "tracks[0].clips[0].styel", "style"),
        (_one({"text": "x", "style": {"colour": "red"}}), "tracks[0].clips[0].style.colour", "color"),
        (_one({"text": "x", "transform": {"opacty": 1}}), "tracks[0].clips[0].transform.opacty", "opacity"),
        ({"media": {"a": {"path": "a", "sha": "x"}}, **_one({"text": "x"})}, "media.a.sha", "sha256"),
    ],
)
def test_an_unknown_field_is_reported_with_the_nearest_known_one(
    document: dict[str, Any], path: str, near: str
) -> None:
    (issue,) = parse_spec(document).issues
    assert (issue.path, issue.severity) == (path, "warning")
    assert near in issue.fix


def test_nulls_count_as_left_out() -> None:
    clip = {"text": "x", "transform": {"x": None, "scale": None}, "style": None, "start": None}
    parsed = parse_spec({"width": None, **_one(clip)})
    assert parsed.issues == ()
    assert parsed.spec.width == 1920
    assert parsed.spec.tracks[0].clips[0].transform == Transform()


def test_types_are_found_from_each_other() -> None:
    images = parse_spec(_one({"media": "a.png", "duration": 1}, "image")).spec.tracks[0]
    assert images.type == "video"
    assert isinstance(images.clips[0], ImageClip)
    text = parse_spec({"tracks": [{"clips": [{"type": "text", "text": "x"}]}]}).spec.tracks[0]
    assert text.type == "text"


def test_one_object_stands_for_a_list_of_one() -> None:
    clip = {"media": "a.png", "filters": "清晰", "effects": {"name": "雪花"}, "keyframes": []}
    picture = parse_spec({"tracks": [{"type": "image", "clips": clip}]}).spec.tracks[0].clips[0]
    assert isinstance(picture, ImageClip)
    assert [f.name for f in picture.filters] == ["清晰"]
    assert [e.name for e in picture.effects] == ["雪花"]


def test_what_contradicts_itself_is_refused() -> None:
    assert _faults(_one({"text": "x", "transform": {"x": 0, "x_px": 5}})) == [
        ("either_or", "tracks[0].clips[0].transform")
    ]
    assert _faults({"subtitles": {"offset": 1}}) == [("one_of", "subtitles[0]")]
    assert _faults(_one({"media": "a", "crop": {"left": 0.5, "right": 0.5}}, "image")) == [
        ("crop_empty", "tracks[0].clips[0].crop")
    ]


@pytest.mark.parametrize(
    ("text", "colour"),
    [
        ("#FFF", "#ffffff"),
        ("#F80C", "#ff8800cc"),
        ("FF8800", "#ff8800"),
        ("#11223344", "#11223344"),
        ("白色", "#ffffff"),
        ([255, 128, 0], "#ff8000"),
        ([1, 0.5, 0], "#ff8000"),
    ],
)
def test_colours_are_read_as_people_write_them(text: Any, colour: str) -> None:
    assert parse_colour(text) == colour


def test_fractions_of_a_text_colour_stay_exact() -> None:
    assert parse_rgb([0.1, 0.2, 0.3]) == (0.1, 0.2, 0.3)
    assert parse_rgb("#ff000080") == (1.0, 0.0, 0.0, 128 / 255)


def test_our_documents_are_known_by_schema_or_shape() -> None:
    assert is_spec({"schema": "c2jy/1"})
    assert is_spec({"tracks": [{"clips": []}]})
    assert not is_spec({"tracks": [{"track_type": "video", "segments": []}]})
    assert not is_spec([])


def test_the_schema_for_a_bot_names_units_and_every_kind_of_clip() -> None:
    schema = DraftSpec.model_json_schema()
    assert "seconds" in schema["description"]
    kinds = {"VideoClip", "ImageClip", "AudioClip", "TextClip", "StickerClip", "EffectClip", "FilterClip"}
    assert kinds <= schema["$defs"].keys()
    undescribed = [
        f"{name}.{field}"
        for name, part in schema["$defs"].items()
        for field, value in part.get("properties", {}).items()
        if not value.get("description")
    ]
    assert undescribed == []


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=20,
)
_FIELDS = st.sampled_from(
    [
        "type",
        "text",
        "at",
        "start",
        "duration",
        "end",
        "style",
        "transform",
        "media",
        "keyframes",
        "animations",
        "effects",
        "filters",
        "mask",
        "crop",
        "name",
        "params",
        "volume",
        "speed",
        "trim",
        "loop",
        "fade",
        "resource_id",
        "background",
        "chroma",
        "transition",
    ]
)
_CLIP = st.dictionaries(_FIELDS, _JSON, max_size=6)
_TRACK = st.fixed_dictionaries(
    {"clips": st.lists(_CLIP, max_size=3)}, optional={"type": _JSON, "overlap": _JSON}
)


@pytest.mark.slow
@settings(max_examples=300, deadline=None)
@given(
    st.fixed_dictionaries({"tracks": st.lists(_TRACK, max_size=3)}, optional={"fps": _JSON, "media": _JSON})
)
def test_any_object_is_a_document_or_an_error_of_ours_with_paths(document: dict[str, Any]) -> None:
    for issue in _outcome(document):
        assert issue.message
        assert not issue.message.startswith("issue.")
        assert issue.path


def _outcome(document: dict[str, Any]) -> tuple[Issue, ...]:
    try:
        return parse_spec(document).issues
    except DraftError as error:
        return error.issues or pytest.fail("an error without a reason")


def test_of_very_many_faults_the_first_are_told_and_the_others_counted() -> None:
    clips = [{"type": "text", "text": "a", "duration": 1}, *[{"type": "text"}] * 5_000]
    with pytest.raises(DraftError) as caught:
        parse_spec({"tracks": [{"type": "text", "clips": clips}]})
    *told, rest = caught.value.issues
    assert told[0].path == "tracks[0].clips[1].text"
    assert rest.code == "more_faults"
    assert str(5_000 - len(told)) in rest.message


def test_of_very_many_unknown_fields_the_first_are_told_and_the_others_counted() -> None:
    *told, rest = parse_spec({"tracks": [], **{f"x{n}": n for n in range(1_000)}}).issues
    assert {issue.code for issue in told} == {"unknown_field"}
    assert (rest.code, "800" in rest.message) == ("more_faults", True)
