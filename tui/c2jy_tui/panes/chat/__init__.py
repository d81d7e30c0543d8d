"""The chat pane: a transcript built from events, a scrolling window of widgets over it, and a composer.

It knows events and views; it must not know the engine, other panes or who handles its messages.
"""

from c2jy_tui.panes.chat.pane import ChatPane
from c2jy_tui.panes.chat.transcript import Transcript

__all__ = ["ChatPane", "Transcript"]
