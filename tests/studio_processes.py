"""A studio of real processes on loopback: servers, a gateway, machines with a Bot of the emulator each."""

from __future__ import annotations

import asyncio
import json
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from functools import partial
from pathlib import Path
from typing import Any

import httpx
import nats
import nats.errors

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
                "--no_advertise",  # clients shall know no way around a proxy
            ),
        )
        for number in range(size)
    ]


def free_ports(count: int) -> list[int]:
    """Ports that nothing listens on now."""
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


class Wire:
    """A TCP proxy before a server, in a thread of its own: a network that is cut and heals."""

    def __init__(self, server: NatsServer) -> None:
        self._to = server.port
        self._whole = threading.Event()
        self._whole.set()
        self._open: set[socket.socket] = set()
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"nats://127.0.0.1:{self._listener.getsockname()[1]}"
        threading.Thread(target=self._accept, daemon=True).start()

    def cut(self, *, silently: bool) -> None:
        """Pass nothing more on. `silently`: as a cable that is out, without telling either end."""
        self._whole.clear()
        if not silently:
            self._drop()

    def heal(self) -> None:
        """What was open while it was cut is dead; new connections pass."""
        self._drop()
        self._whole.set()

    def close(self) -> None:
        self._listener.close()
        self._whole.set()
        self._drop()

    def _drop(self) -> None:
        for end in list(self._open):
            with suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                end, _ = self._listener.accept()
                threading.Thread(target=self._serve, args=(end,), daemon=True).start()

    def _serve(self, end: socket.socket) -> None:
        self._open.add(end)
        try:
            self._whole.wait()
            with socket.create_connection(("127.0.0.1", self._to)) as other:
                self._open.add(other)
                back = threading.Thread(target=self._pass, args=(other, end), daemon=True)
                back.start()
                self._pass(end, other)
                back.join()
                self._open.discard(other)
        except OSError:
            pass  # the server is down
        finally:
            self._open.discard(end)
            end.close()

    def _pass(self, source: socket.socket, sink: socket.socket) -> None:
        with suppress(OSError):
            while data := source.recv(65536):
                self._whole.wait()
                sink.sendall(data)
        for one in (source, sink):
            with suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)


class StudioProcesses:
    """A gateway and machines at these servers."""

    def __init__(
        self,
        folder: Path,
        environment: Mapping[str, str],
        servers: Sequence[NatsServer],
        *,
        lease_s: float = 3.0,
        wires: Sequence[Wire] = (),
    ) -> None:
        self.folder = folder
        self.servers = servers
        self.wires = wires
        self.queue = ",".join(server.url for server in servers)
        self.queue_of_machines = ",".join(wire.url for wire in wires) or self.queue
        self.environment = {
            **environment,
            "C2JY_STUDIO__LEASE_S": str(lease_s),
            "C2JY_STUDIO__REPLICAS": "3" if len(servers) > 2 else "1",
            "C2JY_STUDIO__MAX_BYTES": str(256 * 1024**2),
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
            *("bridge", "serve", "--machine", name, "--queue", self.queue_of_machines, *options),
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
            except (httpx.HTTPError, nats.errors.Error, OSError):
                pass
            assert time.monotonic() < deadline, what
            time.sleep(0.1)

    def is_ready(self) -> bool:
        return self.client.get("/readyz").status_code == 200

    def leader(self) -> int:
        """Index of the server that leads the stream of work."""

        async def ask() -> int:
            client = await nats.connect([server.url for server in self.servers], max_reconnect_attempts=1)
            try:
                info = await client.jetstream().stream_info("C2JY-studio-work")
            finally:
                await client.close()
            if info.cluster is None or not info.cluster.leader:
                raise nats.errors.Error("no leader")
            return int(info.cluster.leader.removeprefix("n"))

        return asyncio.run(ask())

    def draft_ids(self) -> list[str]:
        """Ids of all drafts on all machines: each follows from the tool call that made it."""
        return [
            str(json.loads(path.read_text(encoding="utf-8"))["marker"]["draft_id"])
            for name in self.machines
            for path in (self.folder / name / "drafts").glob("*/c2jy.json")
        ]

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
    wired: bool = False,
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
    wires = [Wire(server) for server in made] if wired else []
    processes = StudioProcesses(folder, environment, made, wires=wires)
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
        for wire in wires:
            wire.close()
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
