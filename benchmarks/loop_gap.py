"""The longest time that the event loop stood still while drafts were built.

The yardstick is measured in the same process a moment later: the same loop beside a thread that only counts,
so that it holds the interpreter as much as pure Python ever does. What both have is the machine's; a goal
that the yardstick misses as well is not ours to meet.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path

from benchmarks.drafts import document
from benchmarks.measure import Row, ms

GOAL_S = 0.05
ROUNDS = 5
BEAT_S = 0.001
CASES = (
    ("10,000 captions, first build", "captions", 10_000, 0),
    ("10,000 captions", "captions", 10_000, 1),
    ("20,000 captions", "captions", 20_000, 1),
    ("10,000 of different looks", "looks", 10_000, 1),
    ("10,000 clips of photos", "pictures", 10_000, 1),
    ("10,000 clips of an export", "export", 10_000, 1),
)


def run() -> Iterator[Row]:
    for what, kind, clips, before in CASES:
        ours, yardstick = [], []
        for _ in range(ROUNDS):
            command = [sys.executable, "-m", "benchmarks.loop_gap", kind, str(clips), str(before)]
            words = subprocess.run(command, capture_output=True, text=True, check=True).stdout.split()
            ours.append(float(words[0]))
            yardstick.append(float(words[1]))
        a, b = statistics.median(ours), statistics.median(yardstick)
        yield Row(f"loop's gap / 50 ms: {what}", ms(a), f"busy {ms(b)}", a / GOAL_S, 1)


@contextlib.asynccontextmanager
async def heartbeat() -> AsyncIterator[list[float]]:
    """The longest gap between two beats of the loop in this block, seconds, as the one item of a list."""
    longest = [0.0]

    async def beat() -> None:
        last = time.perf_counter()
        while True:
            await asyncio.sleep(BEAT_S)
            now = time.perf_counter()
            longest[0], last = max(longest[0], now - last), now

    task = asyncio.create_task(beat())
    await asyncio.sleep(0.01)
    longest[0] = 0.0
    yield longest
    task.cancel()


async def measure(kind: str, clips: int, before: int, folder: Path) -> tuple[float, float]:
    """The longest gap while a draft is built, and beside a counting thread for as long."""
    from c2jy_bridge.compat.coze2jianying import read_document
    from c2jy_bridge.core.settings import DraftSettings, MaterialSettings
    from c2jy_bridge.drafts import DraftBuilder

    builder = DraftBuilder(
        root=folder / "drafts",
        cache_dir=folder / "cache",
        settings=DraftSettings(),
        materials=MaterialSettings(folders=[folder]),
        reader=read_document,
    )
    for _ in range(before):
        await builder.build(document(1))
    documents: dict[str, Callable[[int], dict[str, object] | str]] = {
        "captions": document,
        "looks": looks,
        "pictures": lambda n: pictures(n, folder),
        "export": lambda n: export(n, folder),
    }
    wanted = documents[kind](clips)
    async with heartbeat() as ours:
        begin = time.perf_counter()
        await builder.build(wanted)
        took = time.perf_counter() - begin
    async with heartbeat() as yardstick:
        await asyncio.to_thread(count_for, took)
    await builder.aclose()
    return ours[0], yardstick[0]


def count_for(seconds: float) -> None:
    until = time.perf_counter() + seconds
    while time.perf_counter() < until:
        pass


def looks(clips: int) -> dict[str, object]:
    """Captions of which no two look the same, with keyframes."""
    moves = [{"property": "position_x", "at": at, "value": at} for at in (0, 0.5)]
    more = {"style": {"border": {"color": "#112233"}}, "keyframes": moves}
    texts = [
        {"type": "text", "text": f"{n}", "at": {"start": n, "duration": 1}, "transform": {"x": n / clips}}
        | more
        for n in range(clips)
    ]
    return {"schema": "c2jy/1", "name": "looks", "tracks": [{"type": "text", "clips": texts}]}


def photos(folder: Path) -> None:
    from PIL import Image

    for n in range(100):
        Image.effect_noise((1280, 720), 40 + n).save(folder / f"{n}.jpg")


def pictures(clips: int, folder: Path) -> dict[str, object]:
    """Clips of a hundred photos from a folder, fetched into an empty cache."""
    photos(folder)
    shown = [
        {"type": "image", "media": str(folder / f"{n % 100}.jpg"), "at": {"start": n, "duration": 1}}
        for n in range(clips)
    ]
    return {"schema": "c2jy/1", "name": "pictures", "tracks": [{"type": "video", "clips": shown}]}


def export(clips: int, folder: Path) -> str:
    """An export of Coze2JianYing as text, every clip with all that a maker sets on it."""
    photos(folder)
    segments = [
        {
            "id": f"segment-{n}",
            "type": "image",
            "material_url": str(folder / f"{n % 100}.jpg"),
            "time_range": {"start": n * 3_000_000, "end": (n + 1) * 3_000_000},
            "transform": {"position_x": 0.1, "scale_x": 1.2, "scale_y": 1.2, "rotation": 3, "opacity": 0.9},
            "crop": {"enabled": True, "left": 0.1, "top": 0.1, "right": 0.9, "bottom": 0.9},
            "effects": {"filter_type": "清晰", "filter_intensity": 0.8, "transition_type": "叠化"},
            "animations": {"intro": "渐显", "intro_duration": 500, "outro": None},
            "background": {"blur": True, "color": None},
            "keyframes": {
                "position": [
                    {"time": 0, "value": {"x": 0, "y": 0}},
                    {"time": 1_000_000, "value": {"x": 0.3, "y": n / clips}},
                ],
                "scale": [{"time": 0, "value": 1}, {"time": 2_000_000, "value": 1.3}],
            },
        }
        for n in range(clips)
    ]
    canvas = {"name": "export", "width": 1920, "height": 1080, "fps": 30}
    tracks = [{"track_type": "video", "muted": False, "volume": 1.0, "segments": segments}]
    draft = {"draft_id": "export", "project": canvas, "media_resources": [], "tracks": tracks}
    return json.dumps({"format_version": "1.0", "export_type": "single_draft", "drafts": [draft]})


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as place:
        print(*asyncio.run(measure(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), Path(place))))
