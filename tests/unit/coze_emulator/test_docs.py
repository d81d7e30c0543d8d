"""The page about the emulator tells what there is."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from coze_emulator import Script
from coze_emulator.server import BOT_ID

DOCS = Path(__file__).resolve().parents[3] / "docs"
PAGES = ["emulator.md", "emulator.zh-CN.md"]


@pytest.mark.parametrize("page", PAGES)
def test_every_bot_and_every_workflow_is_told_and_no_other(page: str) -> None:
    text = (DOCS / page).read_text(encoding="utf-8")
    script = Script.built_in()
    told = re.findall(r"^\| `(\d{19})` \|", text, re.MULTILINE)
    assert [one for one in told if one.startswith("7379")] == [BOT_ID, *(bot.id for bot in script.bots)]
    flows = [one for one in told if one.startswith("7397")]
    assert flows == [workflow.id.partition("|")[0] for workflow in script.workflows]


@pytest.mark.parametrize("page", PAGES)
def test_the_script_on_the_page_plays(page: str, playing: Callable[[str], Any]) -> None:
    text = (DOCS / page).read_text(encoding="utf-8")
    (script,) = re.findall(r"```yaml\n(.*?)```", text, re.DOTALL)
    wire = playing(script)
    wire.http.headers["Authorization"] = "Bearer demo"
    answer = wire.http.post("/v1/workflow/run", json={"workflow_id": "739"}).json()
    assert answer["data"] == '{"city": "北京", "user": "emulator"}'
    (_, stopped), _ = wire.ask("draft tea")[-2:]
    call = stopped["required_action"]["submit_tool_outputs"]["tool_calls"][0]
    assert '"name": "tea"' in call["function"]["arguments"]
