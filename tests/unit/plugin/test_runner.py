"""The runner: every call gets exactly one end, and what it says is true."""

from __future__ import annotations

import asyncio
import json
import logging
import subprocess
import sys
import threading
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from c2jy_bridge.core.events import (
    DraftWritten,
    Event,
    Outcome,
    ToolCallFinished,
    ToolCallProgress,
    ToolCallRequested,
    ToolCallStarted,
)
from c2jy_bridge.plugin import ToolContext, ToolError, tool
from c2jy_bridge.plugin.definition import Origin

if TYPE_CHECKING:
    from unit.plugin.conftest import Bench


@tool
async def add(left: int, right: int = 1) -> dict[str, int]:
    """Add."""
    return {"sum": left + right}


@tool
def where() -> dict[str, Any]:
    """Say which thread this is."""
    thread = threading.current_thread()
    return {"thread": thread.name, "loop": thread is threading.main_thread()}


@tool
def fail(kind: str) -> None:
    """Fail."""
    raise {
        "value": ValueError("bad value"),
        "exit": SystemExit(3),
        "stop": StopIteration(),
        "tool": ToolError("no such draft", near="a"),
    }[kind]


@tool
async def fail_async(kind: str) -> None:
    """Fail on the loop."""
    raise {"value": ValueError("bad value"), "exit": SystemExit(3), "cancel": asyncio.CancelledError()}[kind]


class Speechless(Exception):
    """An error that fails when it is asked what is wrong."""

    def __str__(self) -> str:
        raise KeyboardInterrupt


@tool
def fail_speechless() -> None:
    """Fail without a word."""
    raise Speechless


def told(finished: ToolCallFinished) -> dict[str, Any]:
    value = json.loads(finished.output)
    assert isinstance(value, dict)
    return value


async def test_a_call_is_requested_started_and_finished_in_this_order(bench: Bench) -> None:
    bench.add(add)
    events = await bench.run(bench.call("add", {"left": 2}))
    assert [type(event) for event in events] == [ToolCallRequested, ToolCallStarted, ToolCallFinished]
    finished = bench.ends(events)[0]
    assert finished.outcome is Outcome.OK
    assert finished.error == ""
    assert told(finished) == {"status": "success", "sum": 3}


async def test_a_sync_tool_never_runs_on_the_loop(bench: Bench) -> None:
    bench.add(where)
    assert told(await bench.finish("where")) == {"status": "success", "thread": "tool-where", "loop": False}


async def test_the_loop_goes_on_while_a_sync_tool_blocks(bench: Bench) -> None:
    free = threading.Event()

    @tool
    def block() -> str:
        """Wait until the loop lets go."""
        return "released" if free.wait(10) else "stuck"

    bench.add(block)
    task = asyncio.create_task(bench.finish("block"))
    await asyncio.sleep(0.05)
    free.set()
    assert told(await task)["message"] == "released"


async def test_an_unknown_tool_is_an_error_output_with_the_nearest_name(bench: Bench) -> None:
    bench.add(add, where)
    finished = await bench.finish("ad", {"left": 1})
    assert finished.outcome is Outcome.ERROR
    assert told(finished)["code"] == "unknown_tool"
    assert "did you mean add?" in told(finished)["message"]
    assert "add, where" in told(await bench.finish("完全不同"))["message"]


async def test_wrong_arguments_never_reach_the_tool(bench: Bench) -> None:
    bench.add(add)
    events = await bench.run(bench.call("add", {"left": "two"}), bench.call("add", '{"left": 2'))
    assert not [event for event in events if isinstance(event, ToolCallStarted)]
    assert [told(end)["code"] for end in bench.ends(events)] == ["bad_arguments"] * 2
    assert "left: must be a whole number, not text" in bench.ends(events)[0].error


@pytest.mark.parametrize(
    ("name", "kind", "words"),
    [
        ("fail", "value", "ValueError: bad value"),
        ("fail", "exit", "SystemExit: 3"),
        ("fail", "stop", "StopIteration"),
        ("fail_async", "value", "ValueError: bad value"),
        ("fail_async", "exit", "SystemExit: 3"),
        ("fail_async", "cancel", "cancelled itself"),
    ],
)
async def test_whatever_a_tool_raises_is_an_error_output_that_names_it(
    bench: Bench, name: str, kind: str, words: str
) -> None:
    bench.add(fail, fail_async)
    finished = await bench.finish(name, {"kind": kind})
    assert finished.outcome is Outcome.ERROR
    assert told(finished)["status"] == "error"
    assert words in told(finished)["message"]


class Exits:
    """A value that ends the process when it is written."""

    def __str__(self) -> str:
        raise SystemExit(3)


@pytest.mark.parametrize(
    "value",
    [10**5000, {"status": "error", "message": 10**5000}, [Exits()]],
    ids=["integer", "message", "exits"],
)
async def test_a_result_that_cannot_be_written_is_an_error_output_of_a_tool_that_ran(
    bench: Bench, value: object
) -> None:
    @tool
    def huge() -> Any:
        """Return what JSON cannot hold here."""
        return value

    bench.add(huge)
    finished = await bench.finish("huge")
    assert finished.outcome is Outcome.ERROR
    assert "The tool ran, but its result cannot be represented" in told(finished)["message"]
    assert bench.receipts.count() == 1


async def test_a_tool_error_is_told_word_for_word_with_its_fields(bench: Bench) -> None:
    bench.add(fail)
    finished = await bench.finish("fail", {"kind": "tool"})
    assert told(finished) == {"status": "error", "message": "no such draft", "code": "failed", "near": "a"}
    assert finished.error == "no such draft"


async def test_fields_of_a_tool_error_may_say_anything_but_success(bench: Bench) -> None:
    class Stubborn:
        def __str__(self) -> str:
            raise ValueError("no")

    @tool
    def refuse(how: str) -> None:
        """Refuse."""
        raise ToolError(
            "no", **({"status": "success", "code": "mine"} if how == "code" else {"x": Stubborn()})
        )

    bench.add(refuse)
    assert told(await bench.finish("refuse", {"how": "code"})) == {
        "status": "error", "message": "no", "code": "mine",
    }  # fmt: skip
    unwritten = told(await bench.finish("refuse", {"how": "object"}))
    assert unwritten["status"] == "error"
    assert unwritten["message"].startswith("no ")


async def test_an_error_in_the_users_own_tool_names_file_and_line(bench: Bench) -> None:
    bench.add(tool(policy="allow")(fail), origin=Origin("file", "mine.py"))
    finished = await bench.finish("fail", {"kind": "value"})
    assert "(test_runner.py:" in told(finished)["message"]


async def test_nothing_of_the_arguments_reaches_the_log(
    bench: Bench, caplog: pytest.LogCaptureFixture
) -> None:
    @tool
    def leak(password: str) -> None:
        """Leak."""
        raise ValueError(f"wrong: {password}")

    bench.add(leak)
    with caplog.at_level(logging.DEBUG):
        finished = await bench.finish("leak", {"password": "canary-4711"})
        await bench.finish("leak", '{"password": "canary-4711", }')
    assert "canary-4711" in finished.output
    assert "leak" in caplog.text
    assert "ValueError" in caplog.text
    assert "canary-4711" not in caplog.text


async def test_an_output_is_capped_and_stays_json(bench: Bench) -> None:
    @tool
    def long() -> str:
        """Long."""
        return "字" * 100_000

    bench.add(long)
    bench.settings.max_output_bytes = 5000
    finished = await bench.finish("long")
    assert len(finished.output.encode()) <= 5000
    assert told(finished)["truncated"] is True


async def test_a_result_that_has_no_json_form_is_an_error_output(bench: Bench) -> None:
    @tool
    def loop() -> list[Any]:
        """Return a list that holds itself."""
        items: list[Any] = []
        items.append(items)
        return items

    bench.add(loop)
    finished = await bench.finish("loop")
    assert finished.outcome is Outcome.ERROR
    assert told(finished)["code"] == "failed"


async def test_a_dict_that_says_error_itself_ends_as_an_error(bench: Bench) -> None:
    @tool
    def half() -> dict[str, str]:
        """Half."""
        return {"status": "error", "message": "only half of it"}

    bench.add(half)
    finished = await bench.finish("half")
    assert (finished.outcome, finished.error) == (Outcome.ERROR, "only half of it")


async def test_a_coroutine_hidden_behind_a_plain_function_is_named(bench: Bench) -> None:
    @tool
    def hidden() -> Any:
        """Hidden."""
        return add(1)

    bench.add(hidden)
    assert "async def" in (await bench.finish("hidden")).error


async def test_progress_is_thinned_out_and_the_last_word_is_told(bench: Bench) -> None:
    @tool
    def count(context: ToolContext) -> str:
        """Count as fast as a thread can."""
        for done in range(20_001):
            context.progress("counting", done, 20_000, "bytes")
        return "counted"

    bench.add(count)
    events = await bench.run(bench.call("count"))
    progress = [event for event in events if isinstance(event, ToolCallProgress)]
    took_s = bench.ends(events)[0].elapsed_s
    assert 1 <= len(progress) <= took_s * 10 + 2
    assert progress[-1].done == 20_000
    assert (progress[-1].total, progress[-1].unit, progress[-1].message) == (20_000, "bytes", "counting")
    assert isinstance(events[-1], ToolCallFinished)


async def test_a_slow_tools_progress_is_seen_while_it_runs(bench: Bench) -> None:
    @tool
    async def step(context: ToolContext) -> None:
        """Step."""
        context.progress("one")
        context.progress("two")
        await asyncio.sleep(0.3)

    bench.add(step)
    seen: list[str] = []
    async for event in bench.runner.run([bench.call("step")]):
        if isinstance(event, ToolCallProgress):
            seen.append(event.message)
        if isinstance(event, ToolCallFinished):
            seen.append("end")
    assert seen == ["one", "two", "end"]


async def test_events_of_a_tool_come_through_from_thread_and_loop(bench: Bench) -> None:
    def written(context: ToolContext, name: str) -> DraftWritten:
        return DraftWritten(at=1.0, draft_id="d", name=name, path="p", duration_us=1, call_id=context.call_id)

    @tool
    def in_thread(context: ToolContext) -> None:
        """Emit."""
        context.emit(written(context, "thread"))

    @tool
    async def on_loop(context: ToolContext) -> None:
        """Emit."""
        context.emit(written(context, "loop"))

    bench.add(in_thread, on_loop)
    for name, expected in (("in_thread", "thread"), ("on_loop", "loop")):
        call = bench.call(name)
        events = await bench.run(call)
        assert [type(e) for e in events[1:]] == [ToolCallStarted, DraftWritten, ToolCallFinished]
        assert isinstance(events[2], DraftWritten)
        assert (events[2].name, events[2].call_id) == (expected, call.call_id)


async def test_what_a_tool_says_comes_in_the_order_it_was_said(bench: Bench) -> None:
    @tool
    def work(context: ToolContext) -> None:
        """Work."""
        for done in range(3):
            context.progress("working", done)
        context.emit(DraftWritten(at=1.0, draft_id="d", name="n", path="p", duration_us=1))

    bench.add(work)
    events = await bench.run(bench.call("work"))
    assert [type(event) for event in events[-3:]] == [ToolCallProgress, DraftWritten, ToolCallFinished]
    assert isinstance(events[-3], ToolCallProgress)
    assert events[-3].done == 2


async def test_the_context_says_whose_call_it_is(bench: Bench) -> None:
    @tool
    def who(context: ToolContext) -> dict[str, str]:
        """Who."""
        return {"call": context.call_id, "conversation": context.conversation_id, "source": context.source}

    bench.add(who)
    finished = await bench.finish("who", call_id="c", conversation_id="v", source="user")
    assert told(finished) == {"status": "success", "call": "c", "conversation": "v", "source": "user"}


async def test_a_call_without_an_id_is_given_one(bench: Bench) -> None:
    bench.add(add)
    events = await bench.run(bench.call("add", {"left": 1}, call_id=""))
    ids = {event.call_id for event in events if hasattr(event, "call_id")}
    assert len(ids) == 1
    assert ids != {""}


async def test_an_empty_batch_ends_at_once(bench: Bench) -> None:
    assert await bench.run() == []


async def test_fifty_calls_at_once_all_end_once(bench: Bench) -> None:
    bench.add(add, where, fail)
    names = ["add", "where", "fail", "nothing", "add"] * 10
    calls = [
        bench.call(name, {"left": 1} if index % 2 else "{", call_id=f"{index}")
        for index, name in enumerate(names)
    ]
    finished = bench.ends(await bench.run(*calls))
    assert sorted(int(end.call_id) for end in finished) == list(range(50))


_texts = st.text() | st.text('{}[]",:0123456789.eE+-leftrighnulas \\') | st.from_regex(r'\{"left": .{0,20}\}')


@settings(deadline=None, max_examples=150)
@given(st.sampled_from(["add", "fail", "", "ünbekannt"]) | st.text(), _texts)
def test_any_name_and_any_argument_text_end_exactly_once_in_json(
    shared_bench: Bench, name: str, text: str
) -> None:
    if not len(shared_bench.registry):
        shared_bench.add(add, fail)

    async def run() -> list[Event]:
        return await shared_bench.run(shared_bench.call(name, text, tool_call_id=""))

    (finished,) = shared_bench.ends(asyncio.run(run()))
    assert told(finished)["status"] in ("success", "error")
    assert len(finished.output.encode()) <= 1000


def test_the_plugin_imports_no_screen_and_no_wire() -> None:
    others = "('textual', 'cozepy', 'pyJianYingDraft', 'sqlite3')"
    code = f"import sys, c2jy_bridge.plugin; print([m for m in {others} if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


async def test_a_tool_whose_error_cannot_speak_has_its_receipt_all_the_same(bench: Bench) -> None:
    bench.add(fail_speechless)
    call = bench.call("fail_speechless")
    first = next(e for e in await bench.run(call) if isinstance(e, ToolCallFinished))
    assert (first.outcome, told(first)["code"]) == (Outcome.ERROR, "failed")
    assert "Speechless" in first.error
    again = next(e for e in await bench.run(call) if isinstance(e, ToolCallFinished))
    assert again.replayed


@pytest.mark.parametrize("text", ['{"left": "1"}', '"{\\"left\\": \\"1\\"}"'])
async def test_the_result_notes_the_arguments_that_were_read_from_text(bench: Bench, text: str) -> None:
    bench.add(add)
    finished = await bench.finish("add", text)
    assert told(finished) == {
        "status": "success",
        "sum": 2,
        "notes": ["left: sent as text, read as a whole number"],
    }
