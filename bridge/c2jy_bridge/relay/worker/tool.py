"""`bridge_execute` as a tool among the others, so that it stands in the manifest and in the Bot's plugin."""

from __future__ import annotations

from typing import Any

from c2jy_bridge.plugin import ToolError, tool
from c2jy_bridge.relay.problems import say
from c2jy_bridge.relay.worker.handle import BRIDGE_EXECUTE


class BridgeTool:
    """The tool's face. In a chat of the bridge its calls are met before they come here (`RelayedCalls`)."""

    @tool(policy="allow", name=BRIDGE_EXECUTE)
    def bridge_execute(self, handle: str) -> dict[str, Any]:
        """Run the one local tool call that a bridge message names by its handle.

        Call it once, as soon as a message asks for it, and change nothing in the handle.

        Args:
            handle: The handle exactly as it stands in the message.
        """
        raise ToolError(say("refused.no_bridge", execute=BRIDGE_EXECUTE))
