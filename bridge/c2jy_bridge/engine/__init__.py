"""Composition root: settings -> journal, tools, runner, client, sessions.

A UI or a command starts an `Engine`, calls it, and shows its events. This package may import every other
package of the bridge, but no UI.
"""

from c2jy_bridge.drafts import BuildReport, DraftError, DraftsRoot, Progress
from c2jy_bridge.engine.bridging import bridge_token
from c2jy_bridge.engine.conversations import Conversations
from c2jy_bridge.engine.doctor import Check, examine, found_roots, protect
from c2jy_bridge.engine.drafts import Drafts
from c2jy_bridge.engine.engine import Engine
from c2jy_bridge.engine.studio import StudioError, drain, gateway, workers
from c2jy_bridge.engine.workflows import Workflows
from c2jy_bridge.plugin import prints_go_to_stderr

__all__ = [
    "BuildReport",
    "Check",
    "Conversations",
    "DraftError",
    "Drafts",
    "DraftsRoot",
    "Engine",
    "Progress",
    "StudioError",
    "Workflows",
    "bridge_token",
    "drain",
    "examine",
    "found_roots",
    "gateway",
    "prints_go_to_stderr",
    "protect",
    "workers",
]
