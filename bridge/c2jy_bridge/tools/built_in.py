"""All built-in tools in one registry."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path

from c2jy_bridge.compat.coze2jianying.unfinished import UnfinishedDrafts
from c2jy_bridge.core.places import default_config_file
from c2jy_bridge.core.settings import TimeUnit
from c2jy_bridge.drafts import DraftBuilder, DraftPacker, Library
from c2jy_bridge.plugin import ToolRegistry
from c2jy_bridge.tools.adding import AddingTools
from c2jy_bridge.tools.drafts import DraftTools, PackingTools
from c2jy_bridge.tools.files import FileTools
from c2jy_bridge.tools.media import MediaTools, ResourceTools
from c2jy_bridge.tools.scenes import SceneTools
from c2jy_bridge.tools.screen import ScreenTools
from c2jy_bridge.tools.step_session import StepSession
from c2jy_bridge.tools.stepping import SteppingTools


def built_in_tools(
    registry: ToolRegistry,
    *,
    studio: DraftBuilder,
    library: Library,
    courier: DraftPacker,
    unfinished_dir: Path,
    folders: Sequence[Path],
    upload: Callable[[Path], Awaitable[str]],
    config_file: Path | None = None,
    time_unit: TimeUnit = "auto",
    clock: Callable[[], float] = time.time,
) -> None:
    """Register every built-in tool.

    Args:
        registry: Where they go.
        studio: Builds drafts and measures media.
        library: Reads the drafts folder.
        courier: Takes drafts to other machines.
        unfinished_dir: Where drafts that are made step by step are kept; made when it is needed.
        folders: What list_files and read_file may look into.
        upload: Sends a file to Coze and returns its file id.
        config_file: Where the settings stand, for messages that name one; None: the usual place.
        time_unit: Unit of bare numbers in the infos of drafts made step by step, where nobody says it.
        clock: Unix seconds.
    """
    registry.register(DraftTools(studio, library, clock))
    registry.register(PackingTools(courier))
    bench = StepSession(studio, UnfinishedDrafts(unfinished_dir, clock), clock, time_unit)
    for tools in (SteppingTools(bench), AddingTools(bench), SceneTools(bench)):
        registry.register(tools)
    registry.register(MediaTools(studio))
    registry.register(ResourceTools())
    registry.register(FileTools(folders, config_file or default_config_file()))
    registry.register(ScreenTools(upload, clock))
