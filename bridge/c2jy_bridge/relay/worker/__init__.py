"""Runs bridge requests, through the Bot or without it, each at most once.

Knows the queue, a chat session and the tool runner. Must not know how a request came in, and nothing
of HTTP.
"""

from c2jy_bridge.relay.worker.calls import BRIDGE_EXECUTE, ApprovalTimeoutRunner, BridgeTool
from c2jy_bridge.relay.worker.relays import RelayContext
from c2jy_bridge.relay.worker.worker import Worker

__all__ = ["BRIDGE_EXECUTE", "ApprovalTimeoutRunner", "BridgeTool", "RelayContext", "Worker"]
