"""Where a picture is drawn: fit, position, scale, rotation, flip, crop, opacity, keyframes, track order."""

from __future__ import annotations

import pytest

from unit.drafts.preview.conftest import BLACK, BLUE, GREEN, RED, YELLOW, Draw, at, image, near

ONE_SECOND = 1_000_000


async def test_a_picture_of_the_canvas_shape_fills_it(draw: Draw) -> None:
    frame = (await draw(image("quarters.png"))).frame(0)
    assert frame.size == (400, 200)
    corners = [at(frame, x, y) for y in (0.02, 0.98) for x in (0.02, 0.98)]
    assert all(near(found, wanted) for found, wanted in zip(corners, (RED, GREEN, BLUE, YELLOW), strict=True))


async def test_a_picture_of_another_shape_is_shown_whole_between_black_bars(draw: Draw) -> None:
    frame = (await draw(image("square.png"))).frame(0)
    assert [near(at(frame, x, 0.5), RED) for x in (0.24, 0.26, 0.74, 0.76)] == [False, True, True, False]
    assert near(at(frame, 0.1, 0.5), BLACK)


async def test_fill_and_stretch_leave_no_bars(draw: Draw) -> None:
    for fit in ("fill", "stretch"):
        frame = (await draw(image("square.png", fit=fit))).frame(0)
        assert near(at(frame, 0.0, 0.0), RED)
        assert near(at(frame, 1.0, 1.0), RED)


async def test_position_counts_in_half_canvases_right_and_up(draw: Draw) -> None:
    frame = (await draw(image("red.png", transform={"scale": 0.5, "x": 0.5, "y": 0.5}))).frame(0)
    # Half as large, its centre at three quarters of the width and one of the height.
    assert near(at(frame, 0.52, 0.02), RED)
    assert near(at(frame, 0.98, 0.48), RED)
    assert near(at(frame, 0.48, 0.25), BLACK)
    assert near(at(frame, 0.75, 0.52), BLACK)


async def test_each_axis_has_a_scale_of_its_own(draw: Draw) -> None:
    frame = (await draw(image("red.png", transform={"scale_x": 0.5, "scale_y": 1.0}))).frame(0)
    assert [near(at(frame, x, 0.02), RED) for x in (0.23, 0.27, 0.73, 0.77)] == [False, True, True, False]


async def test_a_larger_scale_shows_the_middle(draw: Draw) -> None:
    frame = (await draw(image("quarters.png", transform={"scale": 40, "x": 20}))).frame(0)
    assert near(at(frame, 0.5, 0.25), RED)  # twenty halves to the right: the left half is in view
    assert near(at(frame, 0.5, 0.75), BLUE)


async def test_rotation_is_clockwise(draw: Draw) -> None:
    frame = (await draw(image("quarters.png", transform={"rotation": 90, "scale": 0.5}))).frame(0)
    # The upper left quarter is upper right now; the picture is 100 wide and 200 high.
    assert near(at(frame, 0.56, 0.25), RED)
    assert near(at(frame, 0.56, 0.75), GREEN)
    assert near(at(frame, 0.44, 0.25), BLUE)
    assert near(at(frame, 0.36, 0.5), BLACK)


async def test_flips_mirror_the_picture(draw: Draw) -> None:
    across = (await draw(image("quarters.png", transform={"flip_horizontal": True}))).frame(0)
    assert near(at(across, 0.1, 0.1), GREEN)
    down = (await draw(image("quarters.png", transform={"flip_vertical": True}))).frame(0)
    assert near(at(down, 0.1, 0.1), BLUE)


async def test_opacity_lets_the_track_below_through(draw: Draw) -> None:
    studio = await draw(image("green.png"), image("red.png", transform={"opacity": 0.25}))
    mixed = tuple(round(g + (r - g) * 0.25) for r, g in zip(RED, GREEN, strict=True))
    assert near(at(studio.frame(0), 0.5, 0.5), mixed, by=3)  # type: ignore[arg-type]


async def test_what_is_transparent_in_a_picture_shows_the_track_below(draw: Draw) -> None:
    frame = (await draw(image("blue.png"), image("hole.png"))).frame(0)
    assert near(at(frame, 0.2, 0.5), GREEN)
    assert near(at(frame, 0.8, 0.5), BLUE)


async def test_a_crop_shows_its_part_and_fits_it(draw: Draw) -> None:
    crop = {"left": 0.5, "top": 0.5, "right": 1.0, "bottom": 1.0}
    frame = (await draw(image("quarters.png", crop=crop))).frame(0)
    assert all(near(at(frame, x, y), YELLOW) for x in (0.01, 0.99) for y in (0.01, 0.99))
    narrow = (await draw(image("quarters.png", crop={"left": 0.0, "right": 0.25}))).frame(0)
    # A quarter of the width: 50 by 100, which fits as 100 by 200.
    assert [near(at(narrow, x, 0.2), RED) for x in (0.35, 0.4, 0.6, 0.65)] == [False, True, True, False]


async def test_later_tracks_lie_above(draw: Draw) -> None:
    small = {"scale": 0.5}
    frame = (await draw(image("red.png"), image("green.png", transform=small))).frame(0)
    assert near(at(frame, 0.5, 0.5), GREEN)
    assert near(at(frame, 0.1, 0.5), RED)


async def test_nothing_is_shown_before_and_after_a_clip(draw: Draw) -> None:
    clips = [{"type": "image", "media": "red.png", "at": {"start": 1, "duration": 1}},
             {"type": "image", "media": "green.png", "at": {"start": 3, "duration": 1}}]  # fmt: skip
    studio = await draw({"type": "video", "clips": clips})
    seen = [at(studio.frame(round(s * ONE_SECOND)), 0.5, 0.5) for s in (0.5, 1.0, 1.99, 2.0, 3.5)]
    wanted = (BLACK, RED, RED, BLACK, GREEN)
    assert all(near(found, colour) for found, colour in zip(seen, wanted, strict=True))


async def test_keyframes_move_a_clip_evenly(draw: Draw) -> None:
    frames = [
        {"property": "position_x", "at": 0, "value": -1},
        {"property": "position_x", "at": 2, "value": 1},
    ]
    studio = await draw(image("red.png", transform={"scale": 0.2}, keyframes=frames))
    for seconds, centre in ((0.5, 0.25), (1.0, 0.5), (1.5, 0.75)):
        frame = studio.frame(round(seconds * ONE_SECOND))
        assert near(at(frame, centre, 0.5), RED)
        assert near(at(frame, centre + 0.15, 0.5), BLACK)
        assert near(at(frame, centre - 0.15, 0.5), BLACK)


@pytest.mark.parametrize(("name", "first", "last", "seen"), [
    ("scale", 0.2, 1.0, lambda frame: near(at(frame, 0.1, 0.5), RED)),
    ("alpha", 0.0, 1.0, lambda frame: near(at(frame, 0.5, 0.5), RED)),
    ("rotation", 0.0, 90.0, lambda frame: near(at(frame, 0.5, 0.02), RED)),
    ("brightness", -1.0, 0.0, lambda frame: near(at(frame, 0.5, 0.5), RED)),
])  # fmt: skip
async def test_each_property_of_a_keyframe_is_followed(draw: Draw, name, first, last, seen) -> None:
    frames = [{"property": name, "at": 0, "value": first}, {"property": name, "at": 1, "value": last}]
    transform = {"scale_x": 1.0, "scale_y": 0.3} if name == "rotation" else {}
    studio = await draw(image("red.png", keyframes=frames, transform=transform))
    assert not seen(studio.frame(0))
    assert seen(studio.frame(ONE_SECOND))
