"""Plays a rule of the script for one chat, and applies the faults in the Bot's behaviour."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Generator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

from coze_emulator.faults import Fault, Kind
from coze_emulator.script import Rule
from coze_emulator.steps import (
    Branch,
    Call,
    Card,
    Expect,
    Fail,
    FollowUps,
    Parts,
    Say,
    Sleep,
    Step,
    Think,
)
from coze_emulator.template import fill, look_up, parse_json, render


@dataclass(frozen=True, slots=True)
class ScriptedCall:
    """One tool call; `arguments` is JSON text. A call without a tool is Coze's `reply_message`."""

    tool: str
    arguments: str
    kind: str = "function"


Calls = tuple[ScriptedCall, ...]
"""Tool calls made at once."""
Act = Think | Say | Card | Parts | Sleep | Fail | FollowUps | Calls
"""What the Bot does next: a step of the script with its texts rendered, or tool calls."""
Outputs = Sequence[str]
Play = Generator[Act, Outputs | None, None]
"""The acts of one chat; the outputs of `Calls` are sent in, in the same order."""


def play(rule: Rule, variables: Mapping[str, Any]) -> Play:
    """Play one rule.

    Args:
        rule: The rule.
        variables: For its templates, beside its own `values`: text, media, origin, groups ...

    Yields:
        Acts in order; after `Calls` it expects the outputs (`send`).
    """
    scope = {"rule": rule.name, **variables}
    for name, value in rule.values.items():
        scope[name] = fill(value, scope)
    yield from _play(rule.steps, scope)


def _play(todo: Sequence[Step], scope: dict[str, Any]) -> Generator[Act, Outputs | None, bool]:
    """Play steps; returns whether the play continues after them."""
    for step in todo:
        match step:
            case Think():
                yield Think.model_construct(think=render(step.think, scope))
            case Say():
                yield Say.model_construct(say=render(step.say, scope), repeat=step.repeat)
            case Card():
                yield Card.model_construct(card=_fill_card(step.card, scope))
            case Parts():
                yield Parts.model_construct(parts=fill(step.parts, scope))
            case FollowUps():
                yield FollowUps.model_construct(follow_ups=[render(text, scope) for text in step.follow_ups])
            case Sleep():
                yield step
            case Fail():
                yield step
                return False
            case Call():
                calls = tuple(
                    ScriptedCall(use.tool, json.dumps(fill(use.arguments, scope), ensure_ascii=False))
                    for use in step.call
                )
                outputs = [parse_json(text) for text in (yield calls) or ()]
                scope["outputs"] = outputs
                for call, output in zip(calls, outputs, strict=False):
                    scope[call.tool] = output
            case Expect():
                branch = next((branch for branch in step.expect if _holds(branch, scope)), None)
                if branch is not None and not (yield from _play(branch.steps, scope)):
                    return False
    return True


def _fill_card(value: Any, scope: Mapping[str, Any]) -> Any:
    """Fill in the templates of a card; its own expressions look the same and stay."""
    if isinstance(value, str):
        return render(value, scope)
    if isinstance(value, list):
        return [_fill_card(item, scope) for item in value]
    if isinstance(value, Mapping) and value.get("type") != "expression":
        return {key: _fill_card(item, scope) for key, item in value.items()}
    return value


def _holds(branch: Branch, scope: Mapping[str, Any]) -> bool:
    output = scope.get(branch.of) if branch.of else (scope.get("outputs") or [None])[0]
    return all(condition.holds(look_up(path, output)) for path, condition in branch.when.items())


_PIECE: Final = re.compile(r"[\u3400-\u9fff\uf900-\ufaff]{1,2}|\s*[^\s\u3400-\u9fff\uf900-\ufaff]{1,8}|\s+")


def pieces(text: str) -> list[str]:
    """Split a text as a model streams it: one or two Chinese characters, or a short word with its blank."""
    return _PIECE.findall(text)


def tokens(text: str) -> int:
    """Estimate a model's token count: one per Chinese character, one per four others."""
    wide = sum(1 for letter in text if letter >= "\u2e80")
    return wide + (len(text) - wide + 3) // 4


SEPARATORS: Final = " line\u2028paragraph\u2029next\u0085end "
"""The three characters that `str.splitlines` breaks at and JSON allows unescaped."""


def apply_faults(play: Play, take: Callable[[Kind], Fault | None]) -> Play:
    """The same play, changed by the faults that `take` gives; each is taken when it triggers."""
    outputs: Outputs | None = None
    while True:
        try:
            act = play.send(outputs)
        except StopIteration:
            return
        outputs = None
        if isinstance(act, Say):
            if huge := take("huge"):
                yield Say.model_construct(say=" again", repeat=huge.count)
            elif take("raw_separators"):
                yield Say.model_construct(say=act.say + SEPARATORS, repeat=act.repeat)
            else:
                yield act
        elif isinstance(act, tuple):
            if take("no_call"):
                yield Say(say="I could have called a tool here, but I only talk about it.")
                return
            outputs = yield from _faulty_calls(act, take)
        else:
            yield act


def _faulty_calls(
    calls: Calls, take: Callable[[Kind], Fault | None]
) -> Generator[Act, Outputs | None, Outputs | None]:
    """Make the calls, changed or not; returns the outputs of those in the script."""
    first, *rest = calls
    if take("malformed_arguments"):
        first = replace(first, arguments=first.arguments.rstrip("}") + ', "content": {"tracks": [')
    if fault := take("unknown_tool"):
        first = replace(first, tool=fault.tool or "paint_the_moon")
    calls = (first, *rest)
    if fault := take("two_calls"):
        extra = ScriptedCall(fault.tool, json.dumps(fault.arguments)) if fault.tool else first
        outputs = yield (*calls, extra)
        outputs = outputs and outputs[: len(calls)]
    elif take("reply_message"):
        outputs = yield (ScriptedCall("", "", kind="reply_message"),)
    else:
        outputs = yield calls
    if fault := take("second_action"):
        yield (ScriptedCall(fault.tool or "list_drafts", json.dumps(fault.arguments)),)
    return outputs
