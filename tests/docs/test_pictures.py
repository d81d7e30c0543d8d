"""The pictures of the pages: recorded from the app, small, and complete without anything from elsewhere."""

from __future__ import annotations

import re
from pathlib import Path
from xml.dom import minidom

import pytest
from textual.app import App, ComposeResult
from textual.widgets import Static
from typing_extensions import override

from animated_svg import Frame, joined, without_web_fonts

IMAGES = Path(__file__).resolve().parents[2] / "docs" / "images"


class Two(App[None]):
    """One line that stays and one that changes."""

    @override
    def compose(self) -> ComposeResult:
        yield Static("stays")
        yield Static("first", id="changing")


def visible_at(film: str, moment: float) -> str:
    """The texts that the film shows at a moment, 0 to 1."""
    texts = []
    for group in re.findall(r"<g(?: visibility=\"hidden\")?>(?:<animate.*?)?.*?</g>", film, re.DOTALL):
        visible = True
        if animate := re.search(r'values="([^"]+)" keyTimes="([^"]+)"', group):
            steps = zip(map(float, animate[2].split(";")), animate[1].split(";"), strict=True)
            visible = [value for at, value in steps if at <= moment][-1] == "visible"
        if visible:
            texts += re.findall(r"<text [^>]*>(.*?)</text>", group)
    return " ".join(texts)


async def test_a_film_shows_each_frame_in_its_time_and_what_stays_only_once() -> None:
    app = Two()
    async with app.run_test(size=(20, 4)) as pilot:
        frames = [Frame(0, app.export_screenshot())]
        app.query_one("#changing", Static).update("[bold red]second")
        await pilot.pause()
        frames.append(Frame(2, app.export_screenshot()))
    film = joined(frames, 4)
    minidom.parseString(film)
    assert "first" in visible_at(film, 0.1)
    assert "second" not in visible_at(film, 0.1)
    assert "second" in visible_at(film, 0.6)
    assert "first" not in visible_at(film, 0.6)
    assert film.count(">stays") == 1
    assert "http" not in without_web_fonts(film).replace("http://www.w3.org/2000/svg", "").replace(
        "https://www.textualize.io", ""
    )


@pytest.mark.parametrize("path", sorted(IMAGES.glob("*.svg")), ids=lambda path: path.name)
def test_a_picture_is_whole_and_below_two_megabytes(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    minidom.parseString(text)
    assert len(text.encode()) < 2_000_000
    assert not re.search(r"url\(\s*['\"]?https?:|href=|<script", text)
