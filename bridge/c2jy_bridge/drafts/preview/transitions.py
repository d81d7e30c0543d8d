"""Draws a transition as the nearest of a few: dissolve, fade through a colour, slide, wipe."""

from __future__ import annotations

from typing import Final, Literal

from PIL import Image, ImageDraw

Look = Literal["dissolve", "fade", "flash", "slide_left", "slide_right", "slide_up", "slide_down",
               "wipe_left", "wipe_right", "wipe_up", "wipe_down"]  # fmt: skip

_EXACT: Final = frozenset({"叠化", "dissolve"})
"""What is drawn as the app does; all others are approximate."""
_BY_WORD: Final[tuple[tuple[tuple[str, ...], Look], ...]] = (
    (("闪黑", "黑场", "fade to black", "black fade"), "fade"),
    (("闪白", "白场", "flash", "white"), "flash"),
    (("向右擦除", "右擦", "wipe right"), "wipe_right"),
    (("向上擦除", "上擦", "wipe up"), "wipe_up"),
    (("向下擦除", "下擦", "wipe down"), "wipe_down"),
    (("擦", "划像", "开幕", "百叶窗", "翻页", "wipe", "blind"), "wipe_left"),
    (("向右", "右移", "right"), "slide_right"),
    (("向上", "上移", "up"), "slide_up"),
    (("向下", "下移", "down"), "slide_down"),
    (("向左", "左移", "推近", "滑", "移动", "推", "甩", "slide", "push", "left", "pull in"), "slide_left"),
)
"""Words in the apps' names, the first that fits; a dissolve when none does."""


def look_of(name: str) -> Look:
    """The nearest look for a transition's name in the app."""
    lowered = name.lower()
    for words, look in _BY_WORD:
        if any(word in lowered for word in words):
            return look
    return "dissolve"


def is_exact(name: str) -> bool:
    """Whether the app's transition of this name is what is drawn."""
    return name.lower() in _EXACT


def blended(before: Image.Image, after: Image.Image, look: Look, passed: float) -> Image.Image:
    """The picture in a transition.

    Args:
        before: RGBA, the size of the canvas.
        after: The same.
        look: How.
        passed: 0 to 1.
    """
    kind, _, direction = look.partition("_")
    if kind == "dissolve":
        return Image.blend(before, after, passed)
    if kind in ("fade", "flash"):
        colour = (0, 0, 0, 255) if kind == "fade" else (255, 255, 255, 255)
        through = Image.new("RGBA", before.size, colour)
        if passed < 0.5:
            return Image.blend(before, through, passed * 2)
        return Image.blend(through, after, passed * 2 - 1)
    width, height = before.size
    step_x = {"left": -1, "right": 1}.get(direction, 0)
    step_y = {"up": -1, "down": 1}.get(direction, 0)
    if kind == "slide":
        picture = Image.new("RGBA", before.size)
        x, y = round(step_x * passed * width), round(step_y * passed * height)
        picture.paste(before, (x, y))
        picture.paste(after, (x - step_x * width, y - step_y * height))
        return picture
    # A wipe: the edge moves, the pictures stay.
    mask = Image.new("L", before.size)
    across, down = round(passed * width), round(passed * height)
    box = {
        "left": (width - across, 0, width, height),
        "right": (0, 0, across - 1, height),
        "up": (0, height - down, width, height),
        "down": (0, 0, width, down - 1),
    }[direction]
    if box[0] <= box[2] and box[1] <= box[3]:
        ImageDraw.Draw(mask).rectangle(box, fill=255)
    return Image.composite(after, before, mask)
