"""Texts in Chinese and English: gettext catalogues, one domain per package, keys as message ids; byte sizes.

    say = catalogue("drafts")
    say("issue.media_missing", path=path)

`use("zh")` switches the language of every catalogue in the process.
"""

from __future__ import annotations

import gettext
import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final, Literal

Language = Literal["zh", "en"]
Say = Callable[..., str]

_HERE: Final = Path(__file__).parents[1] / "locale"
_current: Language = "en"
_loaded: dict[tuple[str, Path, Language], gettext.NullTranslations] = {}


def detect(environment: Mapping[str, str] = os.environ) -> Language:
    """The locale's language: Chinese for zh_*, else English (POSIX order of variables)."""
    for name in ("LC_ALL", "LC_MESSAGES", "LANG", "LANGUAGE"):
        if value := environment.get(name):
            return "zh" if value.lower().startswith("zh") else "en"
    return "en"


def use(language: Language) -> None:
    """Switch every catalogue to `language`."""
    global _current
    _current = language


def language() -> Language:
    """The language in use."""
    return _current


def catalogue(domain: str, folder: Path = _HERE, fixed: Language | None = None) -> Say:
    """The texts of one package.

    Args:
        domain: The catalogue's name, `<folder>/<language>/LC_MESSAGES/<domain>.mo`.
        folder: The catalogues' folder; the engine's by default.
        fixed: Always this language; None follows `use`.

    Returns:
        `say(key, **values)`: the text of `key` with its `{name}` fields filled in; a missing text is its key.
    """

    def say(key: str, /, **values: object) -> str:
        language = fixed or _current
        loaded = (domain, folder, language)
        if loaded not in _loaded:
            _loaded[loaded] = gettext.translation(domain, str(folder), [language], fallback=True)
        text = _loaded[loaded].gettext(key)
        return text.format_map(values) if values else text

    return say


_UNITS: Final = ("B", "kB", "MB", "GB", "TB")


def byte_size(count: float) -> str:
    """A number of bytes: `812 B`, `4.2 MB`."""
    power = _power(count)
    return f"{_scaled(count, power)} {_UNITS[power]}"


def byte_progress(done: int, total: int) -> str:
    """Bytes done and in total, in the total's unit: `1.2/3.4 MB`."""
    power = _power(total)
    return f"{_scaled(done, power)}/{_scaled(total, power)} {_UNITS[power]}"


def _power(count: float) -> int:
    fitting = (power for power in range(len(_UNITS)) if count / 1000**power < 999.5)
    return next(fitting, len(_UNITS) - 1)


def _scaled(count: float, power: int) -> str:
    value = max(0, count) / 1000**power
    return f"{value:.0f}" if not power or value >= 99.95 else f"{value:.1f}"
