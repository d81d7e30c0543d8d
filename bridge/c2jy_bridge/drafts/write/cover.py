"""The cover that JianYing shows in its list of drafts."""

from __future__ import annotations

from pathlib import Path
from typing import Final

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
