"""Hands text, files and folders to the user's desktop: the clipboard, new files, the file manager.

Over SSH only the terminal itself can reach the user's clipboard (OSC 52); a local tool would write to the
remote machine's. tmux filters OSC 52 unless configured otherwise, but forwards what `load-buffer -w` gets.
Locally the desktop's tools are more reliable: not every terminal supports OSC 52, and none confirms it.
"""

from __future__ import annotations

import asyncio
import os
import shutil
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Final

from c2jy_bridge.core.safety import one_line

OSC52_MOST: Final = 74_994
"""Bytes whose base64 fits into the 100,000 characters that xterm takes in one OSC 52."""

_LOCAL: Final[Mapping[str, Sequence[Sequence[str]]]] = {
    "darwin": (("pbcopy",),),
    "win32": (("clip",),),
    "linux": (("wl-copy",), ("xclip", "-selection", "clipboard"), ("xsel", "-ib"), ("clip.exe",)),
}
_NEEDS: Final = {"wl-copy": "WAYLAND_DISPLAY", "xclip": "DISPLAY", "xsel": "DISPLAY"}


def is_remote(environment: Mapping[str, str] = os.environ) -> bool:
    """Whether the terminal is at the other end of SSH."""
    return any(environment.get(name) for name in ("SSH_CONNECTION", "SSH_TTY"))


def clipboard_command(
    environment: Mapping[str, str] = os.environ, platform: str = sys.platform
) -> Sequence[str]:
    """The command that reaches the user's clipboard from here; empty when only the terminal can."""
    if environment.get("TMUX") and shutil.which("tmux", path=environment.get("PATH")):
        return ("tmux", "load-buffer", "-w", "-")
    if is_remote(environment):
        return ()
    for command in _LOCAL.get(platform, ()):
        needs = _NEEDS.get(command[0])
        if (needs is None or environment.get(needs)) and shutil.which(
            command[0], path=environment.get("PATH")
        ):
            return command
    return ()


async def _run(command: Sequence[str], text: str) -> bool:
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


async def copy_text(
    text: str,
    osc52: Callable[[str], None],
    environment: Mapping[str, str] = os.environ,
    platform: str = sys.platform,
) -> bool:
    """Copy by the most reliable way available; `osc52` sends the text to the terminal.

    Returns:
        False when the text is too long for the only way there is. OSC 52 counts as done, although no
        terminal confirms it.
    """
    command = clipboard_command(environment, platform)
    if command and await _run(command, text):
        return True
    if len(text.encode()) > OSC52_MOST:
        return False
    osc52(text)
    return True


def alert_sequence(kind: str, text: str, environment: Mapping[str, str] = os.environ) -> str:
    """What makes the terminal ring or show a notice on the desktop.

    Args:
        kind: `bell`, `osc9` (iTerm2, WezTerm, Ghostty, kitty), `osc777` (rxvt, foot), `off`, or `auto` for
            what the environment says; tmux and screen pass only the bell on.
        text: The notice, without control characters.
        environment: To recognise the terminal by.
    """
    if kind == "auto":
        term, program = environment.get("TERM", ""), environment.get("TERM_PROGRAM", "")
        kind = "bell"
        if not (environment.get("TMUX") or environment.get("STY")):
            if program in ("iTerm.app", "WezTerm", "ghostty") or term in ("xterm-kitty", "xterm-ghostty"):
                kind = "osc9"
            elif term.startswith(("rxvt", "foot")):
                kind = "osc777"
    plain = one_line(text).replace(";", ",")
    match kind:
        case "osc9":
            return f"\x1b]9;{plain}\x1b\\"
        case "osc777":
            return f"\x1b]777;notify;c2jy-tui;{plain}\x1b\\"
        case _:
            return "" if kind == "off" else "\a"


def write_copied_text(text: str, folder: Path, now: float) -> Path:
    """The last resort: a new file `c2jy-copy-<time>.txt`, which only its owner may read.

    Raises:
        OSError: The folder is missing, full or not writable.
    """
    return write_new_file(folder, "c2jy-copy", "txt", text, now)


def write_new_file(folder: Path, stem: str, suffix: str, text: str, now: float) -> Path:
    """Write `text` to a new file `<stem>-<time>[-N].<suffix>` that only its owner may read.

    Raises:
        OSError: The folder is missing, full or not writable.
    """
    begin = f"{stem}-{time.strftime('%Y%m%d-%H%M%S', time.localtime(now))}"
    number = 1
    while True:
        path = folder / (f"{begin}.{suffix}" if number == 1 else f"{begin}-{number}.{suffix}")
        try:
            create_file(path, text)
        except FileExistsError:
            number += 1
        else:
            return path


def create_file(path: Path, text: str) -> None:
    """Write a new file that only its owner may read.

    Raises:
        FileExistsError: There is such a file; it stays.
        OSError: The folder is missing, full or not writable.
    """
    path.touch(mode=0o600, exist_ok=False)
    try:
        path.write_text(text, encoding="utf-8", newline="\n")
    except BaseException:  # no half of a file stays on a full disk
        path.unlink(missing_ok=True)
        raise


def folder_command(
    path: str,
    platform: str = sys.platform,
    environment: Mapping[str, str] = os.environ,
    which: Callable[[str], str | None] = shutil.which,
) -> list[str] | None:
    """The command that opens the folder `path` in this machine's file manager.

    Returns:
        The command, or None over SSH or without a desktop.
    """
    if is_remote(environment):
        return None
    if platform == "win32":
        program, shown = "explorer", path
    elif platform == "darwin":
        program, shown = "open", path
    elif environment.get("WSL_DISTRO_NAME"):
        # Windows' own program takes no Linux path, but opens the directory it is started in.
        program, shown = "explorer.exe", "."
    elif environment.get("DISPLAY") or environment.get("WAYLAND_DISPLAY"):
        program, shown = "xdg-open", path
    else:
        return None
    found = which(program)
    return [found, shown] if found else None


async def open_folder(command: list[str], path: str) -> None:
    """Start `command` in the folder, detached.

    Raises:
        OSError: It cannot be started, or the folder is gone.
    """
    quiet = asyncio.subprocess.DEVNULL
    await asyncio.create_subprocess_exec(
        *command, cwd=path, stdin=quiet, stdout=quiet, stderr=quiet, start_new_session=True
    )


def has_job_control() -> bool:
    """Whether a shell waits that notices when this process stops, and can bring it back.

    A shell with job control gives each job a process group of its own; what a terminal starts directly, or a
    script, shares the group of the session.
    """
    return sys.platform != "win32" and os.getpgrp() != os.getsid(0)
