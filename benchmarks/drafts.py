"""10,000 captions into a draft on disk, against pyJianYingDraft used directly; time, growth and memory.

Each side runs in a process of its own, so that the peak of its memory is its own. Both have imported what
they need and made one small draft before: an app makes many.
"""

from __future__ import annotations

import asyncio
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from benchmarks.measure import Row, ms

CLIPS = 10_000
ROUNDS = 5
US = 1_000_000


def run() -> Iterator[Row]:
    seconds: dict[str, list[float]] = {}
    memory: dict[str, list[float]] = {}
    for _ in range(ROUNDS):
        for name, side, clips in (
            ("ours", "ours", CLIPS),
            ("library", "library", CLIPS),
            ("double", "ours", 2 * CLIPS),
        ):
            command = [sys.executable, "-m", "benchmarks.drafts", side, str(clips)]
            words = subprocess.run(command, capture_output=True, text=True, check=True).stdout.split()
            seconds.setdefault(name, []).append(float(words[0]))
            memory.setdefault(name, []).append(float(words[1]))
    ours, library, double = (statistics.median(seconds[k]) for k in ("ours", "library", "double"))
    mine, theirs = statistics.median(memory["ours"]), statistics.median(memory["library"])
    yield Row(f"{CLIPS:,} captions: library / ours", ms(ours), ms(library), library / ours, 20, at_least=True)
    yield Row("20,000 captions / 10,000", ms(double), ms(ours), double / ours, 2.3)
    yield Row("peak memory / the library's", f"{mine:.0f} MB", f"{theirs:.0f} MB", mine / theirs, 1.0)


def document(clips: int) -> dict[str, object]:
    """Captions, one a second."""
    texts = [
        {"type": "text", "text": f"caption {n}", "at": {"start": n, "duration": 1}} for n in range(clips)
    ]
    return {"schema": "c2jy/1", "name": "captions", "tracks": [{"type": "text", "clips": texts}]}


def ours(clips: int, folder: Path) -> float:
    """Parse, compile, write, verify and publish, as `draft build` does."""
    from c2jy_bridge.compat.coze2jianying import read_document
    from c2jy_bridge.core.settings import DraftSettings, MaterialSettings
    from c2jy_bridge.drafts import DraftBuilder

    async def build() -> float:
        builder = DraftBuilder(
            root=folder,
            cache_dir=folder / "cache",
            settings=DraftSettings(profile="jianying_win"),
            materials=MaterialSettings(),
            reader=read_document,
        )
        await builder.build(document(1))
        wanted = document(clips)
        begin = time.perf_counter()
        report = await builder.build(wanted)
        elapsed = time.perf_counter() - begin
        assert report.drafts[0].clips == clips
        await builder.aclose()
        return elapsed

    return asyncio.run(build())


def library(clips: int, folder: Path) -> float:
    """What the library's documentation shows."""
    import pyJianYingDraft as draft

    def make(name: str, count: int) -> None:
        script = draft.DraftFolder(str(folder)).create_draft(name, 1920, 1080)
        script.append_track(draft.TrackSpec(draft.TrackType.text))
        for n in range(count):
            script.add_segment(draft.TextSegment(f"caption {n}", draft.Timerange(n * US, US)))
        script.save()

    make("one", 1)
    begin = time.perf_counter()
    make("captions", clips)
    return time.perf_counter() - begin


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as place:
        took = {"ours": ours, "library": library}[sys.argv[1]](int(sys.argv[2]), Path(place))
    print(took, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024)
