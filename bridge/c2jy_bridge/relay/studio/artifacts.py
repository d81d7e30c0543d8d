"""Artifacts in the studio's object store: put by the machine that made them, read by the gateway."""

from __future__ import annotations

from collections.abc import AsyncIterator
from functools import partial
from pathlib import Path
from typing import Final

from nats.js.api import ObjectMeta, ObjectMetaOptions
from nats.js.errors import NotFoundError
from typing_extensions import override

from c2jy_bridge.core.bridge_requests import Artifact
from c2jy_bridge.relay.artifacts import ArtifactGone, ArtifactStore, NotDelivered
from c2jy_bridge.relay.request import QueueUnavailable
from c2jy_bridge.relay.studio.connection import Studio, is_full, patiently

CHUNK_BYTES: Final = 512 * 1024
"""One message of the object store; servers take 1 MiB unless they are configured otherwise."""


class StudioArtifacts(ArtifactStore):
    """The store's own limits of age and bytes are the bounds."""

    def __init__(self, studio: Studio) -> None:
        self._studio = studio

    @override
    async def keep(self, request_id: str, artifact: Artifact, file: Path) -> None:
        if artifact.size_bytes > self._studio.settings.max_object_bytes:
            limit = self._studio.settings.max_object_bytes
            raise NotDelivered(f"{artifact.size_bytes} B > studio.max_object_bytes = {limit}")

        async def put() -> None:
            meta = ObjectMeta(
                name=artifact_object(request_id, artifact),
                options=ObjectMetaOptions(max_chunk_size=CHUNK_BYTES),
            )
            with file.open("rb") as opened:
                await self._studio.objects.put("", opened, meta)

        try:
            await patiently(put)
        except QueueUnavailable as error:
            if not (isinstance(error.__cause__, Exception) and is_full(error.__cause__)):
                raise
            raise NotDelivered(str(error)) from error

    @override
    async def read(self, request_id: str, artifact: Artifact, begin: int = 0) -> AsyncIterator[bytes]:
        # One message after the other, as the caller takes them: a slow one fills no memory, and when a server
        # dies the next one is asked for the same piece.
        try:
            info = await patiently(
                partial(self._studio.objects.get_info, artifact_object(request_id, artifact))
            )
            subject = f"$O.{self._studio.objects._name}.C.{info.nuid}"
            after = skipped = 0
            for _ in range(info.chunks or 0):
                message = await patiently(
                    partial(
                        self._studio.stream.get_msg,
                        self._studio.objects._stream,
                        seq=after + 1,
                        subject=subject,
                        next=True,
                    )
                )
                after, piece = message.seq or 0, message.data or b""
                skip = min(len(piece), begin - skipped)
                skipped += skip
                if skip < len(piece):
                    yield piece[skip:]
        except NotFoundError as error:
            raise ArtifactGone(artifact.name) from error

    @override
    async def sweep(self, before: float) -> None:
        """The servers do it."""


def artifact_object(request_id: str, artifact: Artifact) -> str:
    """Its name in the object store; by content, so that a machine that was thought dead replaces nothing."""
    return f"{request_id}/{artifact.sha256}"
