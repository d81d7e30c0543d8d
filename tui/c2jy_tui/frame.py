"""What every screen of the app has in common: its bindings in the language in use, and help on F1."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import ClassVar, Final, TypeVar

from textual.binding import ActiveBinding
from textual.screen import ModalScreen, Screen

from c2jy_tui.bindings import binding
from c2jy_tui.words import label

Result = TypeVar("Result")


@dataclass(frozen=True, slots=True)
class Look:
    """What the screen looks like: the values of `ScreenSettings`, which is too heavy to import here."""

    theme: str = "textual-dark"
    mouse: bool = True
    keymap: Mapping[str, str] = field(default_factory=dict)


_OF_TEXTUAL: Final = {"command_palette": "palette"}
"""Bindings that Textual makes itself and we show: their action, and the name of our words for it."""


def worded(active: ActiveBinding) -> ActiveBinding:
    """A binding with its description and tooltip in the language in use."""
    binding, tooltip = active.binding, active.tooltip
    if (name := _OF_TEXTUAL.get(binding.action)) is not None:
        binding, tooltip = replace(binding, description=f"tui:key.{name}"), f"tui:key.{name}.tip"
    tooltip = label(tooltip)
    binding = replace(binding, description=label(binding.description), tooltip=tooltip)
    return ActiveBinding(active.node, binding, active.enabled, tooltip)


class FrameScreen(Screen[None]):
    """A full screen."""

    @property
    def active_bindings(self) -> dict[str, ActiveBinding]:
        """The bindings of the focus chain, in words."""
        return {key: worded(active) for key, active in super().active_bindings.items()}


class FrameModal(ModalScreen[Result]):
    """A dialog; Esc goes back without an answer."""

    BINDINGS: ClassVar = [binding("tui", "dialog.back", "escape", "back")]

    @property
    def active_bindings(self) -> dict[str, ActiveBinding]:
        """The bindings of the focus chain, in words."""
        return {key: worded(active) for key, active in super().active_bindings.items()}

    def action_back(self) -> None:
        """Close without an answer."""
        self.dismiss(None)
