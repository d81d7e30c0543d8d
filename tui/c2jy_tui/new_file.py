"""Files that the maker asks for: never over another one, readable by their owner only."""

from __future__ import annotations

import time
from pathlib import Path


def write(folder: Path, stem: str, suffix: str, text: str, now: float) -> Path:
    """Write `text` to a new file `<stem>-<time>[-N].<suffix>`.

    Args:
        folder: Where.
        stem: What it is.
        suffix: `txt`, `jsonl`.
        text: What goes into it.
        now: Unix seconds.

    Raises:
        OSError: The folder is missing, full or not ours to write.
    """
    begin = f"{stem}-{time.strftime('%Y%m%d-%H%M%S', time.localtime(now))}"
    number = 1
    while True:
        path = folder / (f"{begin}.{suffix}" if number == 1 else f"{begin}-{number}.{suffix}")
        try:
            path.touch(mode=0o600, exist_ok=False)
        except FileExistsError:
            number += 1
            continue
        path.write_text(text, encoding="utf-8", newline="\n")
        return path
