"""From a JSON object to a `DraftSpec`, with every fault and every unknown field named by its path."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import islice
from typing import Any, Final

import orjson
from pydantic import ValidationError
from pydantic_core import ErrorDetails

from c2jy_bridge.core.chunked_json import content_pieces
from c2jy_bridge.core.events import Issue
from c2jy_bridge.core.nearest import nearest
from c2jy_bridge.drafts.errors import DraftError, issue
from c2jy_bridge.drafts.spec.document import SCHEMA, DraftSpec
from c2jy_bridge.drafts.spec.model import US_PER, counting_strangers, unknown_fields

_VERBATIM: Final = ("legacy", "meta")
"""What is kept as it came, nulls too: the way back to an export has to be the export."""
MOST_FAULTS: Final = 200
_FIRST: Final = 100
"""Items of a list that are looked at when there are more faults than that."""
_AT: Final = frozenset({"start", "duration", "end"})
_CLIP_TYPES: Final = ("video", "image", "audio", "text", "sticker", "effect", "filter")
_DEEPEST: Final = 64
_UNION_MEMBERS: Final = ("function-", "tuple[", "dict[", "constrained-", "nullable")


@dataclass(frozen=True, slots=True)
class ParsedSpec:
    """A valid document and what in it was not understood."""

    spec: DraftSpec
    issues: tuple[Issue, ...] = ()
    document: Mapping[str, Any] = field(default_factory=dict)
    """What was read, without nulls: reading it again gives the same."""


def is_spec(document: object) -> bool:
    """Whether this object means to be a `c2jy/1` document, judged by its schema or else by its shape."""
    if not isinstance(document, Mapping):
        return False
    if "schema" in document:
        return str(document["schema"]).startswith("c2jy")
    tracks = document.get("tracks")
    if isinstance(tracks, (list, tuple)) and tracks:
        return any(isinstance(track, Mapping) and "clips" in track for track in tracks)
    return "subtitles" in document


def parse_spec(document: Mapping[str, Any], *, path: str = "", default_unit: str | None = None) -> ParsedSpec:
    """Read a `c2jy/1` document.

    Args:
        document: The object; fields that are null count as left out.
        path: What the paths of issues begin with, when the document stands inside another.
        default_unit: `s`, `ms` or `us` for bare numbers when the document has no `time_unit`.

    Raises:
        DraftError: With one issue for each fault, not only the first.
    """
    given = _without_nulls(document) if _has_nulls(document) else dict(document)
    given.setdefault("schema", SCHEMA)
    if default_unit in US_PER:
        given.setdefault("time_unit", default_unit)
    try:
        with counting_strangers() as strangers:
            spec = DraftSpec.model_validate(given)
    except ValidationError as error:
        raise DraftError(_bounded_faults(error, given, path)) from None
    return ParsedSpec(
        spec, tuple(_first(_unknown(spec, path), strangers[0], path)) if strangers[0] else (), given
    )


def _has_nulls(document: Mapping[str, Any]) -> bool:
    """A look at the JSON text is ten times faster than one at every value."""
    read = {key: value for key, value in document.items() if key not in _VERBATIM}
    try:
        return None in document.values() or any(b"null" in piece for piece in content_pieces(read))
    except (TypeError, orjson.JSONEncodeError):
        return True


def _without_nulls(document: Mapping[str, Any]) -> dict[str, Any]:
    return {
        str(key): value if key in _VERBATIM else _stripped(value, 1)
        for key, value in document.items()
        if value is not None
    }


def _stripped(value: Any, depth: int) -> Any:
    if depth > _DEEPEST:
        return value
    if isinstance(value, Mapping):
        return {str(key): _stripped(item, depth + 1) for key, item in value.items() if item is not None}
    if isinstance(value, (list, tuple)):
        return [_stripped(item, depth + 1) for item in value]
    return value


def _first(issues: Iterable[Issue], count: int, path: str) -> Iterator[Issue]:
    """As many as anybody reads, and how many there are more; they are worded only when they are shown."""
    yield from islice(issues, MOST_FAULTS)
    if count > MOST_FAULTS:
        yield issue("more_faults", path, "warning", count=count - MOST_FAULTS)


def _bounded_faults(error: ValidationError, given: dict[str, Any], path: str) -> list[Issue]:
    count = error.error_count()
    if count <= MOST_FAULTS:
        return _faults(error, given, path)
    # To list all of them takes a kilobyte each; the first items of every list have enough of them.
    try:
        DraftSpec.model_validate({key: _beginning(value, 1) for key, value in given.items()})
    except ValidationError as fewer:
        error = fewer
    shown = _faults(error, given, path)[:MOST_FAULTS] if error.error_count() < count else []
    return [*shown, issue("more_faults", path, "error", count=count - len(shown))]


def _beginning(value: Any, depth: int) -> Any:
    """A value with the first items of its lists and objects."""
    if depth > _DEEPEST:
        return None
    if isinstance(value, Mapping):
        return {key: _beginning(item, depth + 1) for key, item in islice(value.items(), _FIRST)}
    if isinstance(value, (list, tuple)):
        return [_beginning(item, depth + 1) for item in value[:_FIRST]]
    return value


def _unknown(spec: DraftSpec, path: str) -> Iterable[Issue]:
    for where, name, known in unknown_fields(spec, path):
        full = f"{where}.{name}" if where else name
        if near := nearest(name, known):
            yield issue("unknown_field_near", full, "warning", name=name, near=near)
        else:
            yield issue("unknown_field", full, "warning", name=name, known=", ".join(sorted(known)))


def _faults(error: ValidationError, given: Mapping[str, Any], path: str) -> list[Issue]:
    faults: dict[tuple[str, str], Issue] = {}
    for detail in error.errors(include_url=False, include_context=True):
        where = json_path(detail["loc"], path, given)
        fault = _fault(detail, where)
        faults.setdefault((fault.code, fault.path), fault)
    # Where a union's other member got further, this one's "not a list" is no news.
    return [
        fault
        for (code, where), fault in faults.items()
        if code not in ("not_an_object", "not_a_list")
        or not any(other.startswith((f"{where}.", f"{where}[")) for _, other in faults)
    ]


def json_path(location: tuple[int | str, ...], path: str = "", document: Any = None) -> str:
    """`tracks[0].clips[2].at` from pydantic's location, without the union tags in it.

    Args:
        location: Where pydantic says that a fault is.
        path: What the path begins with.
        document: What was read. A clip's `start`, `duration` and `end` may stand in the clip itself there.
    """
    before: int | str = ""
    holder = document
    for index, step in enumerate(location):
        if isinstance(step, int):
            path += f"[{step}]"
            holder = _item(holder, step)
        elif step == "at" and location[index + 1 :] and _is_flat(holder):
            pass
        elif not _is_tag(step, isinstance(before, int) and index >= 2 and location[index - 2] == "clips"):
            path = f"{path}.{step}" if path else step
            holder = holder.get(step) if isinstance(holder, Mapping) else None
        before = step
    return path


def _is_flat(clip: Any) -> bool:
    return isinstance(clip, Mapping) and "at" not in clip and bool(_AT & clip.keys())


def _item(holder: Any, index: int) -> Any:
    if isinstance(holder, (list, tuple)):
        return holder[index] if index < len(holder) else None
    return holder  # one object where a list is wanted


def _is_tag(step: str, after_a_clip: bool) -> bool:
    """Whether pydantic put this step in only to say which member of a union it tried."""
    return (after_a_clip and step in _CLIP_TYPES) or step.startswith(_UNION_MEMBERS)


_BY_TYPE: Final = {
    "missing": "missing",
    "union_tag_not_found": "clip_without_type",
    "int_from_float": "not_whole",
    "string_type": "not_text",
    "string_too_short": "empty_text",
    **dict.fromkeys(("literal_error", "union_tag_invalid"), "not_one_of"),
    **dict.fromkeys(("greater_than", "greater_than_equal", "less_than", "less_than_equal"), "out_of_range"),
    **dict.fromkeys(
        ("finite_number", "float_parsing", "float_type", "int_parsing", "int_type"), "not_a_number"
    ),
    **dict.fromkeys(("bool_parsing", "bool_type"), "not_true_false"),
    **dict.fromkeys(("model_type", "model_attributes_type", "dict_type"), "not_an_object"),
    **dict.fromkeys(("tuple_type", "list_type"), "not_a_list"),
    **dict.fromkeys(("too_long", "too_short"), "wrong_count"),
}
_OURS: Final = frozenset(
    (
        *("time_boolean", "time_not_finite", "time_type", "time_negative", "time_too_long", "time_empty"),
        *("time_without_unit", "time_unreadable", "range_twice", "range_backwards", "range_empty"),
        *("crop_empty", "either_or", "one_of", "colour"),
    )
)
_BOUNDS: Final = (("gt", ">"), ("ge", ">="), ("lt", "<"), ("le", "<="))


def _fault(detail: ErrorDetails, where: str) -> Issue:
    kind, context = detail["type"], dict(detail.get("ctx") or {})
    shown = _shown(detail["input"])
    if kind in _OURS:
        return issue(kind, where, **{"value": shown, **context})
    code = _BY_TYPE.get(kind)
    if code == "not_one_of":
        expected = str(context.get("expected") or context.get("expected_tags") or "")
        known = [name for part in expected.replace(" or ", ", ").split(",") if (name := part.strip(" '"))]
        given = str(context.get("tag") or detail["input"])
        if kind == "union_tag_invalid":
            where = f"{where}.type"
        near = nearest(given, known) or (known or [""])[0]
        return issue("not_one_of", where, value=_shown(given), known=", ".join(known), near=near)
    if code == "clip_without_type":
        return issue(code, f"{where}.type", known=", ".join(_CLIP_TYPES))
    if code == "out_of_range":
        bound = next((f"{sign} {context[name]}" for name, sign in _BOUNDS if name in context), "")
        return issue(code, where, value=shown, bound=bound)
    if code is None:
        return issue("invalid", where, value=shown, reason=detail["msg"])
    return issue(code, where, value=shown)


def _shown(value: object) -> str:
    text = value if isinstance(value, str) else repr(value)
    return text if len(text) <= 60 else text[:59] + "…"
