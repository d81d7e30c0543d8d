"""Drafts: from one declarative document to a verified JianYing draft folder, and the list of those folders.

The only room that knows pyJianYingDraft, which it imports when the first draft is built, not before. Must not
know Coze, the local plugin or a screen.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
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

_HOMES: Final = {
    "Batches": "drafts.template.batch",
    "BuildReport": "core.draft_views",
    "BuiltDraft": "core.draft_views",
    "DraftBuilder": "drafts.build",
    "DraftError": "drafts.errors",
    "DraftPacker": "drafts.library.packer",
    "DraftsRoot": "drafts.library.draft_roots",
    "Library": "drafts.library.library",
    "Material": "drafts.materials",
    "OnProgress": "drafts.materials",
    "Packed": "core.draft_views",
    "ProbeResult": "drafts.build",
    "Progress": "drafts.materials",
    "RelocateReport": "drafts.library.relocate",
    "Relocated": "drafts.library.relocate",
    "TemplateFiller": "drafts.template.filler",
}


def __getattr__(name: str) -> Any:
    """A public name, whose module is imported only now.

    Processes that only convert a picture or draw a preview start half a second of work sooner.
    """
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"c2jy_bridge.{_HOMES[name]}"), name)
