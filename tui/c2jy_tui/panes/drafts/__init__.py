"""The drafts folder as a list that follows the disk, and each draft's tracks drawn to scale.

It knows `DraftView`, `DraftDetail` and the `Engine`; it must not read a draft's files itself.
"""

from c2jy_tui.panes.drafts.pane import DraftsPane

__all__ = ["DraftsPane"]
