"""The wire: Coze's API as this app sees it, and one chat turn as a stream of events.

Everything about HTTP, event streams, cozepy and Coze's error codes stays in here. It must not know a tool
(it is handed something that runs them), the journal, a screen, or what a draft is. Importing this package
costs little: cozepy (0.27 s) comes in with `connect`, which belongs into a thread:
`client = await asyncio.to_thread(connect, settings.coze)`.
"""

from c2jy_bridge.coze.batch import RunsTools
from c2jy_bridge.coze.client import CozeClient, connect
from c2jy_bridge.coze.errors import CozeProblem, missing
from c2jy_bridge.coze.session import ChatSession

__all__ = ["ChatSession", "CozeClient", "CozeProblem", "RunsTools", "connect", "missing"]
