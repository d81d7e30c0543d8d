"""Error messages with what to do about them, from the catalogues."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from babel.messages.pofile import read_po

import c2jy_bridge
import c2jy_tui
from c2jy_bridge.core.i18n import Language
from reference.pages import code, plain, table, words

_WITH_ADVICE: Final = {
    "error": "hint",
    "problem": "hint",
    "http": "http_hint",
    "issue": "fix",
    "failure": "fix",
    "note": "note_fix",
}
"""Prefix of a message's key, and that of the key that says what to do."""
_ALONE: Final = {
    "coze": (),
    "drafts": (),
    "importers": (),
    "materials": (),
    "unfinished": (),
    "settings": (),
    "plugin": ("arguments", "argument", "limit", "tool", "user_tool", "denied", "failed"),
    "relay": ("refused", "letter", "denied"),
    "engine": ("journal", "path", "needed", "doctor"),
    "tools": ("path", "folders", "file", "files", "screen"),
    "cli": ("usage",),
}
"""The catalogues with messages, and the prefixes of those that have what to do in the message itself."""
_LOCALES: Final = [Path(package.__file__ or "").parent / "locale" for package in (c2jy_bridge, c2jy_tui)]


def messages(language: Language) -> str:
    """Every message by catalogue; `…` stands for what a message names."""
    say = words(language)
    parts = [f"# {say('messages')}\n\n{say('messages.about')}\n"]
    columns = (say("message"), say("todo"), say("code"))
    for domain, texts in catalogues(language):
        if domain in _ALONE:
            parts.append(f"## {say(f'messages.{domain}')}\n\n{table(columns, sorted(_rows(domain, texts)))}")
    return "\n".join(parts)


def catalogues(language: Language) -> Iterator[tuple[str, dict[str, str]]]:
    """Each catalogue's name and its texts by key."""
    for locale in _LOCALES:
        for path in sorted((locale / language / "LC_MESSAGES").glob("*.po")):
            with path.open("rb") as file:
                yield path.stem, {str(m.id): str(m.string) for m in read_po(file) if m.id}


def _rows(domain: str, texts: dict[str, str]) -> Iterator[tuple[str, str, str]]:
    alone = _ALONE[domain]
    for key, text in texts.items():
        prefix, _, name = key.partition(".")
        if prefix in _WITH_ADVICE:
            yield _shown(text), _shown(texts.get(f"{_WITH_ADVICE[prefix]}.{name}", "")), code(name)
        elif prefix in alone or (domain == "settings" and prefix != "file"):
            yield _shown(text), "", code(key)


def _shown(text: str) -> str:
    return plain(re.sub(r"\{\w+[^{}]*\}", "…", text))
