"""From a document to the content of a draft, through pyJianYingDraft's public objects, in linear time.

Pure: no disk, no network, no clock. Must not know where files come from or where drafts go.
"""
