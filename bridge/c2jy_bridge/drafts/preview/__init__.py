"""Previews: a draft as pictures, without JianYing. Reads the draft's own files, of whatever app.

PyAV, Pillow and numpy are imported only in the process that `previewer` starts. Must not know how drafts are
built, nor our document: what the apps read is what is drawn.
"""

from c2jy_bridge.drafts.preview.previewer import Previewer

__all__ = ["Previewer"]
