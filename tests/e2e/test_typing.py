"""Fast typing in a real terminal: nothing lost, glued or decided by accident; Ctrl+Z and back."""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from e2e.conftest import Terminal


def test_what_is_typed_after_enter_stays_and_is_not_glued_to_what_was_sent(
    terminal: Callable[..., Any], tmp_path: Path
) -> None:
    app = terminal("--demo", "--lang", "en", "--drafts-root", tmp_path / "drafts")
    app.wait_for("ready")
    app.type("tell me a joke")
    app.press("Enter")
    app.type("next")
    app.wait_for("│ next ")  # a line of its own, whatever the load
    assert "tell me a jokenext" not in app.screen()


@pytest.mark.slow
def test_a_paste_that_the_terminal_does_not_mark_is_not_sent_line_by_line(
    terminal: Callable[..., Any], tmp_path: Path
) -> None:
    app = terminal("--demo", "--lang", "en", "--drafts-root", tmp_path / "drafts")
    app.wait_for("ready")
    app.paste("first line\nsecond line\nthird line\n")
    app.wait_for("│ first line ", "│ second line ", "│ third line ")
    assert "▌" not in app.screen()
    app.press("Enter")
    app.wait_for("▌ first line", "ready")


def test_letters_typed_while_the_app_starts_are_all_there(
    terminal: Callable[..., Any], tmp_path: Path
) -> None:
    app = terminal("--demo", "--lang", "en", "--drafts-root", tmp_path / "drafts")
    app.wait_for("c2jy-tui")
    text = "".join(chr(ord("a") + n % 26) for n in range(50))
    for letter in text:
        app.type(letter)
    app.wait_for("ready", text)


def test_letters_on_their_way_decide_nothing_when_a_tool_asks(
    terminal: Callable[..., Any], tmp_path: Path
) -> None:
    app = terminal("--demo", "--lang", "en", "--drafts-root", tmp_path / "drafts")
    app.wait_for("ready")
    app.type("read notes.txt")
    app.press("Enter")
    typed = ""
    until = time.monotonic() + 20
    while "? asks you" not in app.screen():
        app.type("a")
        typed += "a"
        assert time.monotonic() < until
    for _ in range(10):
        app.type("a")
        typed += "a"
    app.press("Enter")
    time.sleep(1)
    screen = app.screen()
    assert "needs approval" in screen
    assert "? asks you" in screen
    app.press("F8")
    app.wait_for("May this tool run?")
    time.sleep(1)
    app.press("d")
    app.wait_for("denied")


@pytest.fixture
def shell(environment: dict[str, str]) -> Iterator[Terminal]:
    """An interactive shell, which has job control."""
    if not shutil.which("tmux"):
        pytest.fail("tmux is missing; `make test` installs it on Debian and Ubuntu")
    window = Terminal(["bash", "--norc", "--noprofile", "-i"], {**environment, "PS1": "% "}, 120, 36)
    yield window
    window.close()


@pytest.mark.slow
def test_ctrl_z_goes_back_to_the_shell_and_fg_comes_back(
    shell: Terminal, command: Path, tmp_path: Path
) -> None:
    shell.wait_for("%")
    shell.type(f"{command} --demo --lang en --drafts-root {tmp_path / 'drafts'}\n".rstrip())
    shell.press("Enter")
    shell.wait_for("ready")
    shell.type("unsent words")
    shell.wait_for("unsent words")
    shell.press("C-z")
    shell.wait_for("Stopped")
    shell.type("echo the shell is here")
    shell.press("Enter")
    shell.wait_for("\nthe shell is here")
    shell.type("fg")
    shell.press("Enter")
    shell.wait_for("unsent words", "ready", "Tool calls")
    shell.assert_whole()
    shell.type(" and more")
    shell.wait_for("unsent words and more")
    shell.press("C-q")
    shell.wait_for("the shell is here")


@pytest.mark.slow
def test_ctrl_z_without_a_shell_does_not_stop_the_app(terminal: Callable[..., Any], tmp_path: Path) -> None:
    app = terminal("--demo", "--lang", "en", "--drafts-root", tmp_path / "drafts")
    app.wait_for("ready")
    app.press("C-z")
    app.wait_for("no shell to go back to")
    app.type("still here")
    app.wait_for("still here")


@pytest.mark.slow
def test_a_second_app_on_the_same_data_says_so(terminal: Callable[..., Any], tmp_path: Path) -> None:
    first = terminal("--demo", "--lang", "en", "--drafts-root", tmp_path / "drafts")
    first.wait_for("ready")
    first.type("tell me a joke")
    first.press("Enter")
    first.wait_for("kept overlapping")
    second = terminal("--demo", "--lang", "en", "--drafts-root", tmp_path / "drafts")
    second.wait_for("Another c2jy-tui is open", "a new one", "ready")
    assert "kept overlapping" not in second.screen()
