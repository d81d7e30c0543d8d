"""Takes the screenshots of the README from the app itself: `make screenshots`.

One real turn of the demo in a terminal of 120x36, in both languages, saved as Textual's SVG.
"""

from __future__ import annotations

import asyncio
import shutil
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

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
PATIENCE_S = 60


async def take(lang: Language, settings: Settings) -> None:
    """Run one turn and save the picture."""

    async def start_engine() -> Engine:
        engine = Engine(settings, demo=True)
        await engine.start(reopen=True)
        return engine

    app = C2jyApp(start_engine, lang=lang)
    async with app.run_test(size=SIZE) as pilot, asyncio.timeout(PATIENCE_S):
        await pilot.pause(1.5)
        for letter in QUESTIONS[lang]:
            await pilot.press(letter if letter != " " else "space")
        await pilot.press("enter")
        while not (settings.drafts_root.is_dir() and any(settings.drafts_root.glob("[!.]*/c2jy.json"))):
            await pilot.pause(0.2)
        await pilot.pause(8)  # the rest of the answer
        (IMAGES / f"screen-{lang}.svg").write_text(app.export_screenshot(title="c2jy-tui"), encoding="utf-8")


def main() -> None:
    """Take the screenshots in both languages."""
    IMAGES.mkdir(exist_ok=True)
    for lang in QUESTIONS:
        # The drafts folder is visible in the picture, so its name must not be random.
        root = Path(tempfile.gettempdir()) / "jianying" / "drafts"
        with tempfile.TemporaryDirectory() as data:
            try:
                with demo(None, None, {"data_dir": Path(data), "drafts": {"root": root}}) as settings:
                    asyncio.run(take(lang, settings))
            finally:
                shutil.rmtree(root.parent)


if __name__ == "__main__":
    main()
