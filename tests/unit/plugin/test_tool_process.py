"""Tools in a process of their own: killed when they must be, and their end is not the app's."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
from contextlib import aclosing
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from c2jy_bridge.core.events import Outcome, ToolCallProgress, ToolCallStarted
from c2jy_bridge.plugin import DefinitionError, tool
from c2jy_bridge.plugin.user_tools import load_folder

if TYPE_CHECKING:
    from unit.plugin.conftest import Bench

TOOLS = '''
import datetime, os, subprocess, sys, time
from pathlib import Path
from c2jy_bridge.plugin import ToolContext, ToolError, tool

HERE = Path(__file__).parent

@tool(isolated=True)
def shout(text: str, day: datetime.date, context: ToolContext) -> dict:
    """Shout."""
    print("to stdout")
    os.write(1, b"to fd 1")
    context.progress("half way", 1, 2)
    time.sleep(0.2)
    return {"text": text.upper(), "day": day.year, "pid": os.getpid(), "call": context.call_id}

@tool(isolated=True)
async def gently() -> str:
    """A coroutine."""
    return "x" * 300_000

@tool(isolated=True, timeout_s=6, concurrency="serial")
def hang(seconds: float) -> str:
    """Hangs, and what it has started too."""
    child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
    (HERE / "new").write_text(f"{os.getpid()} {child.pid}")
    (HERE / "new").rename(HERE / "pids")
    time.sleep(seconds)
    child.kill()
    return "done"

@tool(isolated=True, timeout_s=5)
def clean(context: ToolContext) -> None:
    """Stops when it is told to."""
    (HERE / "begun").touch()
    context.cancelled.wait(60)
    (HERE / "cleaned").touch()

@tool(isolated=True)
def crash(how: str) -> object:
    """Fails in the way it is told to."""
    if how == "exit":
        os._exit(3)
    if how == "segfault":
        os.kill(os.getpid(), 11)
    if how == "refuse":
        raise ToolError("no licence", where="there")
    if how == "recursive":
        found = []
        found.append(found)
        return found
    raise ValueError("bad weather")
'''


@pytest.fixture
def folder(tmp_path: Path, bench: Bench) -> Path:
    made = tmp_path / "tools"
    made.mkdir()
    (made / "mine.py").write_text(TOOLS, encoding="utf-8")
    assert load_folder(bench.registry, made) == []
    return made


async def there(path: Path) -> bool:
    for _ in range(400):
        if await asyncio.to_thread(path.exists):
            return True
        await asyncio.sleep(0.05)
    return False


async def gone(pid: int) -> bool:
    for _ in range(200):
        try:
            os.kill(pid, 0)
        except ProcessLookupError:
            return True
        await asyncio.sleep(0.05)
    return False


async def test_arguments_context_progress_and_result_cross_the_processes(
    bench: Bench, folder: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    events = await bench.run(bench.call("shout", {"text": "hé", "day": "2026-11-28"}, call_id="c7"))
    output = json.loads(bench.ends(events)[0].output)
    assert output.pop("pid") != os.getpid()
    assert output == {"status": "success", "text": "HÉ", "day": 2026, "call": "c7"}
    assert [event.message for event in events if isinstance(event, ToolCallProgress)] == ["half way"]
    assert capfd.readouterr().out == ""
    assert len(json.loads((await bench.finish("gently")).output)["message"]) > 10_000


@pytest.mark.parametrize(
    ("how", "words"),
    [
        ("exit", "ended its process without a result (status 3)"),
        ("segfault", "ended its process without a result (status -11)"),
        ("refuse", "no licence"),
        ("raise", "crash failed: ValueError: bad weather (mine.py:"),
        ("recursive", "ValueError"),
    ],
)
async def test_a_tool_that_fails_or_ends_its_process_is_an_error_output(
    bench: Bench, folder: Path, how: str, words: str
) -> None:
    finished = await bench.finish("crash", {"how": how})
    assert finished.outcome is Outcome.ERROR
    assert words in finished.error
    assert json.loads(finished.output)["status"] == "error"
    assert json.loads(finished.output).get("where") == ("there" if how == "refuse" else None)


@pytest.mark.slow
@pytest.mark.skipif(os.name != "posix", reason="process groups")
async def test_at_its_deadline_the_process_is_killed_with_what_it_started_and_the_tool_can_run_again(
    bench: Bench, folder: Path
) -> None:
    finished = await bench.finish("hang", {"seconds": 60})
    assert finished.outcome is Outcome.TIMED_OUT
    assert "was stopped" in finished.error
    for pid in map(int, (folder / "pids").read_text().split()):
        assert await gone(pid)
    # In a thread it could not have been stopped, and this call would have been refused as busy.
    assert (await bench.finish("hang", {"seconds": 0})).outcome is Outcome.OK


@pytest.mark.skipif(os.name != "posix", reason="Windows has no signal to ask a process to end")
async def test_a_tool_that_is_stopped_can_clean_up(bench: Bench, folder: Path) -> None:
    async with aclosing(bench.runner.run([bench.call("clean")])) as events:
        async for event in events:
            if isinstance(event, ToolCallStarted):
                assert await there(folder / "begun")
                break
    assert (folder / "cleaned").exists()


def test_a_built_in_tool_is_not_isolated(bench: Bench) -> None:
    @tool(isolated=True)
    def inside() -> None:
        """In the app."""

    with pytest.raises(DefinitionError, match="only tools of a file or a package"):
        bench.add(inside)


@pytest.mark.skipif(os.name != "posix", reason="SIGKILL")
async def test_the_process_ends_when_the_app_is_killed(tmp_path: Path, folder: Path) -> None:
    app = f"""
import asyncio
from pathlib import Path
from unit.plugin.conftest import Bench
from c2jy_bridge.core.settings import ToolSettings
from c2jy_bridge.plugin.user_tools import load_folder
bench = Bench(Path({str(tmp_path)!r}), ToolSettings(timeout_s=50))
load_folder(bench.registry, Path({str(folder)!r}))
bench.registry._tools["hang"] = __import__("dataclasses").replace(bench.registry.get("hang"), timeout_s=50)
asyncio.run(bench.finish("hang", {{"seconds": 50}}))
"""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", app, env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    )
    assert await there(folder / "pids")
    process.send_signal(signal.SIGKILL)
    await process.wait()
    tool_pid, child_pid = map(int, (folder / "pids").read_text().split())
    assert await gone(tool_pid)
    os.kill(child_pid, signal.SIGKILL)
