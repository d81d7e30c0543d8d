"""The chat pane: a transcript folded from events, drawn through a window of widgets, and a composer.

It knows events and views; it must not know the engine, other panes or where its messages end up.
"""

from c2jy_tui.panes.chat.pane import ChatPane
from c2jy_tui.panes.chat.transcript import Transcript

__all__ = ["ChatPane", "Transcript"]
