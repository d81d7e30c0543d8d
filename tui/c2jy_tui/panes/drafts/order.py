"""The orders in which drafts can stand, and what the filter lets through."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, Final

from c2jy_bridge.core.views import DraftView
from c2jy_tui.panes.drafts.labels import media

_WORST_FIRST: Final = {"damaged": 0, "media_missing": 1, "encrypted": 2, "foreign": 3, "ok": 4}

ORDERS: Final[dict[str, Callable[[DraftView], Any]]] = {
    "newest": lambda view: -view.modified_at,
    "name": lambda view: view.name.casefold(),
    "longest": lambda view: -view.duration_us,
    "largest": lambda view: -view.size_bytes,
    "state": lambda view: _WORST_FIRST[view.state],
}
"""Sort keys by the order's name, in the order in which `s` goes through them."""


def following(order: str) -> str:
    """The order after `order`, going round."""
    names = list(ORDERS)
    return names[(names.index(order) + 1) % len(names)]


def arranged(views: Iterable[DraftView], order: str, wanted: str) -> list[DraftView]:
    """The drafts whose name and state contain all words of `wanted`, in `order`; equals stay newest first."""
    words = wanted.casefold().split()
    kept = [view for view in views if all(word in _text(view) for word in words)]
    newest_first = sorted(kept, key=ORDERS["newest"])
    return sorted(newest_first, key=ORDERS[order])


def _text(view: DraftView) -> str:
    states, _tone = media(view)
    return f"{view.name} {states[0]} {view.state}".casefold()
