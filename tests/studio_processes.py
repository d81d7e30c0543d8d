"""A studio of real processes on loopback: servers, a gateway, machines with a Bot of the emulator each."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import httpx

from nats_server import NatsServer

WAIT_S = 60.0


def cluster(folder: Path, size: int) -> list[NatsServer]:
    """Servers that form one JetStream cluster; all must be started."""
    ports = free_ports(2 * size)
    routes = ",".join(f"nats://127.0.0.1:{port}" for port in ports[size:])
    return [
        NatsServer(
            folder / f"nats-{number}",
            port=ports[number],
            arguments=(
                *("--server_name", f"n{number}", "--cluster_name", "test", "--routes", routes),
                *("--cluster", f"nats://127.0.0.1:{ports[size + number]}"),
            ),
        )
        for number in range(size)
    ]


def free_ports(count: int) -> list[int]:
    """Ports that nothing listens on now."""
    import socket

    sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports = [int(one.getsockname()[1]) for one in sockets]
    for one in sockets:
        one.close()
    return ports


class Process:
    """`c2jy-tui` with these arguments, started again at will; its stderr is kept in a file."""

    def __init__(self, folder: Path, environment: Mapping[str, str], *arguments: str | Path) -> None:
        self.folder = folder
        folder.mkdir(parents=True, exist_ok=True)
        self._environment = dict(environment)
        self._arguments = [*map(str, arguments)]
        self._log = folder / "stderr"
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "c2jy_tui", "--lang", "en", *self._arguments],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=log,
                env=self._environment,
            )

    @property
    def has_ended(self) -> bool:
        """Whether it ended by itself."""
        return self._process is not None and self._process.poll() is not None

    def printed(self, text: str) -> str:
        """The first line that holds `text`, once it is printed."""
        deadline = time.monotonic() + WAIT_S
        while True:
            written = self._log.read_text(errors="replace") if self._log.exists() else ""
            if found := [line for line in written.splitlines() if text in line]:
                return found[0]
            assert self._process is not None
            assert self._process.poll() is None, written
            assert time.monotonic() < deadline, written
            time.sleep(0.05)

    def stop(self, how: signal.Signals = signal.SIGTERM) -> int:
        """End it; its exit status, 0 when it does not run."""
        process, self._process = self._process, None
        if process is None:
            return 0
        process.send_signal(how)
        return process.wait(30)

    def kill(self) -> None:
        self.stop(signal.SIGKILL)


class StudioProcesses:
    """A gateway and machines at these servers."""

    def __init__(
        self,
        folder: Path,
        environment: Mapping[str, str],
        servers: Sequence[NatsServer],
        *,
        lease_s: float = 3.0,
    ) -> None:
        self.folder = folder
        self.queue = ",".join(server.url for server in servers)
        self.environment = {
            **environment,
            "C2JY_STUDIO__LEASE_S": str(lease_s),
            "C2JY_STUDIO__REPLICAS": "3" if len(servers) > 2 else "1",
            "C2JY_STUDIO__MAX_BYTES": str(32 * 1024**2),
            "C2JY_STUDIO__MAX_OBJECT_BYTES": str(64 * 1024**2),
            "C2JY_BRIDGE__RATE_PER_MINUTE": "100000",
        }
        self.gateway = Process(
            folder / "gateway",
            self.environment,
            *("--data-dir", folder / "gateway", "bridge", "gateway", "--port", "0", "--queue", self.queue),
        )
        self.machines: dict[str, Process] = {}
        self.coze: Process | None = None
        self.client = httpx.Client(timeout=150)

    def start_gateway(self) -> None:
        self.gateway.start()
        address = "http://" + self.gateway.printed("http://").partition("http://")[2].split()[0].rstrip(".")
        token = self.run("--data-dir", self.folder / "gateway", "bridge", "token").stdout.strip()
        self.client.base_url = httpx.URL(address)
        self.client.headers["Authorization"] = f"Bearer {token}"

    def add_machine(self, name: str, *options: str) -> Process:
        """A machine with an emulator of its own, or with the one that `add_coze` started."""
        folder = self.folder / name
        made = self.machines[name] = Process(
            folder,
            self.environment,
            *([] if self.coze else ["--demo"]),
            *("--data-dir", folder / "data", "--drafts-root", folder / "drafts"),
            *("bridge", "serve", "--machine", name, "--queue", self.queue, *options),
        )
        made.start()
        return made

    def add_coze(self) -> None:
        """Start an emulator for all machines: its chats outlive theirs."""
        (port,) = free_ports(1)
        self.coze = Process(self.folder / "coze", self.environment, "emulator", "--port", str(port))
        self.coze.start()
        self.coze.printed(str(port))
        self.environment |= {
            "COZE_API_BASE": f"http://127.0.0.1:{port}",
            "COZE_API_TOKEN": "demo",
            "COZE_BOT_ID": "7379462189365198898",
        }

    def run(self, *arguments: str | Path) -> subprocess.CompletedProcess[str]:
        """Run a command to its end."""
        return subprocess.run(
            [sys.executable, "-m", "c2jy_tui", "--lang", "en", *map(str, arguments)],
            capture_output=True,
            text=True,
            env=self.environment,
            timeout=WAIT_S,
        )

    def until(self, happened: Callable[[], Any], what: str) -> Any:
        deadline = time.monotonic() + WAIT_S
        while True:
            try:
                if found := happened():
                    return found
            except httpx.HTTPError:
                pass
            assert time.monotonic() < deadline, what
            time.sleep(0.1)

    def is_ready(self) -> bool:
        return self.client.get("/readyz").status_code == 200

    def drafts(self) -> list[str]:
        """Names of all drafts on all machines."""
        return sorted(
            path.name
            for name in self.machines
            for path in (self.folder / name / "drafts").glob("*")
            if not path.name.startswith(".")
        )

    def close(self) -> list[int]:
        """End everything; exit statuses."""
        self.client.close()
        coze = [self.coze] if self.coze else []
        return [process.stop() for process in (*self.machines.values(), self.gateway, *coze)]


@contextmanager
def studio(
    folder: Path,
    environment: Mapping[str, str],
    *,
    servers: int = 1,
    machines: Sequence[str] = ("a", "b"),
    one_coze: bool = False,
) -> Iterator[tuple[StudioProcesses, list[NatsServer]]]:
    """A studio that is ready."""
    if servers == 1:
        made = [NatsServer(folder / "nats").start()]
    else:
        made = cluster(folder, servers)
        starting = [threading.Thread(target=server.start) for server in made]
        for thread in starting:
            thread.start()
        for thread in starting:
            thread.join()
    processes = StudioProcesses(folder, environment, made)
    try:
        processes.start_gateway()
        if one_coze:
            processes.add_coze()
        for name in machines:
            processes.add_machine(name)
        for name in machines:
            processes.until(partial(_is_there, processes, name), f"{name} did not come")
        yield processes, made
    finally:
        processes.close()
        for server in made:
            server.kill()


def _is_there(processes: StudioProcesses, name: str) -> bool:
    return name in names(processes)


def names(processes: StudioProcesses) -> list[str]:
    """The machines that `bridge workers` lists."""
    listed = processes.run("bridge", "workers", "--json", "--queue", processes.queue)
    assert listed.returncode == 0, listed.stderr
    return [str(one["name"]) for one in json.loads(listed.stdout)]


def draft(name: str) -> dict[str, Any]:
    """A request for a small draft of that name."""
    clip = {"type": "text", "text": name, "at": {"start": 0, "duration": 2}}
    content = {"schema": "c2jy/1", "name": name, "tracks": [{"type": "text", "clips": [clip]}]}
    return {"tool": "generate_draft", "arguments": {"content": content}}
