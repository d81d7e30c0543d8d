"""Cloud workflows of the emulated Coze: scripted nodes that speak, ask, wait and end; runs that are resumed.

A workflow knows its parameters and the answers it was resumed with. It must not know chats or the Bot. The
schema is handed on from here; `runs` plays it and needs the world, which needs the schema.
"""

from coze_emulator.workflows.nodes import NODE_VERBS, Workflow

__all__ = ["NODE_VERBS", "Workflow"]
