"""Puts a picture where a clip has it: scaled, turned, moved, and cut to the canvas."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Final

from PIL import Image, ImageEnhance

from c2jy_bridge.drafts.preview.frame_sources import Size
from c2jy_bridge.drafts.preview.scene import Placement

Placed = tuple[Image.Image, tuple[int, int]]
"""A picture and the place of its upper left corner on the canvas, which it lies within."""
_UPRIGHT: Final = 0.01
"""Degrees that make no difference of a pixel."""


def place(picture: Image.Image, size: tuple[float, float], at: Placement, canvas: Size) -> Placed | None:
    """Scale, turn and move a picture; None when nothing of it is on the canvas.

    Args:
        picture: RGB or RGBA.
        size: What it measures at scale 1, in pixels of the canvas.
        at: Scale, rotation, position and flips; the rest is for others.
        canvas: Pixels.
    """
    if at.flip_horizontal != (at.scale_x < 0):
        picture = picture.transpose(Image.Transpose.FLIP_LEFT_RIGHT)
    if at.flip_vertical != (at.scale_y < 0):
        picture = picture.transpose(Image.Transpose.FLIP_TOP_BOTTOM)
    width, height = size[0] * abs(at.scale_x), size[1] * abs(at.scale_y)
    if width < 0.5 or height < 0.5:
        return None
    centre = canvas[0] / 2 * (1 + at.x), canvas[1] / 2 * (1 - at.y)
    if abs((at.rotation + 180) % 360 - 180) < _UPRIGHT:
        return _upright(picture, (width, height), centre, canvas)
    return _turned(picture, (width, height), centre, at.rotation, canvas)


def _upright(
    picture: Image.Image, size: tuple[float, float], centre: tuple[float, float], canvas: Size
) -> Placed | None:
    width, height = max(1, round(size[0])), max(1, round(size[1]))
    # A picture that was decoded for this place, and rounded up, is not scaled once more.
    if abs(picture.width - size[0]) < 1 and abs(picture.height - size[1]) < 1:
        width, height = picture.size
    left, top = round(centre[0] - width / 2), round(centre[1] - height / 2)
    x0, y0 = max(0, left), max(0, top)
    x1, y1 = min(canvas[0], left + width), min(canvas[1], top + height)
    if x0 >= x1 or y0 >= y1:
        return None
    across, down = picture.width / width, picture.height / height
    box = ((x0 - left) * across, (y0 - top) * down, (x1 - left) * across, (y1 - top) * down)
    if (x1 - x0, y1 - y0) == picture.size and box == (0, 0, *picture.size):
        return picture, (x0, y0)
    return picture.resize((x1 - x0, y1 - y0), Image.Resampling.BILINEAR, box=box), (x0, y0)


def _turned(
    picture: Image.Image,
    size: tuple[float, float],
    centre: tuple[float, float],
    degrees: float,
    canvas: Size,
) -> Placed | None:
    cos, sin = math.cos(math.radians(degrees)), math.sin(math.radians(degrees))
    half_x = (abs(size[0] * cos) + abs(size[1] * sin)) / 2
    half_y = (abs(size[0] * sin) + abs(size[1] * cos)) / 2
    x0, x1 = max(0, math.floor(centre[0] - half_x)), min(canvas[0], math.ceil(centre[0] + half_x))
    y0, y1 = max(0, math.floor(centre[1] - half_y)), min(canvas[1], math.ceil(centre[1] + half_y))
    if x0 >= x1 or y0 >= y1:
        return None
    # The transform takes single pixels: what becomes smaller is averaged before.
    fewer = min(picture.width, math.ceil(size[0])), min(picture.height, math.ceil(size[1]))
    if fewer != picture.size:
        picture = picture.resize(fewer, Image.Resampling.BILINEAR)
    # A transparent frame of one pixel makes its edges smooth.
    framed = Image.new("RGBA", (picture.width + 2, picture.height + 2))
    framed.paste(picture, (1, 1))
    across, down = picture.width / size[0], picture.height / size[1]
    dx, dy = x0 - centre[0], y0 - centre[1]
    matrix = (
        cos * across, sin * across, (cos * dx + sin * dy) * across + framed.width / 2,
        -sin * down, cos * down, (-sin * dx + cos * dy) * down + framed.height / 2,
    )  # fmt: skip
    turned = framed.transform((x1 - x0, y1 - y0), Image.Transform.AFFINE, matrix, Image.Resampling.BICUBIC)
    return turned, (x0, y0)


def crop_box(corners: Sequence[float]) -> tuple[float, float, float, float]:
    """Left, top, right, bottom of the corners of a crop, 0 to 1."""
    xs, ys = corners[0::2], corners[1::2]
    return min(xs), min(ys), max(xs), max(ys)


def cropped(picture: Image.Image, corners: Sequence[float]) -> Image.Image:
    """What lies within four corners, 0 to 1 from the top left: a rectangle, or any quadrilateral made one."""
    width, height = picture.size
    left, top, right, bottom = crop_box(corners)
    size = max(1, round((right - left) * width)), max(1, round((bottom - top) * height))
    x, y = min(width - 1, round(left * width)), min(height - 1, round(top * height))
    if tuple(corners) == (left, top, right, top, right, bottom, left, bottom):
        return picture.crop((x, y, min(width, x + size[0]), min(height, y + size[1])))
    points = [part * length for part, length in zip(corners, (width, height) * 4, strict=True)]
    upper_left, upper_right, lower_right, lower_left = (points[i : i + 2] for i in (0, 2, 4, 6))
    quad = (*upper_left, *lower_left, *lower_right, *upper_right)
    return picture.transform(size, Image.Transform.QUAD, quad, Image.Resampling.BICUBIC)


def coloured(picture: Image.Image, at: Placement) -> Image.Image:
    """Saturation, contrast and brightness as keyframes have them, -1 to 1."""
    if not (at.saturation or at.contrast or at.brightness):
        return picture
    plain = picture.convert("RGB")
    for value, enhance in (
        (at.saturation, ImageEnhance.Color),
        (at.contrast, ImageEnhance.Contrast),
        (at.brightness, ImageEnhance.Brightness),
    ):
        if value:
            plain = enhance(plain).enhance(max(0.0, 1.0 + value))
    if picture.mode == "RGBA":
        plain.putalpha(picture.getchannel("A"))
    return plain


def fainter(picture: Image.Image, alpha: float) -> Image.Image:
    """A picture with its opacity multiplied."""
    if alpha >= 1.0:
        return picture
    faint = picture.convert("RGBA")
    faint.putalpha(faint.getchannel("A").point([round(value * max(0.0, alpha)) for value in range(256)]))
    return faint
