"""Media into a draft: copied or linked from the cache, several at once."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Final, Literal

_AT_ONCE: Final = 8
_CHUNK: Final = 4 * 1024 * 1024


def bring(
    files: Iterable[tuple[Path, str]],
    folder: Path,
    mode: Literal["copy", "hardlink"],
    moved: Callable[[int], None],
) -> None:
    """Put media files into a folder.

    Args:
        files: (file in the cache, name in the folder).
        mode: `hardlink` costs no space; where the system cannot, the file is copied.
        moved: Told the bytes of each piece, from several threads; may raise to stop.
    """
    folder.mkdir(exist_ok=True)

    def one(pair: tuple[Path, str]) -> None:
        source, name = pair
        target = folder / name
        if mode == "hardlink":
            try:
                os.link(source, target)
                moved(source.stat().st_size)
                return
            except OSError:
                pass  # another file system, or one without links
        _copy(source, target, moved)

    with ThreadPoolExecutor(_AT_ONCE, thread_name_prefix="c2jy-media") as pool:
        jobs = [pool.submit(one, pair) for pair in files]
        try:
            for job in jobs:
                job.result()
        except BaseException:
            for job in jobs:
                job.cancel()
            raise


def _copy(source: Path, target: Path, moved: Callable[[int], None]) -> None:
    with open(source, "rb") as reader, open(target, "xb") as writer:
        while chunk := reader.read(_CHUNK):
            moved(len(chunk))
            writer.write(chunk)
        writer.flush()
        os.fsync(writer.fileno())
