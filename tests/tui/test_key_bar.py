"""The line of keys: whole keys only, and the way to the help at every width."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise
from typing import Any

import pytest
from rich.cells import cell_len
from textual.widgets._footer import FooterKey

from c2jy_tui.widgets.bindings import every_binding
from c2jy_tui.widgets.key_bar import KeyBar, fitting

WORDS = ["打开", "重新运行", "修改", "筛选", "复制输出", "复制命令", "跟随", "标记", "导出"]


def keys() -> list[FooterKey]:
    plain = [FooterKey(str(n), str(n), words, f"do{n}") for n, words in enumerate(WORDS)]
    help_ = FooterKey("f1", "F1", "帮助", "app.help")
    return [*plain, help_, FooterKey("ctrl+p", "^p", "命令", "palette", classes="-command-palette")]


@pytest.mark.parametrize("width", [0, 20, 40, 60, 61, 62, 63, 80, 120])
def test_keys_that_do_not_fit_are_left_out_from_the_end_and_help_stays(width: int) -> None:
    chosen = fitting(keys(), width)
    said = [key.description for key in chosen if isinstance(key, FooterKey)]
    assert said[-2:] == ["帮助", "命令"]
    assert said[:-2] == WORDS[: len(said) - 2]
    used = sum(cell_len(f"{k.key_display} {k.description}") + 1 for k in chosen if isinstance(k, FooterKey))
    assert used + 1 <= width or len(said) == 2
    if len(said) < len(WORDS) + 2:
        assert used + 1 + cell_len(WORDS[len(said) - 2]) + 3 > width


@pytest.mark.parametrize("columns", [48, 60, 61, 62, 63, 80, 81, 100])
async def test_no_word_is_cut_at_any_width(stage: Callable[..., Any], columns: int) -> None:
    async with stage(size=(columns, 24)) as on:
        await on.press("f4")
        await on.pilot.pause(0.1)
        bar = on.main.query_one(KeyBar)
        shown = [key for key in bar.query(FooterKey) if key.region.width]
        assert "help" in {key.action.removeprefix("app.") for key in shown}
        spans = sorted((key.region.x, key.region.right) for key in shown)
        assert all(one[1] <= other[0] for one, other in pairwise(spans))
        assert spans[-1][1] == columns


async def test_esc_is_called_stop_only_while_there_is_something_to_stop(stage: Callable[..., Any]) -> None:
    async with stage() as on:
        await on.press("f4")
        assert on.main.active_bindings["escape"].binding.description == "Chat"
        await on.press("f3")
        await on.ask("q")
        assert on.main.active_bindings["escape"].binding.description == "Stop"


MEANINGS = {
    "a": "approve once",
    "A": "always",
    "b": "batch",
    "c": "copy_code copy_command copy_link",
    "d": "deny drain",
    "D": "compare",
    "e": "edit edit_arguments rename",
    "f": "only_failed",
    "F": "follow",
    "g": "first first_clip oldest top",
    "G": "bottom last last_clip newest",
    "h": "pan_left previous_tab",
    "i": "hold",
    "j": "down lower_track scroll_down",
    "k": "scroll_up up upper_track",
    "l": "next_tab pan_right",
    "m": "machines",
    "n": "find_next next_missing no",
    "N": "find_back",
    "o": "open_folder",
    "O": "older",
    "p": "picture",
    "P": "play",
    "q": "back",
    "r": "again rerun retry",
    "R": "rebuild",
    "s": "sort",
    "t": "trash_view",
    "u": "retime",
    "U": "bring_back restore take_back undo",
    "v": "check",
    "w": "write write_report",
    "x": "export",
    "X": "cancel end stop",
    "y": "copy copy_answer copy_diff copy_output copy_path copy_report copy_result copy_whole yes",
    "Y": "duplicate",
    "z": "pack",
}
"""Names of bindings behind their dot. y and n also answer a question; d refuses work."""


def test_a_letter_means_the_same_everywhere() -> None:
    for bound in every_binding():
        for key in bound.key.split(","):
            if len(key) == 1 and key.isalpha():
                name = (bound.id or "").rpartition(".")[2]
                assert name in MEANINGS.get(key, "").split(), f"{key} also does {bound.id}"
