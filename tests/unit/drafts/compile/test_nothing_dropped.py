"""What cannot be expressed is told; a field of an accepted document never just goes missing."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from c2jy_bridge.drafts import BuiltDraft

Build = Callable[..., Any]
Content = Callable[[BuiltDraft], dict[str, Any]]

PICTURE = {"type": "video", "media": "video.mp4", "start": 0, "duration": 2}
IMAGE = {"type": "image", "media": "wide.png", "start": 0, "duration": 2}
SOUND = {"type": "audio", "media": "sound.wav", "start": 0, "duration": 1}
TEXT = {"type": "text", "text": "x", "start": 0, "duration": 2}
STICKER = {"type": "sticker", "resource_id": "1", "start": 0, "duration": 1}
EFFECT = {"type": "effect", "name": "1998", "start": 0, "duration": 1}
FILTER = {"type": "filter", "name": "KE1", "start": 0, "duration": 1}
IN_AND_OUT = (("out", "渐隐"), ("in", "渐显"))


def _document(clip: dict[str, Any], media: Path) -> dict[str, Any]:
    if "media" in clip:
        clip = {**clip, "media": str(media / clip["media"])}
    return {"name": "x", "height": 1200, "tracks": [{"clips": [clip]}]}


@pytest.mark.parametrize(
    ("clip", "code", "path"),
    [
        ({**PICTURE, "filters": ["原生肌"]}, "unknown_name", "filters[0].name"),
        ({**PICTURE, "effects": [{"name": "1998", "kind": "tone"}]}, "effect_kind", "effects[0].kind"),
        (
            {**PICTURE, "effects": [{"name": "1998", "params": {"shine": 3}}]},
            "unknown_param",
            "effects[0].params.shine",
        ),
        (
            {**PICTURE, "effects": [{"name": "1998", "params": [1] * 9}]},
            "too_many_params",
            "effects[0].params",
        ),
        ({**PICTURE, "transition": "叠化"}, "transition_to_nothing", "transition"),
        ({**PICTURE, "mask": {"shape": "circle", "round_corner": 5}}, "only_for_rectangle", "mask"),
        ({**PICTURE, "animations": {"kind": "loop", "name": "渐显"}}, "animation_kind", "animations[0].kind"),
        ({**PICTURE, "animations": [{"kind": "in", "name": "渐显"}] * 2}, "animation_twice", "animations[1]"),
        (
            {**PICTURE, "animations": [{"kind": "in", "name": "渐显"}, {"kind": "group", "name": "三分割"}]},
            "animation_group_alone",
            "animations[1]",
        ),
        (
            {**PICTURE, "animations": {"kind": "in", "name": "渐显", "duration": 9}},
            "animation_too_long",
            "animations[0]",
        ),
        (
            {**PICTURE, "animations": {"kind": "group", "name": "三分割", "duration": 9}},
            "animation_too_long",
            "animations[0]",
        ),
        (
            {**PICTURE, "animations": [{"kind": k, "name": n, "duration": 9} for k, n in IN_AND_OUT]},
            "animation_no_room",
            "animations[0]",
        ),
        (
            {**PICTURE, "keyframes": [{"property": p, "at": 0, "value": 1} for p in ("scale", "scale_x")]},
            "scale_mixed",
            "keyframes[0]",
        ),
        (
            {**PICTURE, "keyframes": {"property": "alpha", "at": 5, "value": 1}},
            "keyframe_after_end",
            "keyframes[0]",
        ),
        (
            {**TEXT, "keyframes": {"property": "alpha", "at": 0, "value": 1}},
            "keyframe_without_effect",
            "keyframes[0]",
        ),
        ({**TEXT, "style": {"font": "没有这种字体"}}, "unknown_name", "style.font"),
        (
            {**TEXT, "animations": {"kind": "loop", "name": "晃动", "duration": 1}},
            "loop_fills",
            "animations[0].duration",
        ),
        ({**SOUND, "keyframes": {"property": "scale", "at": 0, "value": 1}}, "only_volume", "keyframes[0]"),
        (
            {**SOUND, "effects": [{"name": "麦霸", "kind": "audio_scene"}] * 2},
            "sound_effect_twice",
            "effects[1]",
        ),
        ({**SOUND, "loop": True, "duration": None}, "loop_without_duration", "loop"),
        ({**SOUND, "trim": {"end": 1.5}, "duration": 1, "speed": 1}, "trim_not_all_used", "trim"),
        ({**SOUND, "trim": {"end": 9}, "duration": None}, "trim_too_long", "trim"),
        ({**IMAGE, "type": "video", "speed": 2}, "image_has_no_time", ""),
        ({**EFFECT, "name": "没有这个特效啊"}, "unknown_name_alone", "name"),
        ({**FILTER, "colour": 1}, "unknown_field", "colour"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
async def test_what_cannot_be_done_as_asked_is_told_with_its_path(
    build: Build, media: Path, clip: dict[str, Any], code: str, path: str
) -> None:
    document = _document(clip, media)
    document["tracks"].append({"clips": [TEXT]})
    draft = await build(document)
    found = {(issue.code, issue.path): issue for issue in draft.issues}
    where = f"tracks[0].clips[0].{path}" if path else "tracks[0].clips[0]"
    assert (code, where) in found, draft.issues
    assert not found[code, where].message.startswith("issue.")


# A value for every field that differs from its default and can be seen in the draft or in an issue.
VALUES: dict[str, dict[str, Any]] = {
    "picture": {
        "transform": [
            {"x": 0.5}, {"y": 0.5}, {"x_px": 9}, {"y_px": 9}, {"scale": 2}, {"scale_x": 2}, {"scale_y": 2},
            {"rotation": 5}, {"opacity": 0.5}, {"flip_horizontal": True}, {"flip_vertical": True},
        ],
        "crop": [
            {"left": 0.1}, {"top": 0.1}, {"right": 0.9}, {"bottom": 0.9},
            {"corners": [[0, 0], [1, 0], [0, 1], [0.9, 0.9]]},
        ],
        "fit": ["fill", "stretch"],
        "filters": [["KE1"], [{"name": "KE1", "intensity": 5}]],
        "effects": [["1998"], [{"name": "1998", "params": [5]}]],
        "animations": [[{"kind": "in", "name": "渐显"}], [{"kind": "out", "name": "渐隐", "duration": 0.3}]],
        "mask": [
            {"shape": "圆形"}, {"shape": "圆形", "center_x": 5}, {"shape": "圆形", "center_y": 5},
            {"shape": "圆形", "size": 0.2}, {"shape": "圆形", "rotation": 5}, {"shape": "圆形", "feather": 5},
            {"shape": "圆形", "invert": True}, {"shape": "矩形", "rect_width": 0.2},
            {"shape": "矩形", "round_corner": 5},
        ],
        "mix_mode": ["滤色"],
        "chroma": [
            {"color": "#00ff00"}, {"color": "#00ff00", "intensity": 5}, {"color": "#00ff00", "shadow": 5},
            {"color": "#00ff00", "edge_smooth": 5}, {"color": "#00ff00", "spill": 5},
        ],
        "background": [{"kind": "blur"}, {"kind": "blur", "blur": 1}, {"kind": "color", "color": "#123456"}],
        "transition": ["叠化", {"name": "叠化", "duration": 0.3}],
        "keyframes": [[{"property": "rotation", "at": 1, "value": 5}]],
    },
    "time": {
        "trim": [{"start": 0.25, "duration": 1}],
        "speed": [1.5],
        "volume": [0.5],
        "keep_pitch": [False],
        "fade": [{"in": 0.1}, {"out": 0.1}],
    },
    "text": {
        "text": ["y"],
        "style": [
            {"font": "Bungee-Regular"}, {"size": 5}, {"bold": True}, {"italic": True}, {"underline": True},
            {"color": "#ff0000"}, {"color": "#ffffff80"}, {"alpha": 0.5}, {"align": "left"},
            {"vertical": True},
            {"letter_spacing": 1}, {"line_spacing": 1}, {"wrap": False}, {"max_line_width": 0.5},
            {"border": {}}, {"border": {"width": 5}}, {"border": {"color": "#ff0000"}},
            {"border": {"alpha": 0.5}},
            {"shadow": {}}, {"shadow": {"diffuse": 5}}, {"shadow": {"distance": 9}}, {"shadow": {"angle": 5}},
            {"shadow": {"alpha": 0.5}}, {"shadow": {"color": "#ff0000"}},
            {"background": {"color": "#ff0000"}}, {"background": {"color": "#ff0000", "style": 2}},
            {"background": {"color": "#ff0000", "alpha": 0.5}}, {"background": {"color": "#ff000080"}},
            {"background": {"color": "#ff0000", "round_radius": 0.5}},
            {"background": {"color": "#ff0000", "width": 0.5}},
            {"background": {"color": "#ff0000", "height": 0.5}},
            {"background": {"color": "#ff0000", "horizontal_offset": 0.1}},
            {"background": {"color": "#ff0000", "vertical_offset": 0.1}},
            {"bubble": {"effect_id": "1", "resource_id": "2"}}, {"flower": "3"},
        ],
        "animations": [[{"kind": "loop", "name": "晃动"}]],
        "transform": [{"y": 0}],
    },
}  # fmt: skip

CASES = [
    (kind, clip, field, value)
    for kind, clip, groups in (
        ("video", {**PICTURE, "duration": 1.2}, ("picture", "time")),
        ("image", IMAGE, ("picture",)),
        ("audio", SOUND, ("time",)),
        ("text", TEXT, ("text",)),
        ("sticker", STICKER, ()),
    )
    for group in groups
    for field, values in VALUES[group].items()
    for value in values
]
CASES += [
    ("audio", SOUND, "effects", [{"kind": "tone", "name": "大叔"}]),
    ("audio", {**SOUND, "duration": 5}, "loop", True),
    ("video", {**PICTURE, "duration": 5}, "loop", True),
    ("audio", SOUND, "keyframes", [{"property": "volume", "at": 0.5, "value": 0}]),
    ("sticker", STICKER, "transform", {"scale": 3}),
    ("sticker", STICKER, "keyframes", [{"property": "rotation", "at": 0, "value": 1}]),
    ("sticker", STICKER, "resource_id", "2"),
    ("effect", EFFECT, "params", [5]),
    ("effect", EFFECT, "name", "70s"),
    ("filter", FILTER, "intensity", 5),
    ("filter", FILTER, "name", "ABG"),
]


@pytest.mark.parametrize(
    ("clip", "field", "value"),
    [case[1:] for case in CASES],
    ids=[f"{kind}-{field}-{json.dumps(value, ensure_ascii=False)}" for kind, _, field, value in CASES],
)
async def test_every_field_of_a_clip_changes_the_draft_or_is_told(
    build: Build, content_of: Content, media: Path, clip: dict[str, Any], field: str, value: Any
) -> None:
    before = await build(_document(clip, media))
    after = await build(_document({**clip, field: value}, media))
    told = {issue.code for issue in after.issues} - {issue.code for issue in before.issues}
    assert _counted(content_of(before)) != _counted(content_of(after))
    assert told <= {"vip", "transition_to_nothing", "trim_not_all_used"}, "a plain value needs no words"


def _counted(content: dict[str, Any]) -> str:
    """The draft without ids, as text to compare."""
    import re

    text = json.dumps({k: v for k, v in content.items() if k not in ("id", "name")}, ensure_ascii=False)
    text = re.sub(r"x( \(\d+\))?/materials", "materials", text)
    return re.sub(r"[0-9a-f]{32}|[0-9A-Fa-f]{8}(-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}", "id", text)


@pytest.mark.parametrize("clip", [PICTURE, TEXT], ids=["picture", "text"])
async def test_coming_in_and_going_out_never_overlap_in_a_short_clip(
    build: Build, content_of: Content, media: Path, clip: dict[str, Any]
) -> None:
    animations = [{"kind": kind, "name": name, "duration": 1.5} for kind, name in IN_AND_OUT]
    draft = await build(_document({**clip, "animations": animations}, media))
    (written,) = content_of(draft)["materials"]["material_animations"]
    spans = [(one["type"], one["start"], one["duration"]) for one in written["animations"]]
    assert spans == [("in", 0, 1_500_000), ("out", 1_500_000, 500_000)]
