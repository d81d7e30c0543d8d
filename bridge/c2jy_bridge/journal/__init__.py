"""Persists conversations, messages, tool calls and their receipts in one SQLite file.

It knows the events it records and the views it returns, not their producers or consumers.
"""

from c2jy_bridge.journal.database import Claim, Owner
from c2jy_bridge.journal.history import History
from c2jy_bridge.journal.journal import Journal, OpenTurn

__all__ = ["Claim", "History", "Journal", "OpenTurn", "Owner"]
