"""Every issue of this room has words in both languages."""

from __future__ import annotations

import re
from pathlib import Path
from string import Formatter

import pytest
from babel.messages.pofile import read_po

import c2jy_bridge
from c2jy_bridge.drafts.spec import reading

_OWN_WORDS = ("materials", "importers", "unfinished")
"""Rooms with a catalogue of their own."""
ROOM = Path(c2jy_bridge.__file__).parent
_CALL = re.compile(r"""(?:\bissue|\.add|\.once)\(\s*(?:[^"()]*\([^()]*\),\s*)?f?"([a-z_]+)["{]""")
_SAY = re.compile(r'say\("([a-z_.]+)"')


def _words(language: str) -> dict[str, str]:
    with (ROOM / "locale" / language / "LC_MESSAGES" / "drafts.po").open("rb") as file:
        return {str(m.id): str(m.string) for m in read_po(file) if m.id}


def _sources() -> str:
    drafts = ROOM / "drafts"
    files = [p for p in drafts.rglob("*.py") if p.relative_to(drafts).parts[0] not in _OWN_WORDS]
    return "\n".join(path.read_text(encoding="utf-8") for path in files)


def test_both_languages_have_the_same_words_with_the_same_fields() -> None:
    english, chinese = _words("en"), _words("zh")
    assert english.keys() == chinese.keys()
    for key in english:
        fields = [
            {name for _, name, _, _ in Formatter().parse(text[key]) if name} for text in (english, chinese)
        ]
        assert fields[0] == fields[1], key


@pytest.mark.parametrize("language", ["en", "zh"])
def test_every_issue_has_words(language: str) -> None:
    words, code = _words(language), _sources()
    used = set(_CALL.findall(code)) | reading._OURS | set(reading._BY_TYPE.values())
    assert len(used) > 90
    assert {
        name for name in used if not any(k == f"issue.{name}" or k.startswith(f"issue.{name}") for k in words)
    } == set()
    assert set(_SAY.findall(code)) <= words.keys()


def test_no_words_are_left_over() -> None:
    code = _sources()
    prefixed = ("name_",)  # made of `name_` and the tail that `naming.fault` gives
    keys = {key.split(".", 1)[1] for key in _words("en") if key.startswith(("issue.", "fix."))}
    assert {key for key in keys if f'"{key}"' not in code and not key.startswith(prefixed)} == set()


@pytest.mark.parametrize("language", ["en", "zh"])
def test_everything_that_does_not_fit_into_a_timeline_has_words_and_no_words_are_left_over(
    language: str,
) -> None:
    folder = ROOM / "drafts" / "interchange"
    code = "\n".join(path.read_text(encoding="utf-8") for path in folder.glob("*.py"))
    keys = _words(language).keys()
    noted = set(re.findall(r'(?:\.note|_lose|_replace)\((?:otio, track, index, )?"([a-z_]+)"', code))
    noted |= set(re.findall(r'yield "([a-z_]+)"', code))
    assert {key for key in noted if not {f"exchange.{key}", f"preview.{key}"} & keys} == set()
    own = {key.removeprefix("exchange.") for key in keys if key.startswith("exchange.")}
    assert {key for key in own if f'"{key}"' not in code and f'"exchange.{key}"' not in code} == set()
