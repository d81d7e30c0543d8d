"""Pictures that JianYing or MediaInfo cannot read become ones that they can."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Final

from c2jy_bridge.drafts.materials.failure import Refused
from c2jy_bridge.drafts.materials.gif import gif_frames
from c2jy_bridge.drafts.materials.isolated_conversion import convert_apart
from c2jy_bridge.drafts.materials.probe import frame_count, open_image

if TYPE_CHECKING:
    from PIL.Image import Image

_ALWAYS: Final = frozenset({"webp", "avif"})
"""WebP fails in pyJianYingDraft 0.3.1 (MediaInfo reports no width: measured); JianYing 5.9 takes no AVIF."""

_MOST_FRAME_PIXELS: Final = 200_000_000
"""Width x height x frames of an animation that is still converted; Pillow keeps a byte of each."""

_MOST_PIXELS: Final = 64_000_000
"""Largest picture that is drawn, 8000 x 8000. A few KB of WebP can claim far more, and drawing costs 15 bytes
a pixel (measured, Pillow 12: 6 KB of WebP took 2.5 GB)."""
_MANY_PIXELS: Final = 8_000_000
_HUGE_PIXELS: Final = 16_000_000
"""From here on another process draws: the interpreter would be held for more than 50 ms (WebP: 41 ms for 12
million, measured), while a process costs a third of a second."""
_ONE_LARGE_PICTURE: Final = threading.Lock()
"""Held while a picture of many pixels is drawn: eight threads draw at once, and memory is one."""


def needs_conversion(path: Path, extension: str) -> bool:
    """True for WebP and AVIF, and for a GIF of one frame, which pyJianYingDraft would take for a video."""
    if extension != "gif":
        return extension in _ALWAYS
    return gif_frames(path)[0] < 2


def convert(source: Path, target: Path, extension: str) -> tuple[str, tuple[str, ...]]:
    """As `convert_here`, for a large picture in a process of its own where there can be one."""
    with open_image(source, extension) as image:
        pixels = image.width * image.height
    if _HUGE_PIXELS <= pixels <= _MOST_PIXELS:
        with suppress(OSError), _ONE_LARGE_PICTURE:
            return convert_apart(source, target, extension)
    return convert_here(source, target, extension)


def convert_here(source: Path, target: Path, extension: str) -> tuple[str, tuple[str, ...]]:
    """Write `source` as PNG (when transparent), JPEG of quality 95, or GIF (when animated) to `target`.

    Returns:
        The new extension, and codes of what a person should know: `animation_to_gif`, `animation_to_still`.

    Raises:
        Refused: The picture cannot be read or is too large.
    """
    with open_image(source, extension) as image, room_to_draw(image):
        frames = frame_count(image)
        if frames < 2:
            return _write_still(image, target, extension), ()
        if image.width * image.height * frames > _MOST_FRAME_PIXELS:
            return _write_still(image, target, extension), ("animation_to_still",)
        _write_gif(image, target, frames)
        return "gif", ("animation_to_gif",)


@contextmanager
def room_to_draw(image: Image) -> Iterator[None]:
    """Around the drawing of a picture: a large one alone, one beyond all bounds not at all (`Refused`)."""
    pixels = image.width * image.height
    if pixels > _MOST_PIXELS:
        raise Refused("image_too_large", limit=_MOST_PIXELS // 1_000_000)
    if pixels < _MANY_PIXELS:
        yield
        return
    with _ONE_LARGE_PICTURE:
        yield


def _write_still(image: Image, target: Path, extension: str) -> str:
    keep = {key: image.info[key] for key in ("icc_profile", "exif") if image.info.get(key)}
    transparent = image.mode in ("RGBA", "LA", "PA") or "transparency" in image.info
    if transparent or extension == "gif":
        image.convert("RGBA" if transparent else "RGB").save(target, "PNG", compress_level=4, **keep)
        return "png"
    image.convert("RGB").save(target, "JPEG", quality=95, subsampling=0, **keep)
    return "jpg"


def _write_gif(image: Image, target: Path, frames: int) -> None:
    lengths = []
    for frame in range(frames):
        image.seek(frame)
        image.load()  # the length of a WebP frame is known once it is decoded
        lengths.append(int(image.info.get("duration") or 100))

    def later() -> Iterator[Image]:
        for frame in range(1, frames):
            image.seek(frame)
            yield image.convert("RGBA")

    image.seek(0)
    first = image.convert("RGBA")
    first.save(target, "GIF", save_all=True, append_images=later(), duration=lengths, loop=0, disposal=2)
