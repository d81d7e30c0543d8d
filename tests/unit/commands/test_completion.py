"""Completion scripts and the manual page know every command, because the parser makes them."""

from __future__ import annotations

import argparse
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from c2jy_tui import cli


def names(parser: argparse.ArgumentParser) -> Iterator[str]:
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            for name, child in action.choices.items():
                yield name
                yield from names(child)


def printed(capsys: pytest.CaptureFixture[str], *words: str) -> str:
    assert cli.main(["--lang", "en", *words]) == 0
    return capsys.readouterr().out


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish", "powershell"])
def test_a_script_has_every_command(shell: str, capsys: pytest.CaptureFixture[str]) -> None:
    script = printed(capsys, "completion", shell)
    assert [name for name in {*names(cli._parser())} if name not in script] == []


@pytest.mark.skipif(shutil.which("bash") is None, reason="no bash")
@pytest.mark.parametrize(
    ("typed", "offered"), [("dra", "draft"), ("draft relo", "relocate"), ("draft check --f", "--for")]
)
def test_bash_completes_a_word(
    typed: str, offered: str, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    script = tmp_path / "c2jy-tui.bash"
    script.write_text(printed(capsys, "completion", "bash"), encoding="utf-8")
    words = ["c2jy-tui", *typed.split()]
    # `complete -F name`: the function is called by its name, in the shell that has COMP_WORDS.
    asked = (
        f"source {script}; COMP_WORDS=({' '.join(words)}); COMP_CWORD={len(words) - 1}; "
        'f=$(complete -p c2jy-tui | grep -oE "_shtab[a-z0-9_]+"); $f; echo "${COMPREPLY[@]}"'
    )
    ran = subprocess.run(["bash", "-c", asked], capture_output=True, text=True, timeout=30, check=False)
    assert offered in ran.stdout.split(), ran.stderr


def test_the_manual_page_has_every_command_and_the_exit_statuses(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    page = printed(capsys, "man")
    assert [name for name in {*names(cli._parser())} if name.replace("-", "\\-") not in page] == []
    assert ".SH EXIT STATUS" in page
    if shutil.which("groff") is None:
        pytest.skip("no groff")
    file = tmp_path / "c2jy-tui.1"
    file.write_text(page, encoding="utf-8")
    made = subprocess.run(
        ["groff", "-man", "-Tutf8", "-Kutf8", "-ww", str(file)], capture_output=True, text=True, timeout=60
    )
    assert made.returncode == 0, made.stderr
    assert "draft relocate" in made.stdout
