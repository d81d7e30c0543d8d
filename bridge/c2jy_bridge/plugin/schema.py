"""JSON Schemas and pydantic models of tool parameters, from function signatures."""

from __future__ import annotations

import inspect
import types
import typing
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated, Any, Final

from docstring_parser import Docstring, DocstringStyle, parse
from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, create_model
from pydantic.errors import PydanticUserError
from pydantic.fields import FieldInfo
from pydantic.json_schema import JsonSchemaMode, PydanticJsonSchemaWarning

from c2jy_bridge.core.i18n import catalogue
from c2jy_bridge.plugin.context import ToolContext

JsonSchema = dict[str, Any]

_REF: Final = "#/$defs/"


def plain_schema(adapter: TypeAdapter[Any], mode: JsonSchemaMode = "validation") -> JsonSchema:
    """The JSON Schema of a type, without references, titles and null.

    References are replaced by their target (a recursive model becomes a plain object at the second level),
    and `X or null` by X, since a parameter that may be null may be omitted.
    """
    with warnings.catch_warnings():
        # A default without a JSON form is omitted.
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
    for key in ("anyOf", "oneOf"):
        if branches := result.get(key):
            not_null = [branch for branch in branches if branch.get("type") != "null"]
            if len(not_null) == 1:
                return {**not_null[0], **{k: v for k, v in result.items() if k != key}}
            result[key] = not_null
    return result


say: Final = catalogue("plugin")


class DefinitionError(TypeError):
    """A function cannot be a tool; the message names the function, the parameter and the fix."""


@dataclass(frozen=True, slots=True)
class Parameters:
    """A tool's parameters."""

    names: tuple[str, ...]
    """In order; field `a<i>` of `model` is the i-th."""
    model: type[BaseModel]
    schema: JsonSchema
    null_means_default: frozenset[str]
    """Parameters with a default that accept no null: models write null for omitted ones."""
    context_name: str | None
    """The ToolContext parameter, not among `names`."""


def read_docstring(function: Callable[..., Any]) -> Docstring:
    """The docstring of a function, Google style."""
    return parse(inspect.getdoc(function) or "", DocstringStyle.GOOGLE)


def read_parameters(function: Callable[..., Any], name: str) -> Parameters:
    """Read the signature of a function or bound method; `name` is the tool's, for messages.

    Raises:
        DefinitionError: A parameter has no type hint or cannot be passed by name, or a type has no JSON form.
    """
    hints = _hints(function, name)
    texts = {p.arg_name: " ".join((p.description or "").split()) for p in read_docstring(function).params}
    names: list[str] = []
    fields: dict[str, Any] = {}
    left_out: set[str] = set()
    context_name: str | None = None
    for parameter in inspect.signature(function).parameters.values():
        if parameter.kind not in (parameter.POSITIONAL_OR_KEYWORD, parameter.KEYWORD_ONLY):
            raise DefinitionError(say("tool.bad_parameter", name=name, parameter=str(parameter)))
        if parameter.name not in hints:
            raise DefinitionError(say("tool.no_hint", name=name, parameter=parameter.name))
        hint = hints[parameter.name]
        if _is_context(hint):
            context_name = parameter.name
            continue
        default = ... if parameter.default is parameter.empty else parameter.default
        # The docstring's text, unless a `Field` of the hint or the default has a description.
        text = texts.get(parameter.name, "")
        own = [part for part in (*getattr(hint, "__metadata__", ()), default) if isinstance(part, FieldInfo)]
        described = text and not any(field.description for field in own)
        # Fields are a0, a1 ... behind an alias, so that no name clashes with BaseModel's attributes.
        fields[f"a{len(names)}"] = (
            Annotated[hint, Field(description=text)] if described else hint,
            default,
        )
        names.append(parameter.name)
        if default is not ... and not _takes_null(hint):
            left_out.add(parameter.name)
    config = ConfigDict(extra="forbid", strict=True, alias_generator=lambda field: names[int(field[1:])])
    try:
        model = create_model(f"{name}_arguments", __config__=config, **fields)
        schema = {"properties": {}, **plain_schema(TypeAdapter(model))}
    except (PydanticUserError, TypeError) as error:
        raise DefinitionError(say("tool.bad_type", name=name, reason=str(error).splitlines()[0])) from None
    return Parameters(tuple(names), model, schema, frozenset(left_out), context_name)


def read_output(function: Callable[..., Any]) -> JsonSchema:
    """The JSON Schema of a function's return value; any object where its type is not one."""
    try:
        hint = _hints(function, "").get("return", Any)
        schema = plain_schema(TypeAdapter(hint), "serialization")
    except (PydanticUserError, TypeError):
        schema = {}
    return schema if schema.get("type") == "object" else {"type": "object", "properties": {}}


def _hints(function: Callable[..., Any], name: str) -> dict[str, Any]:
    try:
        return typing.get_type_hints(getattr(function, "__func__", function), include_extras=True)
    except (NameError, TypeError, SyntaxError, AttributeError) as error:
        raise DefinitionError(say("tool.bad_type", name=name, reason=str(error))) from None


def _is_context(hint: Any) -> bool:
    if typing.get_origin(hint) in (typing.Union, types.UnionType):
        return any(_is_context(part) for part in typing.get_args(hint))
    return isinstance(hint, type) and issubclass(hint, ToolContext)


def _takes_null(hint: Any) -> bool:
    if typing.get_origin(hint) is Annotated:
        return _takes_null(typing.get_args(hint)[0])
    if typing.get_origin(hint) in (typing.Union, types.UnionType):
        return any(_takes_null(part) for part in typing.get_args(hint))
    return hint in (Any, None, types.NoneType)
