"""Requests taken in over HTTP, each checked and on disk before its answer, against FastAPI with one commit.

Both servers run in a process of their own and are asked by eight connections of this one, in turns of a
tenth of a second: what else the machine does, and its disk, then hits both alike. Nothing runs the requests
meanwhile: that would measure the tools.
"""

from __future__ import annotations

import asyncio
import contextlib
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

from benchmarks.measure import Row, in_turns

TURN = 90
"""Requests of one turn."""
TURNS = 50
QUEUE_LIMIT = TURN * (TURNS + 2)
CONNECTIONS = 8
GOAL = 0.8
BODY = b'{"tool": "noop", "arguments": {"text": "hello", "count": 3}}'


def run() -> Iterator[Row]:
    with _serving("benchmarks.intake") as ours, _serving("benchmarks.plain_intake") as plain:
        a, b = in_turns(_asked(*ours), _asked(*plain), rounds=TURNS)
    yield Row(
        "durable intake: ours / FastAPI + one commit",
        f"{TURN / a:,.0f}/s",
        f"{TURN / b:,.0f}/s",
        b / a,
        GOAL,
        at_least=True,
    )


def _asked(port: int, token: str) -> Callable[[], float]:
    numbers = iter(range(QUEUE_LIMIT))
    return lambda: asyncio.run(_ask(port, token, [next(numbers) for _ in range(TURN)]))


@contextlib.contextmanager
def _serving(module: str) -> Iterator[tuple[int, str]]:
    with (
        tempfile.TemporaryDirectory() as folder,
        subprocess.Popen(
            [sys.executable, "-m", module, folder], stdout=subprocess.PIPE, text=True
        ) as process,
    ):
        assert process.stdout is not None
        port, token = process.stdout.readline().split()
        try:
            yield int(port), token
        finally:
            process.kill()


async def _ask(port: int, token: str, keys: list[int]) -> float:
    """Seconds for these requests; each connection sends its next one when the last was answered."""
    numbers = iter(keys)

    async def caller() -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        for number in numbers:
            writer.write(
                b"POST /v1/requests HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\n"
                b"Authorization: Bearer %s\r\nIdempotency-Key: key-%d\r\nContent-Length: %d\r\n\r\n%s"
                % (token.encode(), number, len(BODY), BODY)
            )
            head = await reader.readuntil(b"\r\n\r\n")
            assert b" 202 " in head.partition(b"\r\n")[0], head
            length = head.lower().partition(b"content-length:")[2].partition(b"\r\n")[0]
            await reader.readexactly(int(length))
        writer.close()

    begin = time.perf_counter()
    async with asyncio.TaskGroup() as group:
        for _ in range(CONNECTIONS):
            group.create_task(caller())
    return time.perf_counter() - begin


async def _serve(folder: Path) -> None:
    """The bridge's own intake, service and queue, without a worker."""
    from c2jy_bridge.core.settings import Settings
    from c2jy_bridge.core.vault import Vault
    from c2jy_bridge.core.views import BridgeView
    from c2jy_bridge.plugin import ToolRegistry, tool
    from c2jy_bridge.relay.artifacts import DiskArtifacts
    from c2jy_bridge.relay.calls import refuse_hopeless
    from c2jy_bridge.relay.embedded_queue import EmbeddedQueue
    from c2jy_bridge.relay.intakes.http import HttpIntake, Tokens
    from c2jy_bridge.relay.request import ChangeNotifier
    from c2jy_bridge.relay.request_queue import RequestService
    from c2jy_bridge.relay.storage import Storage

    @tool(policy="allow")
    def noop(text: str, count: int) -> dict[str, str]:
        """Do nothing."""
        return {}

    async def stop(_: str) -> None: ...

    async def emit(_: object) -> None: ...

    async def status() -> BridgeView:
        raise NotImplementedError("the benchmark never asks for the status")

    bridge = {"port": 0, "rate_per_minute": 10**7, "queue_limit": QUEUE_LIMIT}
    settings = Settings(bridge=bridge, data_dir=folder, config_dir=folder)
    registry = ToolRegistry()
    registry.register(noop)
    storage = await asyncio.to_thread(Storage, folder / "journal.db")
    queue = EmbeddedQueue(storage, limit=settings.bridge.queue_limit)
    tokens = Tokens(Vault(folder / "secrets"))
    intake = HttpIntake(
        settings,
        service=RequestService(
            queue,
            ChangeNotifier(emit, time.time),
            settings.bridge,
            check=partial(refuse_hopeless, {one.name: one for one in registry}, {}),
            wake=lambda: None,
            stop=stop,
            artifacts=DiskArtifacts(folder / "artifacts", max_bytes=2**20),
        ),
        probe=partial(storage.keep_note, "ready", ""),
        registry=registry,
        tokens=tokens,
        status=status,
        emit=emit,
    )
    await intake.start()
    print(intake.status().address.rpartition(":")[2], tokens.current(), flush=True)
    await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(_serve(Path(sys.argv[1])))
