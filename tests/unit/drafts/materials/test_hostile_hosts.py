"""Hosts that try to exhaust memory or time, or to reach what they may not."""

from __future__ import annotations

import asyncio
import gzip
import time
import tracemalloc
import zlib

import httpx
import pytest

from c2jy_bridge.drafts.materials import MaterialFailure
from c2jy_bridge.drafts.materials.download import unpacked
from c2jy_bridge.drafts.materials.material import Passing
from c2jy_bridge.drafts.materials.store import Patience
from c2jy_bridge.drafts.materials.transport import SpeedGauge, retry_after


async def refused(store, url: str) -> MaterialFailure:
    (result,) = (await store.fetch([url])).values()
    assert isinstance(result, MaterialFailure), result
    return result


def packed(body: bytes, zeros: int, layers: int = 1) -> bytes:
    """`body` and many zeros behind it, compressed on the way, once or in layers."""
    body += bytes(zeros)
    for _ in range(layers):
        body = gzip.compress(body, 9)
    return body


async def peak_bytes(work) -> int:
    tracemalloc.start()
    try:
        await work
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize(("coding", "layers"), [("gzip", 1), ("gzip, gzip", 2), ("GZIP,gzip,gzip", 3)])
async def test_a_body_that_unpacks_to_a_thousand_times_its_size_is_not_held_in_memory(
    host, page, picture, make_store, coding, layers
):
    body = packed(picture(), 100_000_000, layers)
    url = host.put("/bomb.png", page(body, headers={"Content-Encoding": coding}))
    store = make_store(max_bytes=20_000_000, retries=0)
    await store.fetch([host.put("/warm.png", page(picture()))])
    assert await peak_bytes(refused(store, url)) < 40_000_000


@pytest.mark.parametrize("pack", [gzip.compress, zlib.compress, lambda body: zlib.compress(body)[2:-4]])
async def test_a_file_that_was_packed_on_the_way_is_unpacked(host, page, noise, store, pack):
    body = noise(2_500_000)
    coding = "gzip" if pack is gzip.compress else "deflate"
    url = host.put("/a.png", page(pack(body), headers={"Content-Encoding": coding}, chunked=True))
    (material,) = (await store.fetch([url])).values()
    assert material.path.read_bytes() == body


async def test_a_packed_file_that_ends_too_early_is_not_taken_for_whole(host, page, noise, make_store):
    body = gzip.compress(noise(100_000))[:-5000]
    url = host.put("/a.png", page(body, headers={"Content-Encoding": "gzip"}))
    assert (await refused(make_store(retries=0), url)).code == "incomplete"


async def test_a_packed_download_that_breaks_starts_again(host, page, noise, store):
    body = noise(3_000_000)
    bad = page(gzip.compress(body, 1), etag='"v1"', headers={"Content-Encoding": "gzip"}, cut_after=2_000_000)
    (material,) = (await store.fetch([host.put("/a.png", bad)])).values()
    assert material.path.read_bytes() == body
    assert host.ranges == []


async def test_an_answer_whose_head_never_ends_costs_one_window_of_time(make_store):
    async def drip(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            writer.write(b"HTTP/1.1 200 OK\r\n")
            while True:
                writer.write(b"X-More: yes\r\n")
                await writer.drain()
                await asyncio.sleep(0.1)
        except ConnectionError:
            pass
        finally:
            writer.close()

    server = await asyncio.start_server(drip, "127.0.0.1", 0)
    name = f"127.0.0.1:{server.sockets[0].getsockname()[1]}"
    begun = time.monotonic()
    failure = await refused(make_store(retries=0, allow_private_hosts=[name]), f"http://{name}/a.png")
    assert failure.code == "timed_out"
    assert time.monotonic() - begun < 5
    server.close()


@pytest.mark.parametrize(
    "target", ["data:image/png;base64,aaaa", "http://[::1", "http://xn--/", "//", "http:"]
)
async def test_a_redirect_to_what_is_no_address_is_a_bad_link(host, page, make_store, target):
    url = host.put("/r", page(status=302, headers={"Location": target}))
    failure = await refused(make_store(retries=0), url)
    assert failure.code in ("bad_link", "incomplete", "not_found", "too_many_redirects"), failure


async def test_numbers_of_thousands_of_digits_are_no_numbers(host, page, picture, make_store):
    digits = "9" * 5000
    headers = {"Content-Range": f"bytes 0-9/{digits}"}
    url = host.put("/r.png", page(picture(), status=206, headers=headers))
    assert (await refused(make_store(retries=0), url)).code == "incomplete"
    assert retry_after("9" * 400, 0) is None


def test_a_host_below_the_least_speed_is_given_up_within_a_minute():
    now = 0.0
    gauge = SpeedGauge(Patience(), lambda: now, "host")
    gauge.add(50_000)  # a quick begin does not pay for what follows

    def trickle() -> None:
        nonlocal now
        while now < 3600:
            now += 1
            gauge.add(1000)

    with pytest.raises(Passing, match="too_slow"):
        trickle()
    assert now <= 60


async def test_packed_bytes_that_unpack_to_nothing_do_not_hide_a_slow_host():
    head = b"\x1f\x8b\x08\x08" + bytes(6) + b"a" * 500  # a gzip file's name, which never ends

    class Drip(httpx.AsyncByteStream):
        async def __aiter__(self):
            for at in range(len(head)):
                yield head[at : at + 1]

    request = httpx.Request("GET", "http://host/a.png")
    response = httpx.Response(200, headers={"content-encoding": "gzip"}, stream=Drip(), request=request)
    now = 0.0
    gauge = SpeedGauge(Patience(), lambda: now, "host")

    async def trickle() -> None:
        nonlocal now
        async for piece in unpacked(response):
            now += 1
            gauge.add(len(piece))

    with pytest.raises(Passing, match="too_slow"):
        await trickle()
    assert now <= 60
