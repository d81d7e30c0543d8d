"""Compatibility with other systems that make drafts: one room for each."""
