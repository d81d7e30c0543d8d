"""The local plugin: tools from functions, their approval, and the runner that answers every call.

Knows the events, the settings and the receipt port, but no Coze, no UI, no drafts and no particular tool.
"""

from c2jy_bridge.core.ports import Receipt, ReceiptConflict, ReceiptStore
from c2jy_bridge.plugin.approval import Approver
from c2jy_bridge.plugin.context import ToolContext, ToolError
from c2jy_bridge.plugin.definition import Tool, tool
from c2jy_bridge.plugin.execution import prints_go_to_stderr
from c2jy_bridge.plugin.registry import NameTaken, ToolRegistry
from c2jy_bridge.plugin.runner import ToolRunner
from c2jy_bridge.plugin.schema import DefinitionError

__all__ = [
    "Approver",
    "DefinitionError",
    "NameTaken",
    "Receipt",
    "ReceiptConflict",
    "ReceiptStore",
    "Tool",
    "ToolContext",
    "ToolError",
    "ToolRegistry",
    "ToolRunner",
    "prints_go_to_stderr",
    "tool",
]
