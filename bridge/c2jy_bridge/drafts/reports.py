"""What came of a build and of a probe."""

from __future__ import annotations

from dataclasses import dataclass

from c2jy_bridge.core.draft_views import BuildReport, BuiltDraft
from c2jy_bridge.drafts.materials import Material

__all__ = ["BuildReport", "BuiltDraft", "ProbeResult"]


@dataclass(frozen=True, slots=True)
class ProbeResult:
    """What one source is; exactly one of `material` and `error` says something."""

    source: str
    material: Material | None = None
    error: str = ""
