"""Compatibility with Coze2JianYing: reads its exports, and offers its step-by-step tools.

Must not know Coze, the relay or a screen. Only the engine knows this room, and plugs it in.
"""

from c2jy_bridge.compat.coze2jianying.step_tools import step_tools

__all__ = ["step_tools"]
