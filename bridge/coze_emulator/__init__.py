"""A Coze API emulator: real HTTP and SSE on loopback, so that the demo and the tests need no account.

Any Coze client can talk to it. Its Bots play a script; faults can be injected. The package imports nothing of
the engine and not cozepy, so that they cannot share a mistake. Importing it is cheap: the web framework is
imported by the serving thread.
"""

from coze_emulator.faults import Fault, InjectedFault
from coze_emulator.script import Script, ScriptError
from coze_emulator.server import READABLE_PACE_S, Emulator, serve
from coze_emulator.server_state import ReceivedRequest

__all__ = [
    "READABLE_PACE_S",
    "Emulator",
    "Fault",
    "InjectedFault",
    "ReceivedRequest",
    "Script",
    "ScriptError",
    "serve",
]
