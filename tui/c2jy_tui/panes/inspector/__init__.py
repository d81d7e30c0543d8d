"""The tool-call inspector: every call of chat, bridge and maker, live, with what can be done about each.

It knows the events and the `EnginePort`; it must not know Coze, files of drafts, or the pane next door.
"""

from c2jy_tui.panes.inspector.pane import Inspector

__all__ = ["Inspector"]
