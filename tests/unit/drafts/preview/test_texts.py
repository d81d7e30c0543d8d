"""Texts: size, place, colour, alignment, wrapping, border, shadow, background, several styles, fonts."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from c2jy_bridge.drafts.preview import font_files
from c2jy_bridge.drafts.preview.text_look import text_look
from unit.drafts.preview.conftest import RED, YELLOW, Draw, at, image, near, text


def ink(frame: Image.Image, colour: tuple[int, int, int] = (255, 255, 255), by: int = 60) -> Any:
    """Which pixels have a colour."""
    pixels = np.asarray(frame.convert("RGB"), np.int16)
    return (np.abs(pixels - np.asarray(colour)) <= by).all(axis=-1)


def box(marked: Any) -> tuple[int, int, int, int]:
    """Left, top, right, bottom of the marked pixels."""
    rows, columns = np.nonzero(marked)
    return int(columns.min()), int(rows.min()), int(columns.max()), int(rows.max())


async def test_a_text_is_written_around_its_place(draw: Draw) -> None:
    left, top, right, bottom = box(ink((await draw(text("HHHH", {"size": 20}))).frame(0)))
    assert abs((left + right) / 2 - 200) <= 4
    assert abs((top + bottom) / 2 - 100) <= 8
    moved = box(ink((await draw(text("HH", {"size": 10}, transform={"x": 0.5, "y": 0.5}))).frame(0)))
    assert abs((moved[0] + moved[2]) / 2 - 300) <= 4
    assert abs((moved[1] + moved[3]) / 2 - 50) <= 6


async def test_a_text_is_as_wide_a_part_of_an_upright_canvas_as_of_a_broad_one(draw: Draw) -> None:
    parts = []
    for width, height in ((400, 225), (225, 400)):
        left, _, right, _ = box(
            ink((await draw(text("HHHH", {"size": 15}), width=width, height=height)).frame(0))
        )
        parts.append((right - left) / width)
    assert abs(parts[0] - parts[1]) < 0.02


async def test_size_follows_the_width_of_the_canvas(draw: Draw) -> None:
    heights = []
    for size in (15, 30):
        _, top, _, bottom = box(ink((await draw(text("H", {"size": size}))).frame(0)))
        heights.append(bottom - top)
    # A capital is about 0.7 of the size: 34 and 68 pixels on a canvas that is 400 wide.
    assert 16 <= heights[0] <= 26
    assert 1.8 <= heights[1] / heights[0] <= 2.2
    _, top, _, bottom = box(
        ink((await draw(text("H", {"size": 15}, transform={"scale": 2, "y": 0.0}))).frame(0))
    )
    assert abs((bottom - top) - heights[1]) <= 2


async def test_colour_and_opacity_are_followed(draw: Draw) -> None:
    frame = (await draw(text("HHH", {"size": 40, "color": "#E6D228"}))).frame(0)
    assert ink(frame, YELLOW, 20).sum() > 400
    faint = (await draw(text("HHH", {"size": 40, "color": "#FFFFFF", "alpha": 0.5}))).frame(0)
    assert ink(faint, (128, 128, 128), 12).sum() > 400
    assert not ink(faint, (255, 255, 255), 60).any()


async def test_lines_are_aligned_within_the_block(draw: Draw) -> None:
    edges = {}
    for align in ("left", "center", "right"):
        marked = ink((await draw(text("HHHHHH\nH", {"size": 15, "align": align}))).frame(0))
        edges[align] = box(marked[105:])[0]
    assert edges["left"] + 20 < edges["center"] < edges["right"] - 20


async def test_a_long_line_is_wrapped_at_its_width_when_it_wraps(draw: Draw) -> None:
    words = "one two three four five six seven eight nine ten eleven"
    style = {"size": 12, "wrap": True, "max_line_width": 0.5}
    left, top, right, bottom = box(ink((await draw(text(words, style))).frame(0)))
    assert right - left <= 205
    assert bottom - top > 60
    flat = box(ink((await draw(text(words, {**style, "wrap": False}))).frame(0)))
    assert flat[3] - flat[1] < 30


async def test_chinese_wraps_between_any_two_characters(draw: Draw) -> None:
    style = {"size": 20, "wrap": True, "max_line_width": 0.2}
    studio = await draw(text("一座城一座城一座城。", style))
    _, top, _, bottom = box(ink(studio.frame(0)))
    assert bottom - top > 60  # several lines, of boxes where Pillow's own font has no Chinese
    assert [note.code for note in studio.notes()] == ["characters"]


async def test_a_border_surrounds_the_letters(draw: Draw) -> None:
    border = {"color": "#C81E1E", "width": 60}
    frame = (await draw(text("H", {"size": 60, "border": border}))).frame(0)
    outer, inner = box(ink(frame, RED, 40)), box(ink(frame))
    # 60 is 0.12 of the letters' 135 pixels, all of it beyond them
    assert [abs(o - i) for o, i in zip(outer, inner, strict=True)] == pytest.approx([16] * 4, abs=2)


async def test_a_shadow_lies_towards_its_angle(draw: Draw) -> None:
    shadow = {"color": "#C81E1E", "distance": 20, "angle": -45, "diffuse": 0}
    frame = (await draw(text("H", {"size": 60, "shadow": shadow}))).frame(0)
    dark, letters = box(ink(frame, RED, 40)), box(ink(frame))
    assert dark[2] > letters[2] + 8  # to the right
    assert dark[3] > letters[3] + 8  # and below


async def test_a_background_is_a_box_behind_the_text(draw: Draw) -> None:
    style = {"size": 20, "background": {"color": "#C81E1E", "width": 0.5, "height": 0.5}}
    frame = (await draw(text("HHH", style))).frame(0)
    marked, letters = box(ink(frame, RED, 20)), box(ink(frame))
    assert marked[0] < letters[0] - 5
    assert marked[1] < letters[1] - 5
    assert near(at(frame, (marked[0] + 2) / 399, (marked[1] + 2) / 199), RED)
    plain = (await draw(text("HHH", {"size": 20}))).frame(0)
    assert not ink(plain, RED, 20).any()


async def test_vertical_text_runs_down(draw: Draw) -> None:
    left, top, right, bottom = box(ink((await draw(text("HHHH", {"size": 15, "vertical": True}))).frame(0)))
    assert bottom - top > 2 * (right - left)


async def test_bold_italic_and_underline_can_be_seen(draw: Draw) -> None:
    plain = ink((await draw(text("HIH", {"size": 40}))).frame(0))
    bold = ink((await draw(text("HIH", {"size": 40, "bold": True}))).frame(0))
    assert bold.sum() > plain.sum() * 1.1
    slanted = ink((await draw(text("HIH", {"size": 40, "italic": True}))).frame(0))
    _, top, _, bottom = box(slanted)
    middle = (top + bottom) // 2
    assert box(slanted[:middle])[2] > box(slanted[middle:])[2] + 3
    lined = box(ink((await draw(text("HIH", {"size": 40, "underline": True}))).frame(0)))
    assert lined[3] > box(plain)[3] + 2


async def test_letter_and_line_spacing_make_room(draw: Draw) -> None:
    close = box(ink((await draw(text("HH\nHH", {"size": 20}))).frame(0)))
    style = {"size": 20, "letter_spacing": 10, "line_spacing": 10}
    wide = box(ink((await draw(text("HH\nHH", style))).frame(0)))
    assert wide[2] - wide[0] > close[2] - close[0] + 10
    assert wide[3] - wide[1] > close[3] - close[1] + 10


async def test_a_font_of_the_app_that_is_not_here_is_named(draw: Draw) -> None:
    studio = await draw(text("Hello", {"font": "文轩体"}))
    studio.frame(0)
    (note,) = studio.notes()
    assert (note.code, note.fidelity) == ("font", "approximate")


async def test_a_text_lies_over_the_video_track(draw: Draw) -> None:
    frame = (await draw(image("red.png"), text("HHHH", {"size": 20}))).frame(0)
    assert ink(frame).any()
    assert near(at(frame, 0.05, 0.5), RED)


def test_styles_count_in_utf_16_units_and_old_materials_hold_their_style_themselves() -> None:
    content = (
        '{"text":"😀ab","styles":[{"range":[0,2],"size":10,"fill":{"content":{"solid":{"color":[1,0,0]}}}},'
        '{"range":[2,4],"size":20,"bold":true}]}'
    )
    look = text_look({"content": content, "alignment": 1})
    assert [(span.text, span.size, span.bold) for span in look.spans] == [
        ("😀", 10.0, False),
        ("ab", 20.0, True),
    ]
    assert look.spans[0].colour == (255, 0, 0, 255)
    old = text_look(
        {"content": '<font id=""><size=15>[CAA]</size></font>', "font_size": 15.0, "text_color": "#c0f1f5",
         "border_color": "#469df3", "border_width": 0.08, "check_flag": 15, "background_color": "#ffffff",
         "background_style": 1}
    )  # fmt: skip
    (span,) = old.spans
    assert (span.text, span.size, span.colour, span.border) == (
        "CAA", 15.0, (192, 241, 245, 255), (70, 157, 243, 255)
    )  # fmt: skip
    assert old.background is None  # its flag is not set: CapCut 2 kept the colour of a box that is off


async def test_characters_that_no_font_has_are_one_note_for_the_whole_draft(draw: Draw) -> None:
    studio = await draw(text("城楼"), text("城门"))
    studio.frame(0)
    (note,) = studio.notes()
    assert (note.code, note.name, note.count) == ("characters", "城楼门", 1)


def test_of_fonts_that_lack_something_the_one_that_lacks_least_is_taken(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    known = {"simhei.ttf": "城楼", "arial.ttf": "ابتabc", "": "abc"}
    for name in known:
        if name:
            (tmp_path / name).touch()
    # Which characters a font has, instead of fonts: there may be none on this machine.
    monkeypatch.setattr(
        font_files, "has_characters", lambda path, text: set(text) <= set(known[Path(path).name])
    )
    fonts = font_files.Fonts(folders=(tmp_path,))
    chosen, is_named = fonts.choose("C:/Fonts/Naskh.ttf", "ابتٱ", bold=False, italic=False)
    assert (Path(chosen).name, is_named) == ("arial.ttf", False)
    assert fonts.choose("D:/x/SimHei.ttf", "城", bold=False, italic=False) == (
        str(tmp_path / "simhei.ttf"),
        True,
    )
