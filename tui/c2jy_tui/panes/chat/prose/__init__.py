"""Markdown for an answer that streams: read, laid out and drawn at a cost that does not grow with its length.

It knows text, cells and widths; nothing of chats, events or turns.
"""

from c2jy_tui.panes.chat.prose.reading import last_code, warm_up
from c2jy_tui.panes.chat.prose.widget import Prose

__all__ = ["Prose", "last_code", "warm_up"]
