"""Take the pictures of the README from the app itself: `make screenshots`.

A real turn of the demo in a terminal of 120x36, in both languages; the picture is Textual's own SVG.
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
    from c2jy_bridge.core.ports import EnginePort

IMAGES = Path(__file__).parent / "images"
QUESTIONS: dict[Language, str] = {
    "zh": "帮我生成一个介绍中国美食的视频",
    "en": "Make me a video about Chinese food",
}
SIZE = (120, 36)
PATIENCE_S = 60


async def picture(lang: Language, settings: Settings) -> None:
    """One turn, one picture."""

    async def start_engine() -> EnginePort:
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
    """Both languages."""
    IMAGES.mkdir(exist_ok=True)
    for lang in QUESTIONS:
        # The drafts folder is seen in the picture: a name without accident.
        root = Path(tempfile.gettempdir()) / "jianying" / "drafts"
        with tempfile.TemporaryDirectory() as data:
            try:
                with demo(None, None, {"data_dir": Path(data), "drafts": {"root": root}}) as settings:
                    asyncio.run(picture(lang, settings))
            finally:
                shutil.rmtree(root.parent)


if __name__ == "__main__":
    main()
