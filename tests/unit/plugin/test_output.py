"""What Coze is told: one JSON object, capped, never half of one."""

from __future__ import annotations

import json
import time
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import BaseModel

from c2jy_bridge.plugin.output import capped, failure, success


class Model(BaseModel):
    name: str = "n"
    day: date = date(2026, 11, 20)


@dataclass
class Pair:
    left: int
    right: Path


@pytest.mark.parametrize(
    ("value", "told"),
    [
        (None, {"status": "success"}),
        ("done", {"status": "success", "message": "done"}),
        ({"n": 1}, {"status": "success", "n": 1}),
        ({"status": "error", "message": "no"}, {"status": "error", "message": "no"}),
        ({"status": "queued"}, {"status": "success", "result": {"status": "queued"}}),
        ([1, 2], {"status": "success", "result": [1, 2]}),
        (True, {"status": "success", "result": True}),
        (Model(), {"status": "success", "name": "n", "day": "2026-11-20"}),
        (Pair(1, Path("a/b")), {"status": "success", "left": 1, "right": "a/b"}),
        ({"x": float("nan"), "y": [float("inf")]}, {"status": "success", "x": None, "y": [None]}),
        ({"b": b"\xff\x00"}, {"status": "success", "b": "_wA="}),
        ({1: {"two"}}, {"status": "success", "1": ["two"]}),
    ],
)
def test_whatever_a_tool_returns_becomes_one_json_object_with_a_status(value: object, told: object) -> None:
    assert json.loads(capped(success(value), 1000)) == told


def test_status_stands_first() -> None:
    assert capped(success({"a": 1}), 1000).startswith('{"status":"success"')


def test_half_a_surrogate_pair_does_not_reach_the_wire() -> None:
    assert json.loads(capped(success({"name": "a\udcff.mp4"}), 1000).encode()) == {
        "status": "success",
        "name": "a?.mp4",
    }


def test_a_value_that_contains_itself_is_refused() -> None:
    loop: dict[str, Any] = {}
    loop["loop"] = loop
    with pytest.raises(ValueError, match=r"[Cc]ircular"):
        success(loop)


def test_a_long_text_is_cut_where_it_is_and_the_rest_stays_whole() -> None:
    text = capped(success({"path": "a.srt", "text": "字幕" * 50_000, "next": 7}), 2000)
    told = json.loads(text)
    assert 1900 < len(text.encode()) <= 2000
    assert told["path"] == "a.srt"
    assert told["next"] == 7
    assert told["truncated"] is True
    assert "of 100000 characters]" in told["text"]


def test_a_long_list_loses_its_end_and_says_so() -> None:
    told = json.loads(capped(success({"drafts": [{"name": f"draft {i}"} for i in range(5000)]}), 3000))
    assert told["drafts"][0] == {"name": "draft 0"}
    assert "of 5000 items]" in told["drafts"][-1]


def test_what_cannot_be_shortened_piece_by_piece_is_still_json_within_the_limit() -> None:
    text = capped(success({f"key {i}": i for i in range(10_000)}), 1000)
    assert len(text.encode()) <= 1000
    told = json.loads(text)
    assert told["status"] == "success"
    assert told["truncated"] is True


_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.binary(max_size=50),
    lambda inner: st.lists(inner, max_size=8) | st.dictionaries(st.text(max_size=30), inner, max_size=8),
    max_leaves=30,
)


@settings(deadline=None)
@given(_values, st.integers(1, 400), st.sampled_from(["字", "😀", '"', "\x00", "a"]))
def test_any_output_fits_the_limit_and_is_json(value: object, times: int, letter: str) -> None:
    text = capped(success({"value": value, "more": [letter * times] * times}), 1000)
    assert len(text.encode()) <= 1000
    assert json.loads(text)["status"] == "success"


@settings(deadline=None)
@given(st.text(max_size=3000), st.dictionaries(st.text(max_size=5), st.text(max_size=3000), max_size=3))
def test_any_failure_fits_the_limit_and_is_json(message: str, fields: dict[str, str]) -> None:
    text = capped(failure(message, "failed", {"details": fields}), 1000)
    assert len(text.encode()) <= 1000
    assert json.loads(text)["status"] == "error"


@pytest.mark.parametrize(
    "value",
    [
        {"items": ["x" * 1000] * 20_000},
        {f"k{i}": i for i in range(200_000)},
        {"items": list(range(2_000_000))},
    ],
    ids=["texts", "keys", "numbers"],
)
def test_megabytes_are_cut_in_about_the_time_that_writing_them_takes(value: dict[str, Any]) -> None:
    output = success(value)
    begun = time.perf_counter()
    json.dumps(output)
    once = time.perf_counter() - begun
    begun = time.perf_counter()
    assert len(capped(output, 100_000).encode()) <= 100_000
    assert time.perf_counter() - begun < 12 * once + 1
