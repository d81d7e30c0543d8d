"""What cannot be listened on is said in words, and the app lives on."""

from __future__ import annotations

import os
import signal
import socket
from collections.abc import Callable
from typing import Any

import pytest

from c2jy_bridge.core.events import BridgeStarted
from c2jy_bridge.relay.intakes.http.intake import address_of, listen
from c2jy_bridge.relay.request import BridgeProblem

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
