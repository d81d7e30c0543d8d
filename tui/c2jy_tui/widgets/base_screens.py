"""Base classes of the screens and dialogs: their bindings are described in the language in use."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import ClassVar, TypeVar

from textual.binding import ActiveBinding
from textual.screen import ModalScreen, Screen
from typing_extensions import override

from c2jy_tui.widgets.bindings import binding, translated

Result = TypeVar("Result")


@dataclass(frozen=True, slots=True)
class Look:
    """Theme, mouse and keymap: the values of `ScreenSettings`, which is too heavy to import here."""

    theme: str = "textual-dark"
    mouse: bool = True
    keymap: Mapping[str, str] = field(default_factory=dict)


class BaseScreen(Screen[None]):
    """A full screen."""

    @property
    @override
    def active_bindings(self) -> dict[str, ActiveBinding]:
        return {key: translated(active) for key, active in super().active_bindings.items()}


class BaseDialog(ModalScreen[Result]):
    """A dialog; Esc goes back without an answer."""

    BINDINGS: ClassVar = [binding("tui", "dialog.back", "escape", "back")]

    @property
    @override
    def active_bindings(self) -> dict[str, ActiveBinding]:
        return {key: translated(active) for key, active in super().active_bindings.items()}

    def action_back(self) -> None:
        """Close without an answer."""
        self.dismiss(None)
