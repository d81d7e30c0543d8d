"""Draft folders on the disk: names, staging, media, meta file, verification, one rename.

Knows JianYing's files and this machine's file system. Must not know where media come from or what a clip is.
"""

from c2jy_bridge.drafts.write.folder import DraftToWrite, WriteOptions, file_name, write_draft
from c2jy_bridge.drafts.write.meta import CONTENT_FILES
from c2jy_bridge.drafts.write.paths import TargetRoot
from c2jy_bridge.drafts.write.staging import remove_tree, sweep

__all__ = [
    "CONTENT_FILES",
    "DraftToWrite",
    "TargetRoot",
    "WriteOptions",
    "file_name",
    "remove_tree",
    "sweep",
    "write_draft",
]
