"""Puts new words into a text and keeps its look: span by span, in every form that the apps have saved."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from typing import Final

from c2jy_bridge.core.lossless_json import Lossless
from c2jy_bridge.drafts.template.content import field

_TAG: Final = re.compile(r"(<[^<>]{0,500}>)")


def spans(content: str) -> list[str]:
    """The words of each span of one style."""
    try:
        held = json.loads(content)
    except ValueError:
        return [part.strip("[]") for part in _marked_up(content)[1]]
    if not isinstance(held, dict):
        return [content]
    text, ranges = str(held.get("text", "")), _ranges(held.get("styles"))
    return [text[begin:end] for begin, end in ranges] if len(ranges) > 1 else [text]


def reworded(content: str, words: Sequence[str]) -> str:
    """The content with other words.

    Args:
        content: JSON since JianYing 4, marked-up or plain text before.
        words: One for each span; a single one for all spans is shared out in the proportion of the old words.
    """
    try:
        held = Lossless.read(content.encode())
        is_rich = isinstance(held.value, dict)
    except ValueError:
        is_rich = False
    return _rich(held, words) if is_rich else _plain(content, words)


def reword(material: Lossless, words: Sequence[str]) -> None:
    """Put new words into a text material; its look and animations stay.

    What the app has noted of the old words (their times when they were recognised, the recognised text) goes,
    or it would be shown in their place.
    """
    material.update(content=reworded(str(field(material, "content", "")), words))
    for key in ("words", "current_words"):
        held = field(material, key)
        if isinstance(held, dict) and any(held.values()):
            material[key] = {name: [] for name in held}
    for key, value in (("recognize_text", "".join(words)), ("base_content", "")):
        if field(material, key):
            material[key] = value


def _rich(held: Lossless, words: Sequence[str]) -> str:
    old = str(field(held, "text", ""))
    ranges = _ranges(field(held, "styles"))
    text = "".join(words)
    held.update(text=text)
    if len(words) > 1 and len(words) == len(ranges):
        ends, at = [], 0
        for part in words:
            ends.append((at, at + len(part)))
            at += len(part)
    else:  # as pyJianYingDraft 0.3.1 does in template mode
        scale = len(text) / max(len(old), 1)
        ends = [(round(begin * scale), round(end * scale)) for begin, end in ranges]
        if ends:
            ends[-1] = (ends[-1][0], len(text))
    styled = iter(ends)
    for style in held["styles"] if ranges else ():
        if "range" in style:
            begin, end = next(styled)
            if style["range"].value != [begin, end]:
                style["range"] = [begin, end]
    return held.text


def _ranges(styles: object) -> list[tuple[int, int]]:
    found = []
    for style in styles if isinstance(styles, list) else ():
        held = style.get("range") if isinstance(style, dict) else None
        if isinstance(held, list) and len(held) == 2 and all(isinstance(end, int) for end in held):
            found.append((held[0], held[1]))
    return found


def _marked_up(content: str) -> tuple[list[str], list[str]]:
    """All parts of marked-up text, and of them those that are words."""
    parts = _TAG.split(content)
    return parts, [part for part in parts if part and not _TAG.fullmatch(part)]


def _plain(content: str, words: Sequence[str]) -> str:
    parts, old = _marked_up(content)
    if len(parts) == 1:
        return "".join(words)
    new = list(words) if len(words) == len(old) else ["".join(words), *[""] * (len(old) - 1)]
    fresh = iter(new or [""])
    made = []
    for part in parts:
        if not part or _TAG.fullmatch(part):
            made.append(part)
            continue
        # What looks like a tag would end the text here.
        word = next(fresh).replace("<", "＜").replace(">", "＞")
        made.append(f"[{word}]" if part.startswith("[") and part.endswith("]") else word)
    return "".join(made)
