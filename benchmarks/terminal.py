"""The app on a pseudo-terminal of 120x36, beside an emulated Coze: keys in, every byte out."""

from __future__ import annotations

import contextlib
import fcntl
import os
import pty
import select
import signal
import struct
import subprocess
import sys
import tempfile
import termios
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pyte

PATIENCE_S = 60.0


class AppInTerminal:
    """A process on a pseudo-terminal, read by a thread as fast as it writes."""

    def __init__(self, command: list[str], environment: dict[str, str], columns: int, rows: int) -> None:
        self._master, slave = pty.openpty()
        fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))
        self.process = subprocess.Popen(
            command,
            stdin=slave,
            stdout=slave,
            stderr=slave,
            start_new_session=True,
            env=environment,
        )
        os.close(slave)
        self.output = bytearray()
        """All that was written so far."""
        self._screen = pyte.Screen(columns, rows)
        self._stream = pyte.ByteStream(self._screen)
        self._fed = 0
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self) -> None:
        while select.select([self._master], [], [], PATIENCE_S)[0]:
            try:
                read = os.read(self._master, 65_536)
            except OSError:
                return
            self.output += read

    def type(self, keys: str) -> None:
        """Type characters, or the sequences of keys."""
        os.write(self._master, keys.encode())

    def screen(self) -> str:
        """What is seen now."""
        fed, self._fed = self._fed, len(self.output)
        self._stream.feed(bytes(self.output[fed : self._fed]))
        return "\n".join(self._screen.display)

    def wait_for(self, text: str) -> None:
        """Return once `text` is on the screen."""
        until = time.perf_counter() + PATIENCE_S
        while text not in (screen := self.screen()):
            if time.perf_counter() > until:
                raise TimeoutError(f"no {text!r} in {PATIENCE_S} s:\n{screen}")
            time.sleep(0.05)

    def close(self) -> None:
        """End the process."""
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()
        self._reader.join()
        os.close(self._master)


@contextlib.contextmanager
def app_in_terminal(script: str, pace_s: float, **environment: str) -> Iterator[AppInTerminal]:
    """The app, ready, beside a Coze that plays `script` with `pace_s` seconds between two pieces."""
    from coze_emulator import Emulator, Script

    with (
        tempfile.TemporaryDirectory() as folder,
        Emulator(script=Script.parse(script), pace_s=pace_s) as emulator,
    ):
        ours = ("COZE_", "C2JY_", "XDG_", "TMUX", "SSH_", "COLUMNS", "LINES", "TEXTUAL", "NO_COLOR")
        clean = {k: v for k, v in os.environ.items() if not k.startswith(ours)}
        coze = {
            "COZE_API_TOKEN": "pat_x",
            "COZE_API_BASE": emulator.base_url,
            "COZE_BOT_ID": emulator.bot_id,
        }
        terminal = {"TERM": "xterm-256color", "COLORTERM": "truecolor", "NO_PROXY": "127.0.0.1"}
        home = {"HOME": folder, "C2JY_DRAFTS__ROOT": str(Path(folder) / "drafts")}
        command = [sys.executable, "-m", "c2jy_tui.cli", "--data-dir", folder, "--lang", "zh"]
        app = AppInTerminal(command, {**clean, **coze, **terminal, **home, **environment}, 120, 36)
        try:
            app.wait_for("c2jy emulator")
            time.sleep(2)
            yield app
        finally:
            app.close()
