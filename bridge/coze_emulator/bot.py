"""How the Bot plays a rule: from steps to acts. Pure: no clock, no wire, no state of its own."""

from __future__ import annotations

import json
import re
from collections.abc import Generator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from coze_emulator import steps
from coze_emulator.script import Rule
from coze_emulator.steps import Step
from coze_emulator.template import fill, look_up, render


@dataclass(frozen=True, slots=True)
class Think:
    """Reasoning to stream."""

    text: str


@dataclass(frozen=True, slots=True)
class Say:
    """A part of the answer to stream, so many times."""

    text: str
    repeat: int = 1


@dataclass(frozen=True, slots=True)
class Use:
    """One tool call; `arguments` is JSON text. A call without a tool is Coze's `reply_message`."""

    tool: str
    arguments: str
    kind: str = "function"


@dataclass(frozen=True, slots=True)
class Call:
    """Tool calls at once; the outputs come back through `send`, in the same order."""

    uses: tuple[Use, ...]


@dataclass(frozen=True, slots=True)
class Suggest:
    """The follow-ups that the end of the chat carries."""

    texts: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Sleep:
    """Silence, in seconds."""

    seconds: float


@dataclass(frozen=True, slots=True)
class Fail:
    """The chat fails here."""

    code: int
    msg: str


Act = Think | Say | Call | Suggest | Sleep | Fail
Outputs = Sequence[str]
Play = Generator[Act, Outputs | None, None]


@dataclass(slots=True)
class Scope:
    """What the templates of one chat see; it grows with each output."""

    values: dict[str, Any] = field(default_factory=dict)

    def learn(self, uses: Sequence[Use], outputs: Outputs) -> None:
        """Take in the outputs of one batch of calls."""
        parsed = [_parsed(text) for text in outputs]
        self.values["outputs"] = parsed
        for use, value in zip(uses, parsed, strict=False):
            self.values[use.tool] = value


def play(rule: Rule, given: Mapping[str, Any]) -> Play:
    """Play one rule.

    Args:
        rule: The rule.
        given: What its templates see beside its own `values`: text, media, origin, groups ...

    Yields:
        Acts in order; after a `Call` it wants the outputs (`send`).
    """
    scope = Scope({"rule": rule.name, **given})
    for name, value in rule.values.items():
        scope.values[name] = fill(value, scope.values)
    yield from _play(rule.steps, scope)


def _play(todo: Sequence[Step], scope: Scope) -> Generator[Act, Outputs | None, bool]:
    """Play steps; returns whether the play goes on after them."""
    for step in todo:
        match step:
            case steps.Think():
                yield Think(render(step.think, scope.values))
            case steps.Say():
                yield Say(render(step.say, scope.values), step.repeat)
            case steps.Sleep():
                yield Sleep(step.sleep)
            case steps.Fail():
                yield Fail(step.fail.code, step.fail.msg)
                return False
            case steps.FollowUps():
                yield Suggest(tuple(render(text, scope.values) for text in step.follow_ups))
            case steps.Call():
                uses = tuple(
                    Use(use.tool, json.dumps(fill(use.arguments, scope.values), ensure_ascii=False))
                    for use in step.call
                )
                outputs = yield Call(uses)
                scope.learn(uses, outputs or ())
            case steps.Expect():
                branch = next((branch for branch in step.expect if _holds(branch, scope)), None)
                if branch is not None and not (yield from _play(branch.steps, scope)):
                    return False
    return True


def _holds(branch: steps.Branch, scope: Scope) -> bool:
    outputs = scope.values.get("outputs") or [None]
    output = scope.values.get(branch.of) if branch.of else outputs[0]
    return all(wanted.holds(look_up(path, output)) for path, wanted in branch.when.items())


def _parsed(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        return text


_PIECE: Final = re.compile(r"[\u3400-\u9fff\uf900-\ufaff]{1,2}|\s*[^\s\u3400-\u9fff\uf900-\ufaff]{1,8}|\s+")


def pieces(text: str) -> list[str]:
    """A text in the bits that a model streams: one or two Chinese characters, or a short word with its blank.

    Joined again they are the text.
    """
    return _PIECE.findall(text)


def tokens(text: str) -> int:
    """About how many tokens a model would count: one a Chinese character, one for four others."""
    wide = sum(1 for letter in text if letter >= "\u2e80")
    return wide + (len(text) - wide + 3) // 4
