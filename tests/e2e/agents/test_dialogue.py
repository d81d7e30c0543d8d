"""An agent makes a draft, looks at it, waits, cancels and is refused, over both transports."""

from __future__ import annotations

import asyncio
import base64
import io
import json
import sqlite3
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from mcp_types import CallToolResult, ImageContent, TextContent
from PIL import Image

from e2e.agents.conftest import BOTH_WAYS, EVERY_WAY, PATIENCE_S, Asked, Connect, Place, way


def _answer(result: CallToolResult) -> dict[str, Any]:
    (text, *_) = result.content
    assert isinstance(text, TextContent)
    answer: dict[str, Any] = json.loads(text.text)
    assert result.structured_content == answer
    return answer


def _recorded(place: Place) -> list[tuple[str, str, str | None]]:
    with sqlite3.connect(place.data / "journal.db") as journal:
        rows = journal.execute("SELECT tool, source, outcome FROM calls ORDER BY requested_at, rowid")
        return [tuple(row) for row in rows]


def _wait_until(seen: Callable[[], bool]) -> None:
    until = time.monotonic() + PATIENCE_S
    while not seen():
        assert time.monotonic() < until
        time.sleep(0.05)


@pytest.mark.slow
@pytest.mark.parametrize("connect", EVERY_WAY, indirect=True)
async def test_a_draft_is_made_after_an_approval_and_the_agent_sees_it(
    connect: Connect, place: Place, document: dict[str, Any]
) -> None:
    asked = Asked()
    async with connect(asked) as client:
        made = await client.call_tool("generate_draft", {"content": document})
        seen = await client.call_tool("preview_draft", {"name": "红", "at": 1.0})

    assert (_answer(made)["status"], made.is_error) == ("success", False)
    assert (place.drafts / "红" / "draft_content.json").is_file()
    assert len(asked.messages) == 2
    assert '"Hello"' in asked.messages[0], "the exact arguments"
    (picture,) = [part for part in seen.content if isinstance(part, ImageContent)]
    image = Image.open(io.BytesIO(base64.b64decode(picture.data))).convert("RGB")
    assert image.getpixel((10, image.height // 2)) == pytest.approx((200, 30, 30), abs=6)
    assert _answer(seen)["file_id"] == "attachment-1"
    assert _recorded(place) == [("generate_draft", "mcp", "ok"), ("preview_draft", "mcp", "ok")]


@pytest.mark.slow
@pytest.mark.parametrize("connect", BOTH_WAYS, indirect=True)
async def test_a_no_of_the_user_is_an_error_that_the_agent_reads(
    connect: Connect, place: Place, document: dict[str, Any]
) -> None:
    async with connect(Asked("no")) as client:
        refused = await client.call_tool("generate_draft", {"content": document})

    assert refused.is_error
    assert "did not allow" in _answer(refused)["message"]
    assert not place.drafts.joinpath("红").exists()
    assert _recorded(place) == [("generate_draft", "mcp", "denied")]


@pytest.mark.slow
@pytest.mark.parametrize("connect", BOTH_WAYS, indirect=True)
async def test_a_client_that_cannot_ask_is_told_which_setting_allows_a_tool_and_sees_no_denied_one(
    connect: Connect, document: dict[str, Any]
) -> None:
    async with connect() as client:
        tools = {tool.name: tool for tool in (await client.list_tools()).tools}
        refused = await client.call_tool("generate_draft", {"content": document})
        denied = await client.call_tool("read_file", {"path": "a"})
        wrong = await client.call_tool("slow", {"steps": "many"})

    assert {"generate_draft", "preview_draft", "search_resources", "slow"} <= tools.keys()
    assert not {"read_file", "bridge_execute"} & tools.keys()
    assert tools["slow"].input_schema["properties"]["steps"]["type"] == "integer"
    assert '[tools.policy] generate_draft = "allow"' in _answer(refused)["message"]
    assert "disabled in the settings" in _answer(denied)["message"]
    assert "steps" in _answer(wrong)["message"]
    assert all(result.is_error for result in (refused, denied, wrong))


@pytest.mark.slow
@pytest.mark.parametrize("connect", BOTH_WAYS, indirect=True)
async def test_progress_grows_past_all_that_a_tool_prints_and_a_cancelled_request_stops_it(
    connect: Connect, place: Place
) -> None:
    begun = asyncio.Event()
    steps: list[tuple[float, float | None, str | None]] = []

    async def progress(progress: float, total: float | None, message: str | None) -> None:
        steps.append((progress, total, message))
        begun.set()

    expected = [("slow", "mcp", "ok"), ("slow", "mcp", "cancelled")]
    stopped: Path = place.config.parent / "tools" / "stopped"
    async with connect() as client:
        counted = await client.call_tool("slow", {"steps": 8}, progress_callback=progress)
        assert _answer(counted)["counted"] == 8
        assert [step[0] for step in steps] == sorted({step[0] for step in steps})
        assert steps[-1] == (8, 8, "counting")

        begun.clear()
        call = asyncio.create_task(client.call_tool("slow", {"steps": 1000}, progress_callback=progress))
        async with asyncio.timeout(PATIENCE_S):
            await begun.wait()
            call.cancel()
            await asyncio.wait({call})
            await asyncio.to_thread(_wait_until, lambda: stopped.exists() and _recorded(place) == expected)
        after = await client.call_tool("slow", {"steps": 1})
    assert _answer(after)["counted"] == 1


@pytest.mark.slow
@pytest.mark.parametrize("connect", [way("stdio", "auto")], indirect=True)
async def test_a_running_app_shows_the_calls_of_an_agent_while_they_run_and_the_draft_they_made(
    connect: Connect, place: Place, document: dict[str, Any], terminal: Callable[..., Any]
) -> None:
    app = terminal("--demo", "--lang", "en", *place.options)
    await asyncio.to_thread(app.wait_for, "● ready")
    async with connect(Asked()) as client:
        call = asyncio.create_task(client.call_tool("slow", {"steps": 1000}))
        await asyncio.to_thread(app.wait_for, "slow", "running")
        await client.call_tool("generate_draft", {"content": document})
        await asyncio.to_thread(app.wait_for, "generate_draft", "done", "Calls: 2", "红", "media ok")
        assert not call.done()
        call.cancel()
        await asyncio.to_thread(app.wait_for, "stopped", "● ready")
