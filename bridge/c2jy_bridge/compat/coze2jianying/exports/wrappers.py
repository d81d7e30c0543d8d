"""Finds the drafts in whatever a user copied, in every wrapper known for exports.

The real return value of export_drafts is `{"draft_data": "<json>", "exported_count": n, ...}`; the desktop
app of the predecessor wanted `{"output": "<json>"}`; its parser wrote `{"drafts": [...]}`; people paste one
draft, a list of drafts, or the infos that the make_* tools gave.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from c2jy_bridge.compat.coze2jianying.exports.fields import step
from c2jy_bridge.compat.coze2jianying.exports.issues import issue, shown
from c2jy_bridge.compat.coze2jianying.exports.json_text import read
from c2jy_bridge.drafts.errors import DraftError
from c2jy_bridge.drafts.spec.reading import is_spec

_KNOWN_KEYS: Final = ("draft_data", "output", "drafts", "draft", "data", "content", "result")
_ENCODINGS: Final = 6
"""JSON in a string in a string ...: two levels have been met."""

INFOS: Final = {
    "video_infos": "video",
    "image_infos": "video",
    "audio_infos": "audio",
    "caption_infos": "text",
    "effect_infos": "effect",
    "sticker_infos": "sticker",
    "filter_infos": "filter",
}
"""Inputs of the add_* tools, and the track that each makes; bottom first."""
_FLAT_KEYS: Final = {
    "video_url": "video_infos",
    "image_url": "image_infos",
    "audio_url": "audio_infos",
    "content": "caption_infos",
    "effect_type": "effect_infos",
    "filter_type": "filter_infos",
}


@dataclass(frozen=True, slots=True)
class Found:
    """One draft in a document, not yet read."""

    path: str
    value: dict[str, Any] | list[Any]
    """The draft, verbatim; a list when it is loose infos of the make_* tools."""
    ours: bool
    """It is a `c2jy/1` document."""
    envelope: dict[str, Any] = field(default_factory=dict)
    """What surrounded it: format_version, export_type, message ..."""


def find_drafts(document: Any) -> list[Found]:
    """All drafts in a document.

    Args:
        document: A JSON value as `json_text` gives it.

    Raises:
        DraftError: There is none; the issue says what was found instead.
    """
    found = list(_search(document, "", {}, 0))
    if not found:
        names = ", ".join(map(shown, document)) if isinstance(document, dict) else shown(document)
        raise DraftError([issue("no_draft", "", found=names or "-")])
    return found


def decoded(value: Any, path: str) -> Any:
    """A value that may be JSON in a string, however many times over."""
    for _ in range(_ENCODINGS):
        if not (isinstance(value, str) and looks_like_json(value)):
            return value
        value = read(value, path)
    raise DraftError([issue("json_too_deep", path, limit=_ENCODINGS)])


def looks_like_json(text: str) -> bool:
    """Whether a string means to be JSON rather than words."""
    begin = text.lstrip("\ufeff \t\r\n")[:3]
    return begin[:1] in ("{", "[") or begin[:2] in ('"{', '"[') or begin == "```" or begin[:2] == '"\\'


def _search(value: Any, path: str, envelope: dict[str, Any], depth: int) -> Iterator[Found]:
    if depth > _ENCODINGS:
        return
    value = decoded(value, path)
    if isinstance(value, dict):
        yield from _in_object(value, path, envelope, depth)
    elif isinstance(value, list):
        items = [decoded(item, f"{path}[{index}]") for index, item in enumerate(value)]
        if items and all(flat_kind(item) for item in items):
            yield Found(path, items, ours=False, envelope=envelope)
            return
        for index, item in enumerate(items):
            if isinstance(item, (dict, list)):
                yield from _search(item, f"{path}[{index}]", envelope, depth + 1)
            elif depth == 0 or item is not None:
                raise DraftError([issue("not_a_draft", f"{path}[{index}]", found=shown(item))])


def _in_object(value: dict[str, Any], path: str, envelope: dict[str, Any], depth: int) -> Iterator[Found]:
    if is_spec(value):
        yield Found(path, value, ours=True, envelope=envelope)
        return
    if _is_draft(value):
        yield Found(path, value, ours=False, envelope=envelope)
        return
    if value.get("success") is False and not any(
        value.get(key) for key in ("draft_data", "output", "drafts")
    ):
        raise DraftError([issue("export_failed", path, message=shown(value.get("message") or "-", 200))])
    key = next((key for key in _KNOWN_KEYS if _may_hold(value.get(key))), None)
    key = key or next((key for key in value if _may_hold(value[key])), None)
    if key is None:
        return
    around = {**envelope, **{name: item for name, item in value.items() if name != key}}
    yield from _search(value[key], step(path, key), around, depth + 1)


def _is_draft(value: Mapping[str, Any]) -> bool:
    return "tracks" in value or "project" in value or any(name in value for name in INFOS)


def _may_hold(value: Any) -> bool:
    """Whether drafts may be in this value of a wrapper."""
    if isinstance(value, str):
        return looks_like_json(value)
    if isinstance(value, dict):
        return _is_draft(value) or is_spec(value) or any(_may_hold(value.get(key)) for key in _KNOWN_KEYS)
    return isinstance(value, list) and any(isinstance(item, dict) or _may_hold(item) for item in value)


def flat_kind(value: Any) -> str | None:
    """The add_* input to which a flat info belongs; None when it is no flat info."""
    if not isinstance(value, dict) or "start" not in value or "end" not in value:
        return None
    return next((infos for key, infos in _FLAT_KEYS.items() if key in value), None)
