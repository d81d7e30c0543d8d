"""The tools for any agent by the Model Context Protocol: the same registry, policies and receipts.

The official SDK is the extra `mcp`; nothing here is imported before it is served. Must not know Coze: a call
is run by the runner it is given, and its events go where all others go.
"""
