"""Drafts: from one declarative document to a verified JianYing draft folder, and the list of those folders.

The only room that knows pyJianYingDraft, which it imports when the first draft is built, not before. Must not
know Coze, the local plugin or a screen.
"""

from c2jy_bridge.core.draft_views import BuildReport, BuiltDraft, Packed
from c2jy_bridge.drafts.build import DraftBuilder, ProbeResult
from c2jy_bridge.drafts.errors import DraftError
from c2jy_bridge.drafts.library.draft_roots import DraftsRoot
from c2jy_bridge.drafts.library.library import Library
from c2jy_bridge.drafts.library.packer import DraftPacker
from c2jy_bridge.drafts.library.relocate import Relocated, RelocateReport
from c2jy_bridge.drafts.materials import Material, OnProgress, Progress
from c2jy_bridge.drafts.template.batch import Batches
from c2jy_bridge.drafts.template.filler import TemplateFiller

__all__ = [
    "Batches",
    "BuildReport",
    "BuiltDraft",
    "DraftBuilder",
    "DraftError",
    "DraftPacker",
    "DraftsRoot",
    "Library",
    "Material",
    "OnProgress",
    "Packed",
    "ProbeResult",
    "Progress",
    "RelocateReport",
    "Relocated",
    "TemplateFiller",
]
