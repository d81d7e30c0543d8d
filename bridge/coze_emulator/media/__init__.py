"""Media files of the built-in script and their addresses; scripts/make_media.py generates the files."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Final
from urllib.parse import urlencode

FOLDER: Final = Path(__file__).parent
TYPES: Final = {".mp4": "video/mp4", ".mp3": "audio/mpeg", ".png": "image/png", ".webp": "image/webp"}


def names() -> list[str]:
    """The names of the media files."""
    return sorted(path.name for path in FOLDER.iterdir() if path.suffix in TYPES)


def short_link(name: str) -> str:
    """The path of a file's short link, without a suffix."""
    return "/t/" + hashlib.sha256(name.encode()).hexdigest()[:11]


def short_links() -> dict[str, str]:
    """File names by the last part of their short link."""
    return {short_link(name).removeprefix("/t/"): name for name in names()}


def signed(name: str, now: int) -> str:
    """The path of a file with a signed query, as object stores make it; a day long, but not checked."""
    expires_at = now + 24 * 60 * 60
    signature = hashlib.sha256(f"{name} {expires_at}".encode()).hexdigest()
    query = {
        "lk3s": signature[:8],
        "rk3s": signature[8:16],
        "x-expires": str(expires_at),
        "x-signature": signature + "=",
        "x-orig-authkey": signature[::-1] * 3,
        "x-orig-sign": signature[:40] + "/" + signature[40:],
    }
    return f"/_media/{name}?{urlencode(query)}"
