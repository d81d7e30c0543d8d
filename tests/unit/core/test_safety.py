"""No string from outside can give the terminal an order."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from c2jy_bridge.core import i18n
from c2jy_bridge.core.disk_space import os_reason
from c2jy_bridge.core.safety import one_line, visible

OBEYED = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]")


@given(st.text())
def test_nothing_that_a_terminal_obeys_is_left(text: str) -> None:
    assert not OBEYED.search(visible(text))
    assert not re.search("[\n\t]", one_line(text))


@given(st.text(alphabet=st.characters(exclude_categories=("Cc", "Cf", "Cs", "Zl", "Zp"))))
def test_ordinary_text_is_left_as_it_is(text: str) -> None:
    assert visible(text) == text


@pytest.mark.parametrize(
    ("hostile", "shown"),
    [
        ("\x1b]0;owned\x07title", "]0;ownedtitle"),
        ("\x1b[2Jgone", "[2Jgone"),
        ("\x9b31mred", "31mred"),
        ("exe\u202egpj", "exe<U+202E>gpj"),
        ("a\r\nb\rc", "a\nb\nc"),
        ("a\u2028b\x85c", "a\nb\nc"),
        ("half \ud83d", "half \ufffd"),
    ],
)
def test_known_tricks_are_shown_and_not_obeyed(hostile: str, shown: str) -> None:
    assert visible(hostile) == shown


@given(st.text())
def test_filtering_twice_changes_nothing_more(text: str) -> None:
    assert visible(visible(text)) == visible(text)


def test_why_the_system_refused_is_told_in_the_language_of_the_user(tmp_path: Path) -> None:
    with pytest.raises(OSError, match="missing") as refused:
        (tmp_path / "missing").read_bytes()
    assert os_reason(refused.value) == "No such file or directory"
    i18n.use("zh")
    assert os_reason(refused.value) == "没有这个文件或文件夹"
    assert os_reason(OSError(refused.value.errno, "words of its own")) == "words of its own"
    assert os_reason(ValueError()) == "ValueError"
