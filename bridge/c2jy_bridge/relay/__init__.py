"""Bridge mode: takes tool calls in from workflows and scripts, relays each through a Bot chat, answers.

Knows the wire (coze) and the tool runner (plugin); must not know a screen, a draft, or what any tool does.
"""
