"""A draft for another machine: packed into a zip, its paths respelled, entered into the app's list.

Knows draft folders as they are written. Must not know documents, downloads or pyJianYingDraft.
"""

from c2jy_bridge.draft_views import Packed
from c2jy_bridge.drafts.packing.archive import pack
from c2jy_bridge.drafts.packing.courier import Courier
from c2jy_bridge.drafts.packing.relocate import Relocated, RelocateReport, relocate

__all__ = ["Courier", "Packed", "RelocateReport", "Relocated", "pack", "relocate"]
