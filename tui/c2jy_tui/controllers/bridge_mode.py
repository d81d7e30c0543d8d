"""The state of bridge mode, folded from events and from polls of the engine."""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass, replace
from typing import Final, Literal

from c2jy_bridge.core.events import BridgeStarted, BridgeStopped, Event, Problem
from c2jy_bridge.core.views import BridgeView

_OFF: Final = BridgeView(on=False)


@dataclass(frozen=True, slots=True)
class BridgeMode:
    """On, off, or switching."""

    view: BridgeView = _OFF
    """As of the last poll."""
    switching: Literal["", "on", "off"] = ""
    """The state that it is being switched to."""
    problem: Problem | None = None
    """Why it could not be switched on, or why it stopped."""
    was_on: bool = False
    """It is on, or was in this run of the app."""

    @property
    def http_address(self) -> str:
        """Where requests can be sent over HTTP; empty when nowhere."""
        return self.view.address if self.view.address.startswith("http") else ""

    @property
    def mailbox(self) -> str:
        """The conversation that is the mailbox; empty when there is none."""
        return next((one.address for one in self.view.intakes if one.name == "mailbox"), "")

    @property
    def shown_state(self) -> Hashable:
        """Everything but what changes with every poll: last activity, the number of waiting requests."""
        about = self.http_address, self.mailbox, self.view.machine
        return self.view.on, self.switching, self.problem, self.problems, *about

    @property
    def problems(self) -> tuple[Problem, ...]:
        """What is wrong while it is on: the Bot first, then the intakes."""
        found = (self.view.problem, *(intake.problem for intake in self.view.intakes))
        return tuple(problem for problem in found if problem is not None)


def switch_requested(mode: BridgeMode, on: bool) -> BridgeMode:
    """The switch was requested; the engine has not done it yet."""
    return replace(mode, switching="on" if on else "off", problem=None)


def switch_refused(mode: BridgeMode, problem: Problem | None) -> BridgeMode:
    """The engine's answer to the switch: only the problem changes."""
    return mode if problem is None else replace(mode, switching="", problem=problem)


def polled(mode: BridgeMode, view: BridgeView) -> BridgeMode:
    """After a poll; a poll during a switch may be outdated and is ignored."""
    return mode if mode.switching else replace(mode, view=view, was_on=mode.was_on or view.on)


def switch_done(mode: BridgeMode, view: BridgeView) -> BridgeMode:
    """The engine has switched it and this is the new state; its event may come before or after."""
    return polled(replace(mode, switching=""), view)


def after(mode: BridgeMode, event: Event) -> BridgeMode:
    """Once `event` has happened."""
    match event:
        case BridgeStarted(address=address):
            view = mode.view if mode.view.on else BridgeView(on=True, address=address)
            return BridgeMode(view, was_on=True)
        case BridgeStopped(problem=problem):
            return BridgeMode(problem=problem, was_on=mode.was_on)
        case _:
            return mode
