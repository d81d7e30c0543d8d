"""A list of 3,000 drafts against reading their bytes; 1,000 drafts of a template against copies of it."""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from benchmarks.measure import Row, in_turns, ms, timed

DRAFTS = 3_000
CAPTIONS = 30
"""Of each draft: its main file has about 110 kB, as the drafts of CapCut 7.7 that were measured."""
ROWS = 1_000
CLIPS = 20
US = 1_000_000


def run() -> Iterator[Row]:
    with tempfile.TemporaryDirectory() as place:
        root = Path(place, "drafts")
        for number in range(DRAFTS):
            write_draft(root / f"draft {number}", captions(number))
        first, bytes_once = in_turns(
            lambda: child(root, "list", cold=True), lambda: child(root, "read", cold=True), rounds=3
        )
        yield Row(
            f"{DRAFTS:,} drafts listed / their bytes read", ms(first), ms(bytes_once), first / bytes_once, 2
        )
        warm, in_memory = in_turns(lambda: child(root, "list"), lambda: child(root, "read"), rounds=3)
        yield Row("the same with the bytes in memory", ms(warm), ms(in_memory), warm / in_memory, 6)
        again = child(root, "again")
        yield Row("listed again / their bytes read", ms(again), ms(bytes_once), again / bytes_once, 1)
    with tempfile.TemporaryDirectory() as place:
        ours, copies = in_turns(lambda: batch(Path(place)), lambda: copied(Path(place)), rounds=3)
        yield Row(
            f"{ROWS:,} rows of a {CLIPS}-clip template / copies", ms(ours), ms(copies), ours / copies, 3
        )


def child(root: Path, what: str, *, cold: bool = False) -> float:
    """Seconds of a fresh process.

    Args:
        root: The drafts.
        what: `list`, `again` or `read`.
        cold: The drafts' files are on the disk only, as after a start of the machine.
    """
    if cold:
        for path in root.rglob("*.json"):
            with open(path, "rb") as file:
                os.fsync(file.fileno())
                os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)
    command = [sys.executable, "-m", "benchmarks.library", what, str(root)]
    return float(subprocess.run(command, capture_output=True, text=True, check=True).stdout)


def listed(root: Path, *, again: bool) -> float:
    from c2jy_bridge.drafts import Library

    library = Library(root, root.parent / "trash")
    took = timed(library.list)
    views: list[Any] = []
    if again:
        took = timed(lambda: views.extend(library.list()))
        assert len(views) == DRAFTS
    return took


def read(root: Path) -> float:
    """The bytes of each draft's main and meta file."""

    def everything() -> None:
        for folder in os.scandir(root):
            for name in ("draft_content.json", "draft_meta_info.json"):
                with open(os.path.join(folder.path, name), "rb") as file:
                    file.read()

    return timed(everything)


def text_material(known: str, words: str) -> dict[str, Any]:
    """A caption with as many fields as CapCut 7.7 gives one."""
    style = {
        "fill": {"content": {"solid": {"color": [0.93, 0.77, 0.55]}}},
        "size": 12.1,
        "range": [0, len(words)],
    }
    unused = {f"field_{number}": [0.0, "", False, None][number % 4] for number in range(90)}
    return {
        "id": known,
        "type": "subtitle",
        "content": json.dumps({"text": words, "styles": [style]}, ensure_ascii=False),
        **unused,
    }


def segment(known: str, material: str, start: int, length: int) -> dict[str, Any]:
    times = {"start": start, "duration": length}
    return {
        "id": known,
        "material_id": material,
        "target_timerange": times,
        "source_timerange": None,
        "extra_material_refs": [],
        "speed": 1.0,
        **{f"field_{number}": [0.0, "", False, None][number % 4] for number in range(40)},
    }


def captions(number: int) -> dict[str, Any]:
    texts = [text_material(f"T{n}", f"line {n} of draft {number}") for n in range(CAPTIONS)]
    clips = [segment(f"S{n}", f"T{n}", n * US, US) for n in range(CAPTIONS)]
    video = {"id": "V", "type": "photo", "path": "C:/media/background.png", "width": 1920, "height": 1080}
    return {
        "id": f"{number}",
        "duration": CAPTIONS * US,
        "fps": 30.0,
        "canvas_config": {"width": 1920, "height": 1080, "ratio": "original"},
        "materials": {"videos": [video], "audios": [], "texts": texts},
        "tracks": [
            {"type": "video", "segments": [segment("B", "V", 0, CAPTIONS * US)]},
            {"type": "text", "segments": clips},
        ],
    }


def write_draft(folder: Path, content: dict[str, Any]) -> None:
    folder.mkdir(parents=True)
    (folder / "draft_content.json").write_text(json.dumps(content, ensure_ascii=False), encoding="utf-8")
    meta = {"draft_name": folder.name, "draft_materials": [{"type": 0, "value": []}]}
    (folder / "draft_meta_info.json").write_text(json.dumps(meta), encoding="utf-8")


def template(root: Path) -> Path:
    """A draft of twenty pictures with a caption each; its media are 100 kB each and inside it."""
    folder = root / "template"
    if folder.exists():
        return folder
    from PIL import Image

    prefix = "##_draftpath_placeholder_0E685133-18CE-45ED-8CB8-2904A212EC80_##/materials"
    content = captions(0)
    content["materials"]["texts"] = content["materials"]["texts"][:CLIPS]
    content["tracks"][1]["segments"] = content["tracks"][1]["segments"][:CLIPS]
    content["materials"]["videos"] = [
        {"id": f"V{n}", "type": "photo", "path": f"{prefix}/{n}.png", "width": 320, "height": 180,
         "material_name": f"{n}.png", "duration": 10_800 * US, "local_material_id": f"l{n}"}
        for n in range(CLIPS)
    ]  # fmt: skip
    content["tracks"][0]["segments"] = [segment(f"P{n}", f"V{n}", n * US, US) for n in range(CLIPS)]
    write_draft(folder, content)
    (folder / "materials").mkdir()
    for n in range(CLIPS):
        noise = Image.frombytes("RGB", (200, 170), os.urandom(200 * 170 * 3))
        noise.save(folder / "materials" / f"{n}.png")
    return folder


def batch(place: Path) -> float:
    """A table of 1,000 rows with two captions and a picture each."""
    from c2jy_bridge.compat.coze2jianying import read_document
    from c2jy_bridge.core.settings import DraftSettings, MaterialSettings
    from c2jy_bridge.drafts import Batches, DraftBuilder, Library, TemplateFiller
    from c2jy_bridge.drafts.template.table import Row as TableRow

    root = place / "batch"
    shutil.rmtree(root, ignore_errors=True)
    made = template(place / "from")
    shutil.copytree(made, root / "template")
    picture = str(made / "materials" / "3.png")
    rows = [
        TableRow(n, {"title": f"row {n}", "text1": f"hello {n}", "text2": f"world {n}", "image1": picture})
        for n in range(ROWS)
    ]

    async def work() -> float:
        library = Library(root, place / "trash")
        builder = DraftBuilder(
            root=root,
            cache_dir=place / "cache",
            settings=DraftSettings(),
            materials=MaterialSettings(),
            reader=read_document,
            folders=[place],
        )
        batches = Batches(TemplateFiller(builder, library, time.time), builder, library)
        begin = time.perf_counter()
        states = [row.state async for row in batches.run("template", rows, "{title}")]
        took = time.perf_counter() - begin
        await builder.aclose()
        assert states == ["made"] * ROWS
        return took

    return asyncio.run(work())


def copied(place: Path) -> float:
    """The same folder copied as often."""
    root = place / "copies"
    shutil.rmtree(root, ignore_errors=True)
    made = template(place / "from")

    def copy() -> None:
        for n in range(ROWS):
            shutil.copytree(made, root / f"row {n}")

    return timed(copy)


if __name__ == "__main__":
    folder = Path(sys.argv[2])
    print(read(folder) if sys.argv[1] == "read" else listed(folder, again=sys.argv[1] == "again"))
