"""Turns a message's content into text: of mixed messages and of cards it is JSON.

A card (docs.coze.cn, developer_guides/card_sdk; coze-studio, defaultCard):

    {"card_type": 3, "info_in_card": "...", "response_for_model": "...",
     "data": '{"rootID": "root",
               "elements": {"root": {"type": ".../PageContainer", "props": {...}, "children": ["a"],
                                     "directives": {"repeat": {"type": "expression", "value": "{{v1}}"}}}},
               "variables": {"v1": {"name": "list", "defaultValue": [...]}}}'}

A property is a value or an expression over the variables (`{"type": "expression", "value": "{{v1}} km"}`);
some properties hold slots with more elements (`{"type": "slot", "children": [...]}`). Other JSON is searched
for what usually holds text.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from typing import Any, Final
from urllib.parse import unquote, urlsplit

from c2jy_bridge.core.i18n import byte_size
from c2jy_bridge.core.safety import one_line, visible
from c2jy_bridge.coze.errors import say

JSON_TYPES: Final = frozenset({"object_string", "card"})
"""Content types whose content is JSON."""
MOST_LINES: Final = 200
"""Lines of a card that are shown; the rest is announced."""
_MOST_VISITS: Final = 2_000
"""Elements looked at: lists nested in lists multiply."""
_DEEPEST: Final = 20
_TITLES: Final = ("title", "name", "label", "subtitle", "sub_title")
_TEXTS: Final = (*_TITLES, "text", "content", "description", "desc", "summary", "caption", "question")
_ELEMENT_TEXTS: Final = tuple(name for name in _TEXTS if name != "name")
"""Of an element `name` is the component's."""
_IMAGES: Final = re.compile("(?i)image|img|src|cover|icon|pic|photo|thumb|avatar|poster")
_ADDRESS: Final = re.compile(r"(?i)https?://\S+")
_PLACEHOLDER: Final = re.compile(r"\{\{\s*([^{}]+?)\s*\}\}")
# Properties that a card does not display.
_ENVELOPE: Final = frozenset(
    {"card_type", "template_url", "template_id", "x_properties", "response_type", "response_for_model"}
    | {"info_in_card", "data", "rootID", "variables", "actions"}
)


def readable(content: str, content_type: str) -> str:
    """The text of a message; never JSON, and without control characters unless it is plain text."""
    if content_type == "object_string":
        return _mixed(content)
    return _card(content) if content_type == "card" else content


def asked_text(content: str, content_type: str) -> str:
    """The text of a question, without the files that go with it."""
    if content_type != "object_string":
        return content
    parts = _json(content)
    texts = (part.get("text") for part in parts if isinstance(part, dict)) if isinstance(parts, list) else ()
    return "".join(text for text in texts if isinstance(text, str))


def _json(text: object) -> Any:
    if not isinstance(text, str):
        return text
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return None


# --- object_string -------------------------------------------------------------------------------------


def _mixed(content: str) -> str:
    """Texts and, one per line, files; a blank line between the two."""
    parts = _json(content)
    if isinstance(parts, dict):
        parts = parts.get("item_list", [parts])
    if not isinstance(parts, list) or not all(isinstance(part, dict) for part in parts):
        return visible(content)
    shown = ""
    file_before = False
    for part in parts:
        is_file = part.get("type") != "text"
        line = _file(part) if is_file else visible(str(part.get("text") or ""))
        if line:
            gap = "\n" if is_file and file_before else "\n\n"
            shown += gap + line if shown else line
            file_before = is_file
    return shown


def _file(part: Mapping[str, Any]) -> str:
    kind = str(part.get("type") or "file")
    address = str(part.get("file_url") or part.get("url") or "")
    name = str(part.get("file_name") or part.get("name") or "") or unquote(_last_segment(address))
    file_id = str(part.get("file_id") or "")
    where = address or (say("part.id", id=file_id) if file_id else "")
    if not name and not where:
        return say("part.unknown", kind=one_line(kind))
    known = kind if kind in ("image", "audio") else "file"
    return say(f"part.{known}", what=one_line(f"{name} ({where})" if name and where else name or where))


def _last_segment(address: str) -> str:
    try:
        return urlsplit(address).path.rpartition("/")[2]
    except ValueError:  # `http://[`
        return ""


# --- card ----------------------------------------------------------------------------------------------


def _card(content: str) -> str:
    body = _json(content)
    if body is None and not content.lstrip().startswith(("{", "[")):
        return visible(content)
    reader = _CardReader()
    if isinstance(body, dict):
        inner = _json(body.get("data"))
        for read in (reader.read_elements, reader.read_values):
            for one in (inner, body):
                if isinstance(one, dict) and not reader.lines:
                    read(one)
        for spare in ("info_in_card", "response_for_model"):
            if not reader.lines and isinstance(text := body.get(spare), str) and _json(text) is None:
                reader.add(text.splitlines())
    elif isinstance(body, list):
        reader.read_values({"items": body})
    if not reader.lines:
        return say("card.unreadable", size=byte_size(len(content.encode("utf-8", "replace"))))
    if reader.cut:
        reader.lines.append(say("card.cut", size=byte_size(len(content.encode("utf-8", "replace")))))
    return "\n".join(reader.lines)


class _CardReader:
    """Collects a card's lines in the order of its elements."""

    def __init__(self) -> None:
        self.lines: list[str] = []
        self.cut = False
        self._visits = 0
        self._elements: Mapping[str, Any] = {}

    def add(self, lines: Iterable[str]) -> None:
        """Append lines that are not blank, up to MOST_LINES."""
        for line in filter(None, (one_line(line).strip() for line in lines)):
            if len(self.lines) >= MOST_LINES:
                self.cut = True
                return
            self.lines.append(line)

    # --- the elements of a card ---

    def read_elements(self, card: Mapping[str, Any]) -> None:
        """Read the tree of elements, with the variables filled in."""
        elements, variables = card.get("elements"), card.get("variables")
        if not isinstance(elements, dict):
            return
        self._elements = elements
        scope: dict[str, Any] = {}
        for key, variable in variables.items() if isinstance(variables, dict) else ():
            value = variable.get("defaultValue") if isinstance(variable, dict) else variable
            scope[key] = value
            if isinstance(variable, dict) and isinstance(variable.get("name"), str):
                scope.setdefault(variable["name"], value)
        root = card.get("rootID")
        for name in [root] if isinstance(root, str) and root in elements else elements:
            self._element(name, scope, 0)

    def _element(self, name: object, scope: Mapping[str, Any], depth: int) -> None:
        element = self._elements.get(name) if isinstance(name, str) else None
        if not isinstance(element, dict) or self._is_over(depth):
            return
        directives = element.get("directives")
        repeat = directives.get("repeat") if isinstance(directives, dict) else None
        items = _resolved(repeat, scope) if repeat is not None else None
        if isinstance(items, list):
            for item in items:
                self._one(element, {**scope, "item": item}, depth)
        else:
            self._one(element, scope, depth)

    def _one(self, element: Mapping[str, Any], scope: Mapping[str, Any], depth: int) -> None:
        if self._is_over(depth):
            return
        props = element.get("props")
        props = props if isinstance(props, dict) else {}
        kind = str(element.get("type", "")).rpartition("/")[2]
        self._own(props, _ELEMENT_TEXTS, scope, is_image="image" in kind.lower())
        for slot in _slots(props, 0):
            for child in slot:
                self._element(child, scope, depth + 1)
        children = element.get("children")
        for child in children if isinstance(children, list) else ():
            self._element(child, scope, depth + 1)

    def _is_over(self, depth: int) -> bool:
        self._visits += 1
        if depth > _DEEPEST or self._visits > _MOST_VISITS or self.cut:
            self.cut = self.cut or bool(self.lines)
            return True
        return False

    # --- any JSON ---

    def read_values(self, body: Mapping[str, Any]) -> None:
        """Read the variables of a card whose elements say nothing, or of JSON in another form its texts."""
        variables = body.get("variables")
        for variable in variables.values() if isinstance(variables, dict) else ():
            value = variable.get("defaultValue") if isinstance(variable, dict) else variable
            self._value({"text": value} if isinstance(value, str) else value, 0)
        drawn = {"elements"} if isinstance(body.get("elements"), dict) else set()
        self._value({key: value for key, value in body.items() if key not in _ENVELOPE | drawn}, 0)

    def _value(self, value: Any, depth: int) -> None:
        if self._is_over(depth):
            return
        if isinstance(value, dict):
            self._own(value, _TEXTS, {})
            inner: Iterable[Any] = value.values()
        else:
            inner = value if isinstance(value, list) else ()
        for one in inner:
            if isinstance(one, str) and one.lstrip().startswith(("{", "[")):
                one = _json(one)
            if isinstance(one, dict | list):
                self._value(one, depth + 1)
            elif isinstance(value, list) and isinstance(one, str):
                self.add([one])

    # --- both ---

    def _own(
        self,
        props: Mapping[str, Any],
        names: Iterable[str],
        scope: Mapping[str, Any],
        *,
        is_image: bool = False,
    ) -> None:
        """Add the texts and addresses of one element or object: a link beside the first text."""
        texts = [text for name in names if (text := _text(_resolved(props.get(name), scope)))]
        images: list[str] = []
        links: list[str] = []
        for name, prop in props.items():
            address = _text(_resolved(prop, scope))
            if _ADDRESS.fullmatch(address) and name not in names:
                (images if is_image or _IMAGES.search(name) else links).append(address)
        if links:
            texts[:1] = [f"{texts[0]} ({links[0]})" if texts else links[0]]
        self.add(line for text in texts for line in text.splitlines())
        self.add(say("part.link", what=link) for link in links[1:])
        self.add(say("part.image", what=image) for image in images)


def _text(value: Any) -> str:
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        return ""
    text = str(value).strip()
    return "" if text.startswith(("{", "[")) and _json(text) is not None else text


def _slots(value: Any, depth: int) -> Iterable[list[Any]]:
    """The children of the slots in an element's properties."""
    if depth > _DEEPEST:
        return
    if isinstance(value, dict):
        if value.get("type") == "slot" and isinstance(value.get("children"), list):
            yield value["children"]
            return
        value = list(value.values())
    for one in value if isinstance(value, list) else ():
        yield from _slots(one, depth + 1)


def _resolved(prop: Any, scope: Mapping[str, Any]) -> Any:
    """A property's value; an expression's variables are filled in, unknown ones with nothing."""
    if isinstance(prop, dict):
        prop = prop.get("value") if prop.get("type") == "expression" else None
    if not isinstance(prop, str):
        return prop
    if (whole := _PLACEHOLDER.fullmatch(prop.strip())) is not None:
        return _look_up(whole[1], scope)
    return _PLACEHOLDER.sub(lambda found: _text(_look_up(found[1], scope)), prop)


def _look_up(path: str, scope: Mapping[str, Any]) -> Any:
    value: Any = scope
    for step in path.split("."):
        if isinstance(value, list) and step.isdecimal() and len(step) < 9 and int(step) < len(value):
            value = value[int(step)]
        elif isinstance(value, Mapping):
            value = value.get(step)
        else:
            return None
    return value
