"""Fetches materials from links, data: URLs and local files, many at once."""

from __future__ import annotations

import asyncio
import logging
import random
import shutil
import time
import uuid
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Final, ParamSpec, Self, TypeVar

from c2jy_bridge.core.disk_space import is_full, os_reason
from c2jy_bridge.core.draft_views import OnProgress, Progress
from c2jy_bridge.core.events import Issue, Severity
from c2jy_bridge.core.i18n import byte_size
from c2jy_bridge.core.settings import MaterialSettings
from c2jy_bridge.drafts.materials.cache import (
    BUFFER_BYTES,
    Link,
    MaterialCache,
    PartialFile,
    Stored,
    Validators,
    check_head,
    link_key,
)
from c2jy_bridge.drafts.materials.local import as_path, decode, open_inside
from c2jy_bridge.drafts.materials.material import (
    Material,
    MaterialFailure,
    Passing,
    Refused,
    readable_name,
    say,
    shown,
)
from c2jy_bridge.drafts.materials.probe import HEAD_BYTES

if TYPE_CHECKING:
    from c2jy_bridge.drafts.materials.download import Downloader

_log = logging.getLogger(__name__)

_FREE_BYTES: Final = 256 * 1024**2
"""Disk space that downloads leave to everything else."""


P = ParamSpec("P")
T = TypeVar("T")


class Threads:
    """A few threads for blocking calls, started when first used."""

    def __init__(self, count: int = 8) -> None:
        self._pool = ThreadPoolExecutor(count, thread_name_prefix="materials")

    async def run(self, call: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> T:
        """The result of `call`, made in a thread. A cancelled caller leaves the call to end by itself."""
        return await asyncio.get_running_loop().run_in_executor(self._pool, partial(call, *args, **kwargs))

    def close(self) -> None:
        """Let the threads end when their work is done."""
        self._pool.shutdown(wait=False, cancel_futures=True)


class DownloadSlots:
    """As many downloads at once as the settings say, and beside them as many files that are being taken in.

    Separate, so that a connection does not idle while the disk syncs; both limited, because each file has up
    to a megabyte in memory.
    """

    def __init__(self, count: int) -> None:
        self.line = asyncio.Semaphore(count)
        self.disk = asyncio.Semaphore(count)


class DownloadSlot:
    """The slot of one file: first a connection, then the disk."""

    def __init__(self, turns: DownloadSlots) -> None:
        self._turns = turns
        self._held = turns.line

    async def __aenter__(self) -> Self:
        await self._held.acquire()
        return self

    async def to_disk(self) -> None:
        """Release the connection to the next file once there is room at the disk."""
        await self._turns.disk.acquire()
        self._held.release()
        self._held = self._turns.disk

    async def __aexit__(self, *_: object) -> None:
        self._held.release()


@dataclass(frozen=True, slots=True)
class Patience:
    """Limits on time; seconds and bytes."""

    connect_s: float = 10.0
    window_s: float = 20.0
    """Over how long speed is judged; also the longest silence."""
    least_bytes_per_s: float = 2048.0
    """Slower than this over a whole window is a stall (curl's --speed-limit and --speed-time do the same)."""
    first_wait_s: float = 0.5
    """Upper end of the first wait between tries; it doubles with each."""
    longest_wait_s: float = 20.0
    fresh_s: float = 600.0
    """A link fetched this recently is not asked about again: a Bot probes media, then builds with them."""
    redirects: int = 5


_EVERY_S: Final = 0.1


class Meter:
    """Progress of one fetch: of bytes when it is one file whose size is known, else of files."""

    def __init__(self, files: int, on_progress: OnProgress | None, now: Callable[[], float]) -> None:
        self._files = files
        self._on_progress = on_progress
        self._now = now
        self._reported_at = float("-inf")
        self._done = 0
        self._bytes = 0
        self._expected = 0

    def expect(self, count: int) -> None:
        """A file of `count` bytes is on its way."""
        self._expected += count

    def add(self, count: int) -> None:
        """`count` bytes came; negative when they must come again."""
        self._bytes += count
        if self._now() - self._reported_at >= _EVERY_S:
            self._report()

    def finish_file(self) -> None:
        """One file is done, whatever became of it."""
        self._done += 1
        if self._done == self._files or self._now() - self._reported_at >= _EVERY_S:
            self._report()

    def _report(self) -> None:
        if self._on_progress is None:
            return
        self._reported_at = self._now()
        amount = byte_size(self._bytes)
        if self._files == 1 and self._expected and not self._done:
            message = say("progress.bytes", amount=amount, total=byte_size(self._expected))
            self._on_progress(Progress(message, self._bytes, self._expected, "bytes"))
            return
        message = say("progress.files", done=self._done, total=self._files, amount=amount)
        self._on_progress(Progress(message, self._done, self._files, "items"))


class MaterialStore:
    """Fetches materials into a content-addressed cache that drafts and processes share.

    Args:
        cache_dir: The cache; made when first needed.
        settings: Caps, concurrency, retries, hosts that may be private.
        folders: Folders whose files may be used by path, besides `settings.folders`.
        clock: Unix seconds.
        rng: Uniform in [0, 1), for the jitter of retries.
        patience: Limits on time; the defaults suit a home connection.
    """

    def __init__(
        self,
        cache_dir: Path,
        settings: MaterialSettings,
        folders: Sequence[Path] = (),
        *,
        clock: Callable[[], float] = time.time,
        rng: Callable[[], float] = random.random,
        patience: Patience | None = None,
    ) -> None:
        self._cache_dir = cache_dir
        self._settings = settings
        self._folders = tuple(dict.fromkeys((*folders, *settings.folders)))
        self._clock = clock
        self._rng = rng
        self._patience = patience or Patience()
        self._cache = MaterialCache(cache_dir)
        self._threads = Threads()
        self._downloader: Downloader | None = None
        self._connecting = asyncio.Lock()

    async def fetch(
        self, sources: Sequence[str], on_progress: OnProgress | None = None
    ) -> dict[str, Material | MaterialFailure]:
        """Fetch, identify, convert and probe; each distinct source once.

        Args:
            sources: http(s) URLs, data: URLs, local paths or file: URLs inside the declared folders.
            on_progress: Called about ten times a second, and at the end.

        Returns:
            A result for every distinct source, in the order given. One that cannot be had is a
            MaterialFailure; nothing is raised for it.
        """
        distinct = list(dict.fromkeys(sources))
        await self._threads.run(self._cache.sweep, self._clock())
        loop = asyncio.get_running_loop()
        deadline = loop.time() + self._settings.deadline_s
        meter = Meter(len(distinct), on_progress, loop.time)
        turns = DownloadSlots(self._settings.concurrency)

        async def one(number: int, source: str) -> Material | MaterialFailure:
            try:
                if number >= self._settings.max_files:
                    raise Refused("too_many", limit=self._settings.max_files)
                async with asyncio.timeout_at(deadline), DownloadSlot(turns) as turn:
                    return await self._material(source, meter, deadline, turn)
            except Refused as refused:
                return refused.failure(source)
            except TimeoutError:
                return Refused("deadline", limit=f"{self._settings.deadline_s:g}").failure(source)
            except OSError as error:
                return _disk_fault(error).failure(source)
            except Exception as error:  # a fault of ours with one file must not cost the user all the others
                _log.exception("material failed")
                return Refused("unexpected", detail=type(error).__name__).failure(source)
            finally:
                meter.finish_file()

        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(one(number, source)) for number, source in enumerate(distinct)]
        return dict(zip(distinct, (task.result() for task in tasks), strict=True))

    async def fetch_texts(
        self, sources: Sequence[str], limit: int, longest_s: float = 60.0
    ) -> dict[str, bytes | MaterialFailure]:
        """Fetch small files of text, under the same guard as materials; nothing of them is kept.

        Args:
            sources: http(s) or data: URLs.
            limit: Most bytes of one.
            longest_s: Seconds for all of them together.

        Returns:
            A result for every distinct source; a web page, or a picture, is no text.
        """
        from c2jy_bridge.drafts.materials.download import fetch_texts

        return await fetch_texts(sources, limit, min(longest_s, self._settings.deadline_s), self._connected)

    async def aclose(self) -> None:
        """Close the connections and let the threads end."""
        if self._downloader is not None:
            await self._downloader.aclose()
        self._threads.close()
        self._cache.index.close()

    async def _material(self, source: str, meter: Meter, deadline: float, turn: DownloadSlot) -> Material:
        scheme = source[:8].lower()
        if scheme.startswith(("http://", "https://")):
            return await self._from_link(source, meter, deadline, turn)
        if scheme.startswith("data:"):
            return await self._threads.run(self._from_data, source)
        if "://" in source[:16] and not scheme.startswith("file://"):
            raise Refused("bad_link")
        return await self._threads.run(self._from_file, source)

    async def _from_link(self, url: str, meter: Meter, deadline: float, turn: DownloadSlot) -> Material:
        key = link_key(url)
        kept, part = await self._threads.run(self._look_up, key)
        try:
            if kept and 0 <= self._clock() - kept.link.at < self._patience.fresh_s:
                return self._handed_out(url, kept.stored)
            meter.add(part.size)
            downloader = await self._connected()
            known = kept.link.validators if kept else None
            if await downloader.fetch(url, part, known, meter, deadline):
                await turn.to_disk()
                return await self._threads.run(self._finish, url, key, part)
            assert kept is not None, "a server may only confirm what we asked it to"
            link = replace(kept.link, at=self._clock())
            await self._threads.run(self._cache.index.remember_link, key, link)
            return self._handed_out(url, kept.stored)
        except Refused as refused:
            if not isinstance(refused, Passing):
                part.discard()
            if kept and refused.code != "private_address":
                # A signed link expires, the file that it gave does not.
                return self._handed_out(url, kept.stored, "stale_copy", reason=refused.failure(url).message)
            raise
        except asyncio.CancelledError:
            # In a thread: a write that was under way may hold the part for as long as the disk needs.
            await self._threads.run(part.close)
            raise
        finally:
            part.close()

    def _look_up(self, key: str) -> tuple[_Kept | None, PartialFile]:
        link = self._cache.index.link(key)
        stored = self._cache.stored(link.content) if link else None
        kept = _Kept(link, stored) if link and stored else None
        return kept, PartialFile(self._cache.partial, key, uuid.uuid4().hex)

    def _finish(self, url: str, key: str, part: PartialFile) -> Material:
        validators = part.validators
        content, stored = self._adopt(part)
        self._cache.index.remember_link(key, Link(content, validators, self._clock()))
        return self._handed_out(url, stored)

    def _from_data(self, source: str) -> Material:
        body = decode(source)
        return self._handed_out(source, self._take_in(iter([body]), len(body))[1])

    def _from_file(self, source: str) -> Material:
        file, status = open_inside(source, self._folders)
        with file:
            # The same file unchanged need not be read again.
            key = link_key(f"file:{as_path(source)}:{status.st_ino}:{status.st_size}:{status.st_mtime_ns}")
            link = self._cache.index.link(key)
            stored = self._cache.stored(link.content) if link else None
            if stored is None:
                content, stored = self._take_in(iter(lambda: file.read(BUFFER_BYTES), b""), status.st_size)
                self._cache.index.remember_link(key, Link(content, Validators(), self._clock()))
        return self._handed_out(source, stored)

    def _take_in(self, chunks: Iterator[bytes], size: int) -> tuple[str, Stored]:
        if size > self._settings.max_bytes:
            raise Refused("too_large", limit=byte_size(self._settings.max_bytes))
        self._room_for(size)
        unique = uuid.uuid4().hex
        part = PartialFile(self._cache.partial, unique, unique)
        try:
            for number, chunk in enumerate(chunks):
                part.append(chunk)
                if number == 0:
                    check_head(part.head(HEAD_BYTES))
                part.flush()
            return self._adopt(part)
        finally:
            part.discard()

    def _adopt(self, part: PartialFile) -> tuple[str, Stored]:
        head = part.head(HEAD_BYTES)
        check_head(head)
        content = part.seal()
        try:
            return content, self._cache.adopt(part.path, content, head, synced=True)
        except BaseException:
            part.path.unlink(missing_ok=True)
            raise

    def _handed_out(self, source: str, stored: Stored, note: str = "", **values: object) -> Material:
        issues = [_note(code, source) for code in stored.notes]
        if note:
            issues.append(_note(note, source, **values))
        return Material(
            source=source,
            path=self._cache.path(stored),
            sha256=stored.sha256,
            kind=stored.kind,
            extension=stored.extension,
            size_bytes=stored.size_bytes,
            duration_us=stored.duration_us,
            width=stored.width,
            height=stored.height,
            has_audio=stored.has_audio,
            name=readable_name(source, stored.sha256, stored.extension),
            issues=tuple(issues),
        )

    def _room_for(self, count: int) -> None:
        try:
            free = shutil.disk_usage(self._cache_dir).free
        except FileNotFoundError:
            self._cache_dir.mkdir(parents=True, exist_ok=True)
            free = shutil.disk_usage(self._cache_dir).free
        if count > free - _FREE_BYTES:
            raise Refused("disk_full", wanted=byte_size(count), free=byte_size(free))

    async def _connected(self) -> Downloader:
        async with self._connecting:
            if self._downloader is None:
                # In a thread: importing httpx and making a TLS context takes a tenth of a second.
                self._downloader = await self._threads.run(self._connect)
            return self._downloader

    def _connect(self) -> Downloader:
        from c2jy_bridge.drafts.materials.download import Downloader

        return Downloader(
            self._settings,
            self._patience,
            self._threads,
            clock=self._clock,
            rng=self._rng,
            room_for=self._room_for,
        )


@dataclass(frozen=True, slots=True)
class _Kept:
    """What a link gave before, still whole in the cache."""

    link: Link
    stored: Stored


def _note(code: str, source: str, **values: object) -> Issue:
    values = {"source": shown(source), **values}
    severity: Severity = "warning" if code == "animation_to_still" else "info"
    return Issue(
        code, shown(source), severity, say(f"note.{code}", **values), say(f"note_fix.{code}", **values)
    )


def _disk_fault(error: OSError) -> Refused:
    if is_full(error):
        return Refused("disk_full", wanted="?", free="0 B")
    return Refused("disk_fault", detail=os_reason(error))
