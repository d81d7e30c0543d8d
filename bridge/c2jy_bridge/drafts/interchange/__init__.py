"""Exchanges drafts with other editing programs by OpenTimelineIO: any draft out, any timeline in.

OpenTimelineIO is the extra `interchange`; it is imported when the first file is written or read. A timeline
becomes a document of ours: this room must not know how documents are compiled or written.
"""
