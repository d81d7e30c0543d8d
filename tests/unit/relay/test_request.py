"""JSON from outside is read strictly, and two texts of one value are one."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from c2jy_bridge.relay.request import MAX_DEPTH, NotPlainJson, canonical, fingerprint, read_object, same

LEAVES = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False)
VALUES = st.recursive(
    LEAVES | st.text(st.characters(exclude_categories=["Cs"])),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(st.text(st.characters(exclude_categories=["Cs"])), inner, max_size=4)
    ),
    max_leaves=20,
)
OBJECTS = st.dictionaries(st.text(st.characters(exclude_categories=["Cs"]), max_size=5), VALUES, max_size=5)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "syntax"),
        ("{", "syntax"),
        ('{"a":1}}', "syntax"),
        (b'{"a":"\xff"}', "encoding"),
        ('{"a":"\\ud800"}', "encoding"),
        ('{"a":NaN}', "number"),
        ('{"a":-Infinity}', "number"),
        ('{"a":1e999}', "number"),
        ('{"a":' + "9" * 5000 + "}", "number"),
        ('{"a":1,"a":2}', "duplicate_key"),
        ('{"b":[{"a":1,"a":1}]}', "duplicate_key"),
        ("[1]", "not_object"),
        ('"text"', "not_object"),
        ('{"a":' + "[" * 200_000, "depth"),
        ('{"a":' + "[" * MAX_DEPTH + "]" * MAX_DEPTH + "}", "depth"),
    ],
)
def test_what_two_readers_could_understand_differently_is_refused(text: str | bytes, reason: str) -> None:
    with pytest.raises(NotPlainJson) as refused:
        read_object(text)
    assert refused.value.reason == reason


def test_nesting_up_to_the_limit_is_read() -> None:
    depth = MAX_DEPTH - 1
    assert read_object('{"a":' + "[" * depth + "]" * depth + "}")


@given(OBJECTS)
def test_writing_and_reading_again_changes_nothing(value: dict[str, Any]) -> None:
    assert read_object(json.dumps(value)) == value
    assert same(json.dumps(value), canonical(value))


@given(OBJECTS)
def test_order_and_white_space_do_not_count(value: dict[str, Any]) -> None:
    turned = dict(reversed(value.items()))
    assert same(json.dumps(value, indent=2), json.dumps(turned))
    assert fingerprint("tool", value) == fingerprint("tool", turned)


@pytest.mark.parametrize(("one", "other"), [('{"a":1}', '{"a":1.0}'), ('{"a":1e2}', '{"a":100}')])
def test_numbers_count_by_their_value(one: str, other: str) -> None:
    assert same(one, other)


@pytest.mark.parametrize(
    ("one", "other"),
    [('{"a":1}', '{"a":"1"}'), ('{"a":1}', '{"a":true}'), ('{"a":[1,2]}', '{"a":[2,1]}'), ("{}", "no")],
)
def test_other_values_are_not_the_same(one: str, other: str) -> None:
    assert not same(one, other)
