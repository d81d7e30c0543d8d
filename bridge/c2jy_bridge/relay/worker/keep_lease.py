"""Beside a request at work: its lease is held, its time is watched, and a wish to cancel is heard."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from typing import Any, Final

from c2jy_bridge.relay.queue import LeaseLost
from c2jy_bridge.relay.worker.job import Job
from c2jy_bridge.relay.worker.relays import Relay

log = logging.getLogger(__name__)

LEASE_S: Final = 60.0
"""Longer than a garbage collection or a slow disk, short enough that a dead worker's request is soon free."""
RENEW_S: Final = 15.0
STOP_S: Final = 10.0
"""Seconds that a stopped request has to come to its end by itself."""


async def keep(job: Job, carrier: Relay, work: asyncio.Task[Any] | None, clock: Callable[[], float]) -> None:
    """Go on until the request has ended.

    Args:
        job: The request.
        carrier: Is told to stop when the time is up or somebody wants it stopped.
        work: The task that carries; cancelled when that is not enough, or when the lease is lost.
        clock: Unix seconds.
    """
    stopped_at: float | None = None
    while not job.ended:
        try:
            await job.renew(LEASE_S)
        except LeaseLost:
            if work is not None and not job.ended:
                work.cancel()
            return
        except Exception:
            log.exception("the lease of %s was not renewed", job.request.request_id)
        late_in = job.request.expires_at - clock()
        job.overdue = job.overdue or late_in <= 0
        if stopped_at is None and (job.overdue or job.request.cancel_wanted):
            stopped_at = clock()
            await carrier.stop()
        elif stopped_at is not None and clock() - stopped_at > STOP_S and work is not None:
            work.cancel()
            return
        await asyncio.sleep(1.0 if stopped_at is not None else max(0.05, min(RENEW_S, late_in)))
