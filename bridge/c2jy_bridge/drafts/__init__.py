"""Drafts: from one declarative document to a verified JianYing draft folder, and the list of those folders.

The only room that knows pyJianYingDraft, which it imports when the first draft is built, not before. Must not
know Coze, the local plugin or a screen.
"""

from c2jy_bridge.drafts.errors import DraftError
from c2jy_bridge.drafts.library import Library
from c2jy_bridge.drafts.materials import Material, OnProgress, Progress
from c2jy_bridge.drafts.packing import Courier, Packed, Relocated, RelocateReport
from c2jy_bridge.drafts.places import DraftsRoot
from c2jy_bridge.drafts.reports import BuildReport, BuiltDraft, ProbeResult
from c2jy_bridge.drafts.studio import Studio

__all__ = [
    "BuildReport",
    "BuiltDraft",
    "Courier",
    "DraftError",
    "DraftsRoot",
    "Library",
    "Material",
    "OnProgress",
    "Packed",
    "ProbeResult",
    "Progress",
    "RelocateReport",
    "Relocated",
    "Studio",
]
