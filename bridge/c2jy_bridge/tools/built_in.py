"""All built-in tools in one registry."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable, Iterable, Sequence
from pathlib import Path

from c2jy_bridge.core.places import default_config_file
from c2jy_bridge.drafts import DraftBuilder, DraftPacker, Library, TemplateFiller
from c2jy_bridge.drafts.preview.previewer import Previewer
from c2jy_bridge.plugin import ToolRegistry
from c2jy_bridge.tools.drafts import DraftTools, PackingTools
from c2jy_bridge.tools.files import FileTools
from c2jy_bridge.tools.media import MediaTools, ResourceTools
from c2jy_bridge.tools.previews import PreviewTools
from c2jy_bridge.tools.screen import ScreenTools
from c2jy_bridge.tools.templates import TemplateTools


def built_in_tools(
    registry: ToolRegistry,
    *,
    builder: DraftBuilder,
    library: Library,
    packer: DraftPacker,
    previewer: Previewer,
    step_tools: Iterable[object] = (),
    folders: Sequence[Path],
    upload: Callable[[Path], Awaitable[str]],
    config_file: Path | None = None,
    clock: Callable[[], float] = time.time,
) -> None:
    """Register every built-in tool.

    Args:
        registry: Where they go.
        builder: Builds drafts and measures media.
        library: Reads the drafts folder.
        packer: Takes drafts to other machines.
        previewer: Draws drafts.
        step_tools: Tools that make a draft step by step; the Bot is shown them after the draft tools.
        folders: What list_files and read_file may look into.
        upload: Sends a file to Coze and returns its file id.
        config_file: The file of the settings, for messages that name one; None: the default.
        clock: Unix seconds.
    """
    registry.register(DraftTools(builder, library, clock))
    registry.register(PackingTools(packer))
    registry.register(PreviewTools(previewer, upload))
    registry.register(TemplateTools(TemplateFiller(builder, library, clock), clock))
    for tools in step_tools:
        registry.register(tools)
    registry.register(MediaTools(builder))
    registry.register(ResourceTools())
    registry.register(FileTools(folders, config_file or default_config_file()))
    registry.register(ScreenTools(upload, clock))
