"""The text itself: what is not JSON, and JSON that must be refused."""

from __future__ import annotations

import contextlib
import json
import tracemalloc
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from c2jy_bridge.compat.coze2jianying.exports import json_text, parse
from c2jy_bridge.compat.coze2jianying.exports.fields import checked
from c2jy_bridge.compat.coze2jianying.exports.json_text import read
from c2jy_bridge.drafts.errors import DraftError
from c2jy_bridge.drafts.spec.input import MOST_BYTES, MOST_VALUES

# Built without writing the half characters into this file.
HALF = json.loads('"\\ud83d"')


def faults(call, *arguments):
    with pytest.raises(DraftError) as caught:
        call(*arguments)
    return caught.value.issues


@pytest.mark.parametrize(
    ("text", "code", "where"),
    [
        ('{"a": [1, 2', "json_cut", "line 1, column 12"),
        ('{"a": "the end is miss', "json_cut", "line 1, column 7"),
        ('{"a": 1,\n "b": 2,\n', "json_cut", "line 3, column 1"),
        ('{"a": 1,\n "b" 2}', "json_syntax", "line 2, column 6"),
        ("{'a': 1}", "json_syntax", "line 1, column 2"),
        ('{"a": 1, "b": NaN}', "json_number", "line 1, column 15"),
        ('{"a": "NaN",\n"b": -Infinity}', "json_number", "line 2, column 6"),
        ('{"a": 1e999}', "json_number", "line 1, column 7"),
        ('{"a": 1234567890123456789012}', "json_number", "line 1, column 7"),
    ],
)
def test_a_fault_is_named_with_line_and_column(text, code, where):
    (issue,) = faults(read, text)
    assert issue.code == code
    assert where in issue.message
    assert issue.severity == "error"


@pytest.mark.parametrize("number", ["NaN", "-Infinity", "1e999", "1234567890123456789012"])
def test_a_number_that_cannot_be_used_is_named_by_its_path(number):
    text = f'{{"a": ["{number}", 1], "tracks": [{{"clips": [{{}}, {{"at": {number}}}]}}], "z": {number}}}'
    for written in (text, f"Here it is:\n{text}"):
        (issue,) = faults(read, written)
        assert (issue.code, issue.path) == ("json_number", "tracks[0].clips[1].at")
    (issue,) = faults(read, '{"a": NaN, "b": ')
    assert (issue.code, issue.path) == ("json_number", "")


def test_a_cut_export_is_called_cut_wherever_the_knife_fell(export):
    body = export("complete_ms").decode().rstrip()
    for length in range(200, len(body) - 1, 997):
        (issue,) = faults(read, body[:length])
        assert issue.code in ("json_cut", "json_syntax")
        if issue.code == "json_syntax":  # in the middle of a word such as `true`
            assert body[:length].rstrip()[-1] not in '"]}'


def test_a_name_that_stands_twice_is_an_error_with_its_path():
    (issue,) = faults(read, '{"tracks": [{"start": 1, "start": 2}]}')
    assert (issue.code, issue.path) == ("json_twice", "tracks[0].start")


def test_more_nesting_than_anybody_writes_is_refused_from_text_and_from_objects():
    for depth in (100, 5_000, 200_000):
        (issue,) = faults(read, "[" * depth + "]" * depth)
        assert issue.code == "json_too_deep"
    deep: list[Any] = []
    for _ in range(100):
        deep = [deep]
    assert faults(checked, deep)[0].code == "json_too_deep"


def test_a_text_of_a_hundred_megabytes_is_refused_before_it_is_read(monkeypatch):
    monkeypatch.setattr(json_text, "MOST_BYTES", 1000)
    assert faults(read, "[" + "1," * 1000 + "1]")[0].code == "json_too_long"


def test_half_an_emoji_is_named_by_its_path():
    (issue,) = faults(read, '{"content": "ok \\ud83d"}')
    assert (issue.code, issue.path) == ("json_half_character", "content")


@pytest.mark.parametrize(
    ("value", "code"),
    [
        ({"a": float("nan")}, "json_number"),
        ({"a": float("inf")}, "json_number"),
        ({"a": 10**30}, "json_number"),
        ({"a": 10**6000}, "json_number"),
        ({"a": {1, 2}}, "json_type"),
        ({"a": b"x"}, "json_type"),
        ({"a": HALF}, "json_half_character"),
    ],
)
def test_an_object_that_is_no_json_is_refused_with_its_path(value, code):
    (issue,) = faults(checked, value)
    assert (issue.code, issue.path) == (code, "a")


@pytest.mark.parametrize(
    "text",
    [
        '{"a": [1]}',
        '  \n{"a": [1]}\n\n',
        '\ufeff{"a": [1]}',
        '```json\n{"a": [1]}\n```',
        '```\n{"a": [1]}\n```',
        'Here it is:\n\n```JSON\n{"a": [1]}\n```\nDone.',
        '```json\r\n{"a": [1]}\r\n```',
        '```json\n{"a": [1]}',
        'The draft is {"a": [1]} as requested.',
        '{"a": [1]} and that is all',
    ],
)
def test_what_stands_around_the_json_does_not_matter(text):
    assert read(text) == {"a": [1]}
    assert read(text.encode()) == {"a": [1]}


TEXT = st.text(st.characters(exclude_categories=["Cs"]))
NUMBER = st.integers(-(10**17), 10**17) | st.floats(allow_nan=False, allow_infinity=False)
JSON = st.recursive(
    st.none() | st.booleans() | NUMBER | TEXT,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXT, inner, max_size=4),
    max_leaves=20,
)


@given(st.lists(JSON) | st.dictionaries(TEXT, JSON))
def test_any_json_is_read_as_it_is(value):
    assert read(json.dumps(value)) == value
    assert read(json.dumps(value, ensure_ascii=False).encode()) == value
    assert checked(value) == value


@given(st.text() | st.text(st.sampled_from('{}[]",:0123.eE-+ntf\\u` \n')))
def test_any_text_is_read_or_refused_with_a_draft_error(text):
    with contextlib.suppress(DraftError):
        read(text)


@given(st.binary())
def test_any_bytes_are_read_or_refused_with_a_draft_error(data):
    with contextlib.suppress(DraftError):
        read(data)


@pytest.fixture
def few(monkeypatch):
    """A limit that is reached sooner."""
    monkeypatch.setattr(json_text, "MOST_VALUES", 50_000)
    return 50_000


@pytest.mark.parametrize("unit", ["{},", "[],", "0,", '"",', '{"":[]},'])
def test_a_small_text_of_very_many_values_is_refused_before_they_are_made(few, unit):
    text = "[" + unit * (few + 1) + "0]"
    tracemalloc.start()
    try:
        assert [issue.code for issue in faults(read, text)] == ["json_too_many"]
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 10 * len(text)


def test_very_many_values_spread_over_texts_in_a_document_are_refused_too(few):
    part = "[" + "{}," * (few // 4) + "{}]"
    assert "json_too_many" in [issue.code for issue in faults(parse, [*[part] * 5])]


def test_commas_in_sentences_are_no_values(few):
    assert read(json.dumps({"srt": "一, 二, " * few}))["srt"].startswith("一, 二, ")


def test_a_draft_of_ten_thousand_rich_clips_is_far_from_the_limits():
    assert MOST_VALUES >= 2.5 * 60 * 10_000
    assert MOST_BYTES >= 5 * 1_000 * 10_000
