"""The node code in the docs is code that works: it is taken from there and run against Coze's API."""

from __future__ import annotations

import asyncio
import json
import os
import re
import shutil
import subprocess
import sys
import types
from collections.abc import Awaitable, Callable
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from mailbox_workflow import ASKS_ITSELF, Workflow

DOCS = Path(__file__).resolve().parents[3] / "docs"
PAGES = ["bridge.md", "bridge.zh-CN.md"]
Main = Callable[[Any], Awaitable[dict[str, Any]]]


class Args:
    """What Coze hands a code node."""

    def __init__(self, **params: Any) -> None:
        self.params = params


@pytest.fixture
def node(monkeypatch: pytest.MonkeyPatch) -> Callable[[str, str, Workflow], Main]:
    """The `main` of a code node in the docs, with Coze's address turned to the emulator's."""

    def load(page: str, name: str, workflow: Workflow) -> Main:
        text = (DOCS / page).read_text(encoding="utf-8")
        found = re.search(rf"<!-- code node: {name} -->\n```python\n(.*?)```", text, re.DOTALL)
        assert found, name
        requests = types.ModuleType("requests_async")
        requests.post, requests.get = workflow.http.post, workflow.http.get  # type: ignore[attr-defined]
        monkeypatch.setitem(sys.modules, "requests_async", requests)
        code = found[1].replace("https://api.coze.cn", str(workflow.http.base_url).rstrip("/"))
        scope: dict[str, Any] = {"Args": Args, "Output": dict}
        exec(compile(code, page, "exec"), scope)
        main: Main = scope["main"]
        return main

    return load


@pytest.mark.slow
@pytest.mark.parametrize("page", PAGES)
async def test_the_code_node_for_the_mailbox_gets_a_tool_run(
    page: str, cloud: Callable[..., Any], node: Callable[..., Main]
) -> None:
    workflow = await cloud(relay="bot")
    main = node(page, "mailbox", workflow)
    params = {"token": "pat", "mailbox": workflow.conversation_id, "rid": "run/1", "tool": "note"}
    ended = await main(Args(arguments='{"text": "a", "size": 20000}', **params))
    assert ended["state"] == "succeeded"
    assert '"noted": "a"' in ended["answer"]
    again = await main(Args(arguments='{"text": "a", "size": 20000}', **params))
    assert again == ended
    assert workflow.harness.tools.done == {"a": 1}


@pytest.mark.parametrize("page", PAGES)
async def test_the_code_node_that_asks_the_bot_itself_gets_its_answer(
    page: str, cloud: Callable[..., Any], node: Callable[..., Main]
) -> None:
    workflow = await cloud(ASKS_ITSELF)
    main = node(page, "chat", workflow)
    params = {"token": "pat", "mailbox": workflow.conversation_id, "rid": "run/2", "bot_id": "7"}
    ended = await main(Args(question="write", **params))
    assert ended["state"] == "succeeded"
    assert "All is written" in ended["answer"]
    assert sum(workflow.harness.tools.done.values()) == 2


@pytest.mark.parametrize("page", PAGES)
async def test_the_code_node_for_http_gets_a_tool_run_once(
    page: str, start_bridge: Callable[..., Any], node: Callable[..., Main]
) -> None:
    harness = await start_bridge(intakes=["http"], port=0)
    workflow = Workflow(harness, "")
    params = {
        "bridge": (await harness.bridge.status()).address,
        "token": harness.tokens.current(),
        "tool": "note",
    }
    main = node(page, "http", workflow)
    for _ in range(2):
        ended = await main(Args(rid="run/3", arguments='{"text": "a"}', **params))
        assert ended["state"] == "succeeded"
        assert json.loads(ended["answer"])["noted"] == "a"
    assert harness.tools.done == {"a": 1}
    refused = await main(Args(rid="run/4", arguments="{}", **{**params, "token": "wrong"}))
    assert refused["state"] == "refused"
    assert "no-token" in refused["answer"]
    await workflow.aclose()


@pytest.mark.parametrize("page", PAGES)
@pytest.mark.skipif(shutil.which("node") is None, reason="no JavaScript here")
async def test_the_code_node_that_builds_a_letter_takes_any_text(
    page: str, cloud: Callable[..., Any]
) -> None:
    text = (DOCS / page).read_text(encoding="utf-8")
    found = re.search(r"<!-- code node: letter -->\n```javascript\n(.*?)```", text, re.DOTALL)
    assert found
    said = 'two\nlines and "quotes" \\'
    params = {"rid": '运行 "1"', "tool": "note", "arguments": json.dumps({"text": said})}
    script = f"{found[1]}\nmain({{params: {json.dumps(params)}}}).then(out => console.log(out.body))"
    run = partial(subprocess.run, capture_output=True, text=True, check=True)
    ran = await asyncio.to_thread(run, ["node", "-e", script])
    workflow = await cloud(relay="direct")
    where = {"conversation_id": workflow.conversation_id}
    await workflow.api("/v1/conversation/message/create", json.loads(ran.stdout), **where)
    assert (await workflow.answer(params["rid"]))["result"]["noted"] == said


@pytest.mark.parametrize("page", PAGES)
@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="no systemd here")
def test_systemd_takes_the_unit(page: str, tmp_path: Path) -> None:
    text = (DOCS / page).read_text(encoding="utf-8")
    found = re.search(r"```ini\n# [^\n]*/(c2jy-bridge\.service)\n(.*?)```", text, re.DOTALL)
    assert found
    unit = tmp_path / found[1]
    unit.write_text(found[2].replace("%h/.local/bin/c2jy-tui", sys.executable), encoding="utf-8")
    environment = {**os.environ, "XDG_RUNTIME_DIR": str(tmp_path)}
    command = ["systemd-analyze", "--user", "verify", str(unit)]
    verified = subprocess.run(command, capture_output=True, text=True, env=environment, check=False)
    assert (verified.returncode, verified.stderr) == (0, "")


def test_both_languages_show_the_same_code_and_calls() -> None:
    english, chinese = ((DOCS / page).read_text(encoding="utf-8") for page in PAGES)
    for pattern in (r"<!-- code node: \w+ -->", r"`(?:GET|POST|DELETE) [^`]+`", r"^```\w+$"):
        both = [re.findall(pattern, text, re.MULTILINE) for text in (english, chinese)]
        assert both[0] == both[1], pattern


@pytest.mark.parametrize("page", PAGES)
def test_every_setting_that_the_page_names_exists(page: str) -> None:
    from c2jy_bridge.core.settings import BridgeSettings

    text = (DOCS / page).read_text(encoding="utf-8")
    named = set(re.findall(r"`bridge\.([a-z_]+)`", text))
    tables = re.findall(r"\[bridge\]\n(.*?)```", text, re.DOTALL)
    named |= {line.split(" =")[0] for table in tables for line in table.splitlines() if " =" in line}
    assert named
    assert named <= set(BridgeSettings.model_fields)
