"""The drafts that the pane lists: sorted and filtered, with what this run of the app knows of each."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any, Final

from c2jy_bridge.core.events import Issue
from c2jy_bridge.core.views import DraftView
from c2jy_tui.panes.drafts import labels

_WORST_FIRST: Final = {"damaged": 0, "media_missing": 1, "encrypted": 2, "foreign": 3, "ok": 4}

ORDERS: Final[dict[str, Callable[[DraftView], Any]]] = {
    "newest": lambda view: -view.modified_at,
    "name": lambda view: view.name.casefold(),
    "longest": lambda view: -view.duration_us,
    "largest": lambda view: -view.size_bytes,
    "state": lambda view: _WORST_FIRST[view.state],
}
"""Sort keys by the order's name, in the sequence in which `s` steps through them."""


class DraftList:
    """All drafts of the folder, and those shown in the current order under the current filter."""

    def __init__(self) -> None:
        self.all: Sequence[DraftView] = ()
        self.shown: list[DraftView] = []
        self.order = "newest"
        self.new: set[str] = set()
        """Names of the drafts written since the app started and not opened yet."""
        self.written: dict[str, Sequence[Issue]] = {}
        """By name, what could not be written as requested."""
        self.checked: dict[str, Sequence[Issue]] = {}
        """By name, what a check found since the draft last changed."""
        self.packed: dict[str, str] = {}
        """By name, the zip that a draft was last packed into."""
        self.marked: set[str] = set()
        """Names of the drafts that the next action is for."""

    def fill(self, drafts: Sequence[DraftView]) -> None:
        """Replace the drafts; what is known of those that are gone is dropped."""
        self.all = drafts
        names = {view.name for view in drafts}
        self.new &= names
        self.marked &= names
        for known in (self.written, self.checked, self.packed):
            for name in known.keys() - names:
                known.pop(name)

    def mark_new(self, name: str, issues: Sequence[Issue]) -> None:
        """A draft was written, with what could not be written as requested."""
        self.new.add(name)
        self.written[name] = issues
        self.forget_findings(name)

    def chosen(self, current: DraftView | None) -> list[DraftView]:
        """What an action is for: the marked drafts, also those that the filter hides, else `current`."""
        marked = [view for view in self.all if view.name in self.marked]
        return marked or ([current] if current is not None else [])

    def forget_findings(self, name: str) -> None:
        """Drop what a check or a packing found, because the draft has changed."""
        self.checked.pop(name, None)
        self.packed.pop(name, None)

    def next_order(self) -> None:
        """Switch to the next order, cyclically."""
        names = list(ORDERS)
        self.order = names[(names.index(self.order) + 1) % len(names)]

    def arrange(self, filter_text: str) -> None:
        """Show the drafts with all words and `#tags` of `filter_text`, equals newest first."""
        words = filter_text.casefold().split()
        kept = [view for view in self.all if _contains(view, words)]
        self.shown = sorted(sorted(kept, key=ORDERS["newest"]), key=ORDERS[self.order])

    def describe(self, view: DraftView, width: int) -> str:
        """One line of at most `width` cells about a draft."""
        name = view.name
        checked, written = self.checked.get(name), self.written.get(name, ())
        return labels.about(view, checked, written, self.packed.get(name, ""), width)


def _contains(view: DraftView, words: Iterable[str]) -> bool:
    states, _tone = labels.media(view)
    text = f"{view.name} {states[0]} {view.state}".casefold()
    tags = [f"#{tag}".casefold() for tag in view.tags]
    return all(
        any(tag.startswith(word) for tag in tags) if word.startswith("#") else word in text for word in words
    )
