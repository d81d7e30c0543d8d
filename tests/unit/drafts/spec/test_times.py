from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from c2jy_bridge.core.events import Issue
from c2jy_bridge.drafts import DraftError
from c2jy_bridge.drafts.errors import clock
from c2jy_bridge.drafts.spec.model import LONGEST_US, Range, parse_time, reading, us
from c2jy_bridge.drafts.spec.reading import parse_spec


@pytest.mark.parametrize(
    ("given_time", "micros"),
    [
        (0, 0),
        (1, 1_000_000),
        (1.5, 1_500_000),
        ("1.5s", 1_500_000),
        ("500ms", 500_000),
        ("1500000us", 1_500_000),
        ("250µs", 250),
        ("1m2.5s", 62_500_000),
        ("1h2m3s", 3_723_000_000),
        ("2m", 120_000_000),
        ("2min", 120_000_000),
        (" 3 S ", 3_000_000),
        ("00:01:02.500", 62_500_000),
        ("00:01:02,5", 62_500_000),
        ("1:02", 62_000_000),
        ("90f", 3_000_000),
        ("1s15f", 1_500_000),
        (us(7), 7),
    ],
)
def test_a_time_says_its_unit_or_is_seconds(given_time: Any, micros: int) -> None:
    assert parse_time(given_time) == micros


@pytest.mark.parametrize(
    ("given_time", "code"),
    [
        ("5", "time_without_unit"),
        ("1.5", "time_without_unit"),
        ("", "time_empty"),
        ("  ", "time_empty"),
        (float("nan"), "time_not_finite"),
        (float("inf"), "time_not_finite"),
        (1e303, "time_not_finite"),
        (10**400, "time_too_long"),
        (True, "time_boolean"),
        (-1, "time_negative"),
        ("-1s", "time_negative"),
        ("abc", "time_unreadable"),
        ("1s500", "time_unreadable"),
        ("1.5.5s", "time_unreadable"),
        ("٣s", "time_unreadable"),
        ([], "time_type"),
        (3936000, "time_too_long"),
    ],
)
def test_what_is_no_time_is_an_error_that_names_its_path(given_time: Any, code: str) -> None:
    with pytest.raises(DraftError) as caught:
        parse_spec({"tracks": [{"type": "text", "clips": [{"text": "x", "at": {"start": given_time}}]}]})
    assert [(i.code, i.path) for i in caught.value.issues] == [(code, "tracks[0].clips[0].at.start")]
    assert caught.value.issues[0].fix


def test_frames_last_as_long_as_the_document_says() -> None:
    clip = {"text": "x", "duration": "50f"}
    spec = parse_spec({"fps": 25, "tracks": [{"type": "text", "clips": [clip]}]}).spec
    assert spec.tracks[0].clips[0].at.duration == 2_000_000


@pytest.mark.parametrize(("unit", "micros"), [("s", 2_000_000), ("ms", 2_000), ("us", 2)])
def test_bare_numbers_have_the_unit_of_the_document(unit: str, micros: int) -> None:
    document = {"time_unit": unit, "tracks": [{"type": "text", "clips": [{"text": "x", "duration": 2}]}]}
    assert parse_spec(document).spec.tracks[0].clips[0].at.duration == micros


def test_a_spec_written_out_and_read_again_is_the_same() -> None:
    document = {
        "fps": 25,
        "tracks": [{"type": "text", "clips": [{"text": "x", "start": "50f", "duration": 2}]}],
    }
    spec = parse_spec(document).spec
    again = parse_spec(spec.model_dump(mode="json", exclude_unset=True)).spec
    assert again == spec


def test_a_program_gives_microseconds_without_ambiguity() -> None:
    assert Range.of_us(3_936_000, 7).start == 3_936_000
    with reading("ms", 30):
        assert Range.of_us(3_936_000, 7).start == 3_936_000


def test_a_range_ends_by_duration_or_by_end() -> None:
    assert Range.of_us(1, end=5).length_us == 4
    assert Range.of_us(1, 4, 5).length_us == 4
    for wrong in ({"start": 1, "end": 1}, {"start": 1, "duration": 2, "end": 9}, {"duration": 0}):
        with pytest.raises(ValidationError):
            Range.model_validate(wrong)


@given(st.one_of(st.text(), st.integers(), st.floats(), st.none(), st.booleans(), st.lists(st.integers())))
def test_any_value_is_a_time_within_a_day_or_an_error_of_ours(value: Any) -> None:
    start, faults = _read(value)
    assert all(fault.path == "tracks[0].clips[0].start" for fault in faults)
    assert faults or start is None or 0 <= start <= LONGEST_US


def _read(value: Any) -> tuple[int | None, tuple[Issue, ...]]:
    try:
        spec = parse_spec({"tracks": [{"type": "text", "clips": [{"text": "x", "start": value}]}]}).spec
    except DraftError as error:
        return None, error.issues
    return spec.tracks[0].clips[0].at.start, ()


@given(st.integers(0, LONGEST_US))
def test_a_time_shown_to_people_is_read_back_as_itself(micros: int) -> None:
    assert parse_time(clock(micros)) == micros


@given(st.integers(0, LONGEST_US))
def test_microseconds_survive_as_text(micros: int) -> None:
    assert parse_time(f"{micros}us") == micros
