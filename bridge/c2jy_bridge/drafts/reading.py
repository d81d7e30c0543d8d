"""Documents on their way into a build: read in a thread, and let go of piece by piece afterwards."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from c2jy_bridge.core.events import Issue
from c2jy_bridge.core.gc_control import gc_paused, release_in_steps
from c2jy_bridge.core.settings import TimeUnit

if TYPE_CHECKING:
    from c2jy_bridge.drafts.building import Draft


def get_ready() -> None:
    """Import what a build needs, in a thread: pyJianYingDraft and the models take a fifth of a second."""
    with gc_paused():
        import c2jy_bridge.drafts.building
        import c2jy_bridge.drafts.library.rebuild  # noqa: F401  # imported for its own sake


def read_drafts(document: object, unit: TimeUnit) -> tuple[list[Draft], tuple[Issue, ...]]:
    """The drafts of a document with what they want, and why others of it could not be read."""
    from c2jy_bridge.drafts.building import Draft
    from c2jy_bridge.drafts.compile.notes import Notes
    from c2jy_bridge.drafts.documents import read_document
    from c2jy_bridge.drafts.sources import wanted_media

    drafts = []
    with gc_paused():
        found = read_document(document, unit)
        for read in found.drafts:
            notes = Notes()
            wanted = wanted_media(read.spec, read.path, notes)
            drafts.append(Draft(read, wanted, notes.issues))
    return drafts, found.faults


def forget_drafts(drafts: list[Draft]) -> None:
    """Let go of what was read, clip by clip."""
    parts = [part for draft in drafts for part in _parts(draft)]
    drafts.clear()
    release_in_steps(parts)


def _parts(draft: Draft) -> Iterator[object]:
    """What there is one of for each clip."""
    for track in draft.read.spec.tracks:
        yield from track.clips
    yield from draft.wanted
    if draft.read.imported is not None:
        yield from draft.read.imported.parts()
