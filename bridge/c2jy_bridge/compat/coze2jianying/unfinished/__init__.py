"""Unfinished drafts: what was added step by step, kept on the disk until it is saved as a draft.

One file a draft; every step is remembered with the call that made it, so that a call that comes again changes
nothing. Knows our spec and the mapping of exports; must not know pyJianYingDraft, media files or tools. What
reads arguments (`infos`, `keyframes`) is imported where it is needed: it imports the whole of `exports`.
"""
