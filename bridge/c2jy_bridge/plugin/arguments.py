"""Parses and validates the arguments of a tool call: strict JSON first, then the tool's model."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from c2jy_bridge.core.i18n import catalogue
from c2jy_bridge.core.nearest import nearest
from c2jy_bridge.plugin.definition import Tool
from c2jy_bridge.plugin.schema import JsonSchema

say: Final = catalogue("plugin")

MAX_BYTES: Final = 4 * 1024 * 1024
"""Longest arguments text, in UTF-8 bytes (the body limit of the MCP python-sdk, 4 MiB)."""
MAX_DEPTH: Final = 100
"""Deepest nesting (pydantic_core stops at about 200)."""
_INT64: Final = 2**63


class ArgumentsError(ValueError):
    """The arguments cannot be used; `faults` are sentences, each beginning with its JSON path."""

    def __init__(self, *faults: str) -> None:
        super().__init__("; ".join(faults))
        self.faults = faults


@dataclass(frozen=True, slots=True)
class _Unreadable:
    """Stands in the parsed tree for a number that JSON has no place for, until its path is known."""

    fault: str


class _Repeated(dict[str, Any]):
    """An object in which a key came twice."""

    key: str


def read(text: str) -> dict[str, Any]:
    """Parse arguments.

    Args:
        text: What the model wrote. Blank text counts as `{}`: some models send nothing for a tool without
            parameters.

    Raises:
        ArgumentsError: Not JSON, not an object, too long or too deep, a key twice, NaN or an infinity, an
            integer beyond 64 bits, or half of a surrogate pair.
    """
    if not text.strip():
        return {}
    if len(text) > MAX_BYTES or len(text.encode("utf-8", "replace")) > MAX_BYTES:
        raise ArgumentsError(say("arguments.too_long", limit=MAX_BYTES))
    try:
        value = json.loads(
            text,
            object_pairs_hook=_object,
            parse_constant=lambda name: _Unreadable(say("arguments.not_finite", value=name)),
            parse_float=_float,
            parse_int=_int,
        )
    except json.JSONDecodeError as error:
        raise ArgumentsError(_syntax_fault(text, error)) from None
    except RecursionError:
        raise ArgumentsError(say("arguments.too_deep", limit=MAX_DEPTH)) from None
    if not isinstance(value, dict):
        raise ArgumentsError(say("arguments.not_object", got=kind(value)))
    _check(value)
    return value


def kind(value: object) -> str:
    """What a JSON value is, in a word for people."""
    match value:
        case None:
            return say("kind.null")
        case bool():
            return say("kind.boolean")
        case int() | float() | _Unreadable():
            return say("kind.number")
        case str():
            return say("kind.string")
        case list():
            return say("kind.array")
        case _:
            return say("kind.object")


def path_of(steps: tuple[str | int, ...]) -> str:
    """A JSON path as people write it: `clips[2].url`."""
    path = ""
    for step in steps:
        if isinstance(step, int):
            path += f"[{step}]"
        elif step.isidentifier():
            path += f".{step}" if path else step
        else:
            path += f"[{json.dumps(step, ensure_ascii=False)}]"
    return path


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    value = dict(pairs)
    if len(value) == len(pairs):
        return value
    seen: set[str] = set()
    repeated = _Repeated(value)
    repeated.key = next(key for key, _ in pairs if key in seen or seen.add(key))  # type: ignore[func-returns-value]  # add() is None, so falsy
    return repeated


def _float(digits: str) -> float | _Unreadable:
    value = float(digits)
    return value if math.isfinite(value) else _Unreadable(say("arguments.not_finite", value=digits[:40]))


def _int(digits: str) -> int | _Unreadable:
    # 20 characters hold every 64-bit integer with its sign; int() itself refuses thousands of digits.
    value = int(digits) if len(digits) <= 20 else _INT64
    return value if -_INT64 <= value < _INT64 else _Unreadable(say("arguments.too_big", value=digits[:40]))


def _check(root: dict[str, Any]) -> None:
    """Walk the tree without recursion and refuse what the parser let through."""
    for steps, value in _walk(root):
        path = path_of(steps)
        if len(steps) >= MAX_DEPTH and isinstance(value, dict | list):
            raise ArgumentsError(say("arguments.too_deep", limit=MAX_DEPTH))
        if isinstance(value, _Unreadable):
            raise ArgumentsError(f"{path}: {value.fault}")
        if isinstance(value, _Repeated):
            raise ArgumentsError(say("arguments.repeated", path=path_of((*steps, value.key))))
        texts = list(value) if isinstance(value, dict) else [value] if isinstance(value, str) else []
        if any(_has_surrogate(text) for text in texts):
            raise ArgumentsError(say("arguments.surrogate", path=path.encode("utf-8", "replace").decode()))


def _walk(root: Any) -> Iterator[tuple[tuple[str | int, ...], Any]]:
    waiting: list[tuple[tuple[str | int, ...], Any]] = [((), root)]
    while waiting:
        steps, value = waiting.pop()
        yield steps, value
        if isinstance(value, dict):
            waiting.extend(((*steps, key), item) for key, item in value.items())
        elif isinstance(value, list):
            waiting.extend(((*steps, index), item) for index, item in enumerate(value))


def _has_surrogate(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return True
    return False


def _syntax_fault(text: str, error: json.JSONDecodeError) -> str:
    if error.pos >= len(text.rstrip()) or error.msg.startswith("Unterminated string"):
        return say("arguments.cut_off", length=len(text))
    near = text[max(0, error.pos - 15) : error.pos + 15]
    return say(
        "arguments.not_json", line=error.lineno, column=error.colno, reason=error.msg, near=json.dumps(near)
    )


_MAX_FAULTS: Final = 10
"""Faults told at once; more than these help nobody."""
_Steps = tuple[str | int, ...]

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


class Arguments:
    """Validated arguments of one call: `values` for the function, `shown` as JSON for people."""

    __slots__ = ("shown", "values")

    def __init__(self, values: dict[str, Any], shown: dict[str, Any]) -> None:
        self.values = values
        self.shown = shown


def validate(tool: Tool, text: str) -> Arguments:
    """Read and check the arguments of a call.

    Args:
        tool: Whose parameters they are for.
        text: JSON text exactly as the model wrote it.

    Raises:
        ArgumentsError: With a sentence for each fault that names the JSON path and what is valid there.
    """
    given = {
        name: value
        for name, value in read(text).items()
        if value is not None or name not in tool.takes.null_means_default
    }
    try:
        # Through JSON once more: strict mode then takes what JSON has no type for (dates, enums, paths).
        model = tool.takes.model.model_validate_json(json.dumps(given))
    except ValidationError as error:
        raise ArgumentsError(*_faults(tool, given, error)) from None
    shown = model.model_dump(mode="json", by_alias=True)
    return Arguments({name: getattr(model, f"a{i}") for i, name in enumerate(tool.takes.names)}, shown)


def _faults(tool: Tool, given: dict[str, Any], error: ValidationError) -> list[str]:
    by_path: dict[_Steps, list[ErrorDetails]] = {}
    for detail in error.errors(include_url=False):
        steps = _steps(given, detail)
        by_path.setdefault(steps, []).append(detail)
    faults = [_fault(tool, steps, details, given) for steps, details in by_path.items()]
    left_out = len(faults) - _MAX_FAULTS
    return [*faults[:_MAX_FAULTS], say("arguments.more", count=left_out)] if left_out > 0 else faults


def _steps(given: dict[str, Any], detail: ErrorDetails) -> _Steps:
    """Where in the input it is: pydantic's location without the names of union branches."""
    steps: list[str | int] = []
    value: Any = given
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


def _fault(tool: Tool, steps: _Steps, details: list[ErrorDetails], given: dict[str, Any]) -> str:
    path = path_of(steps)
    kinds = [_KINDS[d["type"]] for d in details if d["type"] in _KINDS]
    if len(kinds) == len(details):
        value = _value_at(given, steps)
        valid = say("kind.or").join(dict.fromkeys(say(name) for name in kinds))
        fault = say("argument.type", path=path, valid=valid, got=kind(value))
        if "kind.array" in kinds and isinstance(value, str):
            fault += say("argument.wrap", example=json.dumps([value[:40]], ensure_ascii=False))
        return fault
    detail = next(d for d in details if d["type"] not in _KINDS)
    return _one_fault(tool, steps, path, detail)


def _one_fault(tool: Tool, steps: _Steps, path: str, detail: ErrorDetails) -> str:
    context: Mapping[str, Any] = detail.get("ctx", {})
    match detail["type"]:
        case "missing":
            return say("argument.missing", path=path, names=_listed(_names_at(tool, steps[:-1])))
        case "extra_forbidden":
            valid = _names_at(tool, steps[:-1])
            close = nearest(str(steps[-1]), valid)
            if close:
                return say("argument.unknown_near", path=path, nearest=close)
            return say("argument.unknown", path=path, names=_listed(valid) or say("kind.nothing"))
        case "literal_error" | "enum":
            value = str(detail["input"])[:60]
            choices = _choices_at(tool, steps)
            if not choices:
                return say("argument.other", path=path, reason=context.get("expected", detail["msg"]))
            close = nearest(value, choices)
            ending = say("argument.choice_near", nearest=close) if close else ""
            return say("argument.choice", path=path, value=value, choices=_listed(choices)) + ending
        case "value_error":
            return say("argument.other", path=path, reason=context.get("error", detail["msg"]))
        case limit if limit in _LIMITS:
            key, field = _LIMITS[limit]
            return say(key, path=path, limit=context.get(field, ""))
        case _:
            return say("argument.other", path=path, reason=detail["msg"])


def _listed(names: Iterable[str]) -> str:
    return ", ".join(names)


def _value_at(value: Any, steps: _Steps) -> Any:
    for step in steps:
        value = value[step]
    return value


def _names_at(tool: Tool, steps: _Steps) -> list[str]:
    return list(
        dict.fromkeys(n for node in _nodes_at(tool.takes.schema, steps) for n in node.get("properties", ()))
    )


def _choices_at(tool: Tool, steps: _Steps) -> list[str]:
    nodes = _nodes_at(tool.takes.schema, steps)
    values = [v for node in nodes for v in node.get("enum", [node["const"]] if "const" in node else [])]
    return [str(value) for value in values if value is not None]


def _nodes_at(schema: JsonSchema, steps: _Steps) -> list[JsonSchema]:
    """Every schema that may stand at a path; several when there is a choice on the way."""
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
