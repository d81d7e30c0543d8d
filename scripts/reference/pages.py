"""All reference pages of one language, and the Markdown that they share."""

from __future__ import annotations

import json
import tomllib
from collections.abc import Callable, Iterable, Sequence
from functools import cache
from pathlib import Path
from typing import Any, Final

from babel.messages.pofile import read_po

from c2jy_bridge.core import i18n

_HERE: Final = Path(__file__).parent


def reference_pages(language: i18n.Language) -> dict[str, str]:
    """The pages by file name."""
    from reference import from_code, from_models, from_program, from_words

    before = i18n.language()
    i18n.use(language)
    try:
        return {
            "commands.md": from_code.commands(language),
            "keys.md": from_code.keys(language),
            "settings.md": from_models.settings(language),
            "spec.md": from_models.spec(language),
            "events.md": from_models.events(language),
            "messages.md": from_words.messages(language),
            "tools.md": from_program.tools(language),
            "http.md": from_program.http(language),
        }
    finally:
        i18n.use(before)


@cache
def _words() -> dict[str, dict[str, str]]:
    return tomllib.loads((_HERE / "words.toml").read_text(encoding="utf-8"))


def words(language: i18n.Language) -> Callable[[str], str]:
    """Looks up the pages' own words: titles, columns, introductions."""
    return _words()[language].__getitem__


@cache
def _chinese() -> dict[str, str]:
    with (_HERE / "descriptions.zh.po").open("rb") as file:
        return {str(message.id): str(message.string) for message in read_po(file) if message.id}


def described(text: str, language: i18n.Language) -> str:
    """A description from the code, in Chinese where descriptions.zh.po has its translation."""
    flat = " ".join(text.split())
    return _chinese().get(flat, flat) if language == "zh" else flat


def table(columns: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A Markdown table; cells are Markdown of one line."""
    lines = ["| " + " | ".join(columns) + " |", "|" + "---|" * len(columns)]
    lines += ["| " + " | ".join(cell(text) for text in row) + " |" for row in rows]
    return "\n".join(lines) + "\n"


def cell(text: str) -> str:
    """Text for a table's cell."""
    return text.replace("\n", " ").replace("|", "\\|")


def plain(text: str) -> str:
    """Text in which Markdown and HTML find nothing to interpret but code spans."""
    if "`" in text and text.count("`") % 2 == 0:
        parts = text.split("`")
        return "".join(plain(part) if index % 2 == 0 else code(part) for index, part in enumerate(parts))
    for mark in "\\`*_[]#":
        text = text.replace(mark, "\\" + mark)
    return text.replace("<", "&lt;").replace("{", "&#123;")


def code(text: object) -> str:
    """Text as a code span."""
    shown = str(text).replace("\n", " ")
    fence = "``" if "`" in shown else "`"
    return f"{fence}{shown}{fence}" if shown else ""


def value(given: Any) -> str:
    """A JSON value as a code span; nothing for none."""
    return "" if given is None else code(json.dumps(given, ensure_ascii=False))
