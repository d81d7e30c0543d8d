"""Tools that make a draft step by step, with the names that users of Coze2JianYing have in their prompts."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

from c2jy_bridge.compat.coze2jianying.step_tools.add_tools import add_tools
from c2jy_bridge.compat.coze2jianying.step_tools.edit_tools import EditTools
from c2jy_bridge.compat.coze2jianying.step_tools.scene_tools import SceneTools
from c2jy_bridge.compat.coze2jianying.step_tools.step_session import StepSession
from c2jy_bridge.compat.coze2jianying.unfinished.store import UnfinishedDrafts
from c2jy_bridge.core.settings import TimeUnit
from c2jy_bridge.drafts import DraftBuilder


def step_tools(
    builder: DraftBuilder,
    unfinished_dir: Path,
    *,
    time_unit: TimeUnit = "auto",
    clock: Callable[[], float] = time.time,
) -> list[object]:
    """The step-by-step tools, each ready for `ToolRegistry.register`.

    Args:
        builder: Checks each step and builds the draft in the end.
        unfinished_dir: Where unfinished drafts are kept; made when it is needed.
        time_unit: Unit of bare numbers in the infos, where neither the draft nor the call names one.
        clock: Unix seconds.
    """
    session = StepSession(builder, UnfinishedDrafts(unfinished_dir, clock), clock, time_unit)
    return [EditTools(session), *add_tools(session), SceneTools(session)]
