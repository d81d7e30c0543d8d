"""Take any field out of any export: the spec is another one, or it was said that the field is not used."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from c2jy_bridge.compat.coze2jianying.exports import parse
from c2jy_bridge.drafts.errors import DraftError

S = 1_000_000
# Said of a field that has no place in a draft. What is said of others (pixels, a percentage, a unit) does not
# excuse them: they have to be in the spec.
LEFT_OUT = {
    "unknown_field", "no_place", "not_needed", "reverse_unsupported", "effect_is_everywhere",
    "not_for_images",
    "off_by_default", "without_name", "no_easing", "blur_over_colour", "track_volume",
}  # fmt: skip


# Values that are no field's default, so that leaving a field out makes another draft.
def some(needed: dict[str, Any] | None = None, /, **fields: Any) -> Any:
    """An object with any or with all of these fields."""
    pools = {name: pool(value) for name, value in fields.items()}
    return st.fixed_dictionaries({**(needed or {}), **pools}) | st.fixed_dictionaries(
        needed or {}, optional=pools
    )


def pool(value: Any) -> Any:
    return value if isinstance(value, st.SearchStrategy) else st.sampled_from(value)


def switched(**fields: Any) -> Any:
    """The same with its switch on."""
    return some({"enabled": st.just(True)}, **fields)


NUMBERS = {"rotation": [30, -5.5], "opacity": [0.25, 0.7], "position_x": [0.3, 200], "position_y": [-0.2]}
EVEN = {"scale": [1.5, 0.4]}
UNEVEN = {"scale_x": [1.5], "scale_y": [0.4]}
FRAMES = st.lists(
    st.fixed_dictionaries({"time": st.sampled_from([S, 2 * S]), "value": st.sampled_from([0.3, 0.6])}),
    min_size=1,
    max_size=2,
    unique_by=lambda frame: frame["time"],
)
PAIRS = st.just([{"time": S, "value": {"x": 0.1, "y": 0.2}}])
CROP = {"left": [0.1], "top": [0.2], "right": [0.9], "bottom": [0.8]}
SOUND = {
    "volume": [0.5, 2], "fade_in": [300], "fade_out": [700], "speed": [2, 0.5], "change_pitch": [True],
}  # fmt: skip
FILTER = {"filter_type": ["清晰"], "filter_intensity": [0.4]}
TRANSITION = {"transition_type": ["叠化"], "transition_duration": [700]}
STROKE = {"color": ["#ff0000"], "width": [3]}
SHADOW = {"color": ["#00ff00"], "offset_x": [3], "offset_y": [1], "blur": [6]}
BOX = {"color": ["#0000ff"], "opacity": [0.3]}
LETTERS = {
    "font_family": ["Bungee-Regular"], "font_size": [12, 96], "font_weight": ["bold"],
    "font_style": ["italic"],
    "color": ["#FF0", "#11223344"], "underline": [True],
}  # fmt: skip
WORDS = {"intro": ["渐显"], "outro": ["渐隐"], "loop": ["晃动"]}
LENGTHS = {"intro": ["渐显"], "intro_duration": [700], "outro": ["渐隐"], "outro_duration": [800]}


def prefixed(prefix: str, fields: dict[str, Any]) -> dict[str, Any]:
    return {f"{prefix}_{name}": values for name, values in fields.items()}


NESTED: dict[str, Any] = {
    "video": {
        "transform": some(**NUMBERS, **UNEVEN), "crop": switched(**CROP).filter(lambda crop: len(crop) > 1),
        "effects": some(**FILTER, **TRANSITION),
        "speed": some(speed=[2, 0.5], reverse=[True]), "audio": some(volume=[0.5], change_pitch=[True]),
        "background": st.sampled_from([{"blur": True}, {"color": "#123456"}]),
        "keyframes": some(position=PAIRS, scale=FRAMES, rotation=FRAMES, opacity=FRAMES),
        "material_range": st.just({"start": S, "end": 2 * S}),
    },
    "image": {
        "transform": some(**NUMBERS, **UNEVEN), "crop": switched(**CROP).filter(lambda crop: len(crop) > 1),
        "effects": some(**FILTER, **TRANSITION),
        "background": st.sampled_from([{"blur": True}, {"color": "#123456"}, {"fit_mode": "fill"}]),
        "animations": some(**LENGTHS), "dimensions": some(width=[100], height=[50]),
        "keyframes": some(position=PAIRS, scale=FRAMES, rotation=FRAMES, opacity=FRAMES),
    },
    "audio": {
        "audio": some(**SOUND, effect_type=["麦霸"], effect_intensity=[0.4]),
        "material_range": st.just({"start": S, "end": 2 * S}), "keyframes": some(volume=FRAMES),
    },
    "text": {
        "transform": some(**NUMBERS, **EVEN), "alignment": st.sampled_from(["left", "right"]),
        "style": some(
            **LETTERS, stroke=switched(**STROKE), shadow=switched(**SHADOW), background=switched(**BOX)
        ),
        "animations": some(**WORDS), "keyframes": some(position=PAIRS, rotation=FRAMES),
    },
    "sticker": {
        "transform": some(**NUMBERS, **UNEVEN), "flip": some(horizontal=[True], vertical=[True]),
        "keyframes": some(scale=FRAMES),
    },
    "effect": {"properties": some(intensity=[0.4], position_x=[0.3], scale=[2], glitter=[1])},
    "filter": {"intensity": st.sampled_from([0.4])},
}  # fmt: skip
FLAT: dict[str, Any] = {
    "video": {
        **NUMBERS, **UNEVEN, **FILTER, **TRANSITION, **prefixed("crop", CROP), "speed": [2], "volume": [0.5],
        "reverse": [True], "change_pitch": [True], "background_blur": [True], "flip_horizontal": [True],
        "flip_vertical": [True],
    },
    "image": {
        **NUMBERS, **UNEVEN, **FILTER, **TRANSITION, **prefixed("crop", CROP),
        "fit_mode": ["fill", "stretch"],
        "background_color": ["#123456"], "in_animation": ["渐显"], "in_animation_duration": [700],
        "outro_animation": ["渐隐"], "outro_animation_duration": [800], "width": [9],
    },
    "audio": {**SOUND, "effect_type": ["麦霸"], "effect_intensity": [0.4]},
    "text": {
        **NUMBERS, **EVEN, **LETTERS, "alignment": ["left"], "intro_animation": ["渐显"],
        "outro_animation": ["渐隐"], "loop_animation": ["晃动"], **prefixed("stroke", STROKE),
        **prefixed("shadow", SHADOW), **prefixed("background", BOX), "stroke_enabled": [True],
        "shadow_enabled": [True], "background_enabled": [True],
    },
    "effect": {"intensity": [0.4], "position_x": [0.3], "scale": [2]},
}  # fmt: skip
URLS = dict.fromkeys(("video", "image", "audio"), "https://x.example/a")
NAMES = {
    "text": {"content": "你好"}, "sticker": {"resource_id": "1"}, "effect": {"effect_type": "光晕"},
    "filter": {"filter_type": "暖冬"},
}  # fmt: skip
TRACK = {"image": "video"}
NEEDED = {
    "type", "start", "end", "time_range", "time", "value", "x", "y", "content", "resource_id", "material_url",
    "track_type", "draft_id",
} | {f"{kind}_url" for kind in URLS}  # fmt: skip


@st.composite
def drafts(draw: st.DrawFn, form: str, kind: str) -> dict[str, Any]:
    """A draft of one segment with any of its fields."""
    flat = form == "flat"
    fields = draw(some(**(FLAT if flat else NESTED)[kind], unheard_of=[1]))
    segment: dict[str, Any] = {**NAMES.get(kind, {}), **fields}
    if flat:
        segment |= {"start": 0, "end": 4 * S} | ({f"{kind}_url": URLS[kind]} if kind in URLS else {})
    else:
        segment |= {"type": kind, "time_range": {"start": 0, "end": 4 * S}}
        segment |= {"material_url": URLS[kind], "id": "own"} if kind in URLS else {}
    held = draw(some(muted=[True], name=["轨道"], volume=[0.6]))
    if kind not in ("video", "audio"):
        held.pop("volume", None)
    project = draw(some(name=["夏日"], width=[1080], height=[1919], fps=[25], video_quality=["1080p"]))
    track = {"track_type": TRACK.get(kind, kind), **held, "segments": [segment]}
    return {"draft_id": "d", "project": project, "tracks": [track]}


def places(value: Any, path: str = "") -> Iterator[tuple[str, dict[str, Any], str]]:
    """(JSON path, holder, name) of every field, however deep."""
    if isinstance(value, dict):
        for key, item in value.items():
            here = f"{path}.{key}" if path else key
            yield here, value, key
            yield from places(item, here)
    elif isinstance(value, list):
        for index, item in enumerate(value):
            yield from places(item, f"{path}[{index}]")


def outcome(document: dict[str, Any]) -> tuple[dict[str, Any], set[str]]:
    """The spec, and the paths of what was said to be left out."""
    (imported,) = parse(document, time_unit="us")
    dumped = imported.spec.model_dump(mode="json", exclude={"legacy", "meta"})
    return dumped, {issue.path for issue in imported.issues if issue.code in LEFT_OUT}


def unheard(document: dict[str, Any]) -> list[str]:
    """Fields without which the spec would be the same, and which were not reported as unused."""
    before, told = outcome(document)
    found = []
    for path, holder, name in list(places(document)):
        empty = holder[name] in ({}, [])
        if name in NEEDED or empty or any(path.startswith(said) or said.startswith(path) for said in told):
            continue
        if path.endswith(".crop.enabled"):
            continue  # a crop that says nothing of it is on
        value = holder.pop(name)
        try:
            if outcome(document)[0] == before:
                found.append(path)
        except DraftError:
            pass  # the draft cannot do without it
        holder[name] = value
    return found


@pytest.mark.parametrize(
    ("form", "kind"), [*(("nested", kind) for kind in NESTED), *(("flat", kind) for kind in FLAT)]
)
@settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(data=st.data())
def test_no_field_of_any_export_goes_missing_without_a_word(form: str, kind: str, data: Any) -> None:
    document = data.draw(drafts(form, kind))
    given_document = copy.deepcopy(document)
    assert unheard(document) == []
    assert document == given_document
