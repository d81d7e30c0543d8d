"""Unfinished drafts: what was added step by step, kept on the disk until it is saved as a draft.

One file a draft; every step is remembered with the call that made it, so that a call that comes again changes
nothing. Knows our spec and the mapping of exports; must not know pyJianYingDraft, media files or tools. What
reads arguments (`infos`, `keyframes`) is imported where it is needed: it imports the whole of `exports`.
"""

from c2jy_bridge.compat.coze2jianying.unfinished.draft import Lane, Saved, Step, Unfinished, id_prefix
from c2jy_bridge.compat.coze2jianying.unfinished.scenes import Laid, Music, Scene, lay_out, sources
from c2jy_bridge.compat.coze2jianying.unfinished.store import UnfinishedDrafts, UnknownDraft

__all__ = [
    "Laid",
    "Lane",
    "Music",
    "Saved",
    "Scene",
    "Step",
    "Unfinished",
    "UnfinishedDrafts",
    "UnknownDraft",
    "id_prefix",
    "lay_out",
    "sources",
]
