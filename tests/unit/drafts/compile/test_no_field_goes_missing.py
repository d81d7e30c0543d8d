"""Take any field out of any document: the draft is another one, or something was said about the field."""

from __future__ import annotations

import copy
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from c2jy_bridge.drafts.compile.draft import compile_draft
from c2jy_bridge.drafts.compile.plan import PlacedFile
from c2jy_bridge.drafts.errors import IssueCollector
from c2jy_bridge.drafts.materials import Material
from c2jy_bridge.drafts.spec.document import (
    AudioClip,
    DraftSpec,
    EffectClip,
    FilterClip,
    ImageClip,
    PictureClip,
    StickerClip,
    TextClip,
    Track,
    VideoClip,
)
from c2jy_bridge.drafts.spec.model import SpecModel
from c2jy_bridge.drafts.spec.reading import parse_spec

S = 1_000_000
FILES = {
    "video": Material("video", Path("video"), "0" * 64, "video", "x", 1, 3 * S, 100, 60, True, "video"),
    "image": Material("image", Path("image"), "1" * 64, "image", "x", 1, 0, 50, 90, False, "image"),
    "audio": Material("audio", Path("audio"), "2" * 64, "audio", "x", 1, 2 * S, 0, 0, True, "audio"),
}
# Values that no field has by default, so that leaving the field out has to make a difference.
HALF = st.sampled_from([0.25, 0.3, 0.75])
HUNDRED = st.sampled_from([9, 33.5])
COLOUR = st.sampled_from(["#123456", "#abc", "#11223344"])
RGB = st.sampled_from(["#123456", "#a0b"])
TIMES = st.sampled_from([0.1, "200ms", "6f"])
TRANSFORM = {
    "x": HALF, "y": HALF, "scale": st.sampled_from([0.5, 2]), "rotation": st.sampled_from([5, -90]),
    "opacity": HALF, "flip_horizontal": st.just(True), "flip_vertical": st.just(True),
}  # fmt: skip
MOVES = st.lists(
    st.fixed_dictionaries(
        {
            "property": st.sampled_from(["position_x", "rotation", "alpha", "contrast"]),
            "at": st.sampled_from([0, 0.5]),
            "value": HALF,
        }
    ),
    min_size=1,
    max_size=2,
)


def some(**fields: Any) -> Any:
    """An object with all of these fields, or with any of them, at least one."""
    return st.fixed_dictionaries(fields) | st.fixed_dictionaries({}, optional=fields).filter(bool)


PICTURE: dict[str, Any] = {
    "transform": some(**TRANSFORM),
    "keyframes": MOVES,
    "crop": some(left=st.just(0.1), top=st.just(0.2), right=st.just(0.8), bottom=st.just(0.9)),
    "fit": st.sampled_from(["fill", "stretch"]),
    "filters": st.sampled_from([["KE1"], [{"name": "KE1", "intensity": 5}]]),
    "effects": st.sampled_from([["1998"], [{"name": "1998", "params": [5]}]]),
    "animations": st.sampled_from([{"kind": "in", "name": "渐显"}, {"kind": "group", "name": "三分割"}]),
    "mask": st.fixed_dictionaries({"shape": st.just("圆形")}, optional={"feather": HUNDRED, "size": HALF}),
    "mix_mode": st.just("滤色"),
    "chroma": st.fixed_dictionaries({"color": RGB}, optional={"intensity": HUNDRED, "shadow": HUNDRED}),
    "background": st.sampled_from([{"kind": "blur"}, {"color": "#123456"}]),
    "transition": st.sampled_from(["叠化", {"name": "叠化", "duration": 0.2}]),
}
PLAYED: dict[str, Any] = {
    "trim": some(start=st.just(0.25), duration=st.just(0.75)),
    "speed": st.sampled_from([0.8, 1.5]),
    "volume": HALF,
    "keep_pitch": st.just(False),
    "fade": st.fixed_dictionaries({}, optional={"in": TIMES, "out": TIMES}).filter(bool),
    "loop": st.just(True),
}
STYLE = some(
    font=st.just("Bungee-Regular"), size=st.just(5), bold=st.just(True), italic=st.just(True),
    underline=st.just(True), color=RGB, alpha=HALF, align=st.just("left"), vertical=st.just(True),
    letter_spacing=st.just(1), line_spacing=st.just(2), wrap=st.just(False), max_line_width=HALF,
    border=some(width=HUNDRED, color=RGB, alpha=HALF),
    shadow=some(diffuse=HUNDRED, distance=HUNDRED, angle=HUNDRED, color=RGB, alpha=HALF),
    background=st.fixed_dictionaries(
        {"color": COLOUR}, optional={"style": st.just(2), "round_radius": HALF, "height": HALF, "width": HALF}
    ),
    bubble=st.just({"effect_id": "1", "resource_id": "2"}), flower=st.just("3"),
)  # fmt: skip
KINDS: dict[str, tuple[type[SpecModel], dict[str, Any], dict[str, Any]]] = {
    "video": (VideoClip, {"media": "video"}, {**PICTURE, **PLAYED}),
    "image": (ImageClip, {"media": "image"}, PICTURE),
    "audio": (
        AudioClip,
        {"media": "audio"},
        {
            **PLAYED,
            "effects": st.sampled_from([["麦霸"], [{"kind": "tone", "name": "大叔"}]]),
            "keyframes": st.just([{"property": "volume", "at": 0.5, "value": 0}]),
        },
    ),
    "text": (
        TextClip,
        {"text": "你好"},
        {
            "transform": some(**TRANSFORM),
            "keyframes": MOVES,
            "style": STYLE,
            "animations": st.just([{"kind": "loop", "name": "晃动"}]),
        },
    ),
    "sticker": (
        StickerClip,
        {"resource_id": "1"},
        {"transform": some(**TRANSFORM), "keyframes": MOVES},
    ),
    "effect": (EffectClip, {"name": "1998"}, {"params": st.just([5]), "kind": st.just("scene")}),
    "filter": (FilterClip, {"name": "KE1"}, {"intensity": HUNDRED}),
}
NEVER_SEEN = {"kind"}
"""It only says which of two catalogues a name is looked up in."""


@st.composite
def documents(draw: st.DrawFn, kind: str) -> dict[str, Any]:
    """A track of clips one after another, each with any of its fields."""
    _, needed, optional = KINDS[kind]
    fixed = {key: st.just(value) for key, value in needed.items()}
    more = {**optional, "id": st.just("mine"), "unheard_of": st.just(1)}
    clips = draw(
        st.lists(
            st.fixed_dictionaries({**fixed, **more}) | st.fixed_dictionaries(fixed, optional=more),
            min_size=1,
            max_size=2,
        )
    )
    timed = [
        {
            "type": kind,
            **clip,
            "start": 10 * n,
            "duration": 9 if "loop" in clip else 1,
        }  # else nothing repeats
        for n, clip in enumerate(clips)
    ]
    track = {"type": "video" if kind == "image" else kind, "clips": timed, "name": "n"}
    return {"width": 1280, "height": 720, "fps": 25, "tracks": [track]}


def outcome(document: dict[str, Any]) -> tuple[str, frozenset[tuple[str, str]]]:
    """The draft without its ids, and what was said."""
    parsed, collector = parse_spec(document), IssueCollector()
    files = {
        f"tracks[{t}].clips[{c}]": PlacedFile(FILES[clip.media.address], clip.media.address, "name")
        for t, track in enumerate(parsed.spec.tracks)
        for c, clip in enumerate(track.clips)
        if isinstance(clip, (PictureClip, AudioClip))
    }
    content = json.dumps(compile_draft(parsed.spec, files, collector).content, ensure_ascii=False)
    plain = re.sub(r"[0-9a-f]{32}|[0-9A-Fa-f]{8}(-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}", "id", content)
    return plain, frozenset((issue.code, issue.path) for issue in (*parsed.issues, *collector.issues))


def fields(value: Any, path: str) -> Iterator[tuple[str, dict[str, Any], str]]:
    """(path, holder, name) of every field of an object and of the objects in it."""
    if isinstance(value, dict):
        for name, item in list(value.items()):
            yield f"{path}.{name}", value, name
            yield from fields(item, f"{path}.{name}")
    elif isinstance(value, list):
        for index, item in enumerate(value):
            yield from fields(item, f"{path}[{index}]")


def unheard(document: dict[str, Any]) -> list[str]:
    """Fields without which the draft would be the same, and of which nothing was said."""
    before, told = outcome(document)
    found = []
    for number, track in enumerate(document["tracks"]):
        for index, clip in enumerate(track["clips"]):
            for path, holder, name in list(fields(clip, f"tracks[{number}].clips[{index}]")):
                needed = name in KINDS[clip["type"]][1] or name in ("type", "start", "duration", "id")
                if needed or name in NEVER_SEEN or any(said.startswith(path) for _, said in told):
                    continue
                value = holder.pop(name)
                try:
                    after = outcome(document)
                except ValueError:  # it cannot be left out: not a field that could go missing
                    after = "", frozenset()
                holder[name] = value
                if after == (before, told):
                    found.append(path)
    return found


@pytest.mark.parametrize("kind", sorted(KINDS))
@settings(max_examples=8, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(data=st.data())
def test_no_field_of_any_document_goes_missing_without_a_word(kind: str, data: Any) -> None:
    document = data.draw(documents(kind))
    given_document = copy.deepcopy(document)
    assert unheard(document) == []
    assert document == given_document


@pytest.mark.parametrize("kind", sorted(KINDS))
def test_the_documents_of_this_test_have_every_field_of_the_schema(kind: str) -> None:
    model, needed, optional = KINDS[kind]
    names = {field.alias or name for name, field in model.model_fields.items()} - {"at", "id", "type"}
    assert names == {*needed, *optional}


@pytest.mark.parametrize("model", [DraftSpec, Track])
def test_a_field_of_the_whole_document_changes_it_or_is_for_other_parts(model: type[SpecModel]) -> None:
    clip = {"type": "text", "text": "a", "start": 0, "duration": 2}
    later = {**clip, "start": 1}
    seen: dict[type[SpecModel], dict[str, Any]] = {
        DraftSpec: {
            "time_unit": "ms", "name": "n", "width": 99, "height": 98, "fps": 24, "main_track_magnet": False,
            "overlap": "shift", "tracks": [{"clips": [clip]}], "markers": [{"at": 1}],
        },
        Track: {
            "type": "video", "name": "n", "mute": True, "overlap": "trim", "captions": True, "clips": [clip],
        },
    }  # fmt: skip
    # What is for fetching, subtitles, writing and the copy of the document; each has tests of its own.
    elsewhere = (
        {"schema", "id", "media", "subtitles", "target", "meta", "legacy"} if model is DraftSpec else set()
    )
    names = {field.alias or name for name, field in model.model_fields.items()}
    assert names == {*seen[model], *elsewhere}
    plain: dict[str, Any] = {"tracks": [{"type": "text", "clips": [clip, later]}]}
    before = outcome(plain)
    for name, value in seen[model].items():
        changed = copy.deepcopy(plain)
        (changed if model is DraftSpec else changed["tracks"][0])[name] = value
        assert name == "name" or outcome(changed) != before, name
