"""Drafts built by the real builder, drawn by the real renderer, on a canvas of 400 by 200 pixels."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from c2jy_bridge.drafts.preview.font_files import Fonts
from c2jy_bridge.drafts.preview.render_process import Studio

RED, GREEN, BLUE, YELLOW = (200, 30, 30), (30, 160, 60), (40, 60, 200), (230, 210, 40)
BLACK, WHITE = (0, 0, 0), (255, 255, 255)
WIDTH, HEIGHT = 400, 200
Colour = tuple[int, int, int]
Draw = Callable[..., Awaitable[Studio]]


def near(found: object, wanted: Colour, by: int = 24) -> bool:
    """Whether a pixel has a colour, as far as coding and scaling leave it."""
    assert isinstance(found, tuple)
    return all(abs(a - b) <= by for a, b in zip(found[:3], wanted, strict=True))


def at(picture: Image.Image, x: float, y: float) -> Any:
    """The pixel at a place, 0 to 1 from the top left."""
    place = round(x * (picture.width - 1)), round(y * (picture.height - 1))
    return picture.getpixel(place)


@pytest.fixture
def pictures(tmp_path: Path) -> Path:
    """quarters.png: red, green above blue, yellow; 200x100, the canvas's shape. square.png: red, 100x100."""
    folder = tmp_path / "pictures"
    folder.mkdir()
    quarters = Image.new("RGB", (200, 100))
    for number, colour in enumerate((RED, GREEN, BLUE, YELLOW)):
        quarters.paste(
            colour, (number % 2 * 100, number // 2 * 50, number % 2 * 100 + 100, number // 2 * 50 + 50)
        )
    quarters.save(folder / "quarters.png")
    for name, colour in (("red", RED), ("green", GREEN), ("blue", BLUE), ("white", WHITE)):
        Image.new("RGB", (200, 100), colour).save(folder / f"{name}.png")
    Image.new("RGB", (100, 100), RED).save(folder / "square.png")
    hole = Image.new("RGBA", (200, 100), (*GREEN, 255))
    hole.paste((0, 0, 0, 0), (100, 0, 200, 100))
    hole.save(folder / "hole.png")
    return folder


def studio_of(folder: Path) -> Studio:
    """A draft's folder, ready to draw; with Pillow's own font, so that it is the same on every machine."""
    content = json.loads((folder / "draft_content.json").read_text(encoding="utf-8"))
    return Studio(content, folder, WIDTH, Fonts(folders=()))


@pytest.fixture
def draw(make_builder: Callable[..., Any], media: Path, pictures: Path) -> Iterator[Draw]:
    """Builds a draft of the tracks given; media are named by their file names."""
    made: list[Studio] = []

    async def draw(*tracks: dict[str, Any], **more: Any) -> Studio:
        for clip in (clip for track in tracks for clip in track["clips"]):
            if "media" in clip:
                name = clip["media"]
                clip["media"] = str((pictures if (pictures / name).exists() else media) / name)
        builder = make_builder(folders=[media, pictures])
        document = {
            "schema": "c2jy/1",
            "name": "drawn",
            "width": WIDTH,
            "height": HEIGHT,
            "tracks": list(tracks),
            **more,
        }
        report = await builder.build(json.dumps(document))
        (draft,) = report.drafts
        made.append(studio_of(Path(draft.path)))
        return made[-1]

    yield draw
    for studio in made:
        studio.sources.close()


def image(media: str, **more: Any) -> dict[str, Any]:
    """A video track of one image, 2 s long."""
    return {"type": "video", "clips": [{"type": "image", "media": media, "duration": 2, **more}]}


def text(words: str, style: dict[str, Any] | None = None, **more: Any) -> dict[str, Any]:
    """A text track of one clip in the middle of the canvas, 2 s long."""
    clip = {
        "type": "text",
        "text": words,
        "duration": 2,
        "style": style or {},
        "transform": {"y": 0.0},
        **more,
    }
    return {"type": "text", "clips": [clip]}
