"""Copies or links media and the cover into a draft folder."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Final, Literal

_LONG_SIDE: Final = 480
_DARK: Final = (24, 26, 31)
_MOST_PIXELS: Final = 16_000_000
"""Largest picture that is drawn for a cover: more pixels keep the event loop waiting (15 ms for 12 million).
Of a JPEG it is the size to which its decoder shrinks it."""


def write_cover(target: Path, picture: Path | None, width: int, height: int) -> bool:
    """Draw the cover: the picture filling the canvas's shape, else one dark colour.

    Args:
        target: Where the JPEG goes.
        picture: The first image of the draft, if it has one.
        width: Of the canvas, px.
        height: Of the canvas, px.

    Returns:
        Whether there is a cover now; a picture that cannot be drawn is no reason to have no draft.
    """
    from PIL import Image, ImageOps  # only now: listing drafts draws nothing

    scale = _LONG_SIDE / max(width, height)
    size = (max(1, round(width * scale)), max(1, round(height * scale)))
    try:
        if picture is None:
            Image.new("RGB", size, _DARK).save(target, "JPEG", quality=80)
        else:
            with Image.open(picture) as image:
                image.draft("RGB", size)
                if image.width * image.height > _MOST_PIXELS:
                    return write_cover(target, None, width, height)
                upright = ImageOps.exif_transpose(image).convert("RGB")
                ImageOps.fit(upright, size).save(target, "JPEG", quality=80)
    except Exception:  # a damaged picture makes Pillow raise anything at all
        target.unlink(missing_ok=True)
        return False
    return True


_AT_ONCE: Final = 8
_CHUNK: Final = 4 * 1024 * 1024


def bring(
    files: Iterable[tuple[Path, str]],
    folder: Path,
    mode: Literal["copy", "hardlink"],
    moved: Callable[[int], None],
) -> None:
    """Put media files into a folder.

    Args:
        files: (file in the cache, name in the folder).
        mode: `hardlink` costs no space; where the system cannot, the file is copied.
        moved: Told the bytes of each piece, from several threads; may raise to stop.
    """
    folder.mkdir(exist_ok=True)

    def one(pair: tuple[Path, str]) -> None:
        source, name = pair
        target = folder / name
        if mode == "hardlink":
            try:
                os.link(source, target)
                moved(source.stat().st_size)
                return
            except OSError:
                pass  # another file system, or one without links
        _copy(source, target, moved)

    with ThreadPoolExecutor(_AT_ONCE, thread_name_prefix="c2jy-media") as pool:
        jobs = [pool.submit(one, pair) for pair in files]
        try:
            for job in jobs:
                job.result()
        except BaseException:
            for job in jobs:
                job.cancel()
            raise


def _copy(source: Path, target: Path, moved: Callable[[int], None]) -> None:
    with open(source, "rb") as reader, open(target, "xb") as writer:
        while chunk := reader.read(_CHUNK):
            moved(len(chunk))
            writer.write(chunk)
        writer.flush()
        os.fsync(writer.fileno())
