"""`c2jy-tui chat` without a text, on a pseudo-terminal: lines and nothing else."""

from __future__ import annotations

import os
import pty
import select
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

PATIENCE_S = 30


class Lines:
    """A command on a pseudo-terminal, of whose output each part is read once."""

    def __init__(self, arguments: list[Any], environment: dict[str, str]) -> None:
        self.master, slave = pty.openpty()
        self.process = subprocess.Popen(
            arguments, env=environment, stdin=slave, stdout=slave, stderr=slave, start_new_session=True
        )
        os.close(slave)
        self.output = ""
        self._read = 0

    def expect(self, text: str) -> None:
        """Return once `text` was written after what was expected before."""
        end = time.monotonic() + PATIENCE_S
        while (at := self.output.find(text, self._read)) < 0:
            assert time.monotonic() < end, (text, self.output[self._read :])
            if select.select([self.master], [], [], 0.1)[0]:
                try:
                    self.output += os.read(self.master, 65_536).decode(errors="replace")
                except OSError:
                    pytest.fail(f"it ended before {text!r}: {self.output[-1000:]}")
        self._read = at + len(text)

    def type(self, text: str) -> None:
        os.write(self.master, text.encode())

    def close(self) -> None:
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()
        os.close(self.master)


@pytest.fixture(params=["xterm-256color", pytest.param("dumb", marks=pytest.mark.slow)])
def chat(
    request: pytest.FixtureRequest, environment: dict[str, str], command: Path, tmp_path: Path
) -> Iterator[Callable[..., Lines]]:
    opened: list[Lines] = []

    def start(*arguments: str) -> Lines:
        words = [command, *arguments, "--demo", "--lang", "en", "--drafts-root", tmp_path / "drafts"]
        opened.append(Lines(words, {**environment, "TERM": request.param}))
        return opened[-1]

    yield start
    for one in opened:
        one.close()


def test_a_conversation_has_answers_approvals_in_words_and_no_other_screen(
    chat: Callable[..., Lines],
) -> None:
    lines = chat("chat")
    lines.expect("You:")
    lines.type("tell me a joke\r")
    lines.expect("kept overlapping")
    lines.expect("You:")
    lines.type("read notes.txt\r")
    lines.expect("The Bot wants to run read_file")
    lines.expect("always:")
    lines.type("a\r")
    lines.expect("nothing was decided")
    lines.expect("always:")
    lines.type("no\r")
    lines.expect("read_file: denied")
    lines.expect("You:")
    lines.type("/nonsense\r")
    lines.expect("is not a command")
    lines.expect("You:")
    lines.type("/quit\r")
    assert lines.process.wait(PATIENCE_S) == 0
    assert "\x1b[?1049h" not in lines.output
    assert "\x1b[?1000h" not in lines.output


def test_always_says_how_far_it_goes_first(chat: Callable[..., Lines]) -> None:
    lines = chat("chat")
    lines.expect("You:")
    lines.type("read notes.txt\r")
    lines.expect("always:")
    lines.type("always\r")
    lines.expect("until this command ends")
    lines.expect("yes or no:")
    lines.type("no\r")
    lines.expect("always:")
    time.sleep(1)  # a plain terminal shows the question before its keys are read one by one
    lines.type("\x04")  # the end of the input denies
    lines.expect("denied")


def test_what_was_typed_before_the_question_is_no_answer_to_it(chat: Callable[..., Lines]) -> None:
    lines = chat("chat")
    lines.expect("You:")
    time.sleep(1)
    lines.type("read notes.txt\ryes\r")
    lines.expect("always:")
    time.sleep(1)
    lines.type("no\r")
    lines.expect("read_file: denied")


def test_ctrl_c_stops_an_answer_and_the_conversation_goes_on(chat: Callable[..., Lines]) -> None:
    lines = chat("chat")
    lines.expect("You:")
    time.sleep(1)
    lines.type("write something long\r")
    lines.expect("##")
    os.killpg(lines.process.pid, signal.SIGINT)  # as the terminal does for Ctrl+C
    lines.expect("cancelled")
    lines.expect("You:")
    time.sleep(1)
    lines.type("tell me a joke\r")
    lines.expect("kept overlapping")
    lines.expect("You:")
    time.sleep(1)
    lines.type("\x04")
    assert lines.process.wait(10) == 0


@pytest.mark.slow
def test_a_signal_ends_it_while_it_waits_for_a_line(chat: Callable[..., Lines]) -> None:
    lines = chat("chat")
    lines.expect("You:")
    lines.process.send_signal(signal.SIGTERM)
    assert lines.process.wait(10) == 128 + signal.SIGTERM


def test_a_terminal_that_can_only_write_lines_gets_them_instead_of_the_app(
    environment: dict[str, str], command: Path, tmp_path: Path
) -> None:
    words = [command, "--demo", "--lang", "en", "--drafts-root", tmp_path / "drafts"]
    lines = Lines(words, {**environment, "TERM": "dumb"})
    try:
        lines.expect("TERM=dumb")
        lines.expect("You:")
        lines.type("/quit\r")
        assert lines.process.wait(PATIENCE_S) == 0
    finally:
        lines.close()


def test_several_lines_are_one_question(environment: dict[str, str], command: Path, tmp_path: Path) -> None:
    words = [command, "chat", "--demo", "--lang", "en", "--drafts-root", tmp_path / "drafts"]
    lines = Lines(words, {**environment, "TERM": "xterm-256color"})
    try:
        lines.expect("You:")
        lines.type("tell me\x1b\ra joke\r")
        lines.expect("kept overlapping")
        lines.expect("You:")
        lines.type("/q\t")
        lines.expect("uit")  # what was lacking
        lines.type("\r")
        assert lines.process.wait(PATIENCE_S) == 0
    finally:
        lines.close()


def test_without_a_text_and_a_terminal_it_says_what_is_missing(c2jy: Callable[..., Any]) -> None:
    done = c2jy("chat", "--demo", "--lang", "en", stdin="")
    assert done.status == 2
    assert "No question" in done.err
