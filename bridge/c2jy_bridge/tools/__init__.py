"""The tools of the local plugin, thin: what the Bot can ask this computer for, with the services handed in.

Knows the plugin's decorator and the drafts room. Must not know Coze (an upload is handed in) or a screen.
"""

from c2jy_bridge.tools.built_in import built_in_tools

__all__ = ["built_in_tools"]
