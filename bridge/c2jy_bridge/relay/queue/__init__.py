"""Bridge requests that survive the process: accepted means committed, claimed means leased.

The room keeps and hands out; it knows nothing of Bots, tools or HTTP. `port` is the contract, `sqlite` the
engine for one machine; another engine only has to pass the same suite.
"""

from c2jy_bridge.relay.queue.port import Accepted, KeyReused, LeaseLost, QueueFull, RequestQueue, WorkQueue
from c2jy_bridge.relay.queue.sqlite import SqliteQueue

__all__ = ["Accepted", "KeyReused", "LeaseLost", "QueueFull", "RequestQueue", "SqliteQueue", "WorkQueue"]
