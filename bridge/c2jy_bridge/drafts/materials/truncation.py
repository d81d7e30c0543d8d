"""Whether a picture is all there. Pillow measures one by its head, and JianYing would show half of it grey.

Decoding each to find out costs as much as downloading it (54 ms for a PNG of 1920 x 1080, measured), so a PNG
is followed from chunk to chunk and a JPEG from marker to marker; what fails that, or has none, is drawn.
"""

from __future__ import annotations

import mmap
import zlib
from pathlib import Path
from typing import Final

from c2jy_bridge.drafts.materials.convert import room_to_draw
from c2jy_bridge.drafts.materials.failure import Refused
from c2jy_bridge.drafts.materials.probe import open_image

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
    look = _LOOKS.get(extension)
    if extension not in _STILL or (look and look(path)):
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
_LOOKS: Final = {"png": _png, "jpg": _jpeg}
