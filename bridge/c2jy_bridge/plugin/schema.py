"""JSON Schemas as plain as a model and Coze can read them: no references, no titles, no null branches."""

from __future__ import annotations

import warnings
from typing import Any, Final

from pydantic import TypeAdapter
from pydantic.json_schema import JsonSchemaMode, PydanticJsonSchemaWarning

JsonSchema = dict[str, Any]

_REF: Final = "#/$defs/"


def plain_schema(adapter: TypeAdapter[Any], mode: JsonSchemaMode = "validation") -> JsonSchema:
    """The JSON Schema of a type with everything in place.

    References are written out (a model that holds itself becomes a plain object at the second level),
    titles are dropped, and `X or null` becomes X: a parameter that may be null may as well be left out.

    Args:
        adapter: The type.
        mode: "validation" for what goes in, "serialization" for what comes out.
    """
    with warnings.catch_warnings():
        # A default that JSON cannot say is simply not shown.
        warnings.simplefilter("ignore", PydanticJsonSchemaWarning)
        schema = adapter.json_schema(mode=mode)
    return _plain(schema, schema.pop("$defs", {}), ())


def _plain(node: JsonSchema, definitions: JsonSchema, inside: tuple[str, ...]) -> JsonSchema:
    reference = node.get("$ref")
    if isinstance(reference, str) and reference.startswith(_REF):
        name = reference.removeprefix(_REF)
        target = {"type": "object"} if name in inside else definitions[name]
        beside = {key: value for key, value in node.items() if key != "$ref"}
        return _plain({**target, **beside}, definitions, (*inside, name))
    result: JsonSchema = {}
    for key, value in node.items():
        if key == "title" or key == "discriminator" or (key == "default" and value is None):
            continue
        if key in ("properties", "patternProperties"):
            result[key] = {name: _plain(item, definitions, inside) for name, item in value.items()}
        elif key in ("anyOf", "oneOf", "allOf", "prefixItems"):
            result[key] = [_plain(item, definitions, inside) for item in value]
        elif key in ("items", "additionalProperties", "not", "propertyNames", "contains") and isinstance(
            value, dict
        ):
            result[key] = _plain(value, definitions, inside)
        else:
            result[key] = value
    return _without_null(result)


def _without_null(node: JsonSchema) -> JsonSchema:
    for key in ("anyOf", "oneOf"):
        branches = node.get(key)
        if not branches:
            continue
        left = [branch for branch in branches if branch.get("type") != "null"]
        if len(left) == 1:
            rest = {k: v for k, v in node.items() if k != key}
            return {**left[0], **rest}
        node = {**node, key: left}
    return node
