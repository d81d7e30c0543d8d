"""The bridge requests: what workflows and scripts asked for, live, and what can be done about each.

It knows the events and the `EnginePort`; it must not know HTTP, mailboxes, SQL, or the pane next door.
"""

from c2jy_tui.panes.bridge.pane import BridgePane

__all__ = ["BridgePane"]
