"""The tool-call inspector: the live list of all calls by chat, bridge and user, with the actions on each.

It knows the events and the `Engine`; it must not know Coze, files of drafts, or another pane.
"""

from c2jy_tui.panes.inspector.pane import Inspector

__all__ = ["Inspector"]
