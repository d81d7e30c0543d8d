"""A Coze API emulator: real HTTP and SSE on loopback, so that the demo and the tests need no account.

Any Coze client can talk to it. Its Bot plays a script; faults can be ordered, each a counted number of times.
The room knows Coze's wire and nothing of the engine (no room of it, nor cozepy), so that the two cannot share
a mistake. Importing it is cheap: the web framework is imported by the thread that serves.
"""

from coze_emulator.faults import Fault, Struck
from coze_emulator.script import Script, ScriptError
from coze_emulator.server import HUMANE_PACE_S, Emulator, serve
from coze_emulator.world import Seen

__all__ = ["HUMANE_PACE_S", "Emulator", "Fault", "Script", "ScriptError", "Seen", "Struck", "serve"]
