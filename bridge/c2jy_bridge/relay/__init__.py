"""Bridge mode: accepts tool calls from workflows and scripts, relays each through a Bot chat.

Knows the wire (coze) and the tool runner (plugin); must not know a screen, a draft, or what any tool does.
"""
