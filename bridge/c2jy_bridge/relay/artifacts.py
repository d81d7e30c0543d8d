"""Files that requests deliver: packed when the tool has ended, kept for a while, read by the requester."""

from __future__ import annotations

import asyncio
import hashlib
import logging
import os
import shutil
import tempfile
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Final, Protocol

from c2jy_bridge.core.bridge_requests import Artifact, BridgeRequest, State
from c2jy_bridge.relay.request import Ending, bridge_problem

log = logging.getLogger(__name__)

READ_BYTES: Final = 256 * 1024
ZIP: Final = "application/zip"

Pack = Callable[[str, Path], Awaitable[Sequence[Path]]]
"""Packs the drafts that a tool's result names, as zips into a folder; raises NotDelivered."""


class NotDelivered(Exception):
    """What a request has made cannot be delivered; the text says why."""


class ArtifactGone(LookupError):
    """The artifact was there and is no more."""


class ArtifactStore(Protocol):
    """Keeps artifacts: `DiskArtifacts` on one machine, `StudioArtifacts` for several."""

    async def keep(self, request_id: str, artifact: Artifact, file: Path) -> None:
        """Keep a file; the same one again changes nothing. Raises NotDelivered when there is no room."""

    def read(self, request_id: str, artifact: Artifact, begin: int = 0) -> AsyncIterator[bytes]:
        """The bytes from `begin` on; raises ArtifactGone."""

    async def sweep(self, before: float) -> None:
        """Forget what was kept before that Unix time, if the store does not do so by itself."""


class DiskArtifacts(ArtifactStore):
    """Artifacts in a folder: `<request id>/<SHA-256>`; the oldest go when there is no more room."""

    def __init__(self, folder: Path, *, max_bytes: int) -> None:
        """Nothing is made here."""
        self._folder, self._max_bytes = folder, max_bytes

    async def keep(self, request_id: str, artifact: Artifact, file: Path) -> None:
        """As the protocol says; the file is moved."""
        if artifact.size_bytes > self._max_bytes:
            raise NotDelivered(f"{artifact.size_bytes} B > bridge.max_artifact_bytes = {self._max_bytes}")
        await asyncio.to_thread(self._keep, request_id, artifact, file)

    def _keep(self, request_id: str, artifact: Artifact, file: Path) -> None:
        place = self._folder / request_id
        place.mkdir(parents=True, exist_ok=True)
        os.replace(file, place / artifact.sha256)
        there = [(path.stat(), path) for path in self._folder.glob("*/*") if path.is_file()]
        too_much = sum(status.st_size for status, _ in there) - self._max_bytes
        for status, path in sorted(there, key=lambda one: one[0].st_mtime):
            if too_much <= 0:
                break
            if path.parent != place:
                path.unlink(missing_ok=True)
                too_much -= status.st_size

    async def read(self, request_id: str, artifact: Artifact, begin: int = 0) -> AsyncIterator[bytes]:
        """As the protocol says."""
        try:
            file = await asyncio.to_thread(open, self._folder / request_id / artifact.sha256, "rb")
        except OSError as error:
            raise ArtifactGone(artifact.name) from error
        try:
            file.seek(begin)
            while piece := await asyncio.to_thread(file.read, READ_BYTES):
                yield piece
        finally:
            file.close()

    async def sweep(self, before: float) -> None:
        """Remove the folders of requests that delivered before that time."""
        await asyncio.to_thread(self._sweep, before)

    def _sweep(self, before: float) -> None:
        for place in self._folder.glob("*"):
            if place.stat().st_mtime < before:
                shutil.rmtree(place, ignore_errors=True)


class Deliverer:
    """Delivers what ended requests have made."""

    def __init__(self, pack: Pack, store: ArtifactStore, folder: Path) -> None:
        """`folder` is for unfinished zips, and for nobody else."""
        self._pack, self._store, self._folder = pack, store, folder

    async def clear(self) -> None:
        """Remove what an earlier process has not finished."""
        await asyncio.to_thread(shutil.rmtree, self._folder, ignore_errors=True)

    async def __call__(self, request: BridgeRequest, ending: Ending) -> Ending:
        """The ending with its artifacts; a failure when what was asked for cannot be delivered.

        May be done again after a crash: the newest artifacts count.

        Raises:
            QueueUnavailable: The servers that keep artifacts are away.
        """
        if request.deliver != "zip" or ending.state is not State.SUCCEEDED:
            return ending
        await asyncio.to_thread(self._folder.mkdir, parents=True, exist_ok=True)
        try:
            with tempfile.TemporaryDirectory(dir=self._folder, ignore_cleanup_errors=True) as folder:
                artifacts = []
                for file in await self._pack(ending.result, Path(folder)):
                    artifact = await asyncio.to_thread(_described, file)
                    await self._store.keep(request.request_id, artifact, file)
                    artifacts.append(artifact)
            return replace(ending, artifacts=tuple(artifacts))
        except (NotDelivered, OSError) as error:
            log.warning("request %s: not delivered: %s", request.request_id, error)
            problem = bridge_problem("not_delivered", why=str(error))
            return Ending(State.FAILED, ending.result, problem)


def _described(file: Path) -> Artifact:
    with file.open("rb") as opened:
        digest = hashlib.file_digest(opened, "sha256").hexdigest()
    return Artifact(file.name, ZIP, file.stat().st_size, digest)
