"""In a real terminal nothing is left on the screen that a whole new picture would not have."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest


@pytest.mark.slow
def test_the_screen_is_what_it_would_be_drawn_anew_after_scrolling_resizing_and_dialogs(
    terminal: Callable[..., Any], tmp_path: Path
) -> None:
    app = terminal("--demo", "--lang", "zh", "--drafts-root", tmp_path / "drafts")
    app.wait_for("就绪")
    app.assert_whole()
    for _ in range(3):
        app.type("讲个笑话 😀")
        app.press("Enter")
        time.sleep(3)
    app.assert_whole()
    app.press("F3", "PPage", "PPage")
    app.assert_whole()
    for key, shown in (("F1", "作用"), ("C-p", "搜索功能")):
        app.press(key)
        app.wait_for(shown)
        app.assert_whole()
        app.press("Escape")
        time.sleep(1)  # longer than Escape and the next key may be one key
        assert shown not in app.screen()
        app.assert_whole()
    for size in ((80, 24), (100, 30), (60, 24), (60, 20), (120, 36)):
        app.resize(*size)
        time.sleep(0.5)
        app.assert_whole()
    app.type("还在这里")
    app.wait_for("还在这里")
    app.assert_whole()
