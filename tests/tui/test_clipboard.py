"""Copying: the way that reaches the user's clipboard, wherever the terminal runs."""

from __future__ import annotations

import asyncio
import stat
from pathlib import Path
from typing import Any

import pytest

from c2jy_tui import desktop


@pytest.fixture
def programs(tmp_path: Path) -> Any:
    """Makes a folder with programs that write their arguments and stdin to a file."""

    def make(*names: str, status: int = 0) -> dict[str, str]:
        folder = tmp_path / "bin"
        folder.mkdir(exist_ok=True)
        for name in names:
            program = folder / name
            program.write_text(
                f'#!/bin/sh\necho "$0 $@" > {tmp_path}/called\ncat > {tmp_path}/stdin\nexit {status}\n'
            )
            program.chmod(program.stat().st_mode | stat.S_IXUSR)
        return {"PATH": f"{folder}:/usr/bin:/bin"}

    return make


def test_over_ssh_no_local_tool_is_used(programs: Any) -> None:
    here = programs("xclip", "wl-copy") | {"DISPLAY": ":0", "WAYLAND_DISPLAY": "w", "SSH_CONNECTION": "a b"}
    assert desktop.clipboard_command(here, "linux") == ()


def test_tmux_is_asked_to_copy_because_it_hides_osc_52(programs: Any) -> None:
    here = programs("tmux") | {"TMUX": "/tmp/x", "SSH_CONNECTION": "a b"}
    assert desktop.clipboard_command(here, "linux")[0] == "tmux"


def test_a_tool_without_its_display_is_not_used(programs: Any) -> None:
    assert desktop.clipboard_command(programs("xclip", "wl-copy"), "linux") == ()


def test_wayland_comes_before_x(programs: Any) -> None:
    here = programs("xclip", "wl-copy") | {"DISPLAY": ":0", "WAYLAND_DISPLAY": "w"}
    assert desktop.clipboard_command(here, "linux") == ("wl-copy",)


async def test_a_local_tool_gets_the_text_and_the_terminal_is_left_alone(
    programs: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    here = programs("xclip") | {"DISPLAY": ":0"}
    monkeypatch.setenv("PATH", here["PATH"])
    sent: list[str] = []
    assert await desktop.copy_text("剪映", sent.append, here, "linux")
    assert (tmp_path / "stdin").read_text() == "剪映"
    assert sent == []


async def test_a_tool_that_fails_leaves_it_to_the_terminal(
    programs: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    here = programs("xclip", status=1) | {"DISPLAY": ":0"}
    monkeypatch.setenv("PATH", here["PATH"])
    sent: list[str] = []
    assert await desktop.copy_text("x", sent.append, here, "linux")
    assert sent == ["x"]


async def test_a_text_too_long_for_the_terminal_is_not_cut_in_silence() -> None:
    sent: list[str] = []
    assert not await desktop.copy_text("x" * (desktop.OSC52_MOST + 1), sent.append, {"SSH_TTY": "t"}, "linux")
    assert sent == []


def test_the_file_of_the_last_resort_is_only_its_owners(tmp_path: Path) -> None:
    path = desktop.write_copied_text("secret", tmp_path, 1_760_000_000.0)
    assert path.read_text() == "secret"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


async def test_what_no_clipboard_takes_goes_to_a_file_that_is_named(
    stage: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def nowhere(*_: Any) -> bool:
        return False

    monkeypatch.setattr(desktop, "copy_text", nowhere)
    async with stage(folder=tmp_path) as on:
        on.app.copy_to_clipboard("the answer")
        await on.app.workers.wait_for_complete([w for w in on.app.workers if w.group == "copy"])
        await on.settle()
        message = [n.message for n in on.app._notifications][-1]
    (path,) = await asyncio.to_thread(lambda: list(tmp_path.glob("c2jy-copy-*.txt")))
    assert path.read_text() == "the answer"
    assert str(path) in message


async def test_the_user_is_told_that_it_was_copied(stage: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    async def taken(*_: Any) -> bool:
        return True

    monkeypatch.setattr(desktop, "copy_text", taken)
    async with stage() as on:
        on.app.copy_to_clipboard("12345")
        await on.app.workers.wait_for_complete([w for w in on.app.workers if w.group == "copy"])
        assert [n.message for n in on.app._notifications] == ["Copied 5 characters"]
