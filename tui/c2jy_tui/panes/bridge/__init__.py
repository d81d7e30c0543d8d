"""The bridge requests: the live list of what workflows and scripts requested, with the actions on each.

It knows the events and the `Engine`; it must not know HTTP, mailboxes, SQL, or another pane.
"""

from c2jy_tui.panes.bridge.pane import BridgePane

__all__ = ["BridgePane"]
