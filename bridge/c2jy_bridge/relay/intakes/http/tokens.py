"""The bridge's bearer token: generated once, compared in constant time, rotated with an overlap."""

from __future__ import annotations

import hmac
import json
import secrets
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Final

from c2jy_bridge.core.vault import Vault

NAME: Final = "bridge-token"
OVERLAP_S: Final = 300.0
"""Seconds for which a replaced token stays valid: time to change it where it is used."""
FRESH_S: Final = 1.0
"""Seconds for which a token just read is accepted without reading the vault again."""
_BYTES: Final = 32


@dataclass(frozen=True, slots=True)
class _Kept:
    """The vault's content; `until` is Unix seconds."""

    token: str = ""
    previous: str = ""
    until: float = 0.0


class Tokens:
    """The token of one data folder; picks up a rotation by another process."""

    def __init__(self, vault: Vault, clock: Callable[[], float] = time.time) -> None:
        self._vault = vault
        self._clock = clock
        self._kept = _Kept()
        self._stamp: object = None
        self._looked_at = float("-inf")

    def current(self) -> str:
        """The token; generated at first use. Raises OSError when it cannot be read or written."""
        kept = _read(self._vault.get(NAME))
        if not kept.token:
            kept = _read(self._vault.update(NAME, lambda old: old if _read(old).token else _new("", 0.0)))
        return kept.token

    def rotate(self, overlap_s: float = OVERLAP_S) -> str:
        """Generate a new token; the old one stays valid for `overlap_s`, the one before it ends now.

        Args:
            overlap_s: Seconds, up to `OVERLAP_S`.

        Raises:
            OSError: It cannot be written.
        """
        until = self._clock() + overlap_s
        self._looked_at = float("-inf")
        return _read(self._vault.update(NAME, lambda old: _new(_read(old).token, until))).token

    def accepts(self, presented: str) -> bool:
        """Whether a token is valid now, in constant time. Raises OSError when the vault cannot be read."""
        given = presented.encode("utf-8", "replace")
        if self._is_current(given) and 0 <= self._clock() - self._looked_at < FRESH_S:
            return True
        stamp = self._vault.stamp(NAME)
        if stamp != self._stamp or stamp is None:
            self._kept, self._stamp = _read(self._vault.get(NAME)), stamp
        self._looked_at = self._clock()
        is_current = self._is_current(given)
        is_previous = hmac.compare_digest(given, self._kept.previous.encode()) and bool(self._kept.previous)
        # Both ways, so that a clock that was set back does not prolong it.
        left_s = self._kept.until - self._clock()
        return is_current or (is_previous and 0 < left_s <= OVERLAP_S)

    def _is_current(self, given: bytes) -> bool:
        return hmac.compare_digest(given, self._kept.token.encode()) and bool(self._kept.token)


def _new(previous: str, until: float) -> str:
    return json.dumps(asdict(_Kept(f"c2jy_{secrets.token_urlsafe(_BYTES)}", previous, until)))


def _read(text: str) -> _Kept:
    try:
        return _Kept(**json.loads(text)) if text else _Kept()
    except (ValueError, TypeError):  # damaged: as if there were none, which refuses every request
        return _Kept()
