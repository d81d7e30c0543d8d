"""Draws a picture in half blocks: two pixels a cell, in any terminal with colours."""

from __future__ import annotations

import asyncio
import io
from typing import Final

from rich.color import Color
from rich.segment import Segment
from rich.style import Style
from textual import work
from textual.geometry import Size
from textual.strip import Strip
from textual.widget import Widget
from typing_extensions import override

_UPPER: Final = "▀"
_MOST_WIDE: Final = 960
"""Pixels to which a picture is kept: more than any terminal has cells."""


class Picture(Widget):
    """A picture as large as fits, its proportions kept; nothing before it has one."""

    DEFAULT_CSS = """
    Picture { height: auto; width: 100%; display: none; }
    """

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self._pixels: tuple[int, int, bytes] = (0, 0, b"")
        """Width, height and RGB of the picture, at most `_MOST_WIDE` wide."""
        self._strips: list[Strip] = []
        self._room: Size | None = None
        """What its owner leaves it; None: the width of what it is in, and half of the screen's height."""

    @work(group="picture", exclusive=True, exit_on_error=False)
    async def show(self, png: bytes) -> None:
        """Show a picture; it is decoded beside the event loop."""
        self._pixels = await asyncio.to_thread(_decoded, png)
        self.display = self._room is None or bool(self._room)
        await self._fit()

    def clear(self) -> None:
        """Show nothing."""
        self._pixels, self._strips = (0, 0, b""), []
        self.display = False

    @work(group="picture-fit", exclusive=True, exit_on_error=False)
    async def on_resize(self) -> None:
        await self._fit()

    def fit(self, room: Size) -> None:
        """Be no larger than `room` from now on; nothing is drawn where that is nothing."""
        if room != self._room:
            self._room = room
            self.display = bool(room) and bool(self._pixels[2])
            self.on_resize()

    async def _fit(self) -> None:
        assert self.parent is not None
        if self._room is not None:
            width, height = self._room
        else:
            width = self.parent.content_size.width if isinstance(self.parent, Widget) else 0
            height = self.screen.size.height // 2
        if self._pixels[2] and width > 0 and height > 0:
            self._strips = await asyncio.to_thread(half_blocks, self._pixels, width, height)
            self.styles.height = len(self._strips)
            self.refresh(layout=True)

    @override
    def render_line(self, y: int) -> Strip:
        return self._strips[y] if y < len(self._strips) else Strip.blank(self.size.width)


def half_blocks(pixels: tuple[int, int, bytes], width: int, height: int) -> list[Strip]:
    """A picture on at most `width` cells and `height` lines.

    Args:
        pixels: Width and height in pixels, and its RGB bytes.
        width: Cells.
        height: Lines of two pixels each.
    """
    from PIL import Image

    wide, high, data = pixels
    part = min(width / wide, 2 * height / high)
    columns, rows = max(1, round(wide * part)), max(2, round(high * part / 2) * 2)
    shown = Image.frombytes("RGB", (wide, high), data).resize((columns, rows), Image.Resampling.BILINEAR)
    flat = shown.tobytes()

    def colour(x: int, y: int) -> Color:
        at = 3 * (y * columns + x)
        return Color.from_rgb(*flat[at : at + 3])

    return [
        Strip([Segment(_UPPER, Style(color=colour(x, y), bgcolor=colour(x, y + 1))) for x in range(columns)])
        for y in range(0, rows, 2)
    ]


def _decoded(png: bytes) -> tuple[int, int, bytes]:
    from PIL import Image

    with Image.open(io.BytesIO(png), formats=["PNG"]) as picture:
        picture.thumbnail((_MOST_WIDE, _MOST_WIDE))
        plain = picture.convert("RGB")
    return plain.width, plain.height, plain.tobytes()
