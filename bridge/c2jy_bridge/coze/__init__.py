"""Client for Coze's API; runs a chat turn as a stream of events.

HTTP, event streams, cozepy and Coze's error codes are confined to this package. It knows no tools (a runner
is passed in), no journal, no UI and no drafts. cozepy (0.27 s) is imported by `connect`, to be called in a
thread: `client = await asyncio.to_thread(connect, settings.coze)`.
"""

from c2jy_bridge.coze.client import CozeClient, CozeConnection, connect, missing
from c2jy_bridge.coze.errors import CozeProblem
from c2jy_bridge.coze.login import Login
from c2jy_bridge.coze.session import ChatSession
from c2jy_bridge.coze.turn import RunsTools

__all__ = [
    "ChatSession",
    "CozeClient",
    "CozeConnection",
    "CozeProblem",
    "Login",
    "RunsTools",
    "connect",
    "missing",
]
