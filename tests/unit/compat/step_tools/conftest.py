"""The fixtures of tests that call tools."""

from __future__ import annotations

from tool_harness import bot, builder, library, media, root

__all__ = ["bot", "builder", "library", "media", "root"]
