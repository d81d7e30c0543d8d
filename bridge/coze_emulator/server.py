"""The emulator as an object: a socket of its own, a thread of its own, an event loop of its own."""

from __future__ import annotations

import asyncio
import contextlib
import os
import socket
import threading
import time
from collections.abc import Callable, Coroutine
from types import TracebackType
from typing import TYPE_CHECKING, Any, Final, Self

from coze_emulator.faults import Fault, Kind, Struck
from coze_emulator.script import Script
from coze_emulator.world import Seen, World

if TYPE_CHECKING:
    from coze_emulator.connections import Connections

HUMANE_PACE_S: Final = 0.018
"""Seconds between two deltas at which an answer is pleasant to watch."""

BOT_ID: Final = "7379462189365198898"


class Emulator:
    """A Coze API on loopback.

        with Emulator() as emulator:
            Coze(auth=TokenAuth("any"), base_url=emulator.base_url).chat.stream(bot_id=emulator.bot_id, ...)

    Args:
        host: The address to listen on.
        port: The port; 0 takes a free one.
        script: What the Bot plays; the built-in script by default.
        token: The only token that is let in; as the script's `account` says by default.
        pace_s: Seconds between two deltas; 0 for tests, `HUMANE_PACE_S` for people.
        waiting_occupies: Whether a chat that requires an action occupies its conversation (4016). Live Coze
            is undocumented here; the stricter answer is the default.
        adopt_conversations: Whether a conversation id that is not known is taken as a new conversation, so
            that a client that remembers ids of an earlier emulator can go on. A chat of such a conversation
            that is not known has failed: it ended with its emulator.
        device_polls: How often a device login is pending before it is allowed.
        bot_id: The first Bot's id in the bot lists; the script's `account` says whom else chats may name.
        clock: Seconds since the epoch.
    """

    def __init__(
        self,
        host: str = "127.0.0.1",
        port: int = 0,
        script: Script | None = None,
        token: str | None = None,
        *,
        pace_s: float = 0.0,
        waiting_occupies: bool = True,
        adopt_conversations: bool = False,
        device_polls: int = 1,
        bot_id: str = BOT_ID,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._host = host
        self._port = port
        self._world = World(
            script=script or Script.built_in(),
            clock=clock,
            token=token,
            pace_s=pace_s,
            waiting_occupies=waiting_occupies,
            adopt_conversations=adopt_conversations,
            device_polls=device_polls,
            bot_id=bot_id,
        )
        self._socket: socket.socket | None = None
        self._thread: threading.Thread | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._told: asyncio.Event | None = None
        self._stopping = threading.Event()
        self._ready = threading.Event()
        self._problem: BaseException | None = None

    @property
    def base_url(self) -> str:
        """The address for `base_url` or COZE_API_BASE; empty before `start`."""
        return self._world.origin

    @property
    def bot_id(self) -> str:
        """The Bot's id."""
        return self._world.bot_id

    @property
    def mailbox_id(self) -> str:
        """The conversation in which the script's workflows leave their letters; empty when it has none."""
        return self._world.script.mailbox

    @property
    def journal(self) -> list[Seen]:
        """Every request that arrived, oldest first."""
        return list(self._world.journal)

    @property
    def serving(self) -> bool:
        """Whether its thread runs."""
        return self._thread is not None and self._thread.is_alive()

    def seen(self, path: str) -> list[Seen]:
        """The requests to one path, oldest first."""
        return [request for request in self._world.journal if request.path == path]

    def fault(self, kind: Kind, **options: Any) -> Struck:
        """Order a fault (faults.py says which there are).

        Args:
            kind: What goes wrong.
            **options: The fields of `Fault`: at, nth, on, times, matching, seconds, code, msg ...

        Returns:
            The order; its `struck` counts.

        Raises:
            pydantic.ValidationError: An option that does not exist or does not fit.
        """
        return self._world.faults.order(Fault(kind=kind, **options))

    def clear_faults(self) -> None:
        """Forget all faults that have not struck yet."""
        self._world.faults.clear()

    def start(self) -> Self:
        """Listen, and serve from a thread of its own.

        It returns at once: clients may connect from now on, and are answered when the web framework is
        imported (about half a second in a fresh process). `wait_ready` waits for it, and so does `with`.

        Raises:
            OSError: The address cannot be used or the port is taken.
        """
        if self._thread is not None:
            raise RuntimeError("this emulator has been started already")
        self._socket = _listen(self._host, self._port)
        host, port = self._socket.getsockname()[:2]
        self._world.origin = f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"
        self._thread = threading.Thread(target=self._serve, name="coze-emulator", daemon=True)
        self._thread.start()
        return self

    def wait_ready(self, timeout_s: float = 30.0) -> None:
        """Wait until requests are answered at once.

        Raises:
            RuntimeError: The serving thread has failed, or the time is over.
        """
        if not self._ready.wait(timeout_s):
            raise RuntimeError(f"the emulator was not ready within {timeout_s:g} s")
        self._raise_problem()

    def stop(self) -> None:
        """Close every connection and the socket; running chats end with it.

        Raises:
            RuntimeError: The serving thread had failed.
        """
        self._stopping.set()
        if self._loop is not None and self._told is not None:
            with contextlib.suppress(RuntimeError):  # the loop has ended by itself
                self._loop.call_soon_threadsafe(self._told.set)
        if self._thread is not None:
            self._thread.join(timeout=10)
            self._thread = None
        self._raise_problem()

    def __enter__(self) -> Self:
        self.start()
        try:
            self.wait_ready()
        except RuntimeError:
            self.stop()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def _raise_problem(self) -> None:
        if self._problem is not None:
            problem, self._problem = self._problem, None
            raise RuntimeError("the emulator could not serve") from problem

    def _serve(self) -> None:
        """The thread: import, build, serve. Whatever happens, the socket is closed at the end."""
        if self._socket is None:
            raise RuntimeError("serving needs a socket")
        try:
            import uvicorn

            from coze_emulator.app import build
            from coze_emulator.connections import Connections

            connections = Connections()
            server = uvicorn.Server(
                uvicorn.Config(
                    build(self._world, connections),
                    http=connections.protocol(),
                    loop="asyncio",
                    ws="none",
                    lifespan="off",
                    log_config=None,
                    access_log=False,
                    server_header=False,
                    backlog=_BACKLOG,
                )
            )
            with asyncio.Runner() as runner:
                runner.run(self._until_stopped(server.serve(sockets=[self._socket]), connections))
        except BaseException as problem:
            self._problem = problem
        finally:
            self._socket.close()
            self._ready.set()

    async def _until_stopped(self, service: Coroutine[Any, Any, None], connections: Connections) -> None:
        """Serve until `stop`, and then end at once; uvicorn by itself would take its time."""
        self._loop, self._told = asyncio.get_running_loop(), asyncio.Event()
        if self._stopping.is_set():  # `stop` came before there was a loop to tell
            service.close()
            return
        serving = asyncio.create_task(service)
        told = asyncio.create_task(self._told.wait())
        await asyncio.sleep(0)  # uvicorn begins to accept
        self._ready.set()
        await asyncio.wait({serving, told}, return_when=asyncio.FIRST_COMPLETED)
        told.cancel()
        connections.abort_all()
        if not serving.done():
            serving.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await serving


_BACKLOG: Final = 128


def _listen(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    # asyncio turns Nagle's delay off only where the protocol is named.
    listener = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    try:
        if os.name == "posix":  # elsewhere the option would let two emulators share one port
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((host, port))
        listener.listen(_BACKLOG)
    except OSError:
        listener.close()
        raise
    return listener


def serve(
    host: str = "127.0.0.1",
    port: int = 8787,
    script: Script | None = None,
    on_ready: Callable[[Emulator], None] | None = None,
    *,
    pace_s: float = HUMANE_PACE_S,
) -> None:
    """Serve until Ctrl+C: `c2jy-tui emulator`.

    Args:
        host: The address to listen on.
        port: The port; 0 takes a free one.
        script: What the Bot plays; the built-in script by default.
        on_ready: Called once, when clients can connect.
        pace_s: Seconds between two deltas.

    Raises:
        OSError: The address cannot be used or the port is taken.
    """
    with Emulator(host, port, script, pace_s=pace_s) as emulator:
        if on_ready is not None:
            on_ready(emulator)
        try:
            while emulator.serving:
                time.sleep(0.2)
        except KeyboardInterrupt:
            return
