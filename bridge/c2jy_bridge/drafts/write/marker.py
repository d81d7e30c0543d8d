"""c2jy.json: our mark in a draft folder, and the document that the draft was made from."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import orjson

from c2jy_bridge.drafts.write.plain import read_head, read_plain

DOCUMENT: Final = "c2jy.json"
_HEAD_BYTES: Final = 4096
_BEGINS: Final = '{"marker":'


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
