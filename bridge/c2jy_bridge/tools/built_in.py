"""All built-in tools in one registry."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path

from c2jy_bridge.drafts import Courier, Library, Studio
from c2jy_bridge.plugin import ToolRegistry
from c2jy_bridge.tools.drafts import DraftTools
from c2jy_bridge.tools.files import FileTools
from c2jy_bridge.tools.media import MediaTools
from c2jy_bridge.tools.packing import PackingTools
from c2jy_bridge.tools.resources import ResourceTools
from c2jy_bridge.tools.screen import ScreenTools


def built_in_tools(
    registry: ToolRegistry,
    *,
    studio: Studio,
    library: Library,
    courier: Courier,
    folders: Sequence[Path],
    upload: Callable[[Path], Awaitable[str]],
    clock: Callable[[], float] = time.time,
) -> None:
    """Register every built-in tool.

    Args:
        registry: Where they go.
        studio: Builds drafts and measures media.
        library: Reads the drafts folder.
        courier: Takes drafts to other machines.
        folders: What list_files and read_file may look into.
        upload: Sends a file to Coze and returns its file id.
        clock: Unix seconds.
    """
    registry.register(DraftTools(studio, library, clock))
    registry.register(PackingTools(courier))
    registry.register(MediaTools(studio))
    registry.register(ResourceTools())
    registry.register(FileTools(folders))
    registry.register(ScreenTools(upload, clock))
