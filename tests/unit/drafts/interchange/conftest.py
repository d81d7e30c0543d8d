"""Drafts made by the builder, exported and read back with the real OpenTimelineIO and its adapters."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from c2jy_bridge.core.draft_views import ExportedTimeline, TimelineFormat
from c2jy_bridge.drafts import Library
from c2jy_bridge.drafts.interchange.exchange import export_draft

Export = Callable[..., ExportedTimeline]


def s(seconds: float) -> int:
    """Seconds as microseconds."""
    return round(seconds * 1_000_000)


@pytest.fixture
def export(library: Library, tmp_path: Path) -> Export:
    """Exports a draft of the library to the exports folder."""

    def write(name: str, to: TimelineFormat = "otio", out: Path | None = None) -> ExportedTimeline:
        return export_draft(library, name, to, out, tmp_path / "exports")

    return write


@pytest.fixture
def rich(media: Path) -> dict[str, Any]:
    """A document with two video tracks, a text, sounds that fade, speeds, a transition and markers."""

    def file(name: str) -> dict[str, str]:
        return {"path": str(media / name)}

    return {
        "schema": "c2jy/1",
        "name": "春天",
        "width": 1080,
        "height": 1920,
        "fps": 25,
        "tracks": [
            {
                "type": "video",
                "name": "main",
                "clips": [
                    {
                        "type": "video",
                        "media": file("video.mp4"),
                        "at": {"start": 0, "duration": 1.037},
                        "trim": {"start": 0.513, "duration": 2.074},
                        "speed": 2,
                        "volume": 0.5,
                        "fade": {"in": 0.2, "out": 0.35},
                        "transition": {"name": "叠化", "duration": 0.4},
                    },
                    {"type": "image", "media": file("tall.jpg"), "at": {"start": 1.037, "duration": 1.2}},
                    {
                        "type": "video",
                        "media": file("silent.mp4"),
                        "at": {"start": 3, "duration": 1},
                        "trim": {"start": 0.25, "duration": 1},
                    },
                ],
            },
            {
                "type": "video",
                "name": "above",
                "clips": [
                    {
                        "type": "image",
                        "media": file("wide.png"),
                        "at": {"start": 0.5, "duration": 2.25},
                        "transform": {"x": 0.25, "y": -0.5, "scale_x": 0.5, "scale_y": 0.5, "opacity": 0.75},
                    }
                ],
            },
            {
                "type": "text",
                "name": "titles",
                "clips": [
                    {
                        "type": "text",
                        "text": "春天来了\nspring",
                        "at": {"start": 0.111, "duration": 2.5},
                        "style": {"size": 15, "bold": True, "color": "#ff0000"},
                        "transform": {"x": 0, "y": 0.6},
                    }
                ],
            },
            {
                "type": "audio",
                "name": "music",
                "clips": [
                    {
                        "type": "audio",
                        "media": file("sound.wav"),
                        "at": {"start": 0.4, "duration": 1.5},
                        "trim": {"start": 0.1, "duration": 1.5},
                        "volume": 0.8,
                        "fade": {"in": 0.3, "out": 0.5},
                    },
                    {
                        "type": "audio",
                        "media": file("sound.wav"),
                        "at": {"start": 1.9, "duration": 1},
                        "trim": {"start": 0, "duration": 0.5},
                        "speed": 0.5,
                        "fade": {"in": 0.12},
                    },
                ],
            },
        ],
        "markers": [
            {"at": 0.777, "name": "beat", "color": "#ff3b30"},
            {"at": 2, "duration": 0.5, "name": "段落"},
        ],
    }
