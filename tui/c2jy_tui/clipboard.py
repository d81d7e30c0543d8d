"""Copying from a terminal, which may be far from the clipboard.

Over SSH only the terminal itself can reach the maker's clipboard (OSC 52); a local tool would write to the
other machine's. tmux hides OSC 52 from the terminal unless told otherwise, but passes on what it is given
itself. At home local tools are surer, since not every terminal obeys OSC 52 and none says whether it did.
"""

from __future__ import annotations

import asyncio
import os
import shutil
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Final

OSC52_MOST: Final = 74_994
"""Bytes whose base64 fits into the 100,000 characters that xterm takes in one OSC 52."""

_LOCAL: Final[Mapping[str, Sequence[Sequence[str]]]] = {
    "darwin": (("pbcopy",),),
    "win32": (("clip",),),
    "linux": (("wl-copy",), ("xclip", "-selection", "clipboard"), ("xsel", "-ib"), ("clip.exe",)),
}
_NEEDS: Final = {"wl-copy": "WAYLAND_DISPLAY", "xclip": "DISPLAY", "xsel": "DISPLAY"}


def tool(environment: Mapping[str, str] = os.environ, platform: str = sys.platform) -> Sequence[str]:
    """The program that reaches the maker's clipboard from here; empty when only the terminal could."""
    if environment.get("TMUX") and shutil.which("tmux", path=environment.get("PATH")):
        return ("tmux", "load-buffer", "-w", "-")
    if environment.get("SSH_CONNECTION") or environment.get("SSH_TTY"):
        return ()
    for command in _LOCAL.get(platform, ()):
        needs = _NEEDS.get(command[0])
        if (needs is None or environment.get(needs)) and shutil.which(
            command[0], path=environment.get("PATH")
        ):
            return command
    return ()


async def run(command: Sequence[str], text: str) -> bool:
    """Hand `text` to a program on its stdin; False when it fails or takes longer than two seconds."""
    try:
        process = await asyncio.create_subprocess_exec(
            *command,
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.DEVNULL,
            stderr=asyncio.subprocess.DEVNULL,
        )
    except OSError:
        return False
    try:
        await asyncio.wait_for(process.communicate(text.encode()), 2.0)
    except TimeoutError:
        process.kill()
        await process.wait()
        return False
    return process.returncode == 0


async def copy(
    text: str,
    osc52: Callable[[str], None],
    environment: Mapping[str, str] = os.environ,
    platform: str = sys.platform,
) -> bool:
    """Copy by the surest way there is.

    Args:
        text: What to copy.
        osc52: Asks the terminal.
        environment: Where to look for SSH, tmux and displays.
        platform: `sys.platform`.

    Returns:
        False when the text is too long for the only way there is. OSC 52 counts as done, although no
        terminal confirms it.
    """
    command = tool(environment, platform)
    if command and await run(command, text):
        return True
    if len(text.encode()) > OSC52_MOST:
        return False
    osc52(text)
    return True


def write_file(text: str, folder: Path, now: float) -> Path:
    """The last resort: a new file `c2jy-copy-<time>.txt`, which only its owner may read.

    Raises:
        OSError: The folder is missing, full or not ours to write.
    """
    path = folder / f"c2jy-copy-{now:.0f}.txt"
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w", encoding="utf-8") as out:
        out.write(text)
    return path
