"""Parses what an interrupted workflow asks for: local tools, or an answer of the user. Pure.

A question node asks for tools with one JSON object:

    {"c2jy": 1, "rid": "R", "tool": "T", "args": {...}}
    {"c2jy": 1, "rid": "R", "calls": [{"tool": "T", "args": {...}}, ...]}

Several at once save stops, and every stop bills. `rid` makes a question that is asked again the same one, so
that its tools are not run again.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from c2jy_bridge.coze.workflow import INPUT, LOCAL_PLUGIN, WorkflowInterrupt
from c2jy_bridge.relay.canonical import NotPlainJson, read_object
from c2jy_bridge.relay.problems import say

MARK: Final = "c2jy"


@dataclass(frozen=True, slots=True)
class ToolUse:
    """One tool to run; arguments as JSON text."""

    tool: str
    arguments: str


@dataclass(frozen=True, slots=True)
class ToolQuestion:
    """A question for tools. `rid` is empty when the workflow gave none."""

    uses: tuple[ToolUse, ...]
    rid: str = ""
    several: bool = False
    """The workflow sent a list and gets one back."""

    def answer(self, outputs: Sequence[str]) -> str:
        """What the run is resumed with."""
        if not self.several:
            return outputs[0]
        return json.dumps({"results": [json.loads(output) for output in outputs]}, ensure_ascii=False)


@dataclass(frozen=True, slots=True)
class UserQuestion:
    """A question for the user."""

    text: str
    fields: tuple[str, ...] = ()


def parse_interrupt(stop: WorkflowInterrupt, said: str) -> ToolQuestion | UserQuestion:
    """Parse an interrupt; `said` is the message before it."""
    for text in (said, stop.data, *_messages(stop.data)):
        if question := _tool_question(_object(text)):
            return question
    if stop.kind == LOCAL_PLUGIN:
        return _plugin_call(_object(stop.data)) or UserQuestion(say("workflow.local_plugin", data=stop.data))
    if stop.kind == INPUT:
        return UserQuestion(said or stop.node, _fields(_object(stop.data)))
    return UserQuestion(said or next(iter(_messages(stop.data)), "") or stop.node)


def _tool_question(body: Mapping[str, Any]) -> ToolQuestion | None:
    if not body.get(MARK):
        return None
    calls = body.get("calls")
    several = isinstance(calls, list)
    uses = [_use(call) for call in calls] if isinstance(calls, list) else [_use(body)]
    whole = [use for use in uses if use is not None]
    if not whole or len(whole) != len(uses):
        return None
    return ToolQuestion(tuple(whole), str(body.get("rid", "")), several)


def _use(call: Any) -> ToolUse | None:
    if not isinstance(call, dict) or not isinstance(call.get("tool"), str):
        return None
    arguments = call.get("args", call.get("arguments", {}))
    text = arguments if isinstance(arguments, str) else json.dumps(arguments, ensure_ascii=False)
    return ToolUse(call["tool"], text)


def _plugin_call(body: Mapping[str, Any]) -> ToolQuestion | None:
    """One call in the form of a chat's required_action, in case that is what Coze sends here."""
    calls = body.get("tool_calls")
    if not (isinstance(calls, list) and len(calls) == 1 and isinstance(calls[0], dict)):
        return None
    function = calls[0].get("function")
    if not isinstance(function, dict) or not isinstance(function.get("name"), str):
        return None
    use = ToolUse(function["name"], str(function.get("arguments", "{}")))
    return ToolQuestion((use,), str(calls[0].get("id", "")))


def _fields(body: Mapping[str, Any]) -> tuple[str, ...]:
    """The names in an input node's list (Coze docs, workflow_resume)."""
    try:
        listed = json.loads(str(body.get("content", "[]")))
    except ValueError:
        return ()
    fields = listed if isinstance(listed, list) else []
    return tuple(str(field["name"]) for field in fields if isinstance(field, dict) and "name" in field)


def _messages(data: str) -> list[str]:
    """Texts in the form in which coze-studio's interrupts carry them."""
    messages = _object(data).get("messages")
    found = messages if isinstance(messages, list) else []
    return [str(m["content"]) for m in found if isinstance(m, dict) and m.get("content")]


def _object(text: str) -> dict[str, Any]:
    try:
        return read_object(text)
    except NotPlainJson:
        return {}
