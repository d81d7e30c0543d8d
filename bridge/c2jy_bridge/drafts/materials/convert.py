"""Converts pictures that JianYing or MediaInfo cannot read, and detects truncated ones."""

from __future__ import annotations

import mmap
import threading
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Final

from c2jy_bridge.drafts.materials.material import Refused
from c2jy_bridge.drafts.materials.probe import gif_frames, open_image

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
HUGE_PIXELS: Final = 16_000_000
"""From here on another process should draw: the interpreter would be held for more than 50 ms (WebP: 41 ms
for 12 million, measured), while a process costs a third of a second."""
ONE_LARGE_PICTURE: Final = threading.Lock()
"""Held while a picture of many pixels is drawn: eight threads draw at once, and memory is one."""


def needs_conversion(path: Path, extension: str) -> bool:
    """True for WebP and AVIF, and for a GIF of one frame, which pyJianYingDraft would take for a video."""
    if extension != "gif":
        return extension in _ALWAYS
    return gif_frames(path)[0] < 2


def is_huge(source: Path, extension: str) -> bool:
    """Whether a picture that may be drawn has so many pixels that another process should do it."""
    with open_image(source, extension) as image:
        return HUGE_PIXELS <= image.width * image.height <= _MOST_PIXELS


def convert(source: Path, target: Path, extension: str) -> tuple[str, tuple[str, ...]]:
    """Write `source` as PNG (when transparent), JPEG of quality 95, or GIF (when animated) to `target`.

    Returns:
        The new extension, and codes of what a person should know: `animation_to_gif`, `animation_to_still`.

    Raises:
        Refused: The picture cannot be read or is too large.
    """
    with open_image(source, extension) as image, room_to_draw(image):
        frames = int(getattr(image, "n_frames", 1))
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
    with ONE_LARGE_PICTURE:
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


_PNG_HEAD: Final = 8
_CHUNK_FRAME: Final = 12
"""Length, type and checksum of a PNG chunk (PNG specification, 5.3)."""
_ANCILLARY: Final = 0x20
"""Bit of a chunk's first letter: readers may do without it, and pass over a wrong checksum (5.4)."""
_END: Final = b"\xff\xd9"
"""A JPEG's last marker. In scan data FF stands before 00 or a restart only (ITU-T T.81, B.1.1)."""
_SCAN: Final = 0xDA


def check_whole(path: Path, extension: str) -> None:
    """Raise `Refused` for a still picture that was cut off or damaged on the way.

    Args:
        path: Of at least one byte.
        extension: As its first bytes say; for others than png, jpg, bmp and tiff nothing is done.
    """
    has_end = _END_CHECKS.get(extension)
    if extension not in _STILL or (has_end and has_end(path)):
        return
    # A PNG without its end mark may have all of its lines: whatever can be drawn is whole enough.
    if not _can_be_drawn(path, extension):
        raise Refused("cut_off")


def _png(path: Path) -> bool:
    with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
        offset = _PNG_HEAD
        while offset + _CHUNK_FRAME <= len(data):
            end = offset + _CHUNK_FRAME + int.from_bytes(data[offset : offset + 4], "big")
            if end > len(data):
                return False
            with memoryview(data) as view, view[offset + 4 : end - 4] as body:
                is_needed = not body[0] & _ANCILLARY
                if is_needed and zlib.crc32(body) != int.from_bytes(view[end - 4 : end], "big"):
                    return False
            if data[offset + 4 : offset + 8] == b"IEND":
                return True
            offset = end
    return False


def _jpeg(path: Path) -> bool:
    with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
        offset = 2
        # Segment by segment to the first scan: a thumbnail in the head has an end of its own.
        while data[offset : offset + 1] == b"\xff" and offset + 4 <= len(data):
            if data[offset + 1] == _SCAN:
                return data.rfind(_END, offset) > 0
            offset += 2 + int.from_bytes(data[offset + 2 : offset + 4], "big")
    return False


def _can_be_drawn(path: Path, extension: str) -> bool:
    try:
        with open_image(path, extension) as image, room_to_draw(image):
            image.load()
    except Refused as refused:
        return refused.code != "unreadable_media"  # too large to draw is no sign of damage
    return True


_STILL: Final = frozenset({"png", "jpg", "bmp", "tiff"})
_END_CHECKS: Final = {"png": _png, "jpg": _jpeg}
