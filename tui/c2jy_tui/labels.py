"""Looks up the texts of the screen in the language in use."""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path
from typing import Final

from c2jy_bridge.core.bridge_requests import SOURCES
from c2jy_bridge.core.i18n import Say, catalogue
from c2jy_bridge.core.safety import one_line

LOCALE: Final = Path(__file__).parent / "locale"
"""Directory of the catalogues: `<language>/LC_MESSAGES/<domain>.po`."""

say: Final = catalogue("tui", LOCALE)

_LABEL: Final = re.compile(r"([a-z_]+):([a-z0-9_.]+)")


@cache
def _words(domain: str) -> Say:
    return catalogue(domain, LOCALE)


def label(text: str) -> str:
    """The words for `domain:key` in the language in use; any other text comes back as it is.

    Bindings and help are written in classes, before a language is chosen, and so name their words
    instead of holding them.
    """
    found = _LABEL.fullmatch(text)
    return _words(found[1])(found[2]) if found else text


def source_label(name: str) -> str:
    """The label of an intake, or of another source of bridge requests."""
    return say(f"intake.{name}") if name in SOURCES else one_line(name)
