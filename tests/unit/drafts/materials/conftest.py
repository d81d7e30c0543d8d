"""A file host on loopback that is slow, cuts, throttles, redirects and lies; and media made on the spot."""

from __future__ import annotations

import asyncio
import io
from collections import Counter
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from c2jy_bridge.core.settings import MaterialSettings
from c2jy_bridge.drafts.materials import MaterialStore
from c2jy_bridge.drafts.materials.store import Patience


@dataclass
class Page:
    """What the host gives under one path, and how badly."""

    body: bytes = b""
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    etag: str = ""
    ranges: bool = True
    cut_after: int | None = None
    """Close the connection after so many body bytes, on the first `cuts` requests."""
    cuts: int = 1
    failures: int = 0
    """Answer `status` so many times, then 200."""
    trickle: float | None = None
    """Bytes a second."""
    chunked: bool = False
    latency_s: float = 0.0
    says: str = "application/octet-stream"


@dataclass
class Host:
    """Pages by path; `seen` counts requests, `ranges` keeps their Range headers."""

    pages: dict[str, Page] = field(default_factory=dict)
    seen: Counter[str] = field(default_factory=Counter)
    ranges: list[str] = field(default_factory=list)
    conditional: list[str] = field(default_factory=list)
    most_at_once: int = 0
    port: int = 0
    _now: int = 0

    @property
    def name(self) -> str:
        return f"127.0.0.1:{self.port}"

    def put(self, path: str, page: Page) -> str:
        self.pages[path] = page
        return f"http://{self.name}{path}"

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while await self._answer(reader, writer):
                pass
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()

    async def _answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        head = (await reader.readuntil(b"\r\n\r\n")).decode()
        target = head.split()[1]
        path = target.partition("?")[0]
        headers = dict(line.lower().split(": ", 1) for line in head.split("\r\n")[1:] if ": " in line)
        self.seen[path] += 1
        page = self.pages.get(path, Page(status=404))
        self._now += 1
        self.most_at_once = max(self.most_at_once, self._now)
        try:
            await asyncio.sleep(page.latency_s)
            return await self._send(page, path, headers, writer)
        finally:
            self._now -= 1

    async def _send(
        self, page: Page, path: str, headers: dict[str, str], writer: asyncio.StreamWriter
    ) -> bool:
        status, start = page.status, 0
        if page.failures and self.seen[path] > page.failures:
            status = 200
        if page.etag and headers.get("if-none-match") == page.etag.lower():
            self.conditional.append(path)
            writer.write(b"HTTP/1.1 304 Not Modified\r\n\r\n")
            return True
        if wanted := headers.get("range"):
            self.ranges.append(wanted)
            if page.ranges and headers.get("if-range") == page.etag.lower():
                start, status = int(wanted.removeprefix("bytes=").removesuffix("-")), 206
        body = page.body[start:] if status in (200, 206) else b""
        lines = [f"HTTP/1.1 {status} X", f"Content-Type: {page.says}"]
        lines += [f"{name}: {value}" for name, value in page.headers.items()]
        if page.etag:
            lines.append(f"ETag: {page.etag}")
        if status == 206:
            lines.append(f"Content-Range: bytes {start}-{len(page.body) - 1}/{len(page.body)}")
        lines.append("Transfer-Encoding: chunked" if page.chunked else f"Content-Length: {len(body)}")
        writer.write("\r\n".join(lines).encode() + b"\r\n\r\n")
        if page.cut_after is not None and self.seen[path] <= page.cuts:
            writer.write(body[: page.cut_after])
            await writer.drain()
            return False
        if page.trickle:
            for offset in range(0, len(body), 64):
                writer.write(body[offset : offset + 64])
                await writer.drain()
                await asyncio.sleep(64 / page.trickle)
        elif page.chunked:
            for offset in range(0, len(body), 1000):
                piece = body[offset : offset + 1000]
                writer.write(f"{len(piece):x}\r\n".encode() + piece + b"\r\n")
            writer.write(b"0\r\n\r\n")
        else:
            writer.write(body)
        await writer.drain()
        return True


@pytest.fixture
async def host() -> AsyncIterator[Host]:
    host = Host()
    server = await asyncio.start_server(host.serve, "127.0.0.1", 0)
    host.port = server.sockets[0].getsockname()[1]
    yield host
    server.close()


class Clock:
    """Unix seconds that a test moves."""

    def __init__(self) -> None:
        self.now = 1_700_000_000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


HASTY = Patience(
    connect_s=5, window_s=1.0, least_bytes_per_s=4096, first_wait_s=0.02, longest_wait_s=0.05, fresh_s=600
)
"""Real limits, in fractions of a second."""

MakeStore = Callable[..., MaterialStore]


@pytest.fixture
async def make_store(tmp_path: Path, host: Host, clock: Clock) -> AsyncIterator[MakeStore]:
    made: list[MaterialStore] = []

    def make(
        *,
        folders: tuple[Path, ...] = (),
        settings_folders: tuple[Path, ...] = (),
        allow: bool = True,
        patience: Patience = HASTY,
        **settings: Any,
    ) -> MaterialStore:
        allowed = [host.name] if allow else []
        store = MaterialStore(
            tmp_path / "cache",
            MaterialSettings.model_validate(
                {"allow_private_hosts": allowed, "folders": settings_folders, **settings}
            ),
            folders,
            clock=clock,
            rng=lambda: 0.5,
            patience=patience,
        )
        made.append(store)
        return store

    yield make
    for store in made:
        await store.aclose()


@pytest.fixture
def store(make_store: MakeStore) -> MaterialStore:
    return make_store()


def picture(
    form: str = "PNG", size: tuple[int, int] = (64, 48), colour: str = "red", **options: Any
) -> bytes:
    """A small picture."""
    data = io.BytesIO()
    mode = "RGBA" if options.pop("transparent", False) else "RGB"
    Image.new(mode, size, colour).save(data, form, **options)
    return data.getvalue()


def animation(form: str, frames: int = 3, duration_ms: int = 200) -> bytes:
    """A small animated picture."""
    data = io.BytesIO()
    first, *rest = [Image.new("RGB", (32, 24), (80 * i % 256, 20, 200)) for i in range(frames)]
    first.save(data, form, save_all=True, append_images=rest, duration=duration_ms, loop=0)
    return data.getvalue()


def noise(count: int) -> bytes:
    """A PNG of at least `count` bytes that does not compress."""
    import random

    side = 1 + int((count / 3) ** 0.5)
    pixels = random.Random(count).randbytes(side * side * 3)
    data = io.BytesIO()
    Image.frombytes("RGB", (side, side), pixels).save(data, "PNG", compress_level=0)
    return data.getvalue()


def movie(form: str = "mp4", *, seconds: float = 1.0, sound: bool = True, picture: bool = True) -> bytes:
    """A small real video or audio file in any container that FFmpeg writes."""
    import av
    import numpy

    codecs = {"webm": ("libvpx", "libopus"), "ogg": ("", "libopus"), "mp3": ("", "libmp3lame")}
    codecs |= {"wav": ("", "pcm_s16le"), "flac": ("", "flac"), "adts": ("", "aac"), "ipod": ("", "aac")}
    video_codec, audio_codec = codecs.get(form, ("mpeg4", "aac"))
    data = io.BytesIO()
    with av.open(data, "w", format=form) as container:
        video: av.VideoStream | None = None
        audio: av.AudioStream | None = None
        if picture and video_codec:
            stream = container.add_stream(video_codec, rate=10)
            assert isinstance(stream, av.VideoStream)
            video = stream
            video.width, video.height, video.pix_fmt = 64, 48, "yuv420p"
        if sound:
            stream = container.add_stream(audio_codec, rate=48000)
            assert isinstance(stream, av.AudioStream)
            audio = stream
            audio.layout = "mono"
        if video:
            for index in range(round(seconds * 10)):
                frame = av.VideoFrame.from_ndarray(
                    numpy.full((48, 64, 3), index * 20 % 256, dtype=numpy.uint8), format="rgb24"
                )
                container.mux(video.encode(frame))
            container.mux(video.encode(None))
        if audio:
            samples = 960
            fmt = "s16" if form in ("wav", "flac") else "fltp"
            for index in range(round(seconds * 50)):
                dtype = numpy.int16 if fmt == "s16" else numpy.float32
                sound_frame = av.AudioFrame.from_ndarray(
                    numpy.zeros((1, samples), dtype=dtype), format=fmt, layout="mono"
                )
                sound_frame.sample_rate = 48000
                sound_frame.pts = index * samples
                sound_frame.time_base = Fraction(1, 48000)
                container.mux(audio.encode(sound_frame))
            container.mux(audio.encode(None))
    return data.getvalue()


# Test modules cannot import this file (--import-mode=importlib), so its functions come as fixtures.
@pytest.fixture(name="page")
def _page() -> type[Page]:
    return Page


@pytest.fixture(name="picture")
def _picture() -> Callable[..., bytes]:
    return picture


@pytest.fixture(name="animation")
def _animation() -> Callable[..., bytes]:
    return animation


@pytest.fixture(name="noise")
def _noise() -> Callable[[int], bytes]:
    return noise


@pytest.fixture(name="movie")
def _movie() -> Callable[..., bytes]:
    return movie
