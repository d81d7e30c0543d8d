"""Persists conversations, messages, tool calls and their receipts in one SQLite file.

It stores and finds; it decides nothing. It knows the events it records and the views it returns, not who
makes or draws them.
"""

from c2jy_bridge.journal.database import Owner
from c2jy_bridge.journal.history import History
from c2jy_bridge.journal.journal import Journal, OpenTurn

__all__ = ["History", "Journal", "OpenTurn", "Owner"]
