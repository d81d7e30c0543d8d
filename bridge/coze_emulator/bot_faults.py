"""A Bot that misbehaves: the play of a rule with the faults that concern what the Bot does."""

from __future__ import annotations

import json
from collections.abc import Callable, Generator
from dataclasses import replace
from typing import Final

from coze_emulator.bot import Act, Call, Outputs, Play, Say, Use
from coze_emulator.faults import Fault, Kind

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
