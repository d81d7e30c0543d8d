"""Over SSH the app sends less, unless the settings say otherwise."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest


@pytest.mark.slow
@pytest.mark.parametrize(
    ("ssh", "setting", "hovers"),
    [
        ("", "auto", True),
        ("10.0.0.1 5 10.0.0.2 22", "auto", False),
        ("10.0.0.1 5 10.0.0.2 22", "off", True),
        ("", "on", False),
    ],
)
def test_the_mouse_is_followed_only_on_a_fast_line(
    terminal: Callable[..., Any],
    environment: dict[str, str],
    tmp_path: Path,
    ssh: str,
    setting: str,
    hovers: bool,
) -> None:
    environment |= {"SSH_CONNECTION": ssh, "C2JY_SCREEN__LOW_BANDWIDTH": setting}
    app = terminal("--demo", "--lang", "en", "--drafts-root", tmp_path / "drafts")
    app.wait_for("ready")
    assert app.follows_mouse() == hovers
    app.type("still quick")
    app.wait_for("still quick")
    app.press("C-q")
    app.wait_for("exit status 0")
