"""Open a folder in the desktop's file manager, where there is a desktop."""

from __future__ import annotations

import asyncio
import os
import shutil
import sys
from collections.abc import Callable, Mapping


def opener(
    path: str,
    platform: str = sys.platform,
    environment: Mapping[str, str] = os.environ,
    which: Callable[[str], str | None] = shutil.which,
) -> list[str] | None:
    """The command that shows `path` to whoever sits at this machine.

    Returns:
        The command's words, or None where nobody would see it: over SSH, or without a desktop.
    """
    if any(environment.get(name) for name in ("SSH_CONNECTION", "SSH_TTY")):
        return None
    if platform == "win32":
        program, shown = "explorer", path
    elif platform == "darwin":
        program, shown = "open", path
    elif environment.get("WSL_DISTRO_NAME"):
        # Windows' own program takes no Linux path, but it knows the directory it is started in.
        program, shown = "explorer.exe", "."
    elif environment.get("DISPLAY") or environment.get("WAYLAND_DISPLAY"):
        program, shown = "xdg-open", path
    else:
        return None
    found = which(program)
    return [found, shown] if found else None


async def run(command: list[str], path: str) -> None:
    """Start `command` in the folder and let it live on its own.

    Raises:
        OSError: It cannot be started, or the folder is gone.
    """
    quiet = asyncio.subprocess.DEVNULL
    await asyncio.create_subprocess_exec(
        *command, cwd=path, stdin=quiet, stdout=quiet, stderr=quiet, start_new_session=True
    )
