"""What happens is written down first and shown then."""

from __future__ import annotations

from c2jy_bridge.core.events import Event
from c2jy_bridge.engine.broadcast import Broadcast
from c2jy_bridge.engine.recorder import Recorder


class EventSink:
    """Stands between everything that makes events and everybody who sees them."""

    def __init__(self, recorder: Recorder, broadcast: Broadcast) -> None:
        self._recorder = recorder
        self._broadcast = broadcast

    async def saw(self, event: Event) -> None:
        """Returns when the event is as safe as it must be, and published."""
        await self._recorder.record(event)
        self._broadcast.publish(event)
