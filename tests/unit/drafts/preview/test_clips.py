"""Which moment of a video is drawn, what is behind a clip, and how clips begin, end and follow each other."""

from __future__ import annotations

from typing import Any

import pytest
from PIL import Image

from unit.drafts.preview.conftest import BLACK, GREEN, RED, WHITE, Draw, at, image, near

SECOND = 1_000_000


def video(**more: Any) -> dict[str, Any]:
    return {"type": "video", "clips": [{"type": "video", "media": "video.mp4", **more}]}


def brightness(frame: Image.Image) -> int:
    """Frame n of video.mp4, of 25 in a second, is grey n."""
    pixel = at(frame, 0.5, 0.5)
    return int(sum(pixel) / 3)


async def test_a_video_shows_the_frame_of_each_moment(draw: Draw) -> None:
    studio = await draw(video(duration=3))
    for seconds in (0.0, 1.0, 0.4, 2.8, 2.0):  # forwards and back
        assert abs(brightness(studio.frame(round(seconds * SECOND))) - 25 * seconds) <= 2


async def test_a_trimmed_video_begins_where_its_trim_does(draw: Draw) -> None:
    studio = await draw(video(at={"start": 1, "duration": 1}, trim={"start": 2, "duration": 1}))
    assert abs(brightness(studio.frame(SECOND)) - 50) <= 2
    assert abs(brightness(studio.frame(1_800_000)) - 70) <= 2


async def test_speed_takes_more_of_the_source_in_the_same_time(draw: Draw) -> None:
    studio = await draw(video(at={"start": 0, "duration": 1}, speed=3.0))
    assert abs(brightness(studio.frame(500_000)) - 37) <= 2


async def test_a_colour_or_a_blurred_copy_fills_what_a_picture_leaves_free(draw: Draw) -> None:
    colour = (await draw(image("square.png", background={"kind": "color", "color": "#1EA03CFF"}))).frame(0)
    assert near(at(colour, 0.05, 0.5), GREEN)
    assert near(at(colour, 0.5, 0.5), RED)
    blur = (await draw(image("square.png", background={"kind": "blur", "blur": 0.375}))).frame(0)
    assert near(at(blur, 0.02, 0.5), RED)


async def test_a_background_is_drawn_for_the_lowest_video_track_only(draw: Draw) -> None:
    filled = image("square.png", background={"kind": "color", "color": "#1EA03CFF"})
    frame = (await draw(image("white.png"), filled)).frame(0)
    assert near(at(frame, 0.05, 0.5), WHITE)


async def test_the_apps_fades_are_drawn_and_other_animations_are_listed(draw: Draw) -> None:
    fade = image("red.png", animations=[{"kind": "in", "name": "渐显", "duration": 1}])
    studio = await draw(fade)
    assert near(at(studio.frame(0), 0.5, 0.5), BLACK)
    assert near(at(studio.frame(500_000), 0.5, 0.5), (100, 15, 15))
    assert near(at(studio.frame(SECOND), 0.5, 0.5), RED)
    assert not studio.notes()
    turned = await draw(image("red.png", animations=[{"kind": "in", "name": "旋转", "duration": 1}]))
    assert [(note.code, note.name, note.fidelity) for note in turned.notes()] == [
        ("animation", "旋转", "not_drawn")
    ]


def cut(transition: str) -> dict[str, Any]:
    clips = [
        {
            "type": "image",
            "media": "red.png",
            "duration": 2,
            "transition": {"name": transition, "duration": 1},
        },
        {"type": "image", "media": "green.png", "duration": 2},
    ]
    return {"type": "video", "clips": clips}


async def test_a_dissolve_is_half_way_at_the_cut(draw: Draw) -> None:
    studio = await draw(cut("叠化"))
    assert near(at(studio.frame(1_400_000), 0.5, 0.5), RED)
    assert near(at(studio.frame(2 * SECOND), 0.5, 0.5), (115, 95, 45))
    assert near(at(studio.frame(2_600_000), 0.5, 0.5), GREEN)
    assert not studio.notes()


@pytest.mark.parametrize(("name", "left", "right"), [
    ("闪黑", BLACK, BLACK), ("闪白", WHITE, WHITE), ("向左擦除", RED, GREEN), ("向左", RED, GREEN),
])  # fmt: skip
async def test_other_transitions_are_drawn_as_the_nearest_and_say_so(draw: Draw, name, left, right) -> None:
    studio = await draw(cut(name))
    frame = studio.frame(2 * SECOND)
    assert near(at(frame, 0.2, 0.9), left)
    assert near(at(frame, 0.8, 0.9), right)
    (note,) = studio.notes()
    assert (note.code, note.name, note.fidelity, note.start_us) == (
        "transition",
        name,
        "approximate",
        1_500_000,
    )


async def test_a_filter_is_marked_in_the_corner_while_it_lasts_and_listed(draw: Draw) -> None:
    wanted = {
        "type": "filter",
        "clips": [{"type": "filter", "name": "晴空", "at": {"start": 1, "duration": 1}}],
    }
    studio = await draw(image("red.png"), wanted)
    assert near(at(studio.frame(0), 0.01, 0.02), RED)
    assert near(at(studio.frame(SECOND), 0.01, 0.02), (62, 9, 9))  # a dark box with the words
    assert near(at(studio.frame(SECOND), 0.9, 0.9), RED)
    (note,) = studio.notes()
    assert (note.fidelity, note.message, note.start_us) == ("not_drawn", "not drawn: filter 晴空", SECOND)
