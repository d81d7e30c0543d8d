"""Exports as users have them, and a minimal draft that each test adapts."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from c2jy_bridge.compat.coze2jianying.exports import Imported, parse

EXPORTS = Path(__file__).parent / "exports"
SECOND = 1_000_000


@pytest.fixture
def export() -> Callable[[str], bytes]:
    return lambda name: (EXPORTS / f"{name}.json").read_bytes()


def draft(*segments: dict[str, Any], track: str = "video", **track_fields: Any) -> dict[str, Any]:
    """A draft in microseconds with one track; a segment without a time lasts from 0 to 4 s."""
    timed = [{"time_range": {"start": 0, "end": 4 * SECOND}, **segment} for segment in segments]
    return {
        "draft_id": "d",
        "project": {"name": "n", "width": 1920, "height": 1080, "fps": 30},
        "tracks": [{"track_type": track, **track_fields, "segments": timed}],
    }


@pytest.fixture(name="draft")
def _draft() -> Callable[..., dict[str, Any]]:
    return draft


class One:
    """The one clip of a draft of one segment, and the codes of what was said about it."""

    def __init__(self, imported: Imported) -> None:
        self.imported = imported
        self.spec = imported.spec
        self.clip: Any = imported.spec.tracks[0].clips[0]
        self.codes = {issue.code for issue in imported.issues} - {"time_unit", "time_unit_unsure"}
        self.paths = {issue.code: issue.path for issue in imported.issues}


@pytest.fixture
def one() -> Callable[..., One]:
    """`one({"type": "image", ...})`: one segment imported in microseconds; a URL is put in where needed."""

    def bring(segment: dict[str, Any], track: str = "", unit: Any = "us", **track_fields: Any) -> One:
        kind = segment.get("type", "video")
        if kind in ("video", "image", "audio"):
            segment = {"material_url": "https://x.example/a", **segment}
        name = track or {"image": "video"}.get(kind, kind)
        return One(parse(draft(segment, track=name, **track_fields), time_unit=unit)[0])

    return bring
