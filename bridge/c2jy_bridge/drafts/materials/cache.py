"""The cache of materials: files by content, links by what they gave, shared by drafts and by processes.

`<cache>/<sha[:2]>/<sha>.<ext>` is a file, `<cache>/index.db` says which link gave which content and what is
in it, `<cache>/partial/` are downloads under way. A file appears by one rename after fsync, so a crash leaves
a whole file or none. A link is kept as a hash: signed links are secrets.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import uuid
from dataclasses import replace
from pathlib import Path
from typing import Final

from c2jy_bridge.core.safety import visible
from c2jy_bridge.drafts.materials.convert import convert, needs_conversion
from c2jy_bridge.drafts.materials.failure import Refused
from c2jy_bridge.drafts.materials.index import Index, Link, Stored
from c2jy_bridge.drafts.materials.probe import Facts, av_facts, image_facts
from c2jy_bridge.drafts.materials.signature import Foreign, Media, identify
from c2jy_bridge.drafts.materials.truncation import check_whole

_PART_LIFE_S: Final = 7 * 24 * 3600.0


class MaterialCache:
    """Blocks as long as the disk needs: call it in a thread."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._index = Index(folder / "index.db")

    @property
    def partial(self) -> Path:
        """Where downloads under way are."""
        return self._folder / "partial"

    def path(self, stored: Stored) -> Path:
        """Where the file is."""
        return self._folder / stored.sha256[:2] / f"{stored.sha256}.{stored.extension}"

    def stored(self, content: str) -> Stored | None:
        """What is kept of the content with this sha256, if its file is still whole."""
        stored = self._index.stored(content)
        if stored is None:
            return None
        try:
            found = self.path(stored).stat()
        except OSError:
            return None
        if found.st_size != stored.size_bytes:
            return None
        if found.st_mtime_ns == stored.mtime_ns:
            return stored
        # Touched: a copy tool set a new time, or somebody edited a file that a draft is linked to.
        if sha256_of(self.path(stored)) != stored.sha256:
            return None
        return self._remember(content, replace(stored, mtime_ns=found.st_mtime_ns))

    def link(self, key: str) -> Link | None:
        """What the link with this key gave."""
        return self._index.link(key)

    def remember_link(self, key: str, link: Link) -> None:
        """Keep what a link gave."""
        self._index.remember_link(key, link)

    def adopt(self, source: Path, content: str, head: bytes, *, synced: bool) -> Stored:
        """Take a finished file over: identify, convert where needed, probe, move it to its place.

        Args:
            source: A file in this cache's `partial` folder; it is gone afterwards.
            content: Its sha256.
            head: Its first `HEAD_BYTES`.
            synced: True when its bytes are on the disk already.

        Raises:
            Refused: It is no media that a draft can use.
        """
        if known := self.stored(content):
            source.unlink(missing_ok=True)
            return known
        extension = check_head(head).extension
        notes: tuple[str, ...] = ()
        sha256 = content
        if needs_conversion(source, extension):
            target = self.temporary()
            try:
                extension, notes = convert(source, target, extension)
            except BaseException:
                target.unlink(missing_ok=True)
                raise
            source.unlink()
            source, sha256, synced = target, sha256_of(target), False
        facts = _probe(source, extension)
        stored = self._place(source, sha256, facts, notes, synced=synced)
        return self._remember(content, stored)

    def temporary(self) -> Path:
        """A fresh name in `partial`."""
        self.partial.mkdir(parents=True, exist_ok=True)
        return self.partial / f"{uuid.uuid4().hex}.tmp"

    def sweep(self, now: float) -> None:
        """Remove downloads that nobody took up for a week."""
        with contextlib.suppress(OSError):
            for path in self.partial.iterdir():
                with contextlib.suppress(OSError):
                    if now - path.stat().st_mtime > _PART_LIFE_S:
                        path.unlink()

    def _place(
        self, source: Path, sha256: str, facts: Facts, notes: tuple[str, ...], *, synced: bool
    ) -> Stored:
        target = self._folder / sha256[:2] / f"{sha256}.{facts.extension}"
        target.parent.mkdir(parents=True, exist_ok=True)
        if target.exists() and sha256_of(target) == sha256:
            # Kept, not replaced: drafts may be linked to it, and Windows would refuse.
            source.unlink()
        else:
            if not synced:
                with source.open("rb+") as file:
                    os.fsync(file.fileno())
            source.replace(target)
        status = target.stat()
        return Stored(
            sha256=sha256,
            extension=facts.extension,
            kind=facts.kind,
            size_bytes=status.st_size,
            mtime_ns=status.st_mtime_ns,
            duration_us=facts.duration_us,
            width=facts.width,
            height=facts.height,
            has_audio=facts.has_audio,
            notes=notes,
        )

    def _remember(self, content: str, stored: Stored) -> Stored:
        self._index.remember(content, stored)
        return stored

    def close(self) -> None:
        """Let go of the index."""
        self._index.close()


def link_key(source: str) -> str:
    """The name under which a link is remembered."""
    return hashlib.sha256(source.encode("utf-8", "surrogatepass")).hexdigest()


def check_head(head: bytes) -> Media:
    """The format of a file that begins with `head`; raises `Refused` when it is no media."""
    if not head:
        raise Refused("empty")
    found = identify(head)
    if isinstance(found, Foreign):
        raise Refused(found.what, excerpt=_excerpt(head))
    return found


def sha256_of(path: Path) -> str:
    """Hash of a file's bytes."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _excerpt(head: bytes) -> str:
    return visible(head[:120].decode("utf-8", "replace"), newlines=False).strip()


def _probe(path: Path, extension: str) -> Facts:
    if extension in ("png", "jpg", "gif", "bmp", "tiff"):
        facts = image_facts(path, extension)
        check_whole(path, extension)
        return facts
    return av_facts(path, extension)
