"""From a document to the content of a draft, through pyJianYingDraft's public objects, in linear time.

Pure: no disk, no network, no clock. Must not know where files come from or where drafts go.
"""

from c2jy_bridge.drafts.compile.draft import CompiledDraft, compile_draft
from c2jy_bridge.drafts.compile.plan import PHOTO_US, PlacedFile
from c2jy_bridge.drafts.errors import IssueCollector

__all__ = ["PHOTO_US", "CompiledDraft", "IssueCollector", "PlacedFile", "compile_draft"]
