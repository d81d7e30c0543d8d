"""JSON whose untouched parts keep their text."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from c2jy_bridge.core.lossless_json import Lossless

ODD = (
    '{"a":1.0e-5,"b":[ 18446744073709551616,-0.0,1E3 ],"c":"\\u4f60\\/","d":{"e":{"f":0.10000000149011612}}}'
)
words = st.text(st.characters(exclude_characters="#", exclude_categories=["Cs"]))
plain = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | words,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(words, inner, max_size=4),
    max_leaves=20,
)


def test_what_is_not_changed_keeps_its_text() -> None:
    read = Lossless.read(ODD.encode())
    read["d"]["e"]["new"] = "新"
    assert read.text == ODD[:-3] + ',"new":"新"}}}'


def test_looking_changes_nothing() -> None:
    read = Lossless.read(ODD.encode())
    assert read["d"]["e"]["f"].value == 0.10000000149011612
    assert [item.value for item in read["b"]] == [18446744073709551616, -0.0, 1000.0]
    read.update(c="你/")
    assert read.text == ODD


def test_a_copy_has_changes_of_its_own() -> None:
    read = Lossless.read(ODD.encode())
    read["b"].append(5)
    copied = read.copy()
    copied["b"].remove(0)
    copied["d"]["e"]["f"] = 0
    assert read.value["b"] == [18446744073709551616, -0.0, 1000.0, 5]
    assert copied.value["b"] == [-0.0, 1000.0, 5]
    assert read.value["d"] == {"e": {"f": 0.10000000149011612}}


@pytest.mark.parametrize("data", [b"", b"{", b"[1,]", b'{"a" 1}', b"{} {}", b"\xff{}", b"nul"])
def test_what_is_no_json_is_refused(data: bytes) -> None:
    with pytest.raises(ValueError):  # noqa: PT011  (of three kinds: a text, an end, an encoding)
        Lossless.read(data)


def indented(value: Any) -> str:
    return json.dumps(value, indent=2)


@given(plain, st.sampled_from([json.dumps, indented]))
def test_any_json_reads_back_whatever_its_spacing(value: Any, write: Any) -> None:
    text = write({"held": value, "more": [value]})
    read = Lossless.read(text.encode())
    read["set"] = value
    read["more"].append(value)
    assert json.loads(read.text) == {"held": value, "more": [value, value], "set": value}
    assert read["held"].text == write(value) or write is indented


@given(plain, plain, st.sampled_from([json.dumps, indented]))
def test_a_value_that_is_replaced_leaves_all_around_it_as_it_was(one: Any, other: Any, write: Any) -> None:
    text = write({"before": one, "here": "#", "after": [one, {"there": "#"}]})
    read = Lossless.read(text.encode())
    read["here"] = other
    read["after"][1]["there"] = other
    fresh = json.dumps(other, ensure_ascii=False, separators=(",", ":"))
    assert read.text == text.replace('"here": "#"', f'"here": {fresh}').replace(
        '"there": "#"', f'"there": {fresh}'
    )


def test_a_key_is_looked_up_without_taking_apart_what_was_read_with_its_surroundings() -> None:
    whole = Lossless.read(b'{"a": {"x": 1.50, "y": [2, 3]}, "b": []}')
    inner = whole["a"]

    assert (inner.get("x"), inner.get("z", "none"), "y" in inner, "z" in inner) == (1.5, "none", True, False)

    copy = whole.copy()
    copy["a"]["y"].append(4)
    copy["a"]["x"] = 7
    assert (copy["a"].get("x"), copy["a"].get("y")) == (7, [2, 3, 4])
    assert copy.value == {"a": {"x": 7, "y": [2, 3, 4]}, "b": []}
    assert (inner.get("x"), whole.value) == (1.5, {"a": {"x": 1.5, "y": [2, 3]}, "b": []})
