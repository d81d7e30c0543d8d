"""Keys and help texts whose words come from a catalogue when a widget is made, not when it is imported.

Textual reads `BINDINGS` and `HELP` from the class, at import; the language is known only later.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from textual.binding import Binding, BindingsMap
from textual.dom import DOMNode

from c2jy_bridge.i18n import Say


def binding(id: str, keys: str, action: str, *, show: bool = True, priority: bool = False) -> Binding:
    """A binding whose description and tooltip are catalogue keys made from its id.

    Args:
        id: What the keymap calls it, `room.name`; its words are `key.name` and `key.name.tip`.
        keys: One or several keys, comma between.
        action: The action, as Textual writes it.
        show: Whether the footer lists it.
        priority: Whether it wins over the focused widget's own keys.
    """
    name = id.split(".", 1)[1]
    return Binding(
        keys, action, f"key.{name}", tooltip=f"key.{name}.tip", id=id, show=show, priority=priority
    )


def put_in_words(node: DOMNode, say: Say) -> None:
    """Say the bindings of `node` in the language in use; call it once, in its constructor.

    `_bindings` is the copy of the class's bindings that each node owns (Textual 8.2.8, dom.py); there is no
    public way to it.
    """
    worded = [
        replace(
            bound,
            description=say(bound.description) if bound.description else "",
            tooltip=say(bound.tooltip) if bound.tooltip else "",
        )
        for bindings in node._bindings.key_to_bindings.values()
        for bound in bindings
    ]
    node._bindings = BindingsMap(worded)


class Help:
    """A `HELP` attribute: Markdown from a catalogue, in the language in use when it is read."""

    def __init__(self, say: Say, key: str = "help") -> None:
        self._say = say
        self._key = key

    def __get__(self, instance: Any, owner: Any = None) -> str:
        return self._say(self._key)
