"""Compatibility with Coze2JianYing: its exports and its step-by-step tools."""
