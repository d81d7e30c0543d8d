"""A draft with a picture and a sound, and the packer that takes it away."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from c2jy_bridge.drafts import DraftPacker, Library

WINDOWS = "C:\\Users\\me\\AppData\\Local\\JianyingPro\\User Data\\Projects\\com.lveditor.draft"


@pytest.fixture
def document(media: Path) -> dict[str, Any]:
    return {
        "schema": "c2jy/1",
        "name": "中国美食",
        "tracks": [
            {"type": "video", "clips": [{"type": "image", "media": str(media / "wide.png"), "duration": 2}]},
            {"type": "audio", "clips": [{"media": str(media / "sound.wav")}]},
            {"type": "text", "clips": [{"text": "你好", "duration": 2}]},
        ],
    }


@pytest.fixture
async def draft(build: Callable[..., Any], document: dict[str, Any]) -> Path:
    """With absolute paths, which is what a relocation rewrites."""
    return Path((await build({**document, "target": {"media_paths": "absolute"}})).path)


@pytest.fixture
async def portable(build: Callable[..., Any], document: dict[str, Any]) -> Path:
    return Path((await build(document)).path)


@pytest.fixture
def packer(library: Library, tmp_path: Path) -> DraftPacker:
    return DraftPacker(library, tmp_path / "exports")


@pytest.fixture
def windows() -> str:
    return WINDOWS
