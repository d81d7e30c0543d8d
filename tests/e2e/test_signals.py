"""A signal ends every mode within five seconds: in good order, whatever a tool does."""

from __future__ import annotations

import os
import pty
import re
import select
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pyte
import pytest
import yaml

from coze_emulator import Emulator, Script

ENDS_S = 5.0
SLACK_S = 2.0
"""For a busy machine: the interpreter's own start and end."""
TOOL = """
import asyncio, pathlib, time
from c2jy_bridge.plugin import tool

RUNS = pathlib.Path({runs!r})


def begun() -> None:
    with RUNS.open("a") as file:
        file.write("run\\n")


@tool
async def polite() -> str:
    "End when it is cancelled."
    begun()
    await asyncio.sleep(60)
    return "done"


@tool
async def deaf() -> str:
    "Swallow every cancellation."
    begun()
    while True:
        try:
            await asyncio.sleep(60)
        except asyncio.CancelledError:
            pass


@tool
async def blocks() -> str:
    "Block the loop."
    begun()
    time.sleep(60)
    return "done"


@tool
def thread() -> str:
    "Sleep in a thread."
    begun()
    time.sleep(60)
    return "done"


@tool
def later() -> str:
    "Sleep the first time only."
    first = not RUNS.exists()
    begun()
    time.sleep(60 if first else 0)
    return "done"
"""
TOOLS = ("polite", "deaf", "blocks", "thread")
SIGNALS = (
    signal.SIGTERM,
    *(
        pytest.param(number, marks=pytest.mark.slow)
        for number in (signal.SIGHUP, signal.SIGQUIT, signal.SIGINT)
    ),
)


@dataclass
class World:
    """A Bot that calls the tool which the user names, and a folder for each test."""

    environment: dict[str, str]
    config: Path
    runs: Path

    def started(self) -> int:
        """How often a tool has begun."""
        return len(self.runs.read_text().splitlines()) if self.runs.exists() else 0

    def wait_for_tool(self) -> None:
        end = time.monotonic() + 30
        while not self.started():
            assert time.monotonic() < end, "the tool never began"
            time.sleep(0.05)


@pytest.fixture
def world(environment: dict[str, str], tmp_path: Path) -> Iterator[World]:
    tools = tmp_path / "conf" / "tools"
    tools.mkdir(parents=True)
    runs = tmp_path / "runs"
    (tools / "mine.py").write_text(TOOL.format(runs=str(runs)))
    config = tmp_path / "conf" / "config.toml"
    allowed = "\n".join(f'{name} = "allow"' for name in (*TOOLS, "later"))
    config.write_text(f'[tools.policy]\n{allowed}\n[bridge]\nport = 0\nrelay = "direct"\n')
    rules = [
        {"name": name, "match": f"^{name}$", "steps": [{"call": [{"tool": name, "arguments": {}}]}]}
        for name in TOOLS
    ]
    script = {"rules": rules, "fallback": [{"say": "hello"}]}
    with Emulator(script=Script.parse(yaml.safe_dump(script))) as emulator:
        coze = {
            "COZE_API_TOKEN": "pat_x",
            "COZE_API_BASE": emulator.base_url,
            "COZE_BOT_ID": emulator.bot_id,
        }
        yield World({**environment, **coze}, config, runs)


def ended(process: subprocess.Popen[bytes]) -> int:
    """The status of a process that was sent a signal."""
    try:
        return process.wait(ENDS_S + SLACK_S)
    except subprocess.TimeoutExpired:
        process.kill()
        pytest.fail("it did not end")


@pytest.mark.slow
@pytest.mark.parametrize("tool", TOOLS)
def test_a_chat_ends_whatever_its_tool_does_and_the_tool_is_not_begun_again(
    world: World, command: Path, tool: str
) -> None:
    arguments: list[Any] = [command, "--config", world.config, "chat", tool]
    process = subprocess.Popen(arguments, env=world.environment, stdout=-1, stderr=-1)
    world.wait_for_tool()
    process.send_signal(signal.SIGTERM)
    assert ended(process) == 128 + signal.SIGTERM
    if tool != "blocks":  # the loop never came to record anything: as after a crash
        again: list[Any] = [command, "--config", world.config, "chat", "hi"]
        done = subprocess.run(again, env=world.environment, capture_output=True, timeout=60)
        assert done.returncode == 0, done.stderr
        assert world.started() == 1


@pytest.mark.parametrize("number", SIGNALS)
def test_each_signal_cancels_the_turn(world: World, command: Path, number: signal.Signals) -> None:
    arguments: list[Any] = [command, "--config", world.config, "chat", "polite"]
    process = subprocess.Popen(arguments, env=world.environment, stdout=-1, stderr=-1)
    world.wait_for_tool()
    process.send_signal(number)
    assert ended(process) == 128 + number
    assert process.stderr is not None
    assert b"cancelled" in process.stderr.read()


@pytest.mark.parametrize("number", SIGNALS)
def test_bridge_serve_drains_and_ends(world: World, command: Path, number: signal.Signals) -> None:
    arguments: list[Any] = [command, "--config", world.config, "bridge", "serve"]
    process = subprocess.Popen(arguments, env=world.environment, stderr=-1)
    assert process.stderr is not None
    assert b"http://" in process.stderr.readline()
    process.send_signal(number)
    assert ended(process) == 0
    assert b"Stopping" in process.stderr.read()


@pytest.mark.slow
@pytest.mark.parametrize("number", SIGNALS)
def test_a_bridge_request_that_a_signal_cut_runs_again_and_its_key_is_known(
    world: World, command: Path, number: signal.Signals
) -> None:
    base: list[Any] = [command, "--config", world.config, "bridge"]
    token = subprocess.run(
        [*base, "token"], env=world.environment, capture_output=True, text=True, check=True
    )

    def serve() -> tuple[subprocess.Popen[bytes], Callable[[], Any]]:
        process = subprocess.Popen([*base, "serve"], env=world.environment, stderr=-1)
        assert process.stderr is not None
        found = re.search(rb"http://[0-9.]+:[0-9]+", process.stderr.readline())
        assert found is not None
        headers = {"Authorization": f"Bearer {token.stdout.strip()}", "Idempotency-Key": "k"}
        url = f"{found[0].decode()}/v1/requests"
        return process, lambda: httpx.post(url, headers=headers, json={"tool": "later"}).json()

    process, ask = serve()
    accepted = ask()
    world.wait_for_tool()
    process.send_signal(number)
    assert ended(process) == 0
    process, ask = serve()
    end = time.monotonic() + 30
    while (request := ask())["state"] != "succeeded":
        assert time.monotonic() < end, request
        time.sleep(0.1)
    process.terminate()
    assert ended(process) == 0
    assert (request["id"], "done" in str(request["result"])) == (accepted["id"], True)
    assert world.started() == 2


@pytest.mark.parametrize("number", SIGNALS)
def test_a_command_that_calls_a_tool_ends(world: World, command: Path, number: signal.Signals) -> None:
    arguments: list[Any] = [command, "--config", world.config, "tools", "call", "deaf"]
    process = subprocess.Popen(arguments, env=world.environment, stdout=-1, stderr=-1)
    world.wait_for_tool()
    process.send_signal(number)
    assert ended(process) == 128 + number


@pytest.mark.slow
def test_a_signal_that_the_parent_ignores_stays_ignored(world: World, command: Path) -> None:
    arguments: list[Any] = ["nohup", command, "--config", world.config, "bridge", "serve"]
    process = subprocess.Popen(arguments, env=world.environment, stdin=-3, stdout=-3, stderr=-1)
    assert process.stderr is not None
    line = process.stderr.readline()
    while b"http://" not in line:
        line = process.stderr.readline()
    process.send_signal(signal.SIGHUP)
    time.sleep(0.5)
    assert process.poll() is None
    process.terminate()
    assert ended(process) == 0


# --- the app ------------------------------------------------------------------------------------------


class App:
    """The app on a pseudo-terminal whose every byte is kept."""

    def __init__(self, arguments: list[Any], environment: dict[str, str], before: Callable[[], None]) -> None:
        self.master, slave = pty.openpty()
        self._slave = slave
        environment = {**environment, "TERM": "xterm-256color", "COLUMNS": "120", "LINES": "36"}

        def own_terminal() -> None:
            os.setsid()
            before()

        self.process = subprocess.Popen(
            arguments, env=environment, stdin=slave, stdout=slave, stderr=slave, preexec_fn=own_terminal
        )
        os.close(slave)
        self.output = b""
        self._screen = pyte.Screen(120, 36)
        self._stream = pyte.ByteStream(self._screen)
        self._closed = threading.Event()
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self) -> None:
        while not self._closed.is_set():
            if select.select([self.master], [], [], 0.1)[0]:
                try:
                    read = os.read(self.master, 65536)
                except OSError:
                    return
                self.output += read
                self._stream.feed(read)

    def wait_for(self, text: str) -> None:
        end = time.monotonic() + 30
        while text not in (shown := "\n".join(self._screen.display)):
            assert time.monotonic() < end, shown
            time.sleep(0.05)

    def type(self, text: str) -> None:
        os.write(self.master, text.encode())

    def hang_up(self) -> None:
        self._closed.set()
        self._reader.join()
        os.close(self.master)


MODES = (b"?1049", b"?1000", b"?1003", b"?1006", b"?2004", b"?1004")


def assert_restored(output: bytes) -> None:
    for mode in MODES:
        on, off = output.rfind(b"\x1b[" + mode + b"h"), output.rfind(b"\x1b[" + mode + b"l")
        assert 0 <= on < off, mode
    assert output.rfind(b"\x1b[?25l") < output.rfind(b"\x1b[?25h"), "the cursor is hidden"


@pytest.mark.parametrize("number", SIGNALS)
def test_the_app_gives_the_terminal_back(world: World, command: Path, number: signal.Signals) -> None:
    app = App([command, "--config", world.config], world.environment, lambda: None)
    app.wait_for("Ask for")
    app.process.send_signal(number)
    assert ended(app.process) == 128 + number
    time.sleep(0.3)
    assert_restored(app.output)


@pytest.mark.slow
@pytest.mark.parametrize("tool", TOOLS)
def test_the_app_gives_the_terminal_back_whatever_a_tool_does(world: World, command: Path, tool: str) -> None:
    app = App([command, "--config", world.config], world.environment, lambda: None)
    app.wait_for("Ask for")
    app.type(f"{tool}\r")
    world.wait_for_tool()
    app.process.send_signal(signal.SIGTERM)
    assert ended(app.process) == 128 + signal.SIGTERM
    time.sleep(0.3)
    assert_restored(app.output)
    if tool != "blocks":
        again: list[Any] = [command, "--config", world.config, "chat", "hi"]
        done = subprocess.run(again, env=world.environment, capture_output=True, timeout=60)
        assert done.returncode == 0, done.stderr
        assert world.started() == 1


@pytest.mark.slow
@pytest.mark.parametrize("ignored", [pytest.param(False, marks=pytest.mark.slow), True])
def test_a_terminal_that_goes_away_ends_the_app_also_where_hangups_are_ignored(
    world: World, command: Path, ignored: bool
) -> None:
    def ignore() -> None:
        if ignored:
            signal.signal(signal.SIGHUP, signal.SIG_IGN)

    app = App([command, "--config", world.config], world.environment, ignore)
    app.wait_for("Ask for")
    app.type("polite\r")
    world.wait_for_tool()
    app.hang_up()
    assert ended(app.process) == 128 + signal.SIGHUP
    again: list[Any] = [command, "--config", world.config, "chat", "hi"]
    done = subprocess.run(again, env=world.environment, capture_output=True, timeout=60)
    assert done.returncode == 0, done.stderr
    assert world.started() == 1
