"""How often somebody may come: a bucket of tokens for each, filled steadily."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

_MOST_BUCKETS: Final = 1000


@dataclass(slots=True)
class _Bucket:
    left: float
    at: float


class RateLimit:
    """At most `per_minute` in the long run, in bursts of up to a quarter of it."""

    def __init__(self, per_minute: int, clock: Callable[[], float] = time.monotonic) -> None:
        self._per_s = per_minute / 60
        self._burst = max(1.0, per_minute / 4)
        self._clock = clock
        self._buckets: dict[str, _Bucket] = {}

    def take(self, who: str) -> float:
        """Count one more of `who`; 0 when it may pass, else seconds until the next one may."""
        now = self._clock()
        if len(self._buckets) > _MOST_BUCKETS:
            self._buckets = {key: b for key, b in self._buckets.items() if self._filled(b, now) < self._burst}
        bucket = self._buckets.setdefault(who, _Bucket(self._burst, now))
        bucket.left, bucket.at = self._filled(bucket, now), now
        if bucket.left < 1:
            return (1 - bucket.left) / self._per_s
        bucket.left -= 1
        return 0.0

    def _filled(self, bucket: _Bucket, now: float) -> float:
        return min(self._burst, bucket.left + max(0.0, now - bucket.at) * self._per_s)
