"""Converts a large picture in a process of its own.

Pillow lets go of the interpreter while it decodes, but not for all of it: a WebP of 64 million pixels held
it for a quarter of a second (measured, Pillow 13), and the event loop with it. Beside that it took a gigabyte
for a moment, which goes back to the system only when a process ends.
"""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Final

from c2jy_bridge.drafts.materials.convert import convert
from c2jy_bridge.drafts.materials.material import Refused

_LONGEST_S: Final = 180.0
"""The largest picture that is drawn takes 5 s on two slow cores."""


def convert_isolated(source: Path, target: Path, extension: str) -> tuple[str, tuple[str, ...]]:
    """As `convert.convert`.

    Raises:
        Refused: As there, or the picture was too much for the other process.
        OSError: There can be no other process.
    """
    command = [sys.executable, "-P", "-m", __spec__.name, str(source), str(target), extension]
    try:
        done = subprocess.run(
            command,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=_LONGEST_S,
            check=True,
            creationflags=getattr(subprocess, "CREATE_NO_WINDOW", 0),
        )
        outcome = json.loads(done.stdout)
    except (subprocess.SubprocessError, ValueError) as error:
        raise Refused("unreadable_media", extension=extension) from error
    if "refused" in outcome:
        raise Refused(outcome["refused"], **outcome["values"])
    return outcome["extension"], tuple(outcome["notes"])


def main(source: str, target: str, extension: str) -> None:
    """Convert, and print the outcome as JSON for the process that asked."""
    try:
        to, notes = convert(Path(source), Path(target), extension)
        outcome: dict[str, object] = {"extension": to, "notes": notes}
    except Refused as refused:
        outcome = {"refused": refused.code, "values": refused.values}
    print(json.dumps(outcome))


if __name__ == "__main__":
    main(*sys.argv[1:])
