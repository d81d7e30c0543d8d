"""How patient a download is: waits, least speed, back-off between tries."""

from __future__ import annotations

import email.utils
from collections.abc import Callable
from dataclasses import dataclass

from c2jy_bridge.drafts.materials.failure import Passing


@dataclass(frozen=True, slots=True)
class Patience:
    """Limits on time; seconds and bytes."""

    connect_s: float = 10.0
    window_s: float = 20.0
    """Over how long speed is judged; also the longest silence."""
    least_bytes_per_s: float = 2048.0
    """Slower than this over a whole window is a stall (curl's --speed-limit and --speed-time do the same)."""
    first_wait_s: float = 0.5
    """Upper end of the first wait between tries; it doubles with each."""
    longest_wait_s: float = 20.0
    fresh_s: float = 600.0
    """A link fetched this recently is not asked about again: a Bot probes media, then builds with them."""
    redirects: int = 5


class SpeedGauge:
    """Raises when bytes come in too slowly, which a limit on the silence between two reads cannot see."""

    def __init__(self, patience: Patience, now: Callable[[], float], host: str) -> None:
        self._patience = patience
        self._now = now
        self._host = host
        self._since = now()
        self._bytes = 0

    def add(self, count: int) -> None:
        """Count what arrived.

        Raises:
            Passing: A whole window was slower than the least speed.
        """
        self._bytes += count
        elapsed = self._now() - self._since
        if elapsed < self._patience.window_s:
            return
        if self._bytes < self._patience.least_bytes_per_s * elapsed:
            raise Passing("too_slow", host=self._host)
        self._since, self._bytes = self._now(), 0


def wait_before(attempt: int, patience: Patience, rng: Callable[[], float], asked_s: float | None) -> float:
    """Seconds to wait before try number `attempt` (1 is the first repeat).

    Exponential with full jitter, so that many clients do not come back together; a server's Retry-After is
    kept, with jitter on top of it and never below.
    """
    ceiling = min(patience.longest_wait_s, patience.first_wait_s * float(2 ** (attempt - 1)))
    return (asked_s or 0.0) + rng() * ceiling


def retry_after(header: str | None, unix_now: float) -> float | None:
    """Seconds that a Retry-After header asks for: a number of seconds or an HTTP date (RFC 9110, 10.2.3)."""
    if not header:
        return None
    try:
        return max(0.0, float(int(header)))
    except OverflowError:
        return None  # hundreds of digits
    except ValueError:
        pass
    try:
        return max(0.0, email.utils.parsedate_to_datetime(header).timestamp() - unix_now)
    except (TypeError, ValueError):
        return None
