"""What is to be said of bridge mode while it is on."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from c2jy_bridge.core.events import Problem
from c2jy_bridge.relay.request import ENDED, State


class BridgeProblem(Exception):
    """Bridge mode cannot begin; `problem` says why and what to do."""

    def __init__(self, problem: Problem) -> None:
        super().__init__(problem.message)
        self.problem = problem


@dataclass(frozen=True, slots=True)
class IntakeStatus:
    """One way in. `alive_at` is Unix seconds of its last sign of life, 0 before the first."""

    name: str
    address: str = ""
    alive_at: float = 0.0
    problem: Problem | None = None


@dataclass(frozen=True, slots=True)
class BridgeStatus:
    """Bridge mode at one moment."""

    on: bool
    intakes: tuple[IntakeStatus, ...] = ()
    counts: Mapping[State, int] = field(default_factory=dict)
    """Requests by state."""
    at_work: int = 0
    problem: Problem | None = None
    """Why the last question to the Bot failed, while none went well since."""

    @property
    def address(self) -> str:
        """Where requests can be sent; empty when there is no such intake."""
        return next((intake.address for intake in self.intakes if intake.address), "")

    @property
    def waiting(self) -> int:
        """Requests that have not ended."""
        return sum(self.counts.get(state, 0) for state in set(State) - ENDED)

    @property
    def parked(self) -> int:
        """Requests that rest until Coze takes the token."""
        return self.counts.get(State.NEEDS_LOGIN, 0)
