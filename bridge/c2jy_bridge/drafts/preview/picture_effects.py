"""Masks, chroma key and mix modes. Shapes and formulas are the field's own; the app's may differ a little."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import Any, Final

import numpy as np
from PIL import Image, ImageChops, ImageFilter

from c2jy_bridge.drafts.preview.scene import Chroma, Mask

Array = Any
"""A numpy array of floats; numpy's own types do not follow its broadcasting."""
_FEATHER: Final = 0.25
"""Of the picture's height, over which a mask of feather 1 goes from nothing to whole."""
_SPREAD: Final = 1.2
"""Distance of two colours, in their plane, that intensity 1 still takes away; red and green are 1 apart."""
_SOFT: Final = 0.08


def masked(picture: Image.Image, mask: Mask) -> Image.Image:
    """A picture of which only what the mask shows is opaque."""
    shown = _coverage(mask, picture.width, picture.height)
    whole = picture.convert("RGBA")
    whole.putalpha(ImageChops.multiply(whole.getchannel("A"), shown))
    return whole


@lru_cache(maxsize=8)
def _coverage(mask: Mask, width: int, height: int) -> Image.Image:
    """How much of each pixel the mask shows."""
    # Pixels from the mask's centre, turned into its own axes; y down.
    x = np.arange(width, dtype=np.float32)[None, :] + 0.5 - width / 2 * (1 + mask.x)
    y = np.arange(height, dtype=np.float32)[:, None] + 0.5 - height / 2 * (1 - mask.y)
    cos, sin = math.cos(math.radians(mask.rotation)), math.sin(math.radians(mask.rotation))
    along, across = cos * x + sin * y, -sin * x + cos * y
    half_width, half_height = mask.width * width / 2, mask.height * height / 2
    inside = _SHAPES[mask.shape](
        along, across, max(half_width, 0.5), max(half_height, 0.5), mask.round_corner
    )
    edge = max(1.0, mask.feather * _FEATHER * height)
    shown = np.clip(inside / edge + 0.5, 0.0, 1.0)
    return Image.fromarray(np.uint8(255 * (1.0 - shown if mask.invert else shown)))


# Each gives the distance to the shape's edge in pixels, positive inside.


def _line(x: Array, y: Array, a: float, b: float, corner: float) -> Array:
    return -y + 0 * x  # what is below it is hidden (pyJianYingDraft 0.3.1, MaskType)


def _mirror(x: Array, y: Array, a: float, b: float, corner: float) -> Array:
    return b - np.abs(y) + 0 * x


def _circle(x: Array, y: Array, a: float, b: float, corner: float) -> Array:
    return (1.0 - np.sqrt((x / a) ** 2 + (y / b) ** 2)) * min(a, b)


def _rectangle(x: Array, y: Array, a: float, b: float, corner: float) -> Array:
    radius = corner * min(a, b)
    beyond_x, beyond_y = np.abs(x) - (a - radius), np.abs(y) - (b - radius)
    outside = np.hypot(np.maximum(beyond_x, 0), np.maximum(beyond_y, 0))
    return radius - outside - np.minimum(np.maximum(beyond_x, beyond_y), 0)


def _heart(x: Array, y: Array, a: float, b: float, corner: float) -> Array:
    u, v = np.abs(x / a) * 1.14, -y / b * 1.2 + 0.2
    curve = (u**2 + v**2 - 1) ** 3 - u**2 * v**3
    return -np.cbrt(curve) * min(a, b) / 2


def _star(x: Array, y: Array, a: float, b: float, corner: float) -> Array:
    u, v = x / a, y / b
    angle = np.arctan2(u, -v)
    sector = math.pi / 5
    within = np.abs((angle + sector) % (2 * sector) - sector)
    inner = 0.382  # of a regular pentagram
    # The straight edge from a point at radius 1 to the notch beside it.
    edge = inner * math.sin(sector) / (inner * np.sin(sector - within) + np.sin(within) * 1.0 + 1e-9)
    return (np.minimum(edge, 1.0) - np.hypot(u, v)) * min(a, b)


_SHAPES: Final[Mapping[str, Callable[[Array, Array, float, float, float], Array]]] = {
    "line": _line,
    "mirror": _mirror,
    "circle": _circle,
    "rectangle": _rectangle,
    "heart": _heart,
    "star": _star,
}


def keyed(picture: Image.Image, chroma: Chroma) -> Image.Image:
    """A picture without one colour, by its distance in hue and saturation, whatever the brightness."""
    pixels = np.asarray(picture.convert("RGB"), np.float32) / 255
    wanted = np.asarray(chroma.colour, np.float32) / 255
    weights = np.asarray([[-0.169, -0.331, 0.5], [0.5, -0.419, -0.081]], np.float32)  # Cb, Cr of BT.601
    distance = np.linalg.norm(pixels @ weights.T - weights @ wanted, axis=-1)
    limit = chroma.intensity * _SPREAD / 2
    soft = _SOFT * (1 + 4 * chroma.edge_smooth)
    kept = np.clip((distance - limit) / soft, 0.0, 1.0) if chroma.intensity > 0 else np.ones_like(distance)
    whole = picture.convert("RGBA")
    mask = Image.fromarray(np.uint8(kept * 255))
    if chroma.edge_smooth > 0:
        mask = mask.filter(ImageFilter.GaussianBlur(2 * chroma.edge_smooth))
    whole.putalpha(ImageChops.multiply(whole.getchannel("A"), mask))
    return whole


def _soft_light(below: Array, above: Array) -> Array:
    # Pegtop's formula, which has no break.
    return (1 - 2 * above) * below**2 + 2 * above * below


def _overlay(below: Array, above: Array) -> Array:
    return np.where(below < 0.5, 2 * below * above, 1 - 2 * (1 - below) * (1 - above))


def _dodge(below: Array, above: Array) -> Array:
    return np.where(below <= 0, 0, np.minimum(1, below / np.maximum(1 - above, 1e-4)))


def _burn(below: Array, above: Array) -> Array:
    return np.where(below >= 1, 1, 1 - np.minimum(1, (1 - below) / np.maximum(above, 1e-4)))


_MODES: Final[Mapping[str, Callable[[Array, Array], Array]]] = {
    "正片叠底": lambda below, above: below * above,
    "滤色": lambda below, above: 1 - (1 - below) * (1 - above),
    "叠加": _overlay,
    "强光": lambda below, above: _overlay(above, below),
    "柔光": _soft_light,
    "变亮": np.maximum,
    "变暗": np.minimum,
    "颜色减淡": _dodge,
    "颜色加深": _burn,
    "线性加深": lambda below, above: np.maximum(0, below + above - 1),
    "线性减淡": lambda below, above: np.minimum(1, below + above),
    "差值": lambda below, above: np.abs(below - above),
}  # fmt: skip
"""By JianYing's name of the mode; the W3C's formulas (Compositing and Blending Level 1) where it has one."""
_ENGLISH: Final[Mapping[str, str]] = {
    "multiply": "正片叠底", "screen": "滤色", "overlay": "叠加", "hard light": "强光", "soft light": "柔光",
    "lighten": "变亮", "brighten": "变亮", "darken": "变暗", "color dodge": "颜色减淡",
    "color burn": "颜色加深", "linear burn": "线性加深", "linear dodge": "线性减淡", "difference": "差值",
}  # fmt: skip


def knows_mode(name: str) -> bool:
    """Whether `mixed` has a mix mode."""
    return name in _MODES or name.lower() in _ENGLISH


def mixed(below: Image.Image, above: Image.Image, mode: str) -> Image.Image:
    """`above` laid over `below` by a mix mode, with the opacities of `below`; both of one size."""
    formula = _MODES.get(mode) or _MODES[_ENGLISH[mode.lower()]]
    base = np.asarray(below.convert("RGBA"), np.float32) / 255
    top = np.asarray(above.convert("RGBA"), np.float32) / 255
    share = top[..., 3:] * base[..., 3:]
    colours = base[..., :3] * (1 - share) + formula(base[..., :3], top[..., :3]) * share
    result = np.concatenate([colours, base[..., 3:]], axis=-1)
    return Image.fromarray(np.uint8(np.clip(result, 0, 1) * 255 + 0.5))
