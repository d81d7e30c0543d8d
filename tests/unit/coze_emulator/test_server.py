"""The emulator as an object and as a process of its own."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import threading
import time
from typing import Any

import httpx
import pytest

from coze_emulator import Emulator, Script


def test_importing_it_brings_no_web_framework_and_nothing_of_the_engine() -> None:
    code = """
import sys
import coze_emulator
assert not [m for m in ("fastapi", "starlette", "uvicorn") if m in sys.modules]
import coze_emulator.app
assert "c2jy_bridge" not in sys.modules
assert not [m for m in sys.modules if m.split(".")[0] in ("cozepy", "textual", "pyJianYingDraft", "c2jy_tui")]
"""
    subprocess.run([sys.executable, "-c", code], check=True)


def test_a_taken_port_is_an_error_and_not_the_end_of_the_process(emulator: Emulator) -> None:
    port = int(emulator.base_url.rpartition(":")[2])
    with pytest.raises(OSError, match="in use"):
        Emulator(port=port).start()
    assert httpx.get(f"{emulator.base_url}/_media/hotpot.png", trust_env=False).status_code == 200


def test_a_stopped_emulator_frees_its_port_and_its_thread() -> None:
    emulator = Emulator(script=Script()).start()
    assert httpx.get(f"{emulator.base_url}/x", trust_env=False).status_code == 401
    emulator.stop()
    assert not emulator.serving
    assert "coze-emulator" not in [thread.name for thread in threading.enumerate()]
    with pytest.raises(httpx.ConnectError):
        httpx.get(emulator.base_url, trust_env=False)
    with Emulator(port=int(emulator.base_url.rpartition(":")[2])) as again:
        assert again.base_url == emulator.base_url
    emulator.stop()  # once more does no harm


def test_it_stops_at_once_though_a_chat_is_being_streamed(wire: Any) -> None:
    body = {"bot_id": "1", "stream": True, "additional_messages": [{"role": "user", "content": "for ever"}]}
    with wire.http.stream("POST", "/v3/chat", json=body) as response:
        arriving = response.iter_text()
        next(arriving)
        before = time.monotonic()
        wire.emulator.stop()
        assert time.monotonic() - before < 3
        with pytest.raises(httpx.TransportError):
            list(arriving)


def test_two_emulators_do_not_know_each_other() -> None:
    with Emulator(script=Script.parse("fallback: [{say: a}]")) as one, Emulator() as other:
        assert one.base_url != other.base_url
        one.add_fault("refuse", code=4013)
        auth = {"Authorization": "Bearer x"}
        ask = {"bot_id": "1", "stream": True, "additional_messages": [{"role": "user", "content": "q"}]}
        answers = [
            httpx.post(f"{each.base_url}/v3/chat", json=ask, headers=auth, trust_env=False)
            for each in (one, other)
        ]
    assert answers[0].json()["code"] == 4013
    assert answers[1].text.endswith('"[DONE]"\n\n')
    assert (len(one.requests), len(other.requests)) == (1, 1)


def test_it_starts_only_once(emulator: Emulator) -> None:
    with pytest.raises(RuntimeError, match="started already"):
        emulator.start()


@pytest.mark.skipif(not socket.has_ipv6, reason="this machine has no IPv6")
def test_it_listens_on_ipv6() -> None:
    try:
        emulator = Emulator(host="::1").start()
    except OSError as error:
        pytest.skip(f"no IPv6 loopback here: {error}")
    try:
        assert emulator.base_url.startswith("http://[::1]:")
        assert httpx.get(f"{emulator.base_url}/_media/hotpot.png", trust_env=False).status_code == 200
    finally:
        emulator.stop()


def test_the_pace_of_the_answer_is_kept(wire: Any) -> None:
    with Emulator(script=Script.parse("fallback: [{say: one two three four five}]"), pace_s=0.05) as emulator:
        other = type(wire)(emulator)
        before = time.monotonic()
        deltas = [name for name, _ in other.ask("q") if name == "conversation.message.delta"]
        assert time.monotonic() - before >= 0.05 * len(deltas)


@pytest.mark.skipif(os.name != "posix", reason="Ctrl+C is sent as a signal")
def test_ctrl_c_ends_the_process_cleanly() -> None:
    code = """
from coze_emulator import serve
serve(port=0, on_ready=lambda emulator: print(emulator.base_url, flush=True))
"""
    with subprocess.Popen(
        [sys.executable, "-c", code], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        url = process.stdout.readline().strip()
        assert httpx.get(f"{url}/_media/hotpot.png", trust_env=False, timeout=20).status_code == 200
        process.send_signal(signal.SIGINT)
        _, complaints = process.communicate(timeout=20)
    assert process.returncode == 0
    assert complaints == ""


def test_a_thread_that_fails_says_why(monkeypatch: pytest.MonkeyPatch) -> None:
    def crash(*_: object) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr("coze_emulator.app.build", crash)
    with pytest.raises(RuntimeError, match="could not serve") as caught, Emulator():
        pass
    assert isinstance(caught.value.__cause__, ZeroDivisionError)
    emulator = Emulator().start()
    with pytest.raises(httpx.TransportError):  # refused, not left hanging
        httpx.get(emulator.base_url, trust_env=False, timeout=20)
    with pytest.raises(RuntimeError, match="could not serve"):
        emulator.stop()
