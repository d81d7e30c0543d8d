"""Suggests the valid name closest to a wrong one."""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches
from typing import Final

# difflib's own default is 0.6; at 0.5 `link` still finds `links` and `draft` finds `draft_id`.
_CUTOFF: Final = 0.5


def nearest(wrong: str, valid: Iterable[str]) -> str:
    """The one of `valid` closest to `wrong`, whatever the case; empty when none is close."""
    by_folded = {name.casefold(): name for name in valid}
    found = get_close_matches(wrong.casefold(), by_folded, n=1, cutoff=_CUTOFF)
    return by_folded[found[0]] if found else ""
