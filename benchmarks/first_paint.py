"""From the start of the process to the first frame in a terminal, against a bare three-pane Textual app."""

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
import time
from collections.abc import Iterator

from benchmarks.measure import Row, in_turns, ms

GOAL = 1.25
ROUNDS = 9
PATIENCE_S = 20


def run() -> Iterator[Row]:
    with tempfile.TemporaryDirectory() as folder:
        app = [sys.executable, "-m", "c2jy_tui.cli", "--demo", "--data-dir", folder, "--lang", "en"]
        bare = [sys.executable, "-m", "benchmarks.bare_app"]
        # The welcome stands in our first frame, as READY does in the bare one.
        a, b = in_turns(lambda: painted(app, b"c2jy"), lambda: painted(bare, b"READY"), rounds=ROUNDS)
    yield Row("first paint / a bare three-pane app", ms(a), ms(b), a / b, GOAL)


def painted(command: list[str], marker: bytes) -> float:
    """Seconds until `marker` comes out of the program's terminal."""
    master, slave = pty.openpty()
    fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", 36, 120, 0, 0))
    begin = time.perf_counter()
    process = subprocess.Popen(
        command,
        stdin=slave,
        stdout=slave,
        stderr=slave,
        start_new_session=True,
        env={**os.environ, "TERM": "xterm-256color", "COLORTERM": "truecolor"},
    )
    os.close(slave)
    seen = b""
    try:
        while marker not in seen:
            ready, _, _ = select.select([master], [], [], PATIENCE_S)
            if not ready:
                raise TimeoutError(f"{command}: no {marker!r} in {PATIENCE_S} s")
            seen += os.read(master, 65536)
        return time.perf_counter() - begin
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        os.close(master)
