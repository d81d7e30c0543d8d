"""What every turn of a session is run with."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from c2jy_bridge.coze.batch import RunsTools
from c2jy_bridge.coze.recovery import Sleep

if TYPE_CHECKING:
    from c2jy_bridge.coze.client import CozeClient


@dataclass(frozen=True, slots=True)
class TurnContext:
    """What a turn is run with, the same for every turn of a session."""

    client: CozeClient
    bot_id: str
    user_id: str
    runner: RunsTools
    clock: Callable[[], float]
    new_id: Callable[[], str]
    sleep: Sleep
