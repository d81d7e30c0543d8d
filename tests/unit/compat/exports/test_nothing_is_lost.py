"""No field of an accepted export goes missing without an Issue, and nothing but DraftError is ever raised."""

from __future__ import annotations

import copy
import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from c2jy_bridge.compat.coze2jianying.exports import Imported, parse
from c2jy_bridge.drafts.errors import DraftError

FORMS = ("complete_ms", "bare_draft_us", "raw_tools", "infos_as_strings_us", "flat_in_tracks_us", "seconds")
# A switch that is off silences its own settings: that is what it is for.
SWITCHES = re.compile(r"(stroke|shadow|background|crop)(\.enabled|_enabled)$")
# Cropping to the whole picture is no crop, switched on or off.
WHOLE_CROP = re.compile(r"segments\[\d+\]\.crop\.enabled$")
# What a file is, is seen from the file itself.
FACTS_OF_A_RESOURCE = re.compile(r"media_resources\[\d+\]\.(resource_type|file_size|format|width|height)$")


def opened(value: Any) -> Any:
    """The document with every JSON string in it spelled out, so that its leaves have paths."""
    if isinstance(value, str) and value.lstrip()[:1] in ("{", "["):
        return opened(json.loads(value))
    if isinstance(value, dict):
        return {name: opened(item) for name, item in value.items()}
    return [opened(item) for item in value] if isinstance(value, list) else value


def places(value: Any, path: str = "") -> Iterator[tuple[str, Any, Any, Any]]:
    """(JSON path, holder, key, leaf) of every leaf."""
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, item in items:
        here = f"{path}[{key}]" if isinstance(key, int) else f"{path}.{key}" if path else key
        if isinstance(item, (dict, list)):
            yield from places(item, here)
        else:
            yield here, value, key, item


@contextmanager
def refusals() -> Iterator[None]:
    """A DraftError with its reasons may come; nothing else may."""
    try:
        yield
    except DraftError as error:
        if not error.issues or not all(issue.severity == "error" for issue in error.issues):
            raise AssertionError("a refusal without reasons") from error


def objects(value: Any, path: str = "") -> Iterator[tuple[str, dict[str, Any]]]:
    if isinstance(value, dict):
        yield path, value
    for key, item in value.items() if isinstance(value, dict) else enumerate(value):
        if isinstance(item, (dict, list)):
            yield from objects(
                item, f"{path}[{key}]" if isinstance(key, int) else f"{path}.{key}" if path else key
            )


def outcome(imported: list[Imported]) -> list[Any]:
    """All that an import says, but for the copy of the original."""
    return [
        (item.spec.model_dump(exclude={"legacy", "meta"}), item.spec.meta["imported"], item.issues)
        for item in imported
    ]


def others(leaf: Any) -> list[Any]:
    """Other values of the same kind, of which at least one must make a difference."""
    if isinstance(leaf, bool):
        return [not leaf]
    if isinstance(leaf, (int, float)):
        return [leaf * 0.7 + 0.125, leaf + 1000, leaf + 1_000_000]
    return [f"{leaf}x"]


def silenced(path: str, document: Any) -> bool:
    """Whether a switch that is off governs this value."""
    for switch, _, _, value in places(document):
        if value is False and (found := SWITCHES.search(switch)):
            governed = switch[: found.end(1)]
            if path != switch and path.startswith(governed):
                return True
    return False


@pytest.mark.parametrize("form", FORMS)
def test_changing_any_value_changes_the_draft_or_is_told(export, form):
    document = opened(json.loads(export(form)))
    before = outcome(parse(document))
    unheard = []
    for path, holder, key, leaf in list(places(document)):
        if leaf is None or FACTS_OF_A_RESOURCE.search(path) or silenced(path, document):
            continue
        if leaf is False and WHOLE_CROP.search(path):
            continue
        heard = any(covers(issue.path, path) for _, _, issues in before for issue in issues)
        if not heard and not any(makes_a_difference(document, holder, key, v, before) for v in others(leaf)):
            unheard.append(path)
    assert unheard == []


def matches(told: str, path: str) -> bool:
    return bool(re.fullmatch(re.escape(told).replace(r"\[\*\]", r"\[\d+\]"), path))


def covers(told: str, path: str) -> bool:
    """Whether an Issue's path is this place, or a part of a clip or a resource above it."""
    above = not re.search(r"(^|(segments|drafts|infos)\[[^]]+\])$", told)
    return matches(told, path) or (above and path.startswith((f"{told}.", f"{told}[")))


def makes_a_difference(document: Any, holder: Any, key: Any, value: Any, before: list[Any]) -> bool:
    leaf, holder[key] = holder[key], value
    try:
        return outcome(parse(document)) != before
    except DraftError:
        return True
    finally:
        holder[key] = leaf


@pytest.mark.parametrize("form", FORMS)
def test_a_field_that_nobody_knows_is_named_wherever_it_stands(export, form):
    document = opened(json.loads(export(form)))
    for path, holder in list(objects(document)):
        if path in ("", "drafts"):
            continue  # around the drafts: kept in the spec's meta
        holder["glitter"] = 7
        found = parse(document)
        del holder["glitter"]
        expected = f"{path}.glitter"
        assert any(matches(issue.path, expected) for item in found for issue in item.issues), expected


@pytest.mark.parametrize(
    "form", [pytest.param("complete_ms", marks=pytest.mark.slow), "raw_tools", "infos_as_strings_us"]
)
def test_any_field_may_be_null_or_nonsense(export, form):
    document = opened(json.loads(export(form)))
    odd: list[Any] = [None, "nonsense", -1, 10**15, [[]], {"a": {"b": 1}}]
    for nonsense in odd:
        for _, holder, key, leaf in list(places(document)):
            holder[key] = nonsense
            with refusals():
                parse(document)
            holder[key] = leaf


WORDS = """
    tracks segments track_type type time_range start end duration target_timerange material_url image_url
    content transform position_x scale_x opacity keyframes position time value style font_size color stroke
    enabled width effects filter_type filter_intensity speed audio volume crop left animations intro
    background blur project name draft_data output drafts image_infos caption_infos media_resources url
    duration_ms params mask properties clip_settings text_style schema clips fade resource_id
"""
PARTS = """
    transform crop effects speed audio background keyframes animations style properties mask clip_settings
    volume material_range fade transition params alignment
"""
NAMES = st.sampled_from(WORDS.split())
VALUES = (
    st.none()
    | st.booleans()
    | st.integers(-(10**9), 10**9)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.sampled_from(
        ["video", "image", "text", "audio", "c2jy/1", "#fff", "1s", "{}", '[{"start": 0}]', "{", ""]
    )
    | st.text(max_size=8)
)
ANYTHING = st.recursive(
    VALUES,
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(NAMES | st.text(max_size=4), inner, max_size=5)
    ),
    max_leaves=30,
)
SEGMENT = st.fixed_dictionaries(
    {"type": st.sampled_from(["video", "image", "audio", "text", "sticker", "effect", "filter"])},
    optional={
        "time_range": st.fixed_dictionaries({"start": st.integers(0, 10**7), "end": st.integers(1, 10**8)}),
        "material_url": st.just("https://x.example/a"),
        "content": st.just("a"),
        "resource_id": st.just("1"),
        "effect_type": st.just("光晕"),
        "filter_type": st.just("暖冬"),
        **dict.fromkeys(PARTS.split(), ANYTHING),
    },
)


@pytest.mark.slow
@settings(max_examples=300)
@given(ANYTHING | st.text() | st.binary())
def test_any_json_is_imported_or_refused_with_a_draft_error(document):
    with refusals():
        assert parse(document)


@pytest.mark.slow
@settings(max_examples=300)
@given(st.lists(SEGMENT, min_size=1, max_size=3), st.sampled_from(["auto", "us", "ms", "s"]))
def test_any_segment_is_imported_or_refused_with_a_draft_error(segments, unit):
    document = {"tracks": [{"track_type": "video", "segments": segments}]}
    given_document = copy.deepcopy(document)
    with refusals():
        (imported,) = parse(document, time_unit=unit)
        imported.decide_unit({"https://x.example/a": 5_000_000})
        assert imported.spec.legacy == given_document
    assert document == given_document
