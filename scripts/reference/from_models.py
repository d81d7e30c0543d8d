"""Settings, documents and events, from their models."""

from __future__ import annotations

import ast
import inspect
import types
import typing
from collections.abc import Iterator
from dataclasses import MISSING, fields
from functools import cache
from pathlib import PurePath
from typing import Any, Final, Literal

from pydantic import BaseModel
from pydantic.fields import FieldInfo
from pydantic_core import PydanticUndefined

from c2jy_bridge.core import events as core_events
from c2jy_bridge.core.i18n import Language, catalogue
from c2jy_bridge.core.settings import Settings
from c2jy_bridge.core.settings_faults import COZE_NAMES
from c2jy_bridge.drafts.spec.document import DraftSpec
from c2jy_bridge.drafts.spec.model import SpecModel
from reference.pages import code, described, table, value, words

_TYPES: Final = {
    "str": "text",
    "int": "integer",
    "float": "number",
    "bool": "true/false",
    "SecretStr": "text",
    "Any": "any",
}
_LIMITS: Final = {"ge": "≥", "gt": ">", "le": "≤", "lt": "<"}


def settings(language: Language) -> str:
    """Every setting: its name in the file and in the environment, type, default, meaning."""
    say = words(language)
    parts = [f"# {say('settings')}\n\n{say('settings.about')}\n"]
    loose = []
    coze = {field: name for name, field in COZE_NAMES.items()}
    for name, field in Settings.model_fields.items():
        group = field.annotation
        if not (isinstance(group, type) and issubclass(group, BaseModel)):
            loose.append(_setting("", name, field, language))
            continue
        rows = [_setting(name, key, below, language, coze) for key, below in group.model_fields.items()]
        about = described(inspect.getdoc(group) or "", language)
        parts.append(f"## [{name}]\n\n{about}\n\n{table(_columns(language, 'environment'), rows)}")
    parts.insert(1, f"## {say('settings.top')}\n\n{table(_columns(language, 'environment'), loose)}")
    return "\n".join(parts)


def _setting(
    group: str, name: str, field: FieldInfo, language: Language, coze: dict[str, str] | None = None
) -> tuple[str, ...]:
    variable = "C2JY_" + "__".join(part.upper() for part in (group, name) if part)
    if group == "coze" and coze and name in coze:
        variable = coze[name]
    default = field.default
    shown = words(language)("system") if field.default_factory is not None else value(_plain(default))
    meaning = described(field.description or "", language)
    if language == "zh":
        key = f"{group}.{name}" if group else name
        chinese = catalogue("setting_help", fixed="zh")(key)
        meaning = meaning if chinese == key else " ".join(chinese.split())
    return (code(name), type_name(field), shown, code(variable), meaning)


def _columns(language: Language, extra: str = "") -> tuple[str, ...]:
    say = words(language)
    names = ("field", "type", "default", *((extra,) if extra else ()), "meaning")
    return tuple(say(name) for name in names)


def spec(language: Language) -> str:
    """Every part of a `c2jy/1` document with its fields."""
    say = words(language)
    parts = [f"# {say('spec')}\n\n{say('spec.about')}\n"]
    for model in spec_models():
        rows = [
            (code(field.alias or name), type_name(field), _default(field), described(_about(field), language))
            for name, field in model.model_fields.items()
        ]
        about = described(inspect.getdoc(model) or "", language)
        parts.append(f"## {model.__name__}\n\n{about}\n\n{table(_columns(language), rows)}")
    return "\n".join(parts)


def spec_models() -> list[type[SpecModel]]:
    """The models that a document consists of, each after the one that first names it."""
    found: list[type[SpecModel]] = [DraftSpec]
    for model in found:
        for field in model.model_fields.values():
            found += [part for part in _models(field.annotation) if part not in found]
    return found


def _models(annotation: Any) -> Iterator[type[SpecModel]]:
    if isinstance(annotation, type) and issubclass(annotation, SpecModel):
        yield annotation
    for part in typing.get_args(annotation):
        yield from _models(part)


def _about(field: FieldInfo) -> str:
    return field.description or ""


def _default(field: FieldInfo) -> str:
    if field.is_required():
        return "—"
    default = field.default
    if default is None or default == () or default is PydanticUndefined or isinstance(default, BaseModel):
        return ""
    return value(_plain(default))


def _plain(default: Any) -> Any:
    return str(default) if isinstance(default, PurePath) else default


def type_name(field: FieldInfo) -> str:
    """A field's type in words of JSON, with its limits."""
    limits = [
        f"{sign} {getattr(limit, name):g}"
        for limit in field.metadata
        for name, sign in _LIMITS.items()
        if isinstance(getattr(limit, name, None), int | float)
    ]
    return ", ".join([_named(field.annotation), *limits])


def _named(annotation: Any) -> str:
    origin, parts = typing.get_origin(annotation), typing.get_args(annotation)
    if origin is typing.Annotated:
        extra = " ".join(map(repr, parts[1:]))
        if "parse_time" in extra:
            return "time"
        if "parse_colour" in extra or "parse_rgb" in extra:
            return "colour"
        return _named(parts[0])
    if origin is Literal:
        return " ".join(code(part) for part in parts)
    if origin in (typing.Union, types.UnionType):
        return " / ".join(dict.fromkeys(_named(part) for part in parts if part is not type(None)))
    if origin in (tuple, list):
        inside = [part for part in parts if part is not Ellipsis]
        return "[" + ", ".join(_named(part) for part in inside) + "]"
    if origin is dict:
        return f"{{{_named(parts[0])}: {_named(parts[1])}}}"
    if isinstance(annotation, type):
        if issubclass(annotation, SpecModel):
            name = annotation.__name__
            return f"[{name}](#{name.lower()})"
        if issubclass(annotation, PurePath):
            return "path"
        return _TYPES.get(annotation.__name__, annotation.__name__)
    return "any"


def events(language: Language) -> str:
    """Every event that `--json` prints, with its fields."""
    say = words(language)
    parts = [f"# {say('events')}\n\n{say('events.about')}\n"]
    kinds = [
        kind
        for kind in vars(core_events).values()
        if isinstance(kind, type) and issubclass(kind, core_events.Event) and not kind.__subclasses__()
    ]
    parts_of_events = [core_events.ToolCall, core_events.Issue, core_events.Problem, core_events.Usage]
    for kind in (*kinds, *parts_of_events):
        is_event = issubclass(kind, core_events.Event)
        title = _snake(kind.__name__) if is_event else kind.__name__
        rows = [
            (
                code(field.name),
                code(field.type),
                "—" if field.default is MISSING and field.default_factory is MISSING else "",
                described(_note(kind, field.name), language),
            )
            for field in fields(kind)
        ]
        about = described(inspect.getdoc(kind) or "", language)
        columns = (say("field"), say("type"), say("always"), say("meaning"))
        parts.append(f"## {title}\n\n{about}\n\n{table(columns, rows)}")
    return "\n".join(parts)


def _note(kind: type, field: str) -> str:
    notes = _field_notes()
    return next((notes[base.__name__, field] for base in kind.__mro__ if (base.__name__, field) in notes), "")


def _snake(name: str) -> str:
    return "".join(f"_{c.lower()}" if c.isupper() else c for c in name).lstrip("_")


@cache
def _field_notes() -> dict[tuple[str, str], str]:
    """The docstrings below the fields of the event classes: Python itself does not keep them."""
    notes = {}
    for kind in ast.parse(inspect.getsource(core_events)).body:
        if not isinstance(kind, ast.ClassDef):
            continue
        for field, after in zip(kind.body, kind.body[1:], strict=False):
            if (
                isinstance(field, ast.AnnAssign)
                and isinstance(field.target, ast.Name)
                and isinstance(after, ast.Expr)
                and isinstance(after.value, ast.Constant)
            ):
                notes[kind.name, field.target.id] = str(after.value.value)
    return notes
