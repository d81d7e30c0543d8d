"""The inspector pane."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

from textual.containers import Vertical
from textual.message import Message

from c2jy_bridge.events import Decision, Event
from c2jy_bridge.ports import EnginePort


class Inspector(Vertical):
    """The live list of tool calls and the detail of the one under the cursor."""

    @dataclass
    class ApprovalRequested(Message):
        """The maker wants the approval dialog of a waiting call back."""

        inspector: Inspector
        call_id: str

        @property
        def control(self) -> Inspector:
            """The inspector that posted this."""
            return self.inspector

    @dataclass
    class DecisionMade(Message):
        """The maker answered a waiting call from its row."""

        inspector: Inspector
        call_id: str
        decision: Decision

        @property
        def control(self) -> Inspector:
            """The inspector that posted this."""
            return self.inspector

    def __init__(
        self, *, clock: Callable[[], float] = time.time, id: str | None = None, classes: str | None = None
    ) -> None:
        super().__init__(id=id, classes=classes)
        self._clock = clock
        self._engine: EnginePort | None = None

    def show(self, event: Event) -> None:
        """Take in one event."""

    async def load(self, engine: EnginePort) -> None:
        """Fill from the journal and keep the engine for what the maker asks of it."""
        self._engine = engine
