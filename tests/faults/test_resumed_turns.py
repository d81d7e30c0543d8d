"""What an earlier process left is finished by a short command, or left as it was, undecided."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from c2jy_bridge.core.events import Decision, ToolCallAwaitingApproval, TurnCompleted, TurnEnded
from c2jy_bridge.core.settings import Settings
from c2jy_bridge.engine import Engine
from coze_emulator import Emulator, Script

SCRIPT = """
rules:
  - name: held
    match: "^work held"
    steps:
      - call: held
        arguments: {}
      - say: "It answered: {{outputs.0.status}}."
  - name: asks
    match: "^work asks"
    steps:
      - call: asks
        arguments: {}
      - say: "It answered: {{outputs.0.status}}."
  - name: ends
    match: "^work ends"
    steps:
      - call: ends
        arguments: {}
      - say: "It answered: {{outputs.0.status}}."
fallback:
  - say: "You said: {{text}}"
"""
TOOLS = '''
import os, time
from pathlib import Path
from c2jy_bridge.plugin import tool

HERE = Path(__file__).parent

def note(word):
    with (HERE / "runs").open("a") as file:
        file.write(word + "\\n")

@tool(policy="allow")
def held() -> dict:
    """Wait for a file."""
    note("begun")
    while not (HERE / "go").exists():
        time.sleep(0.02)
    note("done")
    return {}

@tool(policy="ask")
def asks() -> dict:
    """Need approval."""
    note("ran")
    return {}

@tool(policy="allow")
def ends() -> dict:
    """End the process."""
    note("ended")
    os._exit(9)
'''


class Place:
    """A data folder, a Coze, and processes that use both."""

    def __init__(self, emulator: Emulator, folder: Path) -> None:
        self.emulator = emulator
        self.tools = folder / "config" / "tools"
        self.tools.mkdir(parents=True)
        (self.tools / "tools.py").write_text(TOOLS)
        self.values: dict[str, Any] = {
            "coze": {"api_base": emulator.base_url, "token": "t", "bot_id": emulator.bot_id},
            "data_dir": str(folder / "data"),
            "config_dir": str(folder / "config"),
            "drafts": {"root": str(folder / "drafts")},
        }
        config = folder / "config" / "config.toml"
        coze = self.values["coze"]
        lines = [f'{key} = "{value}"' for key, value in coze.items()]
        config.write_text("\n".join(["[coze]", *lines, "[drafts]", f'root = "{folder / "drafts"}"']))
        self._options = ["--config", str(config), "--data-dir", str(folder / "data"), "--lang", "en"]

    def command(self, *arguments: str) -> list[str]:
        main = "import sys; from c2jy_tui.cli import main; sys.exit(main())"
        return [sys.executable, "-c", main, *self._options, "chat", *arguments]

    def chat(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(self.command(*arguments), capture_output=True, text=True, timeout=60)

    def runs(self) -> list[str]:
        file = self.tools / "runs"
        return file.read_text().split() if file.exists() else []

    def until(self, happened: Callable[[], object]) -> None:
        for _ in range(1000):
            if happened():
                return
            time.sleep(0.03)
        raise TimeoutError


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Place]:
    with Emulator(script=Script.parse(SCRIPT)) as emulator:
        emulator.wait_ready()
        yield Place(emulator, tmp_path)


def submitted(place: Place) -> list[str]:
    return [str(request.body) for request in place.emulator.requests_to("/v3/chat/submit_tool_outputs")]


pytestmark = pytest.mark.slow


def test_a_short_command_finishes_what_it_takes_up(place: Place) -> None:
    killed = subprocess.Popen(
        place.command("work held"), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    place.until(lambda: place.runs() == ["begun"])
    killed.send_signal(signal.SIGKILL)
    killed.wait(30)
    short = subprocess.Popen(
        place.command("hello"), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    place.until(lambda: place.runs() == ["begun", "begun"])
    time.sleep(1)  # its own turn has ended by now
    (place.tools / "go").touch()
    out, err = short.communicate(timeout=60)
    assert short.returncode == 0, err
    assert out == "You said: hello\n"
    assert "is being finished" in err
    assert place.runs() == ["begun", "begun", "done"]
    (taken,) = submitted(place)
    assert "success" in taken


def test_ctrl_c_leaves_what_was_taken_up_for_the_next_start(place: Place) -> None:
    killed = subprocess.Popen(
        place.command("work held"), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    place.until(lambda: place.runs() == ["begun"])
    killed.send_signal(signal.SIGKILL)
    killed.wait(30)
    short = subprocess.Popen(
        place.command("hello"), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    assert short.stderr is not None
    place.until(lambda: "is being finished" in short.stderr.readline())
    place.until(lambda: len(place.runs()) == 2)
    short.send_signal(signal.SIGINT)
    _, err = short.communicate(timeout=30)
    assert short.returncode == 0, err
    assert "left for the next start" in err
    assert submitted(place) == []
    (place.tools / "go").touch()
    last = place.chat("hello")
    assert last.returncode == 0, last.stderr
    assert place.runs()[-1] == "done"
    assert len(submitted(place)) == 1


ASKED = """
import asyncio, json, os, signal, sys
from c2jy_bridge.core.events import ToolCallAwaitingApproval
from c2jy_bridge.core.settings import Settings
from c2jy_bridge.engine import Engine

async def main():
    engine = Engine(Settings(**json.loads(sys.argv[1])))
    events = engine.events()
    await engine.send("work asks")
    async for event in events:
        if isinstance(event, ToolCallAwaitingApproval):
            os.kill(os.getpid(), signal.SIGKILL)

asyncio.run(main())
"""


@pytest.mark.parametrize("options", [["--yes"], []])
async def test_another_command_neither_approves_nor_denies_what_the_app_asked(
    place: Place, options: list[str]
) -> None:
    values = json.dumps(place.values)
    app = await asyncio.to_thread(subprocess.run, [sys.executable, "-c", ASKED, values], timeout=60)
    assert app.returncode == -signal.SIGKILL
    short = await asyncio.to_thread(place.chat, "hello", *options)
    assert short.returncode == 0, short.stderr
    assert "needs your approval" in short.stderr
    assert place.runs() == []
    assert submitted(place) == []

    engine = Engine(Settings(**place.values))
    events = engine.events()
    await engine.start(reopen=True)
    async with asyncio.timeout(30):
        async for event in events:
            if isinstance(event, ToolCallAwaitingApproval):
                assert engine.decide(event.call_id, Decision.ONCE)
            if isinstance(event, TurnEnded):
                break
    await engine.close()
    assert isinstance(event, TurnCompleted)
    assert place.runs() == ["ran"]


def test_a_tool_that_ends_the_process_is_run_three_times_and_then_answered(place: Place) -> None:
    assert place.chat("work ends").returncode == 9
    statuses = [place.chat("hello").returncode for _ in range(4)]
    assert statuses == [9, 9, 0, 0]
    assert place.runs() == ["ended"] * 3
    (answer,) = submitted(place)
    assert "ended the app 3 times" in answer


def test_no_process_of_these_tests_is_left(place: Place) -> None:
    """The folder of owners is empty after a clean end."""
    assert place.chat("hello").returncode == 0
    assert not [name for name in os.listdir(Path(place.values["data_dir"]) / "run") if name.endswith(".lock")]
