"""The keys and what they do; another key is chosen by pressing it, and what it clashes with is said."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import ClassVar, Final

from textual import events, work
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.keys import format_key
from textual.widgets import Static
from typing_extensions import override

from c2jy_tui.labels import label, say
from c2jy_tui.screens.choice import Choice, ChoiceInput, ChoiceScreen
from c2jy_tui.widgets.bindings import BaseDialog, binding, every_binding

_EVERYWHERE: Final = frozenset({"app", "pane", "bridge"})
"""Rooms of bindings that count beside those of every pane."""
_LISTS: Final = frozenset({"rows", "filter"})
"""Rooms of bindings that count in every pane that is a list."""
_PANES: Final = frozenset({"inspector", "drafts", "requests"})


@dataclass(frozen=True, slots=True)
class Bound:
    """A binding with its keys, as they are now."""

    id: str
    keys: tuple[str, ...]
    words: str

    @property
    def shown(self) -> str:
        """Its keys as a person writes them."""
        return " ".join(shown(key) for key in self.keys)


def shown(key: str) -> str:
    """A key as the footer shows it: `F9`, `^r`."""
    text = format_key(key)
    return text.upper() if text[:1] == "f" and text[1:].isdecimal() else text


def all_bound(keymap: Mapping[str, str]) -> list[Bound]:
    """Every binding that can be changed, in the order of the ids; the app's own first."""
    found: dict[str, Binding] = {one.id: one for one in every_binding() if one.id}
    names = sorted(found, key=lambda name: (_room(name) not in _EVERYWHERE, name))
    return [
        Bound(
            name,
            tuple(keymap.get(name, found[name].key).replace(" ", "").split(",")),
            label(found[name].tooltip),
        )
        for name in names
    ]


def clashes(one: Bound, others: Iterable[Bound]) -> list[Bound]:
    """The bindings with which a key of `one` is shared where both count."""
    return [
        other
        for other in others
        if other.id != one.id and set(one.keys) & set(other.keys) and _meet(_room(one.id), _room(other.id))
    ]


def _room(name: str) -> str:
    return name.partition(".")[0]


def _meet(one: str, other: str) -> bool:
    rooms = {one, other}
    return len(rooms) == 1 or bool(rooms & _EVERYWHERE) or bool(rooms & _LISTS and rooms & _PANES)


class KeyScreen(BaseDialog[str]):
    """Waits for a key; the answer is its name. Esc keeps the old one."""

    CSS_PATH = "settings.tcss"

    def __init__(self, bound: Bound) -> None:
        super().__init__()
        self._bound = bound

    @override
    def compose(self) -> ComposeResult:
        with Vertical(id="dialog") as dialog:
            dialog.border_title = self._bound.id
            yield Static(say("keys.press", words=self._bound.words, key=self._bound.shown), markup=False)

    async def _on_key(self, event: events.Key) -> None:
        event.stop()
        event.prevent_default()
        self.dismiss(None if event.key == "escape" else event.key)


class KeysInput(ChoiceInput):
    """Words that narrow the list of keys."""

    BINDINGS: ClassVar[list[BindingType]] = [
        binding("tui", "keys.change", "enter", "submit"),
        binding("tui", "keys.reset", "delete", "screen.reset"),
    ]


class KeysScreen(ChoiceScreen):
    """The keys; Enter changes the one under the cursor, Del gives it its own again."""

    INPUT = KeysInput

    def __init__(
        self, keymap: Callable[[], Mapping[str, str]], change: Callable[[str, str | None], str]
    ) -> None:
        """Args:
        keymap: The keys that the settings change, as they are now.
        change: Writes a binding's key, None for its own, and returns why it was refused.
        """
        super().__init__(say("keys.title"), ())
        self._keymap = keymap
        self._change = change

    @override
    def on_mount(self) -> None:
        super().on_mount()
        self._refill()

    def _refill(self, at: str = "") -> None:
        keymap = self._keymap()
        bound = all_bound(keymap)
        self._bound = {one.id: one for one in bound}
        choices = []
        for one in bound:
            about = one.words
            if one.id in keymap and (found := clashes(one, bound)):
                about = say("keys.clash", others=", ".join(other.id for other in found)) + "  " + about
            choices.append(Choice(one.id, f"{one.shown:<14}", "• " if one.id in keymap else "", about))
        self.set_choices(choices, at)

    @override
    def chosen(self, name: str) -> None:
        self._ask(name)

    @work(group="keys", exclusive=True, exit_on_error=False)
    async def _ask(self, name: str) -> None:
        key = await self.app.push_screen_wait(KeyScreen(self._bound[name]))
        if key is not None:
            self._put(name, key)

    def _put(self, name: str, key: str | None) -> None:
        if problem := self._change(name, key):
            self.notify(problem, severity="error", markup=False)
            return
        self._refill(name)
        one = self._bound[name]
        if key is not None and (found := clashes(one, self._bound.values())):
            others = "; ".join(f"{other.id} ({other.words})" for other in found)
            self.notify(say("keys.clashes", key=one.shown, others=others), severity="warning", markup=False)

    def action_reset(self) -> None:
        """Give the binding under the cursor its own key again."""
        if (name := self.highlighted) and name in self._keymap():
            self._put(name, None)
