"""Requests a second through a studio of one, two and four machines, beside one machine with its own queue.

Every process is real: nats-server, gateway, machines, and an emulator whose Bot thinks for 0 or 500 ms before
it calls the tool. All share the cores of this computer, so that without thinking more machines win little:
what is shown there is the cost of the queue. With thinking, as at Coze, they are to add up. The figures are
drawn in `.benchmarks/studio.svg`. Needs nats-server; without it there is no row.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from pathlib import Path

import httpx

from benchmarks.measure import Row

MACHINES = (1, 2, 4)
REQUESTS = 160
AT_ONCE = 24
THINKS_MS = (0, 500)
GOALS = {(0, 1): 0.2, (0, 2): 0.2, (0, 4): 0.2, (500, 1): 0.7, (500, 2): 1.3, (500, 4): 2.0}
"""Of the rate of one machine with its own queue; four machines and all else share two cores in CI."""
PLOT = Path(".benchmarks/studio.svg")
WAIT_S = 60.0
SCRIPT = """
rules:
  - name: obeys
    match: "(?P<handle>[0-9a-f]{{16}}-[0-9a-f]{{24}})"
    steps:
      - sleep: {seconds}
      - call: bridge_execute
        arguments: {{handle: "{{{{handle}}}}"}}
      - say: OK
fallback:
  - say: "?"
"""


def run() -> Iterator[Row]:
    if shutil.which("nats-server") is None:
        print("studio: no nats-server, nothing measured", flush=True)
        return
    rates: dict[tuple[int, int], float] = {}
    for think_ms in THINKS_MS:
        with _emulator(think_ms / 1000) as coze:
            with _bridge(coze) as (address, token):
                rates[think_ms, 0] = asyncio.run(_rate(address, token))
            for machines in MACHINES:
                with _studio(coze, machines) as (address, token):
                    rates[think_ms, machines] = asyncio.run(_rate(address, token))
                ours, alone = rates[think_ms, machines], rates[think_ms, 0]
                yield Row(
                    f"requests, Bot {think_ms} ms: {machines} by NATS / embedded",
                    f"{ours:.1f}/s",
                    f"{alone:.1f}/s",
                    ours / alone,
                    GOALS[think_ms, machines],
                    at_least=True,
                )
    PLOT.parent.mkdir(exist_ok=True)
    PLOT.write_text(_plot(rates), encoding="utf-8")


async def _rate(address: str, token: str) -> float:
    """Requests a second, of all that are asked at once by a few callers."""
    left = iter(range(REQUESTS))
    headers = {"Authorization": f"Bearer {token}", "Prefer": "wait=60"}
    async with httpx.AsyncClient(base_url=address, headers=headers, timeout=90) as client:

        async def one() -> None:
            body = {"tool": "list_drafts", "arguments": {}}
            answer = await client.post("/v1/requests", json=body)
            assert answer.json()["state"] == "succeeded", answer.text

        async def caller() -> None:
            for _ in left:
                await one()

        await asyncio.gather(*(one() for _ in range(8)))  # conversations are begun, the web app is warm
        begin = time.perf_counter()
        await asyncio.gather(*(caller() for _ in range(AT_ONCE)))
        return REQUESTS / (time.perf_counter() - begin)


@contextlib.contextmanager
def _emulator(seconds: float) -> Iterator[dict[str, str]]:
    """Environment of a machine whose Bot thinks for so long."""
    from coze_emulator.server import BOT_ID

    port = _free_port()
    with tempfile.TemporaryDirectory() as folder:
        script = Path(folder, "script.yaml")
        script.write_text(SCRIPT.format(seconds=seconds), encoding="utf-8")
        with _process(["emulator", "--port", str(port), "--script", str(script)], {}):
            _until_open(port)
            yield {
                "COZE_API_BASE": f"http://127.0.0.1:{port}",
                "COZE_API_TOKEN": "bench",
                "COZE_BOT_ID": BOT_ID,
            }


@contextlib.contextmanager
def _bridge(coze: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    with tempfile.TemporaryDirectory() as folder:
        port = _free_port()
        place = ["--data-dir", folder, "--drafts-root", f"{folder}/drafts"]
        with _process([*place, "bridge", "serve", "--port", str(port)], coze):
            yield _ready(port, folder, coze)


@contextlib.contextmanager
def _studio(coze: Mapping[str, str], machines: int) -> Iterator[tuple[str, str]]:
    with tempfile.TemporaryDirectory() as folder, contextlib.ExitStack() as running:
        nats, port = _free_port(), _free_port()
        command = ["nats-server", "-a", "127.0.0.1", "-p", str(nats), "-js", "-sd", f"{folder}/nats"]
        server = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        running.callback(_end, server)
        _until_open(nats)
        small = {"C2JY_STUDIO__MAX_BYTES": str(2**26), "C2JY_STUDIO__MAX_OBJECT_BYTES": str(2**26)}
        around = {**coze, **small, "C2JY_STUDIO__QUEUE": f"nats://127.0.0.1:{nats}"}
        gateway = ["--data-dir", f"{folder}/gateway", "bridge", "gateway", "--port", str(port)]
        running.enter_context(_process(gateway, around))
        _until_open(port)
        for number in range(machines):
            Path(folder, str(number)).mkdir()
            place = ["--data-dir", f"{folder}/{number}", "--drafts-root", f"{folder}/{number}/drafts"]
            serve = [*place, "bridge", "serve", "--machine", f"m{number}"]
            running.enter_context(_process(serve, around))
        found = _ready(port, f"{folder}/gateway", around)
        deadline = time.monotonic() + WAIT_S
        while _figures(*found).count("c2jy_studio_machine_info{") < machines:
            assert time.monotonic() < deadline, "a machine did not come"
            time.sleep(0.2)
        yield found


def _figures(address: str, token: str) -> str:
    return httpx.get(f"{address}/metrics", headers={"Authorization": f"Bearer {token}"}).text


def _ready(port: int, folder: str, around: Mapping[str, str]) -> tuple[str, str]:
    """Address and token of a bridge, once it can work."""
    _until_open(port)
    command = [sys.executable, "-m", "c2jy_tui", "--data-dir", folder, "bridge", "token"]
    token = subprocess.run(command, capture_output=True, text=True, check=True, env={**os.environ, **around})
    address, deadline = f"http://127.0.0.1:{port}", time.monotonic() + WAIT_S
    headers = {"Authorization": f"Bearer {token.stdout.strip()}"}
    while httpx.get(f"{address}/readyz", headers=headers).status_code != 200:
        assert time.monotonic() < deadline, "the bridge is not ready"
        time.sleep(0.2)
    return address, token.stdout.strip()


@contextlib.contextmanager
def _process(arguments: list[str], around: Mapping[str, str]) -> Iterator[None]:
    fast = {"C2JY_BRIDGE__RATE_PER_MINUTE": "1000000"}
    process = subprocess.Popen(
        [sys.executable, "-m", "c2jy_tui", *arguments],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        env={**os.environ, **around, **fast},
    )
    try:
        yield
    finally:
        _end(process)


def _end(process: subprocess.Popen[bytes]) -> None:
    process.terminate()
    process.wait(30)


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as one:
        return int(one.getsockname()[1])


def _until_open(port: int) -> None:
    deadline = time.monotonic() + WAIT_S
    while True:
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port)):
            return
        assert time.monotonic() < deadline, port
        time.sleep(0.05)


def _plot(rates: Mapping[tuple[int, int], float]) -> str:
    """Bars: one group for each time that the Bot thinks."""
    most, parts = max(rates.values()), []
    for place, ((think_ms, machines), rate) in enumerate(rates.items()):
        x = 40 + place * 56 + (think_ms > 0) * 40
        height = 200 * rate / most
        name = f"{machines} × NATS" if machines else "embedded"
        colour = "#3b6ea5" if machines else "#999999"
        parts += [
            f'<rect x="{x}" y="{230 - height:.1f}" width="44" height="{height:.1f}" fill="{colour}"/>',
            f'<text x="{x + 22}" y="{224 - height:.1f}" text-anchor="middle">{rate:.1f}</text>',
            f'<text x="{x + 22}" y="246" text-anchor="middle">{name}</text>',
        ]
        if not machines:
            parts.append(f'<text x="{x}" y="268">requests a second, Bot thinks {think_ms} ms</text>')
    body = "\n".join(parts)
    return (
        '<svg xmlns="http://www.w3.org/2000/svg" width="580" height="280" font-size="10" '
        f'font-family="sans-serif">\n<rect width="580" height="280" fill="white"/>\n{body}\n</svg>\n'
    )
