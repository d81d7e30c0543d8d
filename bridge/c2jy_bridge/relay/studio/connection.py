"""Connects to NATS and makes what a studio keeps there: a stream of work, buckets, an object store."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from functools import partial
from typing import Any, Final, Literal, TypeVar

from nats.aio.client import Client
from nats.errors import (
    ConnectionReconnectingError,
    NoRespondersError,
    OutboundBufferLimitError,
    StaleConnectionError,
)
from nats.errors import Error as NatsError
from nats.js import JetStreamContext
from nats.js.api import (
    DiscardPolicy,
    KeyValueConfig,
    ObjectStoreConfig,
    RetentionPolicy,
    StorageType,
    StreamConfig,
)
from nats.js.errors import APIError, BadRequestError, NoStreamResponseError
from nats.js.kv import KeyValue
from nats.js.object_store import ObjectStore

from c2jy_bridge.core.settings import StudioSettings
from c2jy_bridge.relay.request import BridgeProblem, QueueUnavailable, bridge_problem

T = TypeVar("T")

DEDUPLICATION_S: Final = 120.0
"""Seconds in which the stream itself knows a message id; the bucket of keys remembers longer."""
HISTORY: Final = 32
"""Values of a request that are kept; a request that is tried eight times has about 30."""
CONNECT_S: Final = 5.0
PING_S: Final = 10
"""Seconds between two looks whether a connection lives; the third without an answer closes it."""
WORKER_TTL_S: Final = 45.0
"""Seconds after which a worker that is silent is gone from the list."""
TOOLSET_TTL_S: Final = 86_400.0
PATIENCE_S: Final = 20.0
"""Seconds that an operation is tried again while servers elect a leader or the network is gone."""
_PAUSE_S: Final = 0.2
_AGAIN_S: Final = 0.5
_NAME_IN_USE: Final = 10058
"""JetStream's code for a stream that exists with another configuration."""


@dataclass(frozen=True, slots=True)
class Studio:
    """An open connection and what is kept there."""

    client: Client
    stream: JetStreamContext
    settings: StudioSettings
    requests: KeyValue
    """Records by request id."""
    keys: KeyValue
    """Request ids and fingerprints by idempotency key."""
    workers: KeyValue
    """What each machine last announced."""
    toolsets: KeyValue
    """Descriptions of tools by the digest of their whole text."""
    control: KeyValue
    """What an operator has ordered: which machines drain."""
    objects: ObjectStore
    """Long texts and packed drafts."""

    @property
    def work(self) -> str:
        """The stream that offers requests to workers."""
        return f"C2JY-{self.settings.name}-work"

    def subject(self, *tokens: str) -> str:
        """A subject of this studio."""
        return ".".join(("c2jy", self.settings.name, *tokens))

    async def aclose(self) -> None:
        """Close the connection."""
        await self.client.close()


Role = Literal["gateway", "machine", "operator"]
"""What a process is in the studio; its permissions may depend on it (docs/studio.md)."""


async def open_studio(
    settings: StudioSettings, *, limit: int, retention_s: float, who: str, role: Role = "machine"
) -> Studio:
    """Connect, and make the stream and the buckets where they are missing.

    Args:
        settings: Servers, credentials, the studio's name and sizes.
        limit: Open requests that the stream of work holds.
        retention_s: Seconds that what has ended is kept.
        who: Name of the connection, for the operator of the servers.
        role: Answers come to subjects that begin with `_INBOX.<role>`.

    Raises:
        BridgeProblem: No server can be reached, it refuses us, or it has no room or no JetStream.
    """
    try:
        secrets = await asyncio.to_thread(_secrets, settings)
    except (OSError, ValueError) as error:
        raise _unreachable(settings, error) from None
    client = Client()
    try:
        await _connect(client, settings, name=who, inbox_prefix=f"_INBOX.{role}", **secrets)
        # Servers that have just started, or lost one of them, elect a leader first.
        return await patiently(partial(_opened, client, settings, limit, retention_s), 3 * PATIENCE_S)
    except (NatsError, OSError, ValueError, TimeoutError, QueueUnavailable) as error:
        await client.close()
        raise _unreachable(settings, error) from None


async def _connect(client: Client, settings: StudioSettings, **options: Any) -> None:
    """Try the servers one after the other, until one takes us, one refuses us or the time is over.

    Raises:
        NatsError, OSError, ValueError, TimeoutError: The last reason.
    """
    reasons: list[Exception] = []
    refused = asyncio.Event()

    async def remember(error: Exception) -> None:
        reasons.append(error)
        if isinstance(error, ssl.SSLCertVerificationError) or "authorization" in str(error).lower():
            refused.set()  # the next try would end in the same way

    connecting = asyncio.ensure_future(
        client.connect(
            [server.strip() for server in settings.queue.split(",")],
            connect_timeout=int(CONNECT_S),
            max_reconnect_attempts=-1,  # servers may be away for longer than any number of tries
            reconnect_time_wait=1,
            ping_interval=PING_S,
            error_cb=remember,
            **options,
        )
    )
    refusal = asyncio.ensure_future(refused.wait())
    try:
        async with asyncio.timeout(2 * CONNECT_S):
            await asyncio.wait((connecting, refusal), return_when=asyncio.FIRST_COMPLETED)
        if connecting.done():
            return connecting.result()
    except TimeoutError:
        if not reasons:
            raise
    finally:
        refusal.cancel()
        connecting.cancel()
    reason = reasons[-1]
    if isinstance(reason, BrokenPipeError | ConnectionResetError):
        # A server says why before it closes, but the closing can overtake its words.
        raise ConnectionError(f"authorization, as it seems: the server closes the connection ({reason})")
    raise reason


def _unreachable(settings: StudioSettings, error: Exception) -> BridgeProblem:
    servers = ", ".join(server.strip().rpartition("@")[2] for server in settings.queue.split(","))
    why = str(error) or type(error).__name__
    return BridgeProblem(bridge_problem("studio_unreachable", servers=servers, why=why))


def _secrets(settings: StudioSettings) -> dict[str, Any]:
    """A connection's nkey, or JWT and nkey, and certificates; raises OSError, ValueError."""
    options: dict[str, Any] = {"tls": _tls(settings)}
    if (file := settings.credentials) is not None:
        text = file.read_text(encoding="utf-8").strip()
        if "BEGIN NATS USER JWT" in text:
            options["user_credentials"] = str(file)
        else:
            options["nkeys_seed_str"] = text
    return options


def _tls(settings: StudioSettings) -> ssl.SSLContext | None:
    if not (settings.tls_ca or settings.tls_cert):
        return None  # `tls://` verifies with the system's authorities
    context = ssl.create_default_context(cafile=str(settings.tls_ca) if settings.tls_ca else None)
    if settings.tls_cert:
        context.load_cert_chain(str(settings.tls_cert), str(settings.tls_key) if settings.tls_key else None)
    return context


async def _opened(client: Client, settings: StudioSettings, limit: int, retention_s: float) -> Studio:
    stream = client.jetstream(timeout=CONNECT_S)
    work = StreamConfig(
        name=f"C2JY-{settings.name}-work",
        subjects=[f"c2jy.{settings.name}.work.>"],
        retention=RetentionPolicy.WORK_QUEUE,
        discard=DiscardPolicy.NEW,
        max_msgs=limit,
        max_bytes=settings.max_bytes,
        max_age=retention_s,
        duplicate_window=DEDUPLICATION_S,
        storage=StorageType.FILE,
        num_replicas=settings.replicas,
    )
    try:
        await stream.add_stream(work)
    except BadRequestError as error:
        if error.err_code != _NAME_IN_USE:  # else as whoever was first has configured it
            raise

    async def bucket(name: str, *, history: int = 1, ttl: float = retention_s, part: int = 1) -> KeyValue:
        name = f"c2jy-{settings.name}-{name}"
        config = KeyValueConfig(
            bucket=name,
            history=history,
            ttl=ttl,
            max_bytes=settings.max_bytes // part,
            storage=StorageType.FILE,
            replicas=settings.replicas,
        )
        try:
            return await stream.create_key_value(config)
        except BadRequestError as error:
            if error.err_code != _NAME_IN_USE:
                raise
            return await stream.key_value(name)

    requests = await bucket("requests", history=HISTORY)
    keys = await bucket("keys", part=4)
    workers = await bucket("workers", ttl=WORKER_TTL_S, part=16)
    toolsets = await bucket("toolsets", ttl=TOOLSET_TTL_S, part=16)
    control = await bucket("control", ttl=0.0, part=16)
    objects = f"c2jy-{settings.name}-objects"
    config = ObjectStoreConfig(
        bucket=objects,
        ttl=retention_s,
        max_bytes=settings.max_object_bytes,
        storage=StorageType.FILE,
        replicas=settings.replicas,
    )
    try:
        store = await stream.create_object_store(objects, config)
    except BadRequestError as error:
        if error.err_code != _NAME_IN_USE:
            raise
        store = await stream.object_store(objects)
    return Studio(client, stream, settings, requests, keys, workers, toolsets, control, store)


def is_transient(error: Exception) -> bool:
    """Whether the servers may do it on another try: no leader, no connection, no answer."""
    if isinstance(error, APIError):
        # Errors about keys have no code of their own.
        return (getattr(error, "code", 0) or 0) >= 500 and not is_full(error)
    return isinstance(
        error,
        TimeoutError
        | NoStreamResponseError
        | NoRespondersError
        | ConnectionReconnectingError
        | StaleConnectionError
        | OutboundBufferLimitError,
    )


def is_full(error: Exception) -> bool:
    """Whether a stream or bucket has reached its limit of messages or bytes."""
    return isinstance(error, APIError) and "maximum" in (getattr(error, "description", "") or "")


async def end_tasks(*tasks: asyncio.Task[Any]) -> None:
    """Cancel these tasks until they have ended.

    nats-py waits by `asyncio.wait_for`, which in Python 3.11 loses a cancellation that comes together with an
    answer: the loop of a task that was cancelled once would go on.
    """
    left = set(tasks)
    while left:
        for task in left:
            task.cancel()
        _, left = await asyncio.wait(left, timeout=_AGAIN_S)
    await asyncio.gather(*tasks, return_exceptions=True)


async def patiently(call: Callable[[], Awaitable[T]], patience_s: float = PATIENCE_S) -> T:
    """Do it, again and again while servers are away.

    The call may have been done though no answer came: it must bear being done twice.

    Raises:
        QueueUnavailable: They were away for `patience_s` seconds, or have no room.
        APIError: The server refuses it for another reason.
    """
    loop = asyncio.get_running_loop()
    until = loop.time() + patience_s
    while True:
        try:
            return await call()
        except (NatsError, TimeoutError) as error:
            if is_full(error):
                raise QueueUnavailable(str(error)) from error
            if not is_transient(error):
                raise
            if loop.time() > until:
                raise QueueUnavailable(str(error) or type(error).__name__) from error
        await asyncio.sleep(_PAUSE_S)
