"""c2jy.json: our mark in a draft folder, and the document that the draft was made from."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import orjson

from c2jy_bridge.drafts.write.safe_read import read_head, read_plain

DOCUMENT: Final = "c2jy.json"
_HEAD_BYTES: Final = 4096
_LONG_HEAD_BYTES: Final = 1024 * 1024
_LARGEST: Final = 2**53
_BEGINS: Final = '{"marker":'
_GOES_ON: Final = ',"figures":'


@dataclass(frozen=True, slots=True)
class Marker:
    """Who made a draft folder."""

    draft_id: str
    spec_id: str | None
    """The document's own id, by which a later one may replace it."""
    schema: str
    created_at: float
    """Unix seconds."""
    version: str
    """Of this program."""

    def as_json(self) -> dict[str, Any]:
        """As it stands in c2jy.json."""
        return {
            "draft_id": self.draft_id,
            "id": self.spec_id,
            "schema": self.schema,
            "created_at": self.created_at,
            "version": self.version,
        }


@dataclass(frozen=True, slots=True)
class Figures:
    """What a list says of a draft, so that nobody has to read megabytes of JSON for a line."""

    content_sha256: str
    """Of the main file that they are about; of any other content they say nothing."""
    duration_us: int
    tracks: int
    clips: int
    width: int
    height: int
    media: tuple[str, ...]
    """Paths as the content has them, each once."""


def figures_of(content: Mapping[str, Any], sha256: str) -> Figures:
    """The figures of a content that we wrote."""
    materials, canvas = content["materials"], content["canvas_config"]
    paths = (material["path"] for kind in ("videos", "audios") for material in materials[kind])
    return Figures(
        content_sha256=sha256,
        duration_us=content["duration"],
        tracks=len(content["tracks"]),
        clips=sum(len(track["segments"]) for track in content["tracks"]),
        width=canvas["width"],
        height=canvas["height"],
        media=tuple(dict.fromkeys(paths)),
    )


def beginning(marker: Marker, figures: Figures) -> bytes:
    """How c2jy.json begins: the mark and the figures, where they are found without reading the rest."""
    return b"".join(
        (_BEGINS.encode(), orjson.dumps(marker.as_json()), _GOES_ON.encode(), orjson.dumps(figures))
    )


def read_figures(folder: Path) -> Figures | None:
    """The figures in a draft folder; None when there are none, or somebody else wrote them."""
    try:
        text = read_head(folder / DOCUMENT, _LONG_HEAD_BYTES).decode("utf-8", "replace")
        if not text.startswith(_BEGINS):
            return None
        decoder = json.JSONDecoder()
        _, end = decoder.raw_decode(text, len(_BEGINS))
        if not text.startswith(_GOES_ON, end):
            return None
        found, _ = decoder.raw_decode(text, end + len(_GOES_ON))
        figures = Figures(**{**found, "media": tuple(found["media"])})
    except (OSError, ValueError, KeyError, TypeError, RecursionError):
        return None
    numbers = (figures.duration_us, figures.tracks, figures.clips, figures.width, figures.height)
    if not all(type(number) is int and 0 <= number < _LARGEST for number in numbers):
        return None
    return figures if all(isinstance(path, str) for path in figures.media) else None


def read_marker(folder: Path) -> Marker | None:
    """The mark in a draft folder; None when it is not ours."""
    try:
        marker = _head(folder / DOCUMENT) or orjson.loads(read_plain(folder / DOCUMENT))["marker"]
        return Marker(
            str(marker["draft_id"]),
            marker.get("id"),
            str(marker["schema"]),
            float(marker["created_at"]),
            str(marker["version"]),
        )
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return None


def _head(path: Path) -> Any:
    """The mark where we write it, at the beginning; the document behind it may be tens of megabytes."""
    text = read_head(path, _HEAD_BYTES).decode("utf-8", "replace")
    if not text.startswith(_BEGINS):
        return None
    try:
        return json.JSONDecoder().raw_decode(text, len(_BEGINS))[0]
    except (ValueError, RecursionError):
        return None
