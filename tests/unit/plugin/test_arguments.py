"""Arguments: strict JSON, and faults that name where and what is valid."""

from __future__ import annotations

import contextlib
import json
from typing import Annotated, Any, Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel, ConfigDict, Field

from c2jy_bridge.core.strict_json import format_path
from c2jy_bridge.plugin import ToolRegistry, tool
from c2jy_bridge.plugin.arguments import MAX_BYTES, Arguments, ArgumentsError, read, validate


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ('{"a": NaN}', "a: NaN"),
        ('{"a": [1, -Infinity]}', "a[1]: -Infinity"),
        ('{"a": 1e999}', "a: 1e999"),
        ('{"a": 18446744073709551616}', "64 bits"),
        ('{"a": ' + "9" * 6000 + "}", "64 bits"),
        ('{"a": {"b": 1, "b": 2}}', "a.b: this name occurs twice"),
        ("[1]", "not a list"),
        ('"[1]"', "not text"),
        ("null", "not null"),
        ("3", "not a number"),
        ('{"a": "\\ud800"}', "surrogate"),
        ('{"\\udfff": 1}', "surrogate"),
        ('{"a": "some tex', "truncated"),
        ('{"a": [1, 2', "truncated"),
        ("{'a': 1}", "line 1, column 2"),
        ('{"a": 1,}', "line 1"),
        ('{"a": 1} trailing', "line 1, column 10"),
        ('{"a":' + "[" * 101 + "]" * 101 + "}", "deeper than 100"),
        ('{"a":' + "[" * 200_000 + "}", "deeper than 100"),
        ('{"a": "' + "x" * MAX_BYTES + '"}', "longer than"),
    ],
)
def test_what_is_not_a_plain_json_object_is_refused_with_its_place(text: str, words: str) -> None:
    with pytest.raises(ArgumentsError) as caught:
        read(text)
    assert words in str(caught.value)
    assert len(str(caught.value)) < 500


@pytest.mark.parametrize("text", ["", "  \n", "{}", " {} "])
def test_blank_text_means_no_arguments(text: str) -> None:
    assert read(text) == {}


def test_ninety_nine_levels_are_fine() -> None:
    text = '{"a":' + "[" * 98 + "]" * 98 + "}"
    assert read(text) == json.loads(text)


_scalars = (
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**63 - 1)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text()
)
_values = st.recursive(
    _scalars, lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner), max_leaves=20
)


@pytest.mark.slow
@given(st.dictionaries(st.text(), _values))
def test_every_json_object_is_read_as_json_reads_it(value: dict[str, Any]) -> None:
    assert read(json.dumps(value)) == value


@given(st.text() | st.text('{}[]",:0123456789.eE+-nulltrfasNI\\ '))
def test_any_text_is_read_or_refused_and_nothing_else(text: str) -> None:
    with contextlib.suppress(ArgumentsError):
        assert isinstance(read(text), dict)


def test_paths_are_written_as_people_write_them() -> None:
    assert format_path(("clips", 2, "url")) == "clips[2].url"
    assert format_path(("素材", "a b", 0)) == '素材["a b"][0]'


class Scene(BaseModel):
    model_config = ConfigDict(extra="forbid")
    image: str
    seconds: float = 3.0
    fit: Literal["fit", "fill", "stretch"] = "fit"


@tool
def build(
    content: str | dict[str, Any] | list[Any],
    scenes: list[Scene] | None = None,
    count: Annotated[int, Field(ge=1, le=9)] = 1,
    sure: bool = False,
    ratio: float = 1.0,
    title: Annotated[str, Field(max_length=5)] = "",
) -> None:
    """Build."""


def fault(**arguments: object) -> str:
    registry = ToolRegistry()
    registry.register(build)
    one = registry.get("build")
    assert one is not None
    with pytest.raises(ArgumentsError) as caught:
        validate(one, json.dumps({"content": "x", **arguments}))
    return str(caught.value)


def validated(**arguments: object) -> Arguments:
    registry = ToolRegistry()
    registry.register(build)
    one = registry.get("build")
    assert one is not None
    return validate(one, json.dumps({"content": "x", **arguments}))


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"content": 5}, "content: must be text or an object or a list, not a number"),
        ({"contents": "y"}, "contents: no such argument; did you mean content?"),
        ({"zzz": 1}, "zzz: no such argument (valid here: content, scenes, count, sure, ratio"),
        ({"scenes": "a.jpg"}, 'scenes: must be a list, not text; wrap it: ["a.jpg"]'),
        ({"scenes": [{"image": "a"}, {"imge": "b"}]}, "scenes[1].image: missing"),
        ({"scenes": [{"image": "a", "secons": 1}]}, "scenes[0].secons: no such argument"),
        ({"scenes": [{"image": "a", "fit": "Full"}]}, "not one of fit, fill, stretch; closest: fill"),
        ({"scenes": [{"image": 7}]}, "scenes[0].image: must be text, not a number"),
        ({"count": "three"}, "count: must be a whole number, not text"),
        ({"count": "1.5"}, "count: must be a whole number, not text"),
        ({"count": "10"}, "count: must be 9 or less"),
        ({"ratio": "NaN"}, "ratio: must be a number, not text"),
        ({"count": True}, "count: must be a whole number, not true or false"),
        ({"count": 1.5}, "count: must be a whole number"),
        ({"count": 0}, "count: must be 1 or more"),
        ({"count": 10}, "count: must be 9 or less"),
        ({"sure": "yes"}, "sure: must be true or false, not text"),
        ({"content": None}, "content: must be text or an object or a list, not null"),
        ({"ratio": [1]}, "ratio: must be a number, not a list"),
        ({"title": "too long"}, "title: must have at most 5 characters"),
    ],
)  # fmt: skip
def test_a_wrong_argument_is_named_by_path_with_what_is_valid(
    arguments: dict[str, object], words: str
) -> None:
    assert words in fault(**arguments)


def test_a_missing_argument_is_named() -> None:
    registry = ToolRegistry()
    registry.register(build)
    with pytest.raises(ArgumentsError, match="content: missing and required"):
        validate(registry.get("build"), "{}")  # type: ignore[arg-type]  # it is there


def test_all_faults_are_told_at_once_but_not_hundreds() -> None:
    text = fault(scenes=[{"image": i} for i in range(40)], count=0)
    assert text.count("must be text") == 10
    assert "31 more" in text


@pytest.mark.parametrize(
    ("sent", "read_as"),
    [
        ({"count": "3"}, {"count": 3}),
        ({"sure": "false"}, {"sure": False}),
        ({"ratio": " 2.5 "}, {"ratio": 2.5}),
        ({"ratio": "2"}, {"ratio": 2}),
        ({"scenes": '[{"image": "a"}]'}, {"scenes": [{"image": "a", "seconds": 3.0, "fit": "fit"}]}),
        ({"scenes": ['{"image": "a", "seconds": "4"}']},
         {"scenes": [{"image": "a", "seconds": 4.0, "fit": "fit"}]}),
    ],
)  # fmt: skip
def test_json_written_as_text_is_taken_where_only_its_type_is_valid_and_noted(
    sent: dict[str, object], read_as: dict[str, object]
) -> None:
    arguments = validated(**sent)
    assert {name: arguments.shown[name] for name in read_as} == read_as
    assert all("sent as text" in note for note in arguments.notes)
    assert arguments.notes[0].startswith(next(iter(sent)))


def test_a_whole_number_with_a_fraction_of_zero_is_an_integer_as_json_schema_has_it() -> None:
    arguments = validated(count=9.0)
    assert (arguments.shown["count"], arguments.notes) == (9, ())
    assert validated(count="9.0").shown["count"] == 9


def test_text_stays_text_where_text_is_valid() -> None:
    arguments = validated(content='{"a": 1}', title="3")
    assert (arguments.shown["content"], arguments.shown["title"]) == ('{"a": 1}', "3")
    assert arguments.notes == ()


def test_arguments_that_were_encoded_twice_are_read() -> None:
    assert read(json.dumps(json.dumps({"a": 1}))) == {"a": 1}


def test_null_for_an_optional_argument_means_it_was_left_out() -> None:
    registry = ToolRegistry()
    registry.register(build)
    one = registry.get("build")
    assert one is not None
    assert validate(one, '{"content": "x", "count": null, "scenes": null}').shown == {
        "content": "x", "scenes": None, "count": 1, "sure": False, "ratio": 1.0, "title": "",
    }  # fmt: skip


def test_values_reach_the_function_as_their_types_and_people_see_them_as_json() -> None:
    registry = ToolRegistry()
    registry.register(build)
    one = registry.get("build")
    assert one is not None
    arguments = validate(one, '{"content": {"a": 1}, "scenes": [{"image": "x"}], "ratio": 2}')
    assert arguments.values["scenes"] == [Scene(image="x")]
    assert arguments.shown == {
        "content": {"a": 1}, "scenes": [{"image": "x", "seconds": 3.0, "fit": "fit"}],
        "count": 1, "sure": False, "ratio": 2.0, "title": "",
    }  # fmt: skip
