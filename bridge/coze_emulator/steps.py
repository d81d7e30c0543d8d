"""The steps of a rule, as the script writes them."""

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


class Model(BaseModel):
    """Whatever stands in a script: a key that is not known is an error."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Think(Model):
    """Reasoning, streamed as `reasoning_content`."""

    think: Text


class Say(Model):
    """A part of the answer."""

    say: Text
    repeat: int = Field(default=1, ge=0)


class ToolUse(Model):
    """One tool the Bot wants run."""

    tool: str = Field(min_length=1)
    arguments: Json = Field(default_factory=dict)


class Call(Model):
    """Tool calls, made at once; the chat waits for the outputs of all.

    In the script one call may stand without the list: `call: name` with `arguments` beside it.
    """

    call: list[ToolUse] = Field(min_length=1)

    @model_validator(mode="before")
    @classmethod
    def _as_list(cls, given: Any) -> Any:
        if not isinstance(given, Mapping) or isinstance(given.get("call"), list):
            return given
        rest = {key: value for key, value in given.items() if key not in ("call", "arguments")}
        return {**rest, "call": [{"tool": given.get("call"), "arguments": given.get("arguments", {})}]}


def as_condition(given: Any) -> Any:
    """A value by itself, or `{equals|matches|exists: ...}`."""
    return given if isinstance(given, Mapping | Condition) else {"equals": given}


class Condition(Model):
    """What one value of an output has to be; a value by itself means `equals`."""

    equals: Any = None
    matches: Pattern | None = None
    exists: bool | None = None

    def holds(self, value: Any) -> bool:
        """Whether the value is as wanted; a value that is not there is None."""
        if "equals" in self.model_fields_set and value != self.equals:
            return False
        if self.exists is not None and self.exists != (value is not None):
            return False
        return self.matches is None or re.search(self.matches, str(value)) is not None


class Branch(Model):
    """Steps for one sort of output."""

    when: dict[str, Annotated[Condition, BeforeValidator(as_condition)]] = Field(default_factory=dict)
    of: str = ""
    steps: list[Step]


class Expect(Model):
    """Go on according to what the tools gave back."""

    expect: list[Branch] = Field(min_length=1)


class Failure(Model):
    """How a chat fails."""

    code: int = 5000
    msg: str = ""


class Fail(Model):
    """The chat ends as failed."""

    fail: Failure


class Sleep(Model):
    """Silence, in seconds."""

    sleep: float = Field(ge=0)


class FollowUps(Model):
    """Suggestions for the next question; they are sent with the end of the chat."""

    follow_ups: list[Text] = Field(max_length=3)


VERBS: Final = ("think", "say", "call", "expect", "fail", "sleep", "follow_ups")


def by_verb(*verbs: str) -> Discriminator:
    """Tells the steps of a union apart by the one verb that each has."""

    def verb_of(step: Any) -> str | None:
        keys = (
            step if isinstance(step, Mapping) else type(step).model_fields if isinstance(step, Model) else ()
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
    | Annotated[Call, Tag("call")]
    | Annotated[Expect, Tag("expect")]
    | Annotated[Fail, Tag("fail")]
    | Annotated[Sleep, Tag("sleep")]
    | Annotated[FollowUps, Tag("follow_ups")],
    by_verb(*VERBS),
]
