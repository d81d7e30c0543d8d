"""Renders templates: the part of Mustache that a script needs.

`{{name}}`, `{{a.b.0.c}}` (a path into lists and objects), `{{#list}}...{{/list}}` (for each item, or when
true), `{{^list}}...{{/list}}` (when empty or absent), `{{.}}` (the item itself), `{{value|filter}}`. A
missing name renders as nothing. Nothing is escaped: the text is Markdown.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from typing import Any, Final

_TAG: Final = re.compile(r"\{\{([#^/]?)\s*([^{}]+?)\s*\}\}")
_STANDALONE: Final = re.compile(r"^[ \t]*(\{\{[#^/][^{}]+\}\})[ \t]*\n", re.MULTILINE)


def _number(value: Any) -> str:
    try:
        return f"{round(float(value), 2):g}"
    except (TypeError, ValueError):
        return str(value)


def _json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False)


def _brief(value: Any) -> str:
    text = str(value).strip()
    return text if len(text) <= 400 else text[:400] + " …"


FILTERS: Final[Mapping[str, Callable[[Any], str]]] = {
    "number": _number,
    "json": _json,
    "count": lambda value: str(len(value)) if isinstance(value, (list, dict, str)) else "0",
    "brief": _brief,
    "trim": lambda value: str(value).strip(" \t\n.!?。！？\"'“”「」"),
}
"""number: at most two decimals; json: as JSON text; count: the length; brief: at most 400 characters; trim:
without surrounding blanks and punctuation."""


class TemplateError(ValueError):
    """An invalid template."""


def check(template: str) -> None:
    """Reject a template with an unclosed or crossed section or an unknown filter.

    Raises:
        TemplateError: It is invalid.
    """
    opened: list[str] = []
    for mark, name in _TAG.findall(template):
        if mark in ("#", "^"):
            opened.append(name)
        elif mark == "/":
            if not opened or opened.pop() != name:
                raise TemplateError(f"{{{{/{name}}}}} closes nothing that is open here")
        elif (filter_name := name.partition("|")[2].strip()) and filter_name not in FILTERS:
            raise TemplateError(f"unknown filter {filter_name!r}; there are: {', '.join(FILTERS)}")
    if opened:
        raise TemplateError(f"{{{{#{opened[-1]}}}}} is never closed")


def parse_json(text: str) -> Any:
    """The value of a JSON text, or the text itself when it is not JSON."""
    try:
        return json.loads(text)
    except ValueError:
        return text


def look_up(path: str, scope: Any) -> Any:
    """The value at a dotted path, None when there is none; `.` is the scope itself."""
    value = scope
    if path != ".":
        for step in path.split("."):
            if isinstance(value, Mapping):
                value = value.get(step)
            elif isinstance(value, list) and step.isdigit() and int(step) < len(value):
                value = value[int(step)]
            else:
                return None
    return value


def render(template: str, scope: Mapping[str, Any]) -> str:
    """Render a template with the variables in `scope`."""
    return _render(_STANDALONE.sub(r"\1", template), (scope,))


def fill(value: Any, scope: Mapping[str, Any]) -> Any:
    """Render every string in a JSON value; a string that is one `{{name}}` alone becomes the value itself."""
    if isinstance(value, str):
        whole = _TAG.fullmatch(value)
        if whole and not whole[1] and "|" not in whole[2]:
            return look_up(whole[2], scope)
        return render(value, scope)
    if isinstance(value, list):
        return [fill(item, scope) for item in value]
    if isinstance(value, dict):
        return {key: fill(item, scope) for key, item in value.items()}
    return value


def _render(template: str, scopes: tuple[Any, ...]) -> str:
    parts: list[str] = []
    position = 0
    while tag := _TAG.search(template, position):
        parts.append(template[position : tag.start()])
        mark, name = tag[1], tag[2]
        position = tag.end()
        if not mark:
            parts.append(_text(name, scopes))
            continue
        inner_end, position = _closing(template, name, position)
        inner, value = template[tag.end() : inner_end], _find(name, scopes)
        if mark == "^":
            parts.append("" if value else _render(inner, scopes))
        elif isinstance(value, list):
            parts.extend(_render(inner, (item, *scopes)) for item in value)
        elif value:
            parts.append(_render(inner, (value, *scopes)))
    parts.append(template[position:])
    return "".join(parts)


def _closing(template: str, name: str, position: int) -> tuple[int, int]:
    depth = 1
    for tag in _TAG.finditer(template, position):
        if tag[2] != name:
            continue
        depth += {"#": 1, "^": 1, "/": -1}.get(tag[1], 0)
        if depth == 0:
            return tag.start(), tag.end()
    raise TemplateError(f"{{{{#{name}}}}} is never closed")


def _find(path: str, scopes: tuple[Any, ...]) -> Any:
    """The value at the path in the innermost scope that has its first step (Mustache's rule)."""
    if path == ".":
        return scopes[0]
    first = path.split(".")[0]
    for scope in scopes:
        if look_up(first, scope) is not None:
            return look_up(path, scope)
    return None


def _text(expression: str, scopes: tuple[Any, ...]) -> str:
    path, _, filter_name = (part.strip() for part in expression.partition("|"))
    value = _find(path, scopes)
    if filter_name:
        return FILTERS[filter_name]("" if value is None else value)
    if value is None:
        return ""
    return value if isinstance(value, str) else _json(value)
