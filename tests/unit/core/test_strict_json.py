"""Strict JSON names the reason, the path and the place of what it refuses."""

from __future__ import annotations

import json

import pytest

from c2jy_bridge.core.strict_json import Fault, Limits, StrictJsonError, loads, position

LIMITS = Limits(max_depth=3, max_bytes=1000, integers=(-(10**18) + 1, 10**18 - 1))


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ('{"a": [1, NaN]}', Fault("not_finite", ("a", 1), "NaN", 10)),
        ('{"a": "NaN", "b": 1e999}', Fault("not_finite", ("b",), "1e999", 18)),
        ("[1000000000000000000]", Fault("integer", (0,), "1000000000000000000", 1)),
        ('{"a": {"b": 1, "b": 2}}', Fault("duplicate_key", ("a", "b"), "b")),
        ('{"a": "\\ud800"}', Fault("surrogate", ("a",))),
        ('{"\\ud800": 1}', Fault("surrogate", ())),
        ("[[[[]]]]", Fault("depth", (0, 0, 0))),
        ('{"a": 1, b}', Fault("syntax", (), "Expecting property name enclosed in double quotes", 9)),
        ('{"a": "b', Fault("cut_off", (), "Unterminated string starting at", 6)),
        (b"\xff", Fault("encoding")),
        (f'"{"é" * 500}"', Fault("size")),
    ],
)
def test_a_refused_text_says_why_and_where(text: str | bytes, fault: Fault) -> None:
    with pytest.raises(StrictJsonError) as refused:
        loads(text, LIMITS)
    assert refused.value.fault == fault


def test_every_fault_is_named_in_document_order() -> None:
    with pytest.raises(StrictJsonError) as refused:
        loads('{"a": 1, "a": NaN, "b": [Infinity, "\\udc00"]}', LIMITS)
    assert [(fault.reason, fault.steps) for fault in refused.value.faults] == [
        ("duplicate_key", ("a",)),
        ("not_finite", ("a",)),
        ("not_finite", ("b", 0)),
        ("surrogate", ("b", 1)),
    ]


def test_a_value_may_have_prose_behind_it_when_its_start_is_named() -> None:
    assert loads('see {"a": "\\ud83d\\ude00"} and more', LIMITS, start=4) == {"a": "😀"}


def test_other_values_are_refused_where_an_object_is_required() -> None:
    with pytest.raises(StrictJsonError) as refused:
        loads("[NaN]", Limits(object_only=True))
    assert refused.value.fault == Fault("not_object", (), "array")


def test_positions_count_from_one() -> None:
    text = json.dumps({"a": 1}, indent=1)
    assert position(text, 0) == (1, 1)
    assert position(text, text.index('"a"')) == (2, 2)
