"""The bridge's worker: carries requests out, through the Bot or without it, each at most once.

Knows the queue's port, a chat session and the tool runner. Must not know how a request came in, and nothing
of HTTP.
"""

from c2jy_bridge.relay.worker.approvals import ApprovalTimeoutRunner
from c2jy_bridge.relay.worker.handle import BRIDGE_EXECUTE
from c2jy_bridge.relay.worker.relays import RelayContext
from c2jy_bridge.relay.worker.tool import BridgeTool
from c2jy_bridge.relay.worker.worker import Worker

__all__ = ["BRIDGE_EXECUTE", "ApprovalTimeoutRunner", "BridgeTool", "RelayContext", "Worker"]
