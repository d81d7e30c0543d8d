"""Runs the emulator with its own socket, thread and event loop."""

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

from coze_emulator.faults import Fault, InjectedFault, Kind
from coze_emulator.script import Script
from coze_emulator.server_state import ReceivedRequest, ServerState

if TYPE_CHECKING:
    from coze_emulator.connections import Connections

READABLE_PACE_S: Final = 0.018
"""Seconds between two deltas at which a person can read along."""

BOT_ID: Final = "7379462189365198898"


class Emulator:
    """A Coze API on loopback.

        with Emulator() as emulator:
            Coze(auth=TokenAuth("any"), base_url=emulator.base_url).chat.stream(bot_id=emulator.bot_id, ...)

    Args:
        host: The address to listen on.
        port: The port; 0 takes a free one.
        script: The script of the Bots; the built-in one by default.
        token: The only accepted token; by default the script's `account` decides.
        pace_s: Seconds between two deltas; 0 for tests, `READABLE_PACE_S` for people.
        waiting_occupies: Whether a chat that requires an action occupies its conversation (4016). Live Coze's
            behaviour is undocumented; the stricter one is the default.
        adopt_conversations: Whether an unknown conversation id becomes a new conversation, so that a client
            that remembers ids of an earlier emulator can continue. An unknown chat of it counts as failed.
        device_polls: How often a device login is pending before it is allowed.
        bot_id: The first Bot's id in the bot lists; the script's `account` says which others chats may name.
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
        self._state = ServerState(
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
        self._stop_requested: asyncio.Event | None = None
        self._stopping = threading.Event()
        self._ready = threading.Event()
        self._failure: BaseException | None = None

    @property
    def base_url(self) -> str:
        """The address for `base_url` or COZE_API_BASE; empty before `start`."""
        return self._state.origin

    @property
    def bot_id(self) -> str:
        """The Bot's id."""
        return self._state.bot_id

    @property
    def mailbox_id(self) -> str:
        """The conversation that the script's workflows use as mailbox; empty when it has none."""
        return self._state.script.mailbox

    @property
    def requests(self) -> list[ReceivedRequest]:
        """Every received request, oldest first."""
        return list(self._state.requests)

    @property
    def serving(self) -> bool:
        """Whether its thread runs."""
        return self._thread is not None and self._thread.is_alive()

    def requests_to(self, path: str) -> list[ReceivedRequest]:
        """The requests to one path, oldest first."""
        return [request for request in self._state.requests if request.path == path]

    def add_fault(self, kind: Kind, **options: Any) -> InjectedFault:
        """Inject a fault.

        Args:
            kind: What goes wrong; see `faults.Kind`.
            **options: The fields of `Fault`: at, nth, on, times, matching, seconds, code, msg ...

        Returns:
            The fault; its `hits` counts.

        Raises:
            pydantic.ValidationError: An unknown option or a wrong value.
        """
        return self._state.faults.add(Fault(kind=kind, **options))

    def clear_faults(self) -> None:
        """Remove all faults."""
        self._state.faults.clear()

    def start(self) -> Self:
        """Listen, and serve from a thread.

        Returns at once: clients can connect from now on, and are answered once the web framework is imported
        (about half a second in a fresh process). `wait_ready` and `with` wait for it.

        Raises:
            OSError: The address cannot be used or the port is taken.
        """
        if self._thread is not None:
            raise RuntimeError("this emulator has been started already")
        self._socket = _listen(self._host, self._port)
        host, port = self._socket.getsockname()[:2]
        self._state.origin = f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"
        self._thread = threading.Thread(target=self._serve, name="coze-emulator", daemon=True)
        self._thread.start()
        return self

    def wait_ready(self, timeout_s: float = 30.0) -> None:
        """Wait until requests are answered.

        Raises:
            RuntimeError: The serving thread failed, or the time is up.
        """
        if not self._ready.wait(timeout_s):
            raise RuntimeError(f"the emulator was not ready within {timeout_s:g} s")
        self._raise_failure()

    def stop(self) -> None:
        """Close every connection and the socket; running chats end with it.

        Raises:
            RuntimeError: The serving thread failed.
        """
        self._stopping.set()
        if self._loop is not None and self._stop_requested is not None:
            with contextlib.suppress(RuntimeError):  # the loop has ended by itself
                self._loop.call_soon_threadsafe(self._stop_requested.set)
        if self._thread is not None:
            self._thread.join(timeout=10)
            self._thread = None
        self._raise_failure()

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

    def _raise_failure(self) -> None:
        if self._failure is not None:
            failure, self._failure = self._failure, None
            raise RuntimeError("the emulator could not serve") from failure

    def _serve(self) -> None:
        """The thread: import, build, serve; always closes the socket."""
        if self._socket is None:
            raise RuntimeError("serving needs a socket")
        try:
            import uvicorn

            from coze_emulator.app import build
            from coze_emulator.connections import Connections

            connections = Connections()
            server = uvicorn.Server(
                uvicorn.Config(
                    build(self._state, connections),
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
                runner.run(self._serve_until_stopped(server.serve(sockets=[self._socket]), connections))
        except BaseException as failure:
            self._failure = failure
        finally:
            self._socket.close()
            self._ready.set()

    async def _serve_until_stopped(
        self, service: Coroutine[Any, Any, None], connections: Connections
    ) -> None:
        """Serve until `stop`, then end at once; uvicorn alone would wait for its connections."""
        self._loop, self._stop_requested = asyncio.get_running_loop(), asyncio.Event()
        if self._stopping.is_set():  # `stop` came before the loop existed
            service.close()
            return
        serving = asyncio.create_task(service)
        stopped = asyncio.create_task(self._stop_requested.wait())
        await asyncio.sleep(0)  # uvicorn begins to accept
        self._ready.set()
        await asyncio.wait({serving, stopped}, return_when=asyncio.FIRST_COMPLETED)
        stopped.cancel()
        connections.abort_all()
        if not serving.done():
            serving.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await serving


_BACKLOG: Final = 128


def _listen(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    # asyncio sets TCP_NODELAY only where the protocol is named.
    listener = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    try:
        if os.name == "posix":  # on Windows two emulators could share one port
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
    pace_s: float = READABLE_PACE_S,
) -> None:
    """Serve until Ctrl+C: `c2jy-tui emulator`.

    Args:
        host: The address to listen on.
        port: The port; 0 takes a free one.
        script: The script of the Bots; the built-in one by default.
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
