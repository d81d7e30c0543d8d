"""Media for drafts: from links, data: URLs and local files to probed files in a cache that all drafts share.

This room knows HTTP, magic bytes, MediaInfo and Pillow. It must not know what a draft is: each
source gives one Material or one MaterialFailure.
"""

from c2jy_bridge.core.draft_views import OnProgress, Progress
from c2jy_bridge.drafts.materials.material import Material, MaterialFailure, MaterialKind
from c2jy_bridge.drafts.materials.store import MaterialStore

__all__ = ["Material", "MaterialFailure", "MaterialKind", "MaterialStore", "OnProgress", "Progress"]
