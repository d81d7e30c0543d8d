"""The drafts pane."""

from __future__ import annotations

import time
from collections.abc import Callable

from textual.containers import Vertical

from c2jy_bridge.events import Event
from c2jy_bridge.ports import EnginePort


class DraftsPane(Vertical):
    """The drafts folder, newest first, and what can be done with each draft."""

    def __init__(
        self, *, clock: Callable[[], float] = time.time, id: str | None = None, classes: str | None = None
    ) -> None:
        super().__init__(id=id, classes=classes)
        self._clock = clock
        self._engine: EnginePort | None = None

    def show(self, event: Event) -> None:
        """Take in one event."""

    async def load(self, engine: EnginePort) -> None:
        """Fill from the drafts folder and keep the engine for what the maker asks of it."""
        self._engine = engine
