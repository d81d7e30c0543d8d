"""Previews: a draft as pictures, without JianYing. Reads the draft's own files, of whatever app.

`previewer.Previewer` is what others use; PyAV, Pillow and numpy are imported in the process that it starts.
Must not know how drafts are built, nor our document: what the apps read is what is drawn.
"""

from typing import Final

MARK: Final = "c2jy-tui preview"
"""Is in every preview; a file without it is not replaced."""
