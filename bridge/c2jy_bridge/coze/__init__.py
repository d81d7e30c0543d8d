"""Client for Coze's API; runs a chat turn as a stream of events.

Everything about HTTP, event streams, cozepy and Coze's error codes stays in this package. It must not know
tools (it is given a runner), the journal, a screen, or what a draft is. Importing this package
is cheap: cozepy (0.27 s) is imported by `connect`, which should be called in a thread:
`client = await asyncio.to_thread(connect, settings.coze)`.
"""

from c2jy_bridge.coze.client import CozeClient, connect, missing
from c2jy_bridge.coze.errors import CozeProblem
from c2jy_bridge.coze.session import ChatSession
from c2jy_bridge.coze.turn import RunsTools

__all__ = ["ChatSession", "CozeClient", "CozeProblem", "RunsTools", "connect", "missing"]
