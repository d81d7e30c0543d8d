"""What a material is once it is in the cache, and what it is when it could not be had."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from c2jy_bridge.core.events import Issue

MaterialKind = Literal["video", "image", "audio"]


@dataclass(frozen=True, slots=True)
class Material:
    """One media file in the cache, ready to be used by a draft.

    `width` and `height` are px as stored, without the rotation flag of a phone's video: pyJianYingDraft 0.3.1
    writes them so, and JianYing turns the picture itself. An animated GIF is a `video` without sound.
    """

    source: str
    """What was asked for: the URL, data: URL or path exactly as it was given."""
    path: Path
    """The file in the cache. Shared by all drafts: copy or link it, never change it."""
    sha256: str
    """Of the file at `path`, 64 hexadecimal digits; after a conversion, of the converted file."""
    kind: MaterialKind
    extension: str
    """Without the dot, by content: `mp4`, `jpg` ..."""
    size_bytes: int
    duration_us: int
    """Microseconds; 0 for a still image."""
    width: int
    """Pixels; 0 for audio."""
    height: int
    """Pixels; 0 for audio."""
    has_audio: bool
    name: str
    """What a person calls the file: the last part of the URL's path or of the file's, with `extension`."""
    issues: tuple[Issue, ...] = ()
    """What was not taken as it is (an animated WebP became a GIF ...); `path` of each is the source."""


@dataclass(frozen=True, slots=True)
class MaterialFailure:
    """A source that could not be had: `message` says what happened, `fix` what to do."""

    source: str
    code: str
    """Stable; names the message in the catalogue: `not_found`, `web_page`, `private_address` ..."""
    message: str
    fix: str
