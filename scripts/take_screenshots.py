"""Takes the pictures of the README from the app itself: `make screenshots`.

One real turn of the demo in a terminal of 120x36, in both languages: a screenshot after the answer, and an
animated recording of the whole turn, which ends with the draft that it made.
"""

from __future__ import annotations

import asyncio
import logging
import shutil
import tempfile
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Final

from animated_svg import Frame, joined, without_web_fonts
from c2jy_bridge.core.i18n import Language
from c2jy_bridge.core.settings import Settings
from c2jy_bridge.engine import Engine
from c2jy_tui.app import C2jyApp
from c2jy_tui.commands.emulator import demo

if TYPE_CHECKING:
    from c2jy_bridge.engine import Engine

IMAGES = Path(__file__).parents[1] / "docs" / "images"
QUESTIONS: dict[Language, str] = {
    "zh": "帮我生成一个介绍中国美食的视频",
    "en": "Make me a video about Chinese food",
}
SIZE = (120, 36)
PATIENCE_S = 90
_EVERY_S: Final = 0.7
_LAST_S: Final = 3.0


async def record(app: C2jyApp, pictures: list[str]) -> None:
    """Add a screenshot whenever the screen has changed."""
    while True:
        picture = app.export_screenshot(title="c2jy-tui")
        if not pictures or picture != pictures[-1]:
            pictures.append(picture)
        await asyncio.sleep(_EVERY_S)


async def take(lang: Language, settings: Settings) -> None:
    """Run one turn and save the screenshot and the recording."""

    async def start_engine() -> Engine:
        engine = Engine(settings, demo=True)
        await engine.start(reopen=True)
        return engine

    app = C2jyApp(start_engine, lang=lang)
    pictures: list[str] = []
    async with app.run_test(size=SIZE) as pilot, asyncio.timeout(PATIENCE_S):
        await pilot.pause(1.5)
        recording = asyncio.create_task(record(app, pictures))
        for letter in QUESTIONS[lang]:
            await pilot.press(letter if letter != " " else "space")
        await pilot.pause(1.5)  # an Enter right behind other keys is part of a paste
        await pilot.press("enter")
        while not (settings.drafts_root.is_dir() and any(settings.drafts_root.glob("[!.]*/c2jy.json"))):
            await pilot.pause(0.2)
        await pilot.pause(8)  # the rest of the answer
        still = without_web_fonts(app.export_screenshot(title="c2jy-tui"))
        (IMAGES / f"screen-{lang}.svg").write_text(still, encoding="utf-8")
        await pilot.press("f5", "enter")
        await pilot.pause(2)
        recording.cancel()
        with suppress(asyncio.CancelledError):
            await recording
    times = [_EVERY_S * number for number in range(len(pictures))]
    frames = [Frame(at, picture) for at, picture in zip(times, pictures, strict=True)]
    film = joined(frames, times[-1] + _LAST_S)
    (IMAGES / f"demo-{lang}.svg").write_text(film, encoding="utf-8")


def main() -> None:
    """Take the pictures in both languages."""
    # Without a handler, a warning goes to stderr, which the app captures and logs as a warning.
    logging.basicConfig(handlers=[logging.NullHandler()])
    IMAGES.mkdir(exist_ok=True)
    for lang in QUESTIONS:
        # The drafts folder is visible in the picture, so its name must not be random.
        root = Path(tempfile.gettempdir()) / "jianying" / "drafts"
        root.mkdir(parents=True, exist_ok=True)  # the app makes one folder, not those above it
        with tempfile.TemporaryDirectory() as data:
            try:
                with demo(None, None, {"data_dir": Path(data), "drafts": {"root": root}}) as settings:
                    asyncio.run(take(lang, settings))
            finally:
                shutil.rmtree(root.parent, ignore_errors=True)


if __name__ == "__main__":
    main()
