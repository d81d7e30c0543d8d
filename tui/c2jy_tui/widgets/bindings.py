"""Key bindings whose descriptions come from the catalogues, and the screens and dialogs that show them."""

from __future__ import annotations

import importlib
import inspect
import pkgutil
from collections.abc import Iterator
from dataclasses import replace
from typing import ClassVar, Final, TypeVar

from textual.binding import ActiveBinding, Binding
from textual.dom import DOMNode
from textual.message import Message
from textual.screen import ModalScreen, Screen
from typing_extensions import override

from c2jy_tui.labels import label

Result = TypeVar("Result")

_TEXTUALS: Final = {"command_palette": "palette"}
"""Bindings that Textual itself creates: their action, and the name of our text for it."""


def binding(
    domain: str, id: str, keys: str, action: str, *, show: bool = True, priority: bool = False
) -> Binding:
    """A binding whose description and tooltip are keys for `labels.label`.

    Args:
        domain: The catalogue with its texts, `key.<name>` and `key.<name>.tip`.
        id: Its id in the keymap of the settings: `<room>.<name>`.
        keys: One or several keys, separated by commas.
        action: The action, in Textual's syntax.
        show: Whether the footer lists it.
        priority: Whether it wins over the focused widget's own keys.
    """
    words = f"{domain}:key.{id.partition('.')[2]}"
    return Binding(keys, action, words, tooltip=f"{words}.tip", id=id, show=show, priority=priority)


def translated(active: ActiveBinding) -> ActiveBinding:
    """A binding with its description and tooltip in the language in use."""
    bound, tooltip = active.binding, active.tooltip
    if (name := _TEXTUALS.get(bound.action)) is not None:
        bound, tooltip = replace(bound, description=f"tui:key.{name}"), f"tui:key.{name}.tip"
    tooltip = label(tooltip)
    bound = replace(bound, description=label(bound.description), tooltip=tooltip)
    return ActiveBinding(active.node, bound, active.enabled, tooltip)


def every_binding() -> Iterator[Binding]:
    """Every binding of every screen and widget of the app; it imports all of them."""
    import c2jy_tui

    for module in pkgutil.walk_packages(c2jy_tui.__path__, "c2jy_tui."):
        if module.name.endswith("__main__"):
            continue
        for _, kind in inspect.getmembers(importlib.import_module(module.name), inspect.isclass):
            if not issubclass(kind, DOMNode) or kind.__module__ != module.name:
                continue
            yield from (one for one in kind.__dict__.get("BINDINGS", ()) if isinstance(one, Binding))


def moment() -> float:
    """The current time on the clock of `Message.time`, which is when a key was read from the terminal."""
    return Message().time


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
        self.dismiss(None)
