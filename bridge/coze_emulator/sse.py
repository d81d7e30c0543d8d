"""Coze's SSE framing: two lines and a blank one, LF only, no space after the colon, no id, no comment."""

from __future__ import annotations

import asyncio
import json
from collections import deque
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from typing import Any, Final, Literal

from coze_emulator.faults import Fault

FrameKind = Literal[
    "created",
    "in_progress",
    "delta",
    "message",
    "requires_action",
    "failed",
    "completed",
    "error",
    "done",
    "other",
]
"""What a frame carries; the names that `Fault.at` uses."""


@dataclass(frozen=True, slots=True)
class Frame:
    """One event of a chat stream."""

    kind: FrameKind
    event: str
    data: Mapping[str, Any] | str

    def encode(self, *, ascii_only: bool = True) -> bytes:
        """The bytes on the wire; ASCII-escaped JSON cannot contain U+2028, U+2029 or U+0085."""
        data = json.dumps(self.data, ensure_ascii=ascii_only, separators=(",", ":"))
        return f"event:{self.event}\ndata:{data}\n\n".encode()


DONE: Final = Frame("done", "done", "[DONE]")
_COMMENTS: Final = b": keep-alive\n\nid:7\nretry:3000\n"
"""What other SSE servers send and Coze's chat does not; cozepy's parser fails at each of the three."""


@dataclass(frozen=True, slots=True)
class HangUp:
    """The connection closes here, in the middle of the response; `reset` sends RST instead of FIN."""

    reset: bool = False


@dataclass(frozen=True, slots=True)
class Pause:
    """Nothing is sent for a while."""

    seconds: float


class _End:
    """A clean HTTP end of the response, whether or not `done` was sent."""


class Stream:
    """The queue between a chat and its SSE response; transport faults are applied here.

    The chat puts frames in without waiting; the response takes bytes out as fast as the client reads. A chat
    continues when its client has disconnected, as on Coze.
    """

    def __init__(self) -> None:
        self._items: deque[bytes | Pause | HangUp | _End] = deque()
        self._more = asyncio.Event()
        self._cut = False
        self._comments = False

    def put(self, raw: bytes, fault: Fault | None = None) -> None:
        """Add one frame, changed by the fault if there is one."""
        if self._cut:
            return
        if self._comments:
            raw = _COMMENTS + raw
        if fault is None:
            self._add(raw)
        else:
            self._apply(fault, raw)

    def end(self) -> None:
        """End the response; later frames are ignored."""
        if not self._cut:
            self._add(_End())
            self._cut = True

    def abandon(self) -> None:
        """Drop everything: the client has disconnected."""
        self._items.clear()
        self._add(_End())
        self._cut = True

    async def chunks(self) -> AsyncIterator[bytes | HangUp]:
        """Bytes to send, all that is queued at once; a `HangUp` is the last item."""
        while True:
            await self._more.wait()
            self._more.clear()
            ready: list[bytes] = []
            while self._items:
                item = self._items.popleft()
                if isinstance(item, bytes):
                    ready.append(item)
                    continue
                if ready:
                    yield b"".join(ready)
                    ready = []
                if isinstance(item, _End):
                    return
                if isinstance(item, HangUp):
                    yield item
                    return
                await asyncio.sleep(item.seconds)
            if ready:
                yield b"".join(ready)

    def _add(self, item: bytes | Pause | HangUp | _End) -> None:
        self._items.append(item)
        self._more.set()

    def _apply(self, fault: Fault, raw: bytes) -> None:
        match fault.kind:
            case "drop" | "reset":
                self._add(raw)
                self._add(HangUp(reset=fault.kind == "reset"))
                self._cut = True
            case "tear":
                self._add(raw[: len(raw) // 2])
                self._add(HangUp())
                self._cut = True
            case "eof":
                self._add(raw)
                self.end()
            case "stall":
                self._add(raw)
                self._add(Pause(fault.seconds))
            case "comments":
                self._comments = True
                self._add(_COMMENTS + raw)
            case _:
                raise ValueError(f"{fault.kind} is not a transport fault")
