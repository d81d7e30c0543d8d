"""1,000 pictures by URL from a server 50 ms away, against one by one as the predecessor fetches them.

One by one they would take a minute and a half each time, so a hundred are fetched and their time is taken ten
times over; the table says so.
"""

from __future__ import annotations

import asyncio
import io
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from benchmarks.measure import Row, in_turns, ms

FILES = 1_000
ONE_BY_ONE = 100
BYTES = 200_000
LATENCY_S = 0.05
GOAL = 10


def run() -> Iterator[Row]:
    command = [sys.executable, "-m", "benchmarks.materials"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as server, asyncio.Runner() as runner:
        assert server.stdout is not None
        port = int(server.stdout.readline())
        urls = [f"http://127.0.0.1:{port}/{n}.png" for n in range(FILES)]
        try:
            a, b = in_turns(
                lambda: runner.run(_at_once(urls)),
                lambda: runner.run(_one_by_one(urls[:ONE_BY_ONE])) * FILES / ONE_BY_ONE,
                rounds=3,
            )
        finally:
            server.kill()
    what = f"{FILES:,} pictures at {LATENCY_S * 1000:.0f} ms: one by one / ours"
    yield Row(what, ms(a), f"{ONE_BY_ONE} x {FILES // ONE_BY_ONE}: {b:.1f} s", b / a, GOAL, at_least=True)


async def _at_once(urls: list[str]) -> float:
    from c2jy_bridge.core.settings import MaterialSettings
    from c2jy_bridge.drafts.materials import Material, MaterialStore

    host = urls[0].split("/")[2]
    with tempfile.TemporaryDirectory() as folder:
        store = MaterialStore(Path(folder), MaterialSettings(allow_private_hosts=[host]))
        begin = time.perf_counter()
        found = await store.fetch(urls)
        elapsed = time.perf_counter() - begin
        await store.aclose()
        assert all(isinstance(one, Material) for one in found.values()), found
    return elapsed


async def _one_by_one(urls: list[str]) -> float:
    import httpx

    with tempfile.TemporaryDirectory() as folder:
        begin = time.perf_counter()
        async with httpx.AsyncClient(trust_env=False) as client:
            for n, url in enumerate(urls):
                answer = await client.get(url)
                await asyncio.to_thread((Path(folder) / f"{n}.png").write_bytes, answer.content)
        return time.perf_counter() - begin


def _picture(number: int) -> bytes:
    from PIL import Image

    file = io.BytesIO()
    Image.new("RGB", (64, 64), (number % 256, 90, 120)).save(file, "PNG")
    # Bytes after the end of a PNG are ignored by every reader; they make the file as large as a real one.
    return file.getvalue() + os.urandom(BYTES - file.tell())


async def _serve() -> None:
    """The far host, in a process of its own; prints its port."""
    bodies = [_picture(n) for n in range(FILES)]  # 200 MB

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while head := await reader.readuntil(b"\r\n\r\n"):
                body = bodies[int(head.split()[1].rpartition(b"/")[2].partition(b".")[0])]
                await asyncio.sleep(LATENCY_S)
                writer.write(
                    b"HTTP/1.1 200 OK\r\ncontent-type: image/png\r\ncontent-length: %d\r\n\r\n" % BYTES
                )
                writer.write(body)
                await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError):
            writer.close()

    server = await asyncio.start_server(talk, "127.0.0.1", 0, backlog=256)
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(_serve())
