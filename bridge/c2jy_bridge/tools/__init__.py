"""The tools of the local plugin, thin: what the Bot can ask this computer for, with the services handed in.

Knows the plugin's decorator and the drafts room. Must not know Coze (an upload is handed in) or a screen.
"""

from c2jy_bridge.tools.built_in import built_in_tools
from c2jy_bridge.tools.drafts import DraftTools, PackingTools
from c2jy_bridge.tools.files import FileTools
from c2jy_bridge.tools.media import MediaTools, ResourceTools
from c2jy_bridge.tools.screen import ScreenTools

__all__ = [
    "DraftTools",
    "FileTools",
    "MediaTools",
    "PackingTools",
    "ResourceTools",
    "ScreenTools",
    "built_in_tools",
]
