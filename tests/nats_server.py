"""Real nats-server processes on loopback, each with a folder of its own."""

from __future__ import annotations

import json
import secrets
import shutil
import signal
import subprocess
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from c2jy_bridge.core.settings import StudioSettings

needs_nats = pytest.mark.skipif(
    shutil.which("nats-server") is None, reason="needs nats-server: apt-get install nats-server"
)
START_S = 20.0


def studio_settings(queue: str, **more: Any) -> StudioSettings:
    """A studio that no other test has, small enough for any disk."""
    small = 32 * 1024**2
    given = {"name": f"test-{secrets.token_hex(4)}", "max_bytes": small, "max_object_bytes": small}
    return StudioSettings(queue=queue, **{**given, **more})


class NatsServer:
    """One server with JetStream."""

    def __init__(self, folder: Path, *, arguments: Sequence[str] = (), port: int = -1) -> None:
        """`port` -1 takes a free one, and keeps it over a restart."""
        self.folder = folder
        self.port = port
        self._arguments = arguments
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        return f"nats://127.0.0.1:{self.port}"

    def start(self) -> NatsServer:
        ports = self.folder / "ports"
        shutil.rmtree(ports, ignore_errors=True)
        ports.mkdir(parents=True)
        self._process = subprocess.Popen(
            [
                *("nats-server", "--addr", "127.0.0.1", "--port", str(self.port), "--jetstream"),
                *("--store_dir", str(self.folder / "store"), "--ports_file_dir", str(ports)),
                *("--log", str(self.folder / "log"), *self._arguments),
            ],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        deadline = time.monotonic() + START_S
        while not (found := list(ports.glob("*.ports"))):
            assert self._process.poll() is None, (self.folder / "log").read_text()
            assert time.monotonic() < deadline, "nats-server did not start"
            time.sleep(0.02)
        while not (text := found[0].read_text()).rstrip().endswith("}"):
            time.sleep(0.02)
        self.port = int(json.loads(text)["nats"][0].rpartition(":")[2])
        return self

    def kill(self) -> None:
        """As `kill -9`."""
        self.stop(signal.SIGKILL)

    def stop(self, how: signal.Signals = signal.SIGTERM) -> None:
        if self._process is not None:
            self._process.send_signal(how)
            self._process.wait(30)
            self._process = None
