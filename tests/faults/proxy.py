"""A TCP proxy in front of Coze that breaks the wire at a chosen place, for a chosen time."""

from __future__ import annotations

import asyncio
import socket
import struct
import time
from dataclasses import dataclass
from typing import Final, Literal, Self
from urllib.parse import urlsplit

Kind = Literal["cut", "reset", "stall", "trickle", "bad_gateway", "rate_limited", "half_answer"]
Place = Literal[
    "before_first_byte",
    "mid_answer",
    "at_requires_action",
    "while_tool_runs",
    "during_submit",
    "after_submit",
    "final_answer",
]

KINDS: Final[tuple[Kind, ...]] = (
    "cut",
    "reset",
    "stall",
    "trickle",
    "bad_gateway",
    "rate_limited",
    "half_answer",
)
PLACES: Final[tuple[Place, ...]] = (
    "before_first_byte",
    "mid_answer",
    "at_requires_action",
    "while_tool_runs",
    "during_submit",
    "after_submit",
    "final_answer",
)

ASK: Final = "/v3/chat"
SUBMIT: Final = "/v3/chat/submit_tool_outputs"
TRICKLE_S: Final = 0.01
"""Between two bytes of a trickling answer."""
_MARKS: Final[dict[Place, tuple[str, bytes]]] = {
    "mid_answer": (ASK, b"conversation.message.delta"),
    "at_requires_action": (ASK, b"conversation.chat.requires_action"),
    "final_answer": (SUBMIT, b"conversation.message.delta"),
}
_BAD_GATEWAY: Final = b"<html><head><title>502 Bad Gateway</title></head><body>nginx</body></html>"
_RATE_LIMITED: Final = (
    b'{"code":4013,"msg":"The request frequency exceeds the limit.","detail":{"logid":"L"}}'
)


@dataclass(frozen=True, slots=True)
class Fault:
    """What breaks, where it first does, and how long it lasts."""

    kind: Kind
    place: Place
    seconds: float = 0.0
    """From the first time on, every request meets the fault for so long; 0: once."""

    def __str__(self) -> str:
        return f"{self.kind} / {self.place} / {f'{self.seconds:g} s' if self.seconds else 'once'}"


class _Struck(Exception):
    """The connection was broken as the fault says."""


class Proxy:
    """Passes HTTP on, one request a connection, and strikes as its fault says.

    Args:
        upstream: Address of the Coze behind it.
        fault: What goes wrong, once the proxy is armed.
    """

    def __init__(self, upstream: str, fault: Fault) -> None:
        address = urlsplit(upstream)
        self._host, self._port = address.hostname or "", address.port or 80
        self._fault = fault
        self._until: float | None = None
        self._over = True
        self._server: asyncio.Server | None = None
        self._tasks: set[asyncio.Task[None]] = set()
        self.struck = 0
        """How often it has struck."""

    @property
    def url(self) -> str:
        assert self._server is not None
        return f"http://127.0.0.1:{self._server.sockets[0].getsockname()[1]}"

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._accept, "127.0.0.1", 0)
        return self

    async def __aexit__(self, *_: object) -> None:
        assert self._server is not None
        self._server.close()
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def arm(self) -> None:
        """Strike from now on, when the place is reached."""
        self._over = False

    async def over(self) -> None:
        """Wait until the fault, once begun, has lasted for its time."""
        if self._until is not None:
            await asyncio.sleep(self._until - time.monotonic())

    def heal(self) -> None:
        """Break nothing from now on."""
        self._over = True

    # --- whether it strikes --------------------------------------------------------------------------

    def _begins(self) -> bool:
        """The place is reached for the first time."""
        if self._until is not None or self._over:
            return False
        self._until = time.monotonic() + self._fault.seconds
        return True

    def _lasts(self) -> bool:
        """The fault began earlier and goes on."""
        return not self._over and self._until is not None and time.monotonic() < self._until

    # --- one connection ------------------------------------------------------------------------------

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        try:
            await self._pass(reader, writer)
        except (_Struck, ConnectionError, asyncio.IncompleteReadError, asyncio.CancelledError):
            pass
        finally:
            self._tasks.discard(task)
            writer.close()

    async def _pass(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        lines = head.decode("latin-1").split("\r\n")
        path = urlsplit(lines[0].split(" ")[1]).path
        names = {
            line.split(":", 1)[0].lower(): line.split(":", 1)[1].strip() for line in lines[1:] if ":" in line
        }
        body = await reader.readexactly(int(names.get("content-length", "0")))
        place = self._fault.place
        if self._lasts() and place != "while_tool_runs":
            await self._strike(writer)
        # A server that answers `too many requests` has not accepted this one.
        refuses = self._fault.kind == "rate_limited" and place == "before_first_byte" and path == ASK
        unsent = refuses or (place == "during_submit" and path == SUBMIT)
        if self._lasts() or (unsent and self._begins()):
            await self._strike(writer)
        kept = [
            line
            for line in lines[:-2]
            if not line.lower().startswith(("connection:", "host:", "accept-encoding:"))
        ]
        kept += [f"host: {self._host}:{self._port}", "connection: close", "", ""]
        upstream, out = await asyncio.open_connection(self._host, self._port)
        try:
            out.write("\r\n".join(kept).encode("latin-1") + body)
            await out.drain()
            before = (place == "before_first_byte" and path == ASK) or (
                place == "after_submit" and path == SUBMIT
            )
            if before and self._until is None and not self._over:
                first = await upstream.read(1)
                if self._begins():
                    await self._strike(writer, already=first)
                writer.write(first)
            await self._relay(upstream, writer, path)
        finally:
            out.close()

    async def _relay(self, upstream: asyncio.StreamReader, writer: asyncio.StreamWriter, path: str) -> None:
        place = self._fault.place
        on, mark = _MARKS.get(place, ("", b""))
        kept = b""
        trickling = False
        while data := await upstream.read(65536):
            kept = (kept + data)[-200_000:]
            if mark and path == on and mark in kept and self._until is None and not self._over:
                # What comes before the mark was seen; the event with it is cut in the middle.
                at = data.find(mark)
                at = 0 if at < 0 else at
                writer.write(data[:at])
                await writer.drain()
                if self._begins():
                    trickling = await self._strike(writer, rest=data[at:])
                    continue
            if trickling:
                await self._trickle(writer, data)
                continue
            writer.write(data)
            await writer.drain()
            if place == "while_tool_runs" and path == ASK and b"conversation.chat.requires_action" in kept:
                self._begins()

    async def _strike(self, writer: asyncio.StreamWriter, *, already: bytes = b"", rest: bytes = b"") -> bool:
        """Do what the fault says; returns True when the answer trickles on.

        Args:
            already: What came from Coze and was not passed on yet, before any answer began.
            rest: The same in the middle of an answer.
        """
        self.struck += 1
        kind, begun = self._fault.kind, bool(rest)
        if kind == "trickle":
            await self._trickle(writer, already + rest)
            return True
        if kind == "stall":
            await asyncio.sleep(max(self._fault.seconds, 30.0))
        elif kind == "reset":
            sock: socket.socket = writer.get_extra_info("socket")
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            writer.transport.abort()
        elif kind == "half_answer":
            writer.write(rest[: len(rest) // 2] if begun else b"HTTP/1.1 200 OK\r\ncontent-type: text/ev")
        elif kind == "bad_gateway" and not begun:
            writer.write(_answer("502 Bad Gateway", "text/html", _BAD_GATEWAY))
        elif kind == "rate_limited" and not begun:
            writer.write(_answer("429 Too Many Requests", "application/json", _RATE_LIMITED))
        if not writer.transport.is_closing():
            await writer.drain()
        raise _Struck

    async def _trickle(self, writer: asyncio.StreamWriter, data: bytes) -> None:
        for byte in data:
            writer.write(bytes([byte]))
            await writer.drain()
            await asyncio.sleep(TRICKLE_S)


def _answer(status: str, kind: str, body: bytes) -> bytes:
    head = f"HTTP/1.1 {status}\r\ncontent-type: {kind}\r\ncontent-length: {len(body)}\r\n"
    return f"{head}connection: close\r\n\r\n".encode() + body
