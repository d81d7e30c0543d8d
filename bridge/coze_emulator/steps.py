"""Schema of a rule's steps in a script."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Annotated, Any, Final

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Discriminator,
    Field,
    Tag,
    model_validator,
)

from coze_emulator import template


def _checked_template(text: str) -> str:
    template.check(text)
    return text


def _checked_json(value: Any) -> Any:
    for text in _strings(value):
        template.check(text)
    return value


def _strings(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping):
        for item in value.values():
            yield from _strings(item)
    elif isinstance(value, list):
        for item in value:
            yield from _strings(item)


def _compiled(pattern: str) -> str:
    try:
        re.compile(pattern)
    except re.error as error:
        raise ValueError(f"not a regular expression: {error}") from error
    return pattern


Text = Annotated[str, AfterValidator(_checked_template)]
Json = Annotated[dict[str, Any], AfterValidator(_checked_json)]
Pattern = Annotated[str, AfterValidator(_compiled)]


class ScriptModel(BaseModel):
    """Base of everything in a script; unknown keys are errors."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Think(ScriptModel):
    """Reasoning, streamed as `reasoning_content`."""

    think: Text


class Say(ScriptModel):
    """A part of the answer."""

    say: Text
    repeat: int = Field(default=1, ge=0)


class Card(ScriptModel):
    """An answer of the type `card`, sent whole. A `data` that is an object is sent as JSON text, as by Coze.

    Expressions of the card itself (`{type: expression, value: "{{item.name}}"}`) are no templates.
    """

    card: Json | Text


class Parts(ScriptModel):
    """An answer of the type `object_string`, sent whole."""

    parts: list[Json] = Field(min_length=1)


class ToolUse(ScriptModel):
    """One tool that the Bot calls."""

    tool: str = Field(min_length=1)
    arguments: Json = Field(default_factory=dict)


class Call(ScriptModel):
    """Tool calls made at once; a single one may be written as `call: name` with `arguments` beside it."""

    call: list[ToolUse] = Field(min_length=1)

    @model_validator(mode="before")
    @classmethod
    def _as_list(cls, value: Any) -> Any:
        if not isinstance(value, Mapping) or isinstance(value.get("call"), list):
            return value
        rest = {key: value for key, value in value.items() if key not in ("call", "arguments")}
        return {**rest, "call": [{"tool": value.get("call"), "arguments": value.get("arguments", {})}]}


def as_condition(value: Any) -> Any:
    """Turn a bare value into `{equals: value}`."""
    return value if isinstance(value, Mapping | Condition) else {"equals": value}


class Condition(ScriptModel):
    """A condition for one value of an output; a bare value means `equals`."""

    equals: Any = None
    matches: Pattern | None = None
    exists: bool | None = None

    def holds(self, value: Any) -> bool:
        """Whether the value fulfils it; a missing value is None."""
        if "equals" in self.model_fields_set and value != self.equals:
            return False
        if self.exists is not None and self.exists != (value is not None):
            return False
        return self.matches is None or re.search(self.matches, str(value)) is not None


class Branch(ScriptModel):
    """Steps for one kind of output."""

    when: dict[str, Annotated[Condition, BeforeValidator(as_condition)]] = Field(default_factory=dict)
    of: str = ""
    steps: list[Step]


class Expect(ScriptModel):
    """Branch on the outputs of the tools."""

    expect: list[Branch] = Field(min_length=1)


class Failure(ScriptModel):
    """The error of a failed chat."""

    code: int = 5000
    msg: str = ""


class Fail(ScriptModel):
    """The chat ends as failed."""

    fail: Failure


class Sleep(ScriptModel):
    """Silence, in seconds."""

    sleep: float = Field(ge=0)


class FollowUps(ScriptModel):
    """Suggested next questions, sent at the end of the chat."""

    follow_ups: list[Text] = Field(max_length=3)


VERBS: Final = ("think", "say", "card", "parts", "call", "expect", "fail", "sleep", "follow_ups")


def by_verb(*verbs: str) -> Discriminator:
    """Discriminates the steps of a union by their one verb."""

    def verb_of(step: Any) -> str | None:
        keys = (
            step
            if isinstance(step, Mapping)
            else type(step).model_fields
            if isinstance(step, ScriptModel)
            else ()
        )
        found = [verb for verb in verbs if verb in keys]
        return found[0] if len(found) == 1 else None

    return Discriminator(
        verb_of,
        custom_error_type="step",
        custom_error_message=f"a step has exactly one of: {', '.join(verbs)}",
    )


Step = Annotated[
    Annotated[Think, Tag("think")]
    | Annotated[Say, Tag("say")]
    | Annotated[Card, Tag("card")]
    | Annotated[Parts, Tag("parts")]
    | Annotated[Call, Tag("call")]
    | Annotated[Expect, Tag("expect")]
    | Annotated[Fail, Tag("fail")]
    | Annotated[Sleep, Tag("sleep")]
    | Annotated[FollowUps, Tag("follow_ups")],
    by_verb(*VERBS),
]
