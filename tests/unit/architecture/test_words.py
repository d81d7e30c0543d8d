"""Every word of the screen is there in both languages, and none is there for nothing."""

from __future__ import annotations

import ast
import re
import string
from collections.abc import Iterator
from pathlib import Path

import pytest
from babel.messages.pofile import read_po

ROOT = Path(__file__).resolve().parents[3]
LOCALES = [ROOT / "bridge/c2jy_bridge/locale", ROOT / "tui/c2jy_tui/locale"]
DOMAINS = [
    pytest.param(locale, po.stem, id=f"{locale.parent.name}-{po.stem}")
    for locale in LOCALES
    for po in sorted(locale.glob("en/LC_MESSAGES/*.po"))
]


def texts(locale: Path, language: str, domain: str) -> dict[str, str]:
    with (locale / language / "LC_MESSAGES" / f"{domain}.po").open("rb") as file:
        return {str(m.id): str(m.string) for m in read_po(file) if m.id}


def fields(text: str) -> set[str]:
    return {name for _, name, _, _ in string.Formatter().parse(text) if name}


@pytest.mark.parametrize(("locale", "domain"), DOMAINS)
def test_both_languages_say_the_same_things(locale: Path, domain: str) -> None:
    english, chinese = texts(locale, "en", domain), texts(locale, "zh", domain)
    assert english.keys() == chinese.keys()
    for key, text in english.items():
        assert text, key
        assert chinese[key], key
        assert fields(text) == fields(chinese[key]), key


@pytest.mark.parametrize(("locale", "domain"), DOMAINS)
def test_a_space_stands_between_chinese_and_latin_letters(locale: Path, domain: str) -> None:
    side_by_side = re.compile("[\u3400-\u9fff][A-Za-z0-9]|[A-Za-z0-9][\u3400-\u9fff]")
    for key, text in texts(locale, "zh", domain).items():
        # Markdown's marks are not seen.
        assert not side_by_side.search(re.sub("[*`]", "", text)), key


def literals() -> Iterator[str]:
    for folder in ("bridge/c2jy_bridge", "tui/c2jy_tui"):
        for path in (ROOT / folder).rglob("*.py"):
            for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
                if isinstance(node, ast.Constant) and isinstance(node.value, str):
                    yield node.value


@pytest.mark.parametrize(("locale", "domain"), DOMAINS)
def test_no_text_is_kept_that_nothing_says(locale: Path, domain: str) -> None:
    said = list(literals())
    whole = {text.rpartition(":")[2] for text in said}
    # A key may be put together: `f"outcome.{event.outcome}"` leaves its fixed beginning as a literal.
    beginnings = tuple(text for text in whole if re.fullmatch(r"[a-z0-9_.]+[._]", text))
    endings = tuple(text for text in whole if re.fullmatch(r"\.[a-z0-9_.]+", text))
    unused = [
        key
        for key in texts(locale, "en", domain)
        if key not in whole
        and not key.startswith(beginnings)
        and not (endings and key.endswith(endings) and key[: key.rindex(".")] in whole)
    ]
    assert unused == []
