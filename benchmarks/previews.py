"""A sheet and a clip of the demo's draft of 15 s, and the memory that a preview of 4K videos takes.

Each is drawn in the process that the app starts, its start counted; the goals are absolute, so the machine
should have two cores to itself.
"""

from __future__ import annotations

import asyncio
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from benchmarks.measure import Row, ms

SHEET_S = 1.5
DRAFT_S = 15.0
MOST_MB = 400.0
ROUNDS = 3


def run() -> Iterator[Row]:
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        demo = asyncio.run(_build(folder, "demo", _demo()))
        sheet = statistics.median(_draw(demo, "sheet", folder / "a.png")[0] for _ in range(ROUNDS))
        yield Row("sheet of 12 frames of the demo's draft", ms(sheet), ms(SHEET_S), sheet / SHEET_S, 1)
        clip = statistics.median(_draw(demo, "clip", folder / "a.mp4")[0] for _ in range(ROUNDS))
        yield Row("clip of the demo's draft / its length", ms(clip), ms(DRAFT_S), clip / DRAFT_S, 1)
        _write_4k(folder / "wide.mp4")
        video = {"type": "video", "media": str(folder / "wide.mp4"), "at": {"start": 0, "duration": 3}}
        small = {**video, "transform": {"scale": 0.4}}
        tracks = [{"type": "video", "clips": [one]} for one in (video, small)]
        large = asyncio.run(_build(folder, "large", {"width": 3840, "height": 2160, "tracks": tracks}))
        for kind, out in (("sheet", "b.png"), ("clip", "b.mp4")):
            _, taken = _draw(large, kind, folder / out)
            what = f"memory, {kind} of two 4K videos at once"
            yield Row(what, f"{taken:.0f} MB", f"{MOST_MB:.0f} MB", taken / MOST_MB, 1)


def _demo() -> dict[str, Any]:
    import coze_emulator

    media = Path(coze_emulator.__file__).parent / "media"
    shots = [("video", "wok.mp4", 3.5), ("image", "hotpot.png", 2.5), ("video", "noodles.mp4", 3.0),
             ("image", "mooncakes.webp", 2.5), ("video", "tea.mp4", 3.5)]  # fmt: skip
    pictures = [
        {"type": kind, "media": str(media / name), "duration": seconds} for kind, name, seconds in shots
    ]
    sound = {"type": "audio", "media": str(media / "guzheng.mp3"), "at": {"start": 0, "duration": DRAFT_S}}
    words = [{"type": "text", "text": "caption", "duration": seconds} for *_, seconds in shots]
    tracks = (("video", pictures), ("audio", [sound]), ("text", words))
    return {"tracks": [{"type": kind, "clips": clips} for kind, clips in tracks]}


async def _build(folder: Path, name: str, document: dict[str, Any]) -> Path:
    import coze_emulator
    from c2jy_bridge.compat.coze2jianying import read_document
    from c2jy_bridge.core.settings import DraftSettings, MaterialSettings
    from c2jy_bridge.drafts import DraftBuilder

    builder = DraftBuilder(
        root=folder / "drafts",
        cache_dir=folder / "cache",
        settings=DraftSettings(),
        materials=MaterialSettings(),
        reader=read_document,
        folders=[folder, Path(coze_emulator.__file__).parent / "media"],
    )
    report = await builder.build(json.dumps({"schema": "c2jy/1", "name": name, **document}))
    await builder.aclose()
    return Path(report.drafts[0].path)


def _draw(draft: Path, kind: str, out: Path) -> tuple[float, float]:
    """Seconds and megabytes that a preview took."""
    job = {
        "folder": str(draft),
        "content": "draft_content.json",
        "name": draft.name,
        "kind": kind,
        "out": str(out),
        "at_us": 0,
        "language": "en",
        "font": "",
    }
    command = [sys.executable, "-P", "-m", "c2jy_bridge.drafts.preview.render_process"]
    begin = time.perf_counter()
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL) as process:
        assert process.stdin is not None
        process.stdin.write(json.dumps(job).encode())
        process.stdin.close()
        _, status, used = os.wait4(process.pid, 0)
        process.returncode = status
    assert status == 0
    # Linux counts in kilobytes, macOS in bytes.
    return time.perf_counter() - begin, used.ru_maxrss / (1024 if sys.platform == "linux" else 1024**2)


def _write_4k(path: Path) -> None:
    import av
    import numpy as np

    noise = np.random.default_rng(1).integers(0, 255, (270, 480, 3), np.uint8)
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=25)
        stream.width, stream.height, stream.pix_fmt = 3840, 2160, "yuv420p"
        stream.options = {"preset": "ultrafast", "refs": "4"}
        for number in range(75):
            frame = av.VideoFrame.from_ndarray(np.roll(noise, number, axis=1), format="rgb24")
            container.mux(stream.encode(frame.reformat(3840, 2160, format="yuv420p")))
        container.mux(stream.encode())
