"""Masks, chroma key and mix modes, by their pixels."""

from __future__ import annotations

from typing import Any

import pytest

from unit.drafts.preview.conftest import BLACK, BLUE, GREEN, RED, Draw, at, image, near


def covered(frame: Any, *places: tuple[float, float]) -> list[bool]:
    """Where the masked red picture is seen."""
    return [near(at(frame, x, y), RED) for x, y in places]


MIDDLE, LEFT, TOP, BELOW, CORNER = (0.5, 0.52), (0.1, 0.48), (0.5, 0.1), (0.5, 0.9), (0.98, 0.03)


@pytest.mark.parametrize(("mask", "seen"), [
    ({"shape": "线性"}, [False, True, True, False, True]),
    ({"shape": "镜面", "size": 0.5}, [True, True, False, False, False]),
    ({"shape": "圆形", "size": 0.6}, [True, False, False, False, False]),
    ({"shape": "矩形", "size": 0.6, "rect_width": 0.9}, [True, True, False, False, False]),
    ({"shape": "爱心", "size": 0.6}, [True, False, False, False, False]),
    ({"shape": "星形", "size": 0.6}, [True, False, False, False, False]),
    ({"shape": "圆形", "size": 0.6, "invert": True}, [False, True, True, True, True]),
    ({"shape": "镜面", "size": 0.5, "rotation": 90}, [True, False, True, True, False]),
    # Pixels of the picture, of 200x100: to its left edge.
    ({"shape": "圆形", "size": 0.6, "center_x": -80}, [False, True, False, False, False]),
])  # fmt: skip
async def test_a_mask_shows_its_shape_only(draw: Draw, mask: dict[str, Any], seen: list[bool]) -> None:
    frame = (await draw(image("red.png", mask=mask))).frame(0)
    assert covered(frame, MIDDLE, LEFT, TOP, BELOW, CORNER) == seen


async def test_a_round_mask_is_round_on_a_wide_picture(draw: Draw) -> None:
    frame = (await draw(image("red.png", mask={"shape": "圆形", "size": 0.8}))).frame(0)
    # 0.8 of the height of 200: a radius of 80 pixels on both axes.
    assert covered(frame, (0.5, 0.12), (0.5, 0.08), (0.32, 0.5), (0.28, 0.5)) == [True, False, True, False]


async def test_a_mask_goes_with_its_picture(draw: Draw) -> None:
    moved = {"scale": 0.5, "x": 0.5, "rotation": 90}
    frame = (await draw(image("red.png", mask={"shape": "线性"}, transform=moved))).frame(0)
    # What is above the line is right of it, once the picture has turned clockwise.
    assert covered(frame, (0.77, 0.5), (0.73, 0.5)) == [True, False]


async def test_a_feathered_edge_is_gradual(draw: Draw) -> None:
    mask = {"shape": "线性", "feather": 50}
    frame = (await draw(image("red.png", mask=mask))).frame(0)
    reds = [at(frame, 0.9, y)[0] for y in (0.42, 0.46, 0.5, 0.54, 0.58)]
    assert reds == sorted(reds, reverse=True)
    assert 60 < reds[2] < 140
    hard = (await draw(image("red.png", mask={"shape": "线性"}))).frame(0)
    assert at(hard, 0.9, 0.46)[0] > 190 > 10 > at(hard, 0.9, 0.54)[0]


async def test_a_rounded_rectangle_has_no_corners(draw: Draw) -> None:
    mask = {"shape": "矩形", "size": 0.8, "rect_width": 0.8, "round_corner": 100}
    frame = (await draw(image("red.png", mask=mask))).frame(0)
    assert covered(frame, (0.12, 0.13), (0.5, 0.12), (0.12, 0.5)) == [False, True, True]


async def test_the_key_colour_becomes_transparent(draw: Draw) -> None:
    chroma = {"color": "#1EA03CFF", "intensity": 30}
    studio = await draw(image("blue.png"), image("quarters.png", chroma=chroma))
    frame = studio.frame(0)
    assert near(at(frame, 0.75, 0.3), BLUE)  # what was green
    assert near(at(frame, 0.25, 0.3), RED)
    assert [(note.code, note.fidelity) for note in studio.notes()] == [("chroma", "approximate")]


@pytest.mark.parametrize(("mode", "channel"), [
    ("正片叠底", lambda b, a: b * a),
    ("滤色", lambda b, a: 1 - (1 - b) * (1 - a)),
    ("变亮", max),
    ("变暗", min),
    ("线性加深", lambda b, a: max(0.0, a + b - 1)),
    ("叠加", lambda b, a: 2 * b * a if b < 0.5 else 1 - 2 * (1 - b) * (1 - a)),
    ("强光", lambda b, a: 2 * b * a if a < 0.5 else 1 - 2 * (1 - b) * (1 - a)),
    ("颜色减淡", lambda b, a: min(1.0, b / (1 - a))),
    ("颜色加深", lambda b, a: 1 - min(1.0, (1 - b) / a)),
    ("柔光", lambda b, a: (1 - 2 * a) * b * b + 2 * a * b),
])  # fmt: skip
async def test_each_mix_mode_has_its_formula(draw: Draw, mode: str, channel: Any) -> None:
    studio = await draw(image("green.png"), image("red.png", mix_mode=mode))
    wanted = tuple(round(255 * channel(b / 255, a / 255)) for b, a in zip(GREEN, RED, strict=True))
    assert near(at(studio.frame(0), 0.5, 0.5), wanted, by=2)
    assert not studio.notes()


async def test_opacity_counts_in_a_mix_mode(draw: Draw) -> None:
    studio = await draw(image("green.png"), image("red.png", mix_mode="变暗", transform={"opacity": 0.0}))
    assert near(at(studio.frame(0), 0.5, 0.5), GREEN, by=2)
    assert not near(GREEN, BLACK)
