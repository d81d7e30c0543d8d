"""What came of a build and of a probe."""

from __future__ import annotations

from dataclasses import dataclass

from c2jy_bridge.drafts.materials import Material
from c2jy_bridge.events import Issue


@dataclass(frozen=True, slots=True)
class BuiltDraft:
    """One draft that was made, verified and published; or only tried, in a dry run."""

    draft_id: str
    name: str
    path: str
    """The folder; empty in a dry run."""
    duration_us: int
    tracks: int
    clips: int
    media: int
    """Files."""
    issues: tuple[Issue, ...] = ()
    """What in its part of the document was not done exactly as asked."""
    archive: str = ""
    """The zip that was asked for; empty when none was, or it could not be written."""


@dataclass(frozen=True, slots=True)
class BuildReport:
    """All drafts of a document, and what there is to say about the document as a whole."""

    drafts: tuple[BuiltDraft, ...]
    issues: tuple[Issue, ...] = ()


@dataclass(frozen=True, slots=True)
class ProbeResult:
    """What one source is; exactly one of `material` and `error` says something."""

    source: str
    material: Material | None = None
    error: str = ""
