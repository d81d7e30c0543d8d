"""Persists conversations, messages, tool calls and their receipts in one SQLite file.

It knows the events it records and the views it returns, not their producers or consumers.
"""

from c2jy_bridge.journal.database import Claim, Owner
from c2jy_bridge.journal.history import History
from c2jy_bridge.journal.journal import Journal, OpenTurn
from c2jy_bridge.journal.run_history import WORKFLOW_CHAT, RunHistory

__all__ = ["WORKFLOW_CHAT", "Claim", "History", "Journal", "OpenTurn", "Owner", "RunHistory"]
