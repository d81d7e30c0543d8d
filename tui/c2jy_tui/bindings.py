"""Bindings in one line each, their words named after their ids."""

from __future__ import annotations

from textual.binding import Binding


def binding(
    domain: str, id: str, keys: str, action: str, *, show: bool = True, priority: bool = False
) -> Binding:
    """A binding whose description and tooltip are named for `words.label`, not said.

    Args:
        domain: The catalogue with its words, `key.<name>` and `key.<name>.tip`.
        id: What the keymap of the settings calls it: `<room>.<name>`.
        keys: One or several keys, comma between.
        action: The action, as Textual writes it.
        show: Whether the footer lists it.
        priority: Whether it wins over the focused widget's own keys.
    """
    words = f"{domain}:key.{id.partition('.')[2]}"
    return Binding(keys, action, words, tooltip=f"{words}.tip", id=id, show=show, priority=priority)
