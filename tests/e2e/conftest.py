"""Real processes: the installed command in a real terminal (tmux) and on pipes, in folders of its own."""

from __future__ import annotations

import os
import shlex
import shutil
import subprocess
import sys
import time
import uuid
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest

COMMAND = Path(sys.executable).with_name("c2jy-tui")
PATIENCE_S = 30.0
"""A busy machine is slow; a passing test does not wait."""


@pytest.fixture
def command() -> Path:
    """The installed command."""
    return COMMAND


@pytest.fixture
def environment(tmp_path: Path) -> dict[str, str]:
    """Nothing of this machine's settings: home, configuration and data are below the test's folder."""
    # COLUMNS and LINES: a pytest-xdist worker has them, and a program believes them more than its terminal.
    ours = ("COZE_", "C2JY_", "XDG_", "TMUX", "COLUMNS", "LINES")
    clean = {k: v for k, v in os.environ.items() if not k.startswith(ours)}
    return {
        **clean,
        "HOME": str(tmp_path / "home"),
        "XDG_CONFIG_HOME": str(tmp_path / "config"),
        "XDG_DATA_HOME": str(tmp_path / "data"),
        "LANG": "C.UTF-8",
        "LC_ALL": "C.UTF-8",
        "TEXTUAL_ANIMATIONS": "none",
        "NO_PROXY": "127.0.0.1",
    }


@dataclass(frozen=True, slots=True)
class Finished:
    """A command that ran to its end."""

    status: int
    out: str
    err: str


@pytest.fixture
def c2jy(environment: dict[str, str], tmp_path: Path) -> Callable[..., Finished]:
    """Run `c2jy-tui` with arguments, and `stdin` if given."""

    def run(*arguments: str | Path, stdin: str | None = None, **more: str) -> Finished:
        done = subprocess.run(
            [COMMAND, *map(str, arguments)],
            input=stdin,
            capture_output=True,
            text=True,
            encoding="utf-8",
            env={**environment, **more},
            cwd=tmp_path,
            timeout=PATIENCE_S,
        )
        return Finished(done.returncode, done.stdout, done.stderr)

    return run


class Terminal:
    """A program in a tmux window of a server of its own."""

    def __init__(self, command: list[str], environment: dict[str, str], columns: int, rows: int) -> None:
        self._socket = f"c2jy-{uuid.uuid4().hex[:8]}"
        words = " ".join(shlex.quote(word) for word in command)
        variables = " ".join(shlex.quote(f"{k}={v}") for k, v in environment.items() if k != "TERM")
        self._tmux(
            *("-f", os.devnull, "new-session", "-d", "-x", str(columns), "-y", str(rows)),
            f"env -i TERM=tmux-256color {variables} {words}; echo exit status $?; sleep 60",
        )

    def _tmux(self, *arguments: str) -> str:
        command = ["tmux", "-L", self._socket, *arguments]
        return subprocess.run(command, check=True, capture_output=True, text=True, encoding="utf-8").stdout

    def screen(self, *, styles: bool = False) -> str:
        """What a person sees now; with the sequences of colours and attributes if asked for."""
        return self._tmux("capture-pane", "-p", *["-e"] * styles)

    def press(self, *keys: str) -> None:
        """Keys by tmux's names: Enter, Escape, F3, C-q."""
        self._tmux("send-keys", *keys)

    def type(self, text: str) -> None:
        """Characters as they are."""
        self._tmux("send-keys", "-l", text)

    def paste(self, text: str) -> None:
        """Paste as a terminal does that knows no bracketed paste."""
        self._tmux("set-buffer", text)
        self._tmux("paste-buffer")

    def follows_mouse(self) -> bool:
        """Whether the program is told of each move of the mouse."""
        return self._tmux("display-message", "-p", "#{mouse_all_flag}").strip() == "1"

    def assert_whole(self) -> None:
        """Ctrl+L, which draws everything again, changes nothing; what still moves is tried again."""
        for _ in range(10):
            before = self.screen(styles=True)
            self.press("C-l")
            time.sleep(0.4)
            if (after := self.screen(styles=True)) == before:
                return
        pytest.fail(f"the screen was\n{before}\nand drawn anew\n{after}")

    def resize(self, columns: int, rows: int) -> None:
        """Change the window's size."""
        self._tmux("resize-window", "-x", str(columns), "-y", str(rows))

    def wait_for(self, *texts: str, seconds: float = PATIENCE_S) -> str:
        """The screen as soon as it shows all of `texts`."""
        end = time.monotonic() + seconds
        while True:
            screen = self.screen()
            if all(text in screen for text in texts):
                return screen
            if time.monotonic() > end or "exit status" in screen:
                pytest.fail(f"not on the screen: {[t for t in texts if t not in screen]}\n{screen}")
            time.sleep(0.05)

    def close(self) -> None:
        """End the program and its server."""
        subprocess.run(["tmux", "-L", self._socket, "kill-server"], capture_output=True)


@pytest.fixture
def terminal(environment: dict[str, str]) -> Iterator[Callable[..., Terminal]]:
    """Open `c2jy-tui` with arguments in a terminal of some size, `through` another command."""
    if not shutil.which("tmux"):
        pytest.fail("tmux is missing; `make test` installs it on Debian and Ubuntu")
    opened: list[Terminal] = []

    def start(
        *arguments: str | Path, columns: int = 120, rows: int = 36, through: Sequence[str] = ()
    ) -> Terminal:
        window = Terminal([*through, str(COMMAND), *map(str, arguments)], environment, columns, rows)
        opened.append(window)
        return window

    yield start
    for window in opened:
        window.close()
