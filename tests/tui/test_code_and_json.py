"""Code wraps between its words and is copied whole; raw JSON is folded; tasks have boxes."""

from __future__ import annotations

import itertools
from typing import Any

import pytest
from textual.selection import SELECT_ALL

from c2jy_bridge.core import events as ev
from c2jy_tui.formatting import is_json
from c2jy_tui.panes.chat.entry_widgets import AnswerView, JsonView
from c2jy_tui.widgets.markdown_blocks import read
from c2jy_tui.widgets.markdown_lines import draw_all
from c2jy_tui.widgets.prose import Prose
from c2jy_tui.widgets.wrapping import code_breaks


def drawn(text: str, width: int) -> list[str]:
    return [line if isinstance(line, str) else line.plain for line in draw_all(read(text), width)]


@pytest.mark.parametrize(
    ("code", "width", "pieces"),
    [
        ("total = price_of(noodles)", 12, ["total =", " price_of(", "noodles)"]),
        ("short", 12, ["short"]),
        ("a_name_longer_than_the_line = 1", 10, ["a_name_lon", "ger_than_t", "he_line =", " 1"]),
        ("x = '汉字汉字'", 8, ["x = '", "汉字汉字", "'"]),
        ("", 8, [""]),
    ],
)
def test_code_wraps_between_its_words(code: str, width: int, pieces: list[str]) -> None:
    cuts = [0, *code_breaks(code, width), len(code)]
    assert [code[a:b] for a, b in itertools.pairwise(cuts)] == pieces


async def test_wrapped_code_is_copied_as_it_was_written(stage: Any) -> None:
    code = "result = combine(first_argument, second_argument, third_argument, fourth_argument, fifth_one)"
    async with stage() as on:
        await on.ask("q")
        await on.play(on.bot.started("q"), on.bot.said(f"```python\n{code}\nx = 1\n```"), on.bot.completed())
        assert "↳" in on.text
        prose = on.main.query(AnswerView).last().query_one(Prose)
        text, _ = prose.get_selection(SELECT_ALL)
        assert [line.strip() for line in text.splitlines()] == [code, "x = 1"]


def test_the_items_of_a_task_list_have_boxes() -> None:
    lines = drawn("- [x] shoot\n- [ ] cut\n- plain [ ] text\n", 40)
    assert lines == ["☑ shoot", "☐ cut", "• plain [ ] text"]


async def test_the_json_of_a_workflow_is_one_line_until_it_is_opened(stage: Any) -> None:
    output = '{"title": "Soup", "scenes": [1, 2, 3]}'
    async with stage() as on:
        now = on.clock()
        await on.play(
            ev.WorkflowStarted(at=now, run_id="r", workflow_id="7397"),
            ev.WorkflowSaid(at=now, run_id="r", node="end", text=output),
        )
        assert "▸ JSON · 38 B" in on.text
        on.main.query_one(JsonView).focus()
        await on.press("enter")
        assert "▾ JSON" in on.text
        assert '"title": "Soup",' in on.text
        await on.press("enter")
        assert '"title": "Soup",\n' not in on.text


@pytest.mark.parametrize(
    ("text", "yes"),
    [('{"a": 1}', True), ("[1]", True), ("[1] is a list", False), ("{}", False), ("42", False)],
)
def test_only_objects_and_arrays_are_json(text: str, yes: bool) -> None:
    assert is_json(text) is yes
