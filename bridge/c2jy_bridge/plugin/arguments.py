"""Parses and validates the arguments of a tool call: strict JSON first, then the tool's model."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Final

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from c2jy_bridge.core import strict_json
from c2jy_bridge.core.i18n import catalogue
from c2jy_bridge.core.nearest import nearest
from c2jy_bridge.core.strict_json import Fault, Limits, Steps, StrictJsonError, format_path
from c2jy_bridge.plugin.definition import Tool
from c2jy_bridge.plugin.schema import JsonSchema

say: Final = catalogue("plugin")

MAX_BYTES: Final = 4 * 1024 * 1024
"""Longest arguments text, in UTF-8 bytes (the body limit of the MCP python-sdk, 4 MiB)."""
MAX_DEPTH: Final = 100
"""Deepest nesting (pydantic_core stops at about 200)."""
_VALUE_LIMITS: Final = Limits(MAX_DEPTH, MAX_BYTES, integers=(-(2**63), 2**63 - 1))
JSON_LIMITS: Final = replace(_VALUE_LIMITS, object_only=True)


class ArgumentsError(ValueError):
    """The arguments are invalid; `faults` are sentences that begin with a JSON path."""

    def __init__(self, *faults: str) -> None:
        super().__init__("; ".join(faults))
        self.faults = faults


def read(text: str) -> dict[str, Any]:
    """Parse arguments; blank text counts as `{}`, which some models send for a tool without parameters.

    An object that was encoded twice (JSON text in a JSON string) is decoded twice: only an object is valid.

    Raises:
        ArgumentsError: Not JSON, not an object, too long or too deep, a duplicate key, NaN or an infinity, an
            integer beyond 64 bits, or half of a surrogate pair.
    """
    if not text.strip():
        return {}
    try:
        value: dict[str, Any] = strict_json.loads(text, JSON_LIMITS)
    except StrictJsonError as error:
        inner = _decoded(text) if error.fault.reason == "not_object" else None
        if isinstance(inner, str) and isinstance(decoded := _decoded(inner), dict):
            return decoded
        raise ArgumentsError(_json_fault(text, error.fault)) from None
    return value


def _decoded(text: str) -> Any:
    """The JSON value that a text holds; the text itself when it holds none."""
    try:
        return strict_json.loads(text, _VALUE_LIMITS)
    except StrictJsonError:
        return text


def _json_fault(text: str, fault: Fault) -> str:
    path = format_path(fault.steps)
    match fault.reason:
        case "size":
            return say("arguments.too_long", limit=MAX_BYTES)
        case "depth":
            return say("arguments.too_deep", limit=MAX_DEPTH)
        case "not_object":
            return say("arguments.not_object", got=say(f"kind.{fault.token}"))
        case "not_finite":
            return f"{path}: {say('arguments.not_finite', value=fault.token[:40])}"
        case "integer":
            return f"{path}: {say('arguments.too_big', value=fault.token[:40])}"
        case "duplicate_key":
            return say("arguments.repeated", path=path)
        case "surrogate":
            return say("arguments.surrogate", path=path.encode("utf-8", "replace").decode())
        case "cut_off":
            return say("arguments.cut_off", length=len(text))
        case _:
            line, column = strict_json.position(text, fault.offset)
            near = json.dumps(text[max(0, fault.offset - 15) : fault.offset + 15])
            return say("arguments.not_json", line=line, column=column, reason=fault.token, near=near)


_MAX_FAULTS: Final = 10
"""Most faults in one message."""

# pydantic's error types (2.11) by what is valid there.
_KINDS: Final = {
    "string_type": "kind.string",
    "int_type": "kind.integer",
    "int_from_float": "kind.integer",
    "float_type": "kind.number",
    "bool_type": "kind.boolean",
    "list_type": "kind.array",
    "tuple_type": "kind.array",
    "set_type": "kind.array",
    "dict_type": "kind.object",
    "model_type": "kind.object",
    "model_attributes_type": "kind.object",
    "dataclass_type": "kind.object",
    "none_required": "kind.null",
}
_IN_TEXT: Final = frozenset({"kind.integer", "kind.number", "kind.boolean", "kind.array", "kind.object"})
"""What text can hold without a doubt when text itself is not valid."""
_EXACT: Final = 2**53
"""Below this a float that is whole has the same value as the integer."""
_LIMITS: Final = {
    "greater_than": ("limit.above", "gt"),
    "greater_than_equal": ("limit.at_least", "ge"),
    "less_than": ("limit.below", "lt"),
    "less_than_equal": ("limit.at_most", "le"),
    "string_too_short": ("limit.min_length", "min_length"),
    "string_too_long": ("limit.max_length", "max_length"),
    "too_short": ("limit.min_items", "min_length"),
    "too_long": ("limit.max_items", "max_length"),
    "string_pattern_mismatch": ("limit.pattern", "pattern"),
}


@dataclass(frozen=True, slots=True)
class Arguments:
    """Validated arguments of one call: `values` for the function, `shown` as JSON for the user."""

    values: dict[str, Any]
    shown: dict[str, Any]
    notes: tuple[str, ...] = ()
    """A sentence per value that was sent as text and read as JSON, for the result."""


def validate(tool: Tool, text: str) -> Arguments:
    """Parse and validate the JSON text of a call's arguments.

    Models and node templates write "3", "false" and "{...}" as text. Where text is not valid and its content
    is a JSON value of a type that is, the value is taken, and `notes` say so.

    Raises:
        ArgumentsError: With a sentence per fault that names the JSON path and what is valid there.
    """
    received = {
        name: value
        for name, value in read(text).items()
        if value is not None or name not in tool.takes.null_means_default
    }
    notes: list[str] = []
    while True:
        try:
            # As JSON again: strict mode then accepts types that JSON lacks (dates, enums, paths).
            model = tool.takes.model.model_validate_json(json.dumps(received))
            break
        except ValidationError as error:
            taken = _take_json_in_text(received, error)
            if not taken:
                raise ArgumentsError(*_faults(tool, received, error)) from None
            notes += filter(None, taken)
    shown = model.model_dump(mode="json", by_alias=True)
    values = {name: getattr(model, f"a{i}") for i, name in enumerate(tool.takes.names)}
    omitted = len(notes) - _MAX_FAULTS
    more = [say("arguments.more", count=omitted)] if omitted > 0 else []
    return Arguments(values, shown, (*notes[:_MAX_FAULTS], *more))


def _take_json_in_text(received: dict[str, Any], error: ValidationError) -> list[str]:
    """Replace each text whose content is JSON of a type that is valid there; returns a note for each.

    Only where every fault is about the type: text that is too long, or no known choice, was meant as text.
    A whole number like 9.0 is an integer to JSON Schema and becomes one, with an empty note.
    """
    types: dict[Steps, set[str]] = {}
    for detail in error.errors(include_url=False):
        types.setdefault(_steps(received, detail), set()).add(_KINDS.get(detail["type"], ""))
    notes: list[str] = []
    for steps, valid in types.items():
        if not steps or not valid <= _IN_TEXT:
            continue
        *outer, last = steps
        parent: Any = received
        for step in outer:
            parent = parent[step]
        sent = parent[last]
        value = _decoded(sent) if isinstance(sent, str) else sent
        kind = f"kind.{strict_json.json_type(value)}"
        if isinstance(value, float) and value.is_integer() and abs(value) < _EXACT:
            value = int(value)
        if type(value) is int and "kind.integer" in valid:
            kind = "kind.integer"
        if value is not sent and kind in valid:
            parent[last] = value
            got = say(kind)
            notes.append(say("argument.from_text", path=format_path(steps), got=got) if sent != value else "")
    return notes


def _faults(tool: Tool, received: dict[str, Any], error: ValidationError) -> list[str]:
    by_path: dict[Steps, list[ErrorDetails]] = {}
    for detail in error.errors(include_url=False):
        by_path.setdefault(_steps(received, detail), []).append(detail)
    faults = [_fault(tool, steps, details, received) for steps, details in by_path.items()]
    omitted = len(faults) - _MAX_FAULTS
    return [*faults[:_MAX_FAULTS], say("arguments.more", count=omitted)] if omitted > 0 else faults


def _steps(received: dict[str, Any], detail: ErrorDetails) -> Steps:
    """The path in the input: pydantic's location without the names of union branches."""
    steps: list[str | int] = []
    value: Any = received
    location = detail["loc"]
    for index, step in enumerate(location):
        inside = (isinstance(value, dict) and step in value) or (
            isinstance(value, list) and isinstance(step, int) and step < len(value)
        )
        if inside:
            value = value[step]
        elif not (detail["type"] == "missing" and index == len(location) - 1):
            continue
        steps.append(step)
    return tuple(steps)


def _fault(tool: Tool, steps: Steps, details: list[ErrorDetails], value: Any) -> str:
    path = format_path(steps)
    kinds = [_KINDS[d["type"]] for d in details if d["type"] in _KINDS]
    if len(kinds) == len(details):
        for step in steps:
            value = value[step]
        valid = say("kind.or").join(dict.fromkeys(say(name) for name in kinds))
        got = say(f"kind.{strict_json.json_type(value)}")
        fault = say("argument.type", path=path, valid=valid, got=got)
        if "kind.array" in kinds and isinstance(value, str):
            fault += say("argument.wrap", example=json.dumps([value[:40]], ensure_ascii=False))
        return fault
    detail = next(d for d in details if d["type"] not in _KINDS)
    return _one_fault(tool, steps, path, detail)


def _one_fault(tool: Tool, steps: Steps, path: str, detail: ErrorDetails) -> str:
    context: Mapping[str, Any] = detail.get("ctx", {})
    match detail["type"]:
        case "missing":
            return say("argument.missing", path=path, names=", ".join(_names_at(tool, steps[:-1])))
        case "extra_forbidden":
            valid = _names_at(tool, steps[:-1])
            close = nearest(str(steps[-1]), valid)
            if close:
                return say("argument.unknown_near", path=path, nearest=close)
            return say("argument.unknown", path=path, names=", ".join(valid) or say("kind.nothing"))
        case "literal_error" | "enum":
            value = str(detail["input"])[:60]
            nodes = _nodes_at(tool.takes.schema, steps)
            values = [
                v for node in nodes for v in node.get("enum", [node["const"]] if "const" in node else [])
            ]
            choices = [str(choice) for choice in values if choice is not None]
            if not choices:
                return say("argument.other", path=path, reason=context.get("expected", detail["msg"]))
            close = nearest(value, choices)
            ending = say("argument.choice_near", nearest=close) if close else ""
            return say("argument.choice", path=path, value=value, choices=", ".join(choices)) + ending
        case "value_error":
            return say("argument.other", path=path, reason=context.get("error", detail["msg"]))
        case limit if limit in _LIMITS:
            key, field = _LIMITS[limit]
            return say(key, path=path, limit=context.get(field, ""))
        case _:
            return say("argument.other", path=path, reason=detail["msg"])


def _names_at(tool: Tool, steps: Steps) -> list[str]:
    nodes = _nodes_at(tool.takes.schema, steps)
    return list(dict.fromkeys(name for node in nodes for name in node.get("properties", ())))


def _nodes_at(schema: JsonSchema, steps: Steps) -> list[JsonSchema]:
    """Every schema valid at a path; several when a union is on the way."""
    nodes = _branches(schema)
    for step in steps:
        below: list[JsonSchema] = []
        for node in nodes:
            inner = node.get("items") if isinstance(step, int) else node.get("properties", {}).get(step)
            inner = inner if isinstance(inner, dict) else node.get("additionalProperties")
            if isinstance(inner, dict):
                below.extend(_branches(inner))
        nodes = below
    return nodes


def _branches(node: JsonSchema) -> list[JsonSchema]:
    choices = [*node.get("anyOf", ()), *node.get("oneOf", ())]
    return [inner for choice in choices for inner in _branches(choice)] if choices else [node]
