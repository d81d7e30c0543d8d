"""What cannot be listened on is said in words, and the app lives on."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import socket
from collections.abc import Callable
from typing import Any

import httpx
import pytest

from c2jy_bridge.core.events import BridgeIntakeChanged, BridgeStarted
from c2jy_bridge.relay.intakes.http.intake import address_of, listen
from c2jy_bridge.relay.request import BridgeProblem
from relay_harness import eventually

Call = Callable[..., Any]


async def test_a_busy_port_is_a_message_and_bridge_mode_can_be_switched_on_later(call: Call) -> None:
    with socket.create_server(("127.0.0.1", 0)) as busy:
        port = busy.getsockname()[1]
        with pytest.raises(BridgeProblem, match=str(port)) as refused:
            await call(port=port)
        assert refused.value.problem.kind == "port_taken"
        assert "bridge.port" in refused.value.problem.hint
    http = await call(port=port)
    assert (await http.get("/healthz")).status_code == 200


@pytest.mark.parametrize(
    ("host", "kind"),
    [
        ("no.such.host.invalid", "bad_address"),
        ("203.0.113.7", "remote"),
        ("0.0.0.0", "remote"),
        ("", "bad_address"),
    ],
)
def test_an_address_that_is_not_ours_or_not_loopback_is_refused(host: str, kind: str) -> None:
    with pytest.raises(BridgeProblem) as refused:
        listen(host, 0, allow_remote=False)
    assert refused.value.problem.kind == kind


def test_other_machines_are_let_in_when_the_settings_say_so() -> None:
    with listen("0.0.0.0", 0, allow_remote=True) as listener:
        assert address_of(listener).startswith("http://0.0.0.0:")


@pytest.mark.skipif(not socket.has_ipv6, reason="no IPv6 here")
def test_ipv6_loopback_is_written_with_brackets() -> None:
    with listen("::1", 0, allow_remote=False) as listener:
        assert address_of(listener).startswith("http://[::1]:")


@pytest.mark.skipif(os.name != "posix" or os.geteuid() == 0, reason="needs an account that may not do it")
def test_a_low_port_names_the_permission() -> None:
    with pytest.raises(BridgeProblem) as refused:
        listen("127.0.0.1", 80, allow_remote=False)
    assert refused.value.problem.kind == "port_denied"


async def test_the_servers_of_the_bridge_leave_signals_alone_and_go_on_and_off(call: Call) -> None:
    before = signal.getsignal(signal.SIGINT), signal.getsignal(signal.SIGTERM)
    http = await call()
    assert (signal.getsignal(signal.SIGINT), signal.getsignal(signal.SIGTERM)) == before
    for _ in range(3):
        await http.harness.bridge.stop()
        assert not (await http.harness.bridge.status()).on
        await http.harness.bridge.start()
        address = (await http.harness.bridge.status()).address
        assert (await http.get(f"{address}/healthz")).status_code == 200
    assert len(http.harness.seen(BridgeStarted)) == 4
    assert http.harness.seen(BridgeStarted)[-1].address == address


Stream = tuple[asyncio.StreamReader, asyncio.StreamWriter]


async def half_sent(http: Any) -> Stream:
    """A connection that sends the first line of a request and no more."""
    stream = await asyncio.open_connection(http.base_url.host, http.base_url.port)
    stream[1].write(b"POST /v1/requests HTTP/1.1\r\nHost: 127.0.0.1\r\n")
    await stream[1].drain()
    return stream


async def is_closed(stream: Stream, wait_s: float) -> bool:
    """Whether the bridge closes a connection within that time."""
    try:
        await asyncio.wait_for(stream[0].read(), wait_s)
    except TimeoutError:
        return False
    except ConnectionError:
        return True
    return True


async def test_a_connection_that_sends_no_whole_head_in_time_is_closed(
    call: Call, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("c2jy_bridge.relay.intakes.http.guard.HEAD_S", 0.5, raising=False)
    http = await call()
    silent = await asyncio.open_connection(http.base_url.host, http.base_url.port)
    slow = await half_sent(http)
    assert await is_closed(silent, 5)
    assert await is_closed(slow, 5)
    again = await asyncio.open_connection(http.base_url.host, http.base_url.port)
    again[1].write(b"GET /healthz HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\nGET /hea")
    assert b" 200 " in await again[0].readline()
    assert await is_closed(again, 5)


@pytest.mark.slow
async def test_a_client_that_never_reads_its_answer_is_given_up_and_a_slow_one_is_not(
    call: Call, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("c2jy_bridge.relay.intakes.http.guard.UNREAD_S", 0.5)
    http = await call(parallel=8, rate_per_minute=10**6)
    bodies = [{"tool": "note", "arguments": {"text": str(n), "size": 90_000}} for n in range(100)]
    for answer in [await http.post("/v1/requests", json=body) for body in bodies]:
        await http.harness.result(answer.json()["id"])
    open_ones = http.harness.bridge._intakes[0]._server.server_state.connections
    before = set(open_ones)
    with socket.create_connection((http.base_url.host, http.base_url.port)) as lazy:
        lazy.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        token = http.headers["Authorization"]
        # 9 MB: more than the buffers of the two systems hold
        head = f"GET /v1/requests?limit=100 HTTP/1.1\r\nHost: localhost\r\nAuthorization: {token}\r\n\r\n"
        lazy.sendall(head.encode())

        async def connected() -> bool:
            return bool(open_ones - before)

        async def given_up() -> bool:
            return not open_ones - before

        await eventually(connected)
        await eventually(given_up)
    # One that reads slowly gets everything, though it takes longer than a head may.
    monkeypatch.setattr("c2jy_bridge.relay.intakes.http.guard.HEAD_S", 0.2)
    pieces = []
    async with http.stream("GET", "/v1/requests?limit=100") as answer:
        async for piece in answer.aiter_bytes(100_000):
            pieces.append(piece)
            await asyncio.sleep(0.02)
    assert len(json.loads(b"".join(pieces))["items"]) == 100


async def test_hundreds_of_half_sent_heads_leave_room_for_others(
    call: Call, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("c2jy_bridge.relay.intakes.http.guard.MOST_CONNECTIONS", 20, raising=False)
    http = await call()
    http.harness.tools.go_on.clear()
    at_work = asyncio.create_task(http.post("/v1/tools/wait", json={"text": "a"}))
    await asyncio.to_thread(http.harness.tools.started.wait, 10)
    streams = [await half_sent(http) for _ in range(100)]
    async with httpx.AsyncClient(base_url=http.base_url) as other:
        assert (await other.get("/healthz", timeout=5)).status_code == 200
    closed = await asyncio.gather(*(is_closed(stream, 0.5) for stream in streams))
    assert 80 <= sum(closed) <= 82
    http.harness.tools.go_on.set()
    assert (await at_work).json()["noted"] == "a"
    for _, writer in streams:
        writer.close()


async def test_a_server_that_ends_by_itself_is_reported(call: Call, monkeypatch: pytest.MonkeyPatch) -> None:
    http = await call()
    assert http.harness.seen(BridgeIntakeChanged) == []

    async def fail(*_: object) -> bool:
        raise RuntimeError

    monkeypatch.setattr("c2jy_bridge.relay.intakes.http.app.EmbeddedServer.on_tick", fail)
    await http.harness.until(lambda: http.harness.seen(BridgeIntakeChanged))
    (event,) = http.harness.seen(BridgeIntakeChanged)
    assert (event.intake, event.problem.kind) == ("http", "server_ended")
    assert (await http.harness.bridge.status()).intakes[0].problem.kind == "server_ended"
