"""Materials, the reasons why one cannot be had, and readable names for them."""

from __future__ import annotations

import hashlib
import os
import re
import uuid
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Final, Literal
from urllib.parse import SplitResult, unquote, urlsplit

from c2jy_bridge.core import i18n
from c2jy_bridge.core.events import Issue
from c2jy_bridge.core.safety import one_line

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


say = i18n.catalogue("materials")
_SHOWN_CHARACTERS = 80


class Refused(Exception):
    """This source cannot be had, and trying again will not help."""

    def __init__(self, code: str, **values: object) -> None:
        super().__init__(code)
        self.code = code
        self.values = values

    def failure(self, source: str) -> MaterialFailure:
        """The words for it, in the language in use."""
        values = {"source": shown(source), **self.values}
        return MaterialFailure(
            source=source,
            code=self.code,
            message=say(f"failure.{self.code}", **values),
            fix=say(f"fix.{self.code}", **values),
        )


class Passing(Refused):
    """This try failed, another may not; `retry_after_s` is how long the server asked to be left alone."""

    def __init__(self, code: str, retry_after_s: float | None = None, **values: object) -> None:
        super().__init__(code, **values)
        self.retry_after_s = retry_after_s


def shown(source: str) -> str:
    """`source` short enough for a sentence, and without its query: signed links carry secrets there."""
    if source[:5].lower() == "data:":
        return source[:24] + "…"
    if "://" in source[:10]:
        parts = split(source)
        # Of what cannot be taken apart, at least nothing that may be a password or a signature.
        unclear = source.partition("://")[2].partition("?")[0].rpartition("@")[2]
        source = f"{parts.hostname or ''}{unquote(parts.path)}" if parts else unclear
    text = one_line(source)
    return text if len(text) <= _SHOWN_CHARACTERS else f"{text[:30]}…{text[-(_SHOWN_CHARACTERS - 31) :]}"


def split(source: str) -> SplitResult | None:
    """The parts of a link; None for one that is none, as `http://[` or a host of forbidden characters."""
    try:
        return urlsplit(source)
    except ValueError:
        return None


_ILLEGAL: Final = re.compile(r'[<>:"/\\|?*%]+')  # on Windows, where the draft may go
_NAME_CHARACTERS: Final = 60


def readable_name(source: str, sha256: str, extension: str) -> str:
    """The last part of a link's path or of a file's, with the true extension.

    A link without one (`https://s.example/t/`) and a data: URL are called by their content.
    """
    if source[:5].lower() == "data:":
        stem = ""
    else:
        parts = split(source) if "://" in source[:16] else None
        path = parts.path if parts else source.replace("\\", "/")
        stem = PurePosixPath(unquote(path)).name
    base, dot, suffix = stem.rpartition(".")
    if dot and base and len(suffix) <= 5:
        stem = base
    stem = _ILLEGAL.sub("_", one_line(stem)).strip(" ._")[:_NAME_CHARACTERS].strip(" ._")
    return f"{stem or sha256[:8]}.{extension}"


_LONG_SIDE: Final = 960
_BACK, _LINES = (58, 42, 74), (236, 72, 153)


def placeholder(folder: Path, source: str, width: int, height: int) -> Material:
    """A crossed-out picture in the canvas's shape, drawn once for each shape.

    Args:
        folder: Where it is kept.
        source: The address of the missing picture.
        width: Of the canvas, px.
        height: Of the canvas, px.
    """
    scale = _LONG_SIDE / max(width, height)
    size = (max(2, round(width * scale)), max(2, round(height * scale)))
    path = folder / f"missing-{size[0]}x{size[1]}.png"
    if not path.exists():
        _draw(path, size)
    data = path.read_bytes()
    return Material(
        source=source,
        path=path,
        sha256=hashlib.sha256(data).hexdigest(),
        kind="image",
        extension="png",
        size_bytes=len(data),
        duration_us=0,
        width=size[0],
        height=size[1],
        has_audio=False,
        name="missing.png",
    )


def _draw(path: Path, size: tuple[int, int]) -> None:
    from PIL import Image, ImageDraw

    right, bottom = size[0] - 1, size[1] - 1
    image = Image.new("RGB", size, _BACK)
    pen = ImageDraw.Draw(image)
    pen.rectangle((0, 0, right, bottom), outline=_LINES, width=8)
    pen.line((0, 0, right, bottom), fill=_LINES, width=8)
    pen.line((0, bottom, right, 0), fill=_LINES, width=8)
    path.parent.mkdir(parents=True, exist_ok=True)
    unfinished = path.with_name(f"{path.name}.{uuid.uuid4().hex}")
    image.save(unfinished, "PNG")
    os.replace(unfinished, path)
