"""Draws the previews of the guide: the demo's draft, and a portrait draft with most of what is drawn.

`make screenshots` runs it. The pictures are reduced to a palette, so that they stay small.
"""

from __future__ import annotations

import asyncio
import json
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

from PIL import Image

import coze_emulator
from c2jy_bridge.core import i18n
from c2jy_bridge.core.events import TurnEnded
from c2jy_bridge.core.settings import Settings
from c2jy_bridge.engine import Engine
from c2jy_tui.commands.emulator import demo

IMAGES = Path(__file__).parents[1] / "docs" / "images"
MEDIA = Path(coze_emulator.__file__).parent / "media"
QUESTION = "帮我生成一个介绍中国美食的视频"
WIDTH = 1200
COLOURS = 64


def _media(name: str) -> dict[str, str]:
    return {"path": str(MEDIA / name)}


PORTRAIT: dict[str, Any] = {
    "schema": "c2jy/1",
    "name": "竖屏 portrait",
    "width": 1080,
    "height": 1920,
    "tracks": [
        {
            "type": "video",
            "clips": [
                {
                    "type": "video",
                    "media": _media("wok.mp4"),
                    "duration": 3,
                    "background": {"kind": "blur", "blur": 0.75},
                    "transition": {"name": "叠化", "duration": 0.8},
                },
                {
                    "type": "image",
                    "media": _media("hotpot.png"),
                    "duration": 3,
                    "fit": "fill",
                    "transition": {"name": "向左擦除", "duration": 0.6},
                },
                {"type": "video", "media": _media("tea.mp4"), "duration": 3, "fit": "fill"},
            ],
        },
        {
            "type": "video",
            "clips": [
                {
                    "type": "image",
                    "media": _media("dumplings.png"),
                    "start": 0.8,
                    "duration": 4.4,
                    "mask": {"shape": "圆形", "size": 0.75, "feather": 4},
                    "transform": {"scale": 0.9, "y": 0.55},
                    "keyframes": [
                        {"property": "position_x", "at": 0, "value": -0.4},
                        {"property": "position_x", "at": 4.4, "value": 0.45},
                        {"property": "rotation", "at": 0, "value": -30},
                        {"property": "rotation", "at": 4.4, "value": 30},
                    ],
                },
                {
                    "type": "image",
                    "media": _media("mooncakes.webp"),
                    "start": 6,
                    "duration": 3,
                    "mask": {"shape": "爱心", "size": 0.8},
                    "mix_mode": "滤色",
                    "transform": {"scale": 0.6, "y": 0.5, "opacity": 0.8},
                    "filters": [{"name": "晴空"}],
                },
            ],
        },
        {
            "type": "text",
            "captions": True,
            "clips": [
                {
                    "type": "text",
                    "text": "今天吃什么？",
                    "start": 0,
                    "duration": 3,
                    "style": {
                        "size": 15,
                        "bold": True,
                        "color": "#ffe0a0",
                        "border": {"color": "#5a1a08", "width": 40},
                    },
                    "transform": {"y": -0.35},
                },
                {
                    "type": "text",
                    "text": "火锅、饺子、面条、月饼，还有一杯热茶，慢慢吃，不着急。",
                    "start": 3,
                    "duration": 6,
                    "style": {
                        "size": 9,
                        "background": {"color": "#000000", "alpha": 0.55, "round_radius": 0.3},
                    },
                    "transform": {"y": -0.7},
                },
            ],
        },
    ],
}


async def demo_draft(settings: Settings) -> None:
    """Draw the draft that one turn of the demo makes."""
    engine = Engine(settings, demo=True)
    events = engine.events()
    await engine.send(QUESTION)
    async for event in events:
        if isinstance(event, TurnEnded):
            break
    newest, *_ = await engine.drafts.list()
    await _draw(engine, newest.name, "preview-demo.png")
    await engine.close()


async def portrait(settings: Settings) -> None:
    """Build and draw the portrait draft."""
    settings.materials.folders.append(MEDIA)
    engine = Engine(settings)
    report = await engine.drafts.build(json.dumps(PORTRAIT))
    for issue in report.drafts[0].issues:
        print(issue.path, issue.message)
    await _draw(engine, report.drafts[0].name, "preview-portrait.png")
    await engine.close()


async def _draw(engine: Engine, name: str, out: str) -> None:
    with tempfile.TemporaryDirectory() as folder:
        made = await engine.drafts.preview(name, "sheet", Path(folder) / "sheet.png")
        for note in made.notes:
            print(out, note.fidelity, note.message)
        await asyncio.to_thread(_keep, Path(made.path), IMAGES / out)


def _keep(drawn: Path, out: Path) -> None:
    with Image.open(drawn) as picture:
        smaller = picture.convert("RGB")
        smaller.thumbnail((WIDTH, WIDTH * 2), Image.Resampling.LANCZOS)
        smaller.quantize(COLOURS, dither=Image.Dither.NONE).save(out, optimize=True)


def main() -> None:
    """Draw both."""
    works: list[tuple[i18n.Language, Callable[[Settings], Any]]] = [("en", demo_draft), ("zh", portrait)]
    for lang, work in works:
        i18n.use(lang)
        with tempfile.TemporaryDirectory() as data:
            overrides = {"data_dir": Path(data), "drafts": {"root": Path(data) / "drafts"}}
            with demo(None, None, overrides) as settings:
                asyncio.run(work(settings))


if __name__ == "__main__":
    main()
