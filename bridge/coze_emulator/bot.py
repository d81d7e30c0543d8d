"""Runs a script for one conversation, and applies the faults that a rule asks for."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Generator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Final

from coze_emulator import steps
from coze_emulator.faults import Fault, Kind
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


SEPARATORS: Final = " line\u2028paragraph\u2029next\u0085end "
"""The three characters that `str.splitlines` breaks at and JSON allows unescaped."""

Taken = Callable[[Kind], Fault | None]
"""Gives the fault of a kind when it strikes now."""


def apply_faults(play: Play, taken: Taken) -> Play:
    """The same play, with what the ordered faults make of it."""
    outputs: Outputs | None = None
    while True:
        try:
            act = play.send(outputs)
        except StopIteration:
            return
        outputs = None
        if isinstance(act, Say):
            yield from _misled_words(act, taken)
        elif isinstance(act, Call):
            if taken("no_call"):
                yield Say("I could have called a tool here, but I only talk about it.")
                return
            outputs = yield from _misled_call(act, taken)
        else:
            yield act


def _misled_words(act: Say, taken: Taken) -> Play:
    if huge := taken("huge"):
        yield Say(" again", huge.count)
    elif taken("raw_separators"):
        yield Say(act.text + SEPARATORS, act.repeat)
    else:
        yield act


def _misled_call(act: Call, taken: Taken) -> Generator[Act, Outputs | None, Outputs | None]:
    """Make the calls, changed or not; returns the outputs of those that the script knows."""
    first, *rest = act.uses
    if taken("malformed_arguments"):
        first = replace(first, arguments=first.arguments.rstrip("}") + ', "content": {"tracks": [')
    if fault := taken("unknown_tool"):
        first = replace(first, tool=fault.tool or "paint_the_moon")
    uses = (first, *rest)
    if fault := taken("two_calls"):
        extra = Use(fault.tool, json.dumps(fault.arguments)) if fault.tool else first
        outputs = yield Call((*uses, extra))
        outputs = outputs and outputs[: len(uses)]
    elif taken("reply_message"):
        outputs = yield Call((Use("", "", kind="reply_message"),))
    else:
        outputs = yield Call(uses)
    if fault := taken("second_action"):
        yield Call((Use(fault.tool or "list_drafts", json.dumps(fault.arguments)),))
    return outputs
