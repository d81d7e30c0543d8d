"""What a draft can name: JianYing's effects, filters, transitions, animations, fonts and the rest.

A search over the catalogues of pyJianYingDraft by Chinese, pinyin and English words. Knows the catalogues and
nothing of drafts, tools or a screen; loading it loads pyJianYingDraft, so import it when it is needed.
"""

from c2jy_bridge.drafts.resources.search import Entry, Hits, Slider, entries, search

__all__ = ["Entry", "Hits", "Slider", "entries", "search"]
