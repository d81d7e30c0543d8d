"""Draws the pictures of the emulator's media with Pillow; `turn` is the place in the loop, 0 to 1."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import Final

from PIL import Image, ImageDraw, ImageFilter

WIDTH: Final = 1280
HEIGHT: Final = 720

Colour = tuple[int, int, int]


def gradient(top: Colour, bottom: Colour) -> Image.Image:
    """A background that fades from one colour to the other."""
    strip = Image.new("RGB", (1, 64))
    for row in range(64):
        share = row / 63
        strip.putpixel((0, row), tuple(round(a + (b - a) * share) for a, b in zip(top, bottom, strict=True)))
    return strip.resize((WIDTH, HEIGHT), Image.Resampling.BICUBIC)


def soft_light(ground: Image.Image, x: float, y: float, radius: float, colour: Colour) -> Image.Image:
    """A glow on the background."""
    small = Image.new("L", (WIDTH // 8, HEIGHT // 8))
    ImageDraw.Draw(small).ellipse(
        [(x - radius) / 8, (y - radius) / 8, (x + radius) / 8, (y + radius) / 8], fill=150
    )
    glow = small.filter(ImageFilter.GaussianBlur(radius / 24)).resize(
        (WIDTH, HEIGHT), Image.Resampling.BICUBIC
    )
    return Image.composite(Image.new("RGB", ground.size, colour), ground, glow)


def smooth(paint: Callable[[ImageDraw.ImageDraw], None], ground: Image.Image) -> Image.Image:
    """Draw at twice the size and scale down, so that edges are smooth."""
    large = ground.resize((WIDTH * 2, HEIGHT * 2), Image.Resampling.BILINEAR)
    paint(ImageDraw.Draw(large))
    return large.resize((WIDTH, HEIGHT), Image.Resampling.LANCZOS)


def disc(
    pen: ImageDraw.ImageDraw,
    x: float,
    y: float,
    rx: float,
    ry: float,
    fill: Colour,
    edge: Colour | None = None,
) -> None:
    """An ellipse by its centre and radii, in px of the final picture."""
    box = [(x - rx) * 2, (y - ry) * 2, (x + rx) * 2, (y + ry) * 2]
    pen.ellipse(box, fill=fill, outline=edge, width=8 if edge else 0)


def line(pen: ImageDraw.ImageDraw, points: Sequence[tuple[float, float]], fill: Colour, width: float) -> None:
    """A line with round ends and joints, in px of the final picture."""
    doubled = [(x * 2, y * 2) for x, y in points]
    pen.line(doubled, fill=fill, width=round(width * 2), joint="curve")
    for x, y in (doubled[0], doubled[-1]):
        pen.ellipse([x - width, y - width, x + width, y + width], fill=fill)


def bowl(
    pen: ImageDraw.ImageDraw, x: float, y: float, r: float, outside: Colour, rim: Colour, inside: Colour
) -> None:
    """A bowl seen from a little above."""
    pen.pieslice([(x - r) * 2, (y - r * 0.9) * 2, (x + r) * 2, (y + r * 0.9) * 2], 0, 180, fill=outside)
    disc(pen, x, y + r * 0.88, r * 0.42, r * 0.09, outside)
    disc(pen, x, y, r, r * 0.28, rim)
    disc(pen, x, y, r * 0.94, r * 0.24, inside)


def steam(picture: Image.Image, x: float, y: float, turn: float, strength: int = 120) -> Image.Image:
    """Three wisps that sway; `turn` 1 equals `turn` 0."""
    mask = Image.new("L", (WIDTH // 2, HEIGHT // 2))
    pen = ImageDraw.Draw(mask)
    for wisp in range(3):
        points = []
        for step in range(24):
            up = step / 23
            sway = math.sin(2 * math.pi * (up * 1.1 - turn + wisp / 3)) * (10 + 26 * up)
            points.append(((x + (wisp - 1) * 74 + sway) / 2, (y - up * 250) / 2))
        for step, (a, b) in enumerate(pairwise(points)):
            pen.line([a, b], fill=round(strength * math.sin(math.pi * (step + 1) / 24)), width=9)
    mask = mask.filter(ImageFilter.GaussianBlur(5)).resize((WIDTH, HEIGHT), Image.Resampling.BICUBIC)
    return Image.composite(Image.new("RGB", picture.size, (255, 250, 240)), picture, mask)


def tea(turn: float) -> Image.Image:
    """A cup of tea in the morning light."""
    sway = math.sin(2 * math.pi * turn)
    ground = gradient((247, 214, 158), (196, 112, 70))
    ground = soft_light(ground, 980 + 30 * sway, 150, 210, (255, 243, 205))

    def paint(pen: ImageDraw.ImageDraw) -> None:
        pen.rectangle([0, 1080, WIDTH * 2, HEIGHT * 2], fill=(122, 66, 44))
        disc(pen, 640, 588, 330, 46, (98, 52, 36))
        disc(pen, 640, 572, 300, 44, (236, 240, 236))
        disc(pen, 640, 566, 250, 32, (206, 218, 212))
        disc(pen, 862, 440, 66, 74, (226, 234, 232))
        disc(pen, 862, 440, 36, 44, (204, 134, 86))
        bowl(pen, 640, 370, 220, (226, 234, 232), (246, 250, 248), (150, 82, 28))
        disc(pen, 640 + 8 * sway, 374, 150, 26, (186, 108, 40))
        for leaf in range(5):
            angle = 2 * math.pi * (leaf / 5 + turn / 2 * (1 if leaf % 2 else -1))
            disc(pen, 640 + 110 * math.cos(angle), 376 + 20 * math.sin(angle), 15, 5, (74, 92, 38))
        for stroke in range(7):
            middle = 520 + stroke * 40
            line(
                pen,
                [(middle, 470 + (stroke % 2) * 16), (middle + 18, 492), (middle + 36, 470)],
                (72, 116, 168),
                4,
            )

    return steam(smooth(paint, ground), 640, 340, turn)


def wok(turn: float) -> Image.Image:
    """Vegetables fly above a wok on the fire."""
    flicker = math.sin(2 * math.pi * turn * 3)
    ground = gradient((38, 22, 40), (122, 34, 20))
    ground = soft_light(ground, 640, 600, 300 + 20 * flicker, (255, 128, 34))

    def paint(pen: ImageDraw.ImageDraw) -> None:
        for tongue in range(13):
            x = 380.0 + tongue * 43
            wave = math.sin(2 * math.pi * (turn * 2 + tongue * 0.37))
            tall = 95 + 34 * wave + 40 * math.sin(math.pi * tongue / 12)
            for share, colour in ((1.0, (232, 74, 24)), (0.66, (252, 150, 36)), (0.36, (255, 226, 120))):
                pen.polygon(
                    [
                        ((x - 34 * share) * 2, 1360),
                        ((x + 10 * wave) * 2, (680 - tall * share) * 2),
                        ((x + 34 * share) * 2, 1360),
                    ],
                    fill=colour,
                )
        pen.pieslice([360 * 2, 210 * 2, 920 * 2, 620 * 2], 0, 180, fill=(30, 30, 36))
        line(pen, [(900, 420), (1130, 330)], (64, 40, 28), 26)
        disc(pen, 640, 415, 280, 62, (58, 58, 66))
        disc(pen, 640, 418, 262, 52, (36, 34, 38))
        colours = ((84, 168, 62), (224, 62, 44), (250, 190, 60), (238, 128, 44), (150, 206, 96))
        for bit in range(26):
            phase = (turn + bit * 0.618) % 1
            x = 450 + (bit * 97) % 380 + 40 * math.sin(2 * math.pi * (phase + bit / 9))
            high = math.sin(math.pi * phase) * (110 + (bit * 53) % 170)
            size = 13 + bit % 4 * 4
            disc(
                pen,
                x,
                408 - high,
                size * 1.3,
                size * (0.6 + 0.4 * abs(math.cos(math.pi * phase * 2))),
                colours[bit % 5],
            )

    return smooth(paint, ground)


def noodles(turn: float) -> Image.Image:
    """Chopsticks lift noodles from a bowl."""
    lift = 0.5 - 0.5 * math.cos(2 * math.pi * turn)
    ground = gradient((28, 66, 82), (14, 30, 46))
    ground = soft_light(ground, 420, 170, 230, (96, 158, 160))

    def paint(pen: ImageDraw.ImageDraw) -> None:
        disc(pen, 640, 640, 380, 46, (8, 18, 30))
        bowl(pen, 640, 390, 290, (190, 44, 40), (240, 214, 160), (156, 74, 28))
        for strand in range(16):
            x = 440 + strand * 26
            wave = [
                (x + 34 * math.sin(step / 3 + strand + 2 * math.pi * turn), 352 + step * 6.5)
                for step in range(12)
            ]
            line(pen, wave, (246, 218, 140) if strand % 2 else (232, 196, 112), 9)
        disc(pen, 800, 400, 62, 30, (252, 250, 240))
        disc(pen, 800, 400, 32, 16, (248, 172, 50))
        for green in range(6):
            disc(pen, 470 + green * 21, 418 - (green % 3) * 13, 15, 8, (104, 176, 74))
        top = 300 - 150 * lift
        for strand in range(7):
            x = 590 + strand * 14
            hang = [
                (x + 7 * math.sin(step / 2 + strand + 4 * math.pi * turn), top + (400 - top) * step / 11)
                for step in range(12)
            ]
            line(pen, hang, (250, 226, 152) if strand % 2 else (236, 204, 122), 8)
        line(pen, [(560, top + 6), (1120, top - 150)], (172, 96, 46), 13)
        line(pen, [(560, top + 30), (1130, top - 112)], (196, 116, 58), 13)

    return steam(smooth(paint, ground), 620, 300, turn, 80)


def _is_red_side(x: float, y: float) -> bool:
    """Whether a point of the pot lies in the red broth: left, with the bulge above and without that below."""
    if math.hypot(x - 640, y - 226) < 134:
        return True
    return x < 640 and math.hypot(x - 640, y - 494) >= 134


def hotpot() -> Image.Image:
    """A hotpot with two broths, seen from above."""
    ground = soft_light(gradient((94, 24, 26), (48, 12, 20)), 640, 360, 330, (176, 66, 40))

    def paint(pen: ImageDraw.ImageDraw) -> None:
        disc(pen, 640, 372, 292, 292, (34, 10, 14))
        disc(pen, 640, 360, 290, 290, (206, 172, 96))
        disc(pen, 640, 360, 268, 268, (244, 232, 200))
        box = [(640 - 268) * 2, (360 - 268) * 2, (640 + 268) * 2, (360 + 268) * 2]
        pen.pieslice(box, 90, 270, fill=(196, 40, 26))
        disc(pen, 640, 226, 134, 134, (196, 40, 26))
        disc(pen, 640, 494, 134, 134, (244, 232, 200))
        for bit in range(30):
            angle, far = bit * 2.4, 40 + (bit * 37) % 190
            x, y = 640 + far * math.cos(angle), 360 + far * math.sin(angle)
            red = _is_red_side(x, y)
            colour = (
                ((240, 96, 40), (120, 20, 16))[bit % 2] if red else ((104, 160, 70), (232, 150, 70))[bit % 2]
            )
            disc(pen, x, y, 14 + bit % 3 * 5, 9 + bit % 2 * 5, colour)
        for x, y, colour in (
            (170, 180, (226, 108, 98)),
            (170, 540, (120, 176, 84)),
            (1110, 180, (240, 214, 150)),
            (1110, 540, (222, 140, 70)),
        ):
            disc(pen, x, y + 8, 112, 112, (30, 8, 14))
            disc(pen, x, y, 112, 112, (238, 238, 234))
            for slice_ in range(8):
                turn = slice_ * math.pi / 4
                disc(pen, x + 56 * math.cos(turn), y + 56 * math.sin(turn), 33, 24, colour, (238, 238, 234))

    return smooth(paint, ground)


def dumplings() -> Image.Image:
    """A bamboo steamer of dumplings, seen from above."""
    ground = soft_light(gradient((70, 92, 66), (28, 44, 40)), 640, 300, 330, (150, 170, 110))

    def paint(pen: ImageDraw.ImageDraw) -> None:
        disc(pen, 640, 378, 312, 312, (18, 30, 28))
        for ring in range(5):
            colour = ((196, 142, 78), (170, 116, 58))[ring % 2]
            disc(pen, 640, 360, 310 - ring * 10, 310 - ring * 10, colour)
        disc(pen, 640, 360, 262, 262, (226, 190, 128))
        for slat in range(-5, 6):
            reach = math.sqrt(max(0.0, 258**2 - (slat * 46) ** 2))
            line(pen, [(640 + slat * 46, 360 - reach), (640 + slat * 46, 360 + reach)], (206, 166, 104), 3)
        places = [(0.0, 0.0)] + [
            (164 * math.cos(k * math.pi / 3), 164 * math.sin(k * math.pi / 3)) for k in range(6)
        ]
        for dx, dy in places:
            x, y = 640 + dx, 360 + dy
            disc(pen, x, y + 8, 74, 70, (190, 150, 92))
            disc(pen, x, y, 72, 68, (250, 244, 230))
            for fold in range(12):
                turn = fold * math.pi / 6
                curl = turn + 0.5
                line(
                    pen,
                    [
                        (x + 14 * math.cos(curl), y + 13 * math.sin(curl)),
                        (x + 54 * math.cos(turn), y + 50 * math.sin(turn)),
                    ],
                    (226, 214, 192),
                    4,
                )
            disc(pen, x, y, 11, 10, (214, 198, 170))

    return smooth(paint, ground)


def mooncakes() -> Image.Image:
    """Mooncakes under a full moon."""
    ground = gradient((18, 24, 62), (72, 50, 96))
    ground = soft_light(ground, 960, 170, 170, (248, 226, 160))

    def paint(pen: ImageDraw.ImageDraw) -> None:
        disc(pen, 960, 170, 104, 104, (252, 240, 200))
        for star in range(40):
            disc(pen, (star * 331) % WIDTH, (star * 173) % 330, 1 + star % 3, 1 + star % 3, (236, 232, 250))
        disc(pen, 600, 600, 470, 70, (12, 14, 40))
        disc(pen, 600, 580, 460, 74, (60, 92, 130))
        disc(pen, 600, 574, 410, 58, (46, 74, 112))
        for x, y in ((590, 418), (430, 506), (750, 506)):
            pen.rounded_rectangle(
                [(x - 142) * 2, (y - 34) * 2, (x + 142) * 2, (y + 74) * 2], 60, fill=(160, 92, 34)
            )
            disc(pen, x, y + 66, 140, 34, (160, 92, 34))
            disc(pen, x, y - 30, 144, 48, (214, 144, 62))
            disc(pen, x, y - 32, 120, 38, (196, 122, 46))
            for petal in range(8):
                turn = petal * math.pi / 4
                disc(pen, x + 62 * math.cos(turn), y - 32 + 19 * math.sin(turn), 34, 11, (228, 164, 82))
            disc(pen, x, y - 32, 26, 9, (246, 196, 110))

    return smooth(paint, ground)
