"""A picture that says that another one is missing."""

from __future__ import annotations

import hashlib
import os
import uuid
from pathlib import Path
from typing import Final

from c2jy_bridge.drafts.materials import Material

_LONG_SIDE: Final = 960
_BACK, _LINES = (58, 42, 74), (236, 72, 153)


def placeholder(folder: Path, source: str, width: int, height: int) -> Material:
    """A crossed-out picture in the canvas's shape, drawn once for each shape.

    Args:
        folder: Where it is kept.
        source: What it stands for.
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
