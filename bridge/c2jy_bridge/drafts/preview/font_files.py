"""Finds fonts on this machine: the one that a text names, else one that has its characters."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path, PureWindowsPath
from typing import Final

from PIL import ImageFont

Font = ImageFont.FreeTypeFont

_SUFFIXES: Final = (".ttf", ".otf", ".ttc")
_MOST_FILES: Final = 20_000
_CJK: Final = (
    "sourcehansans", "notosanscjk", "notosanssc", "notosanshans", "pingfang", "msyh", "microsoftyahei",
    "hiraginosansgb", "wqy-microhei", "wqy-zenhei", "simhei", "deng", "stheiti", "heiti",
    "droidsansfallback", "unifont", "arialunicode",
)  # fmt: skip
"""Beginnings of the file names of fonts with Chinese characters, the likest to the app's own first."""
_LATIN: Final = ("arial", "helvetica", "dejavusans", "liberationsans", "notosans", "segoeui")
_PROBE: Final = "\ue123"
"""A character of the private use area: what a font draws for it is what it draws for all that it lacks."""


class Fonts:
    """The fonts that a preview may draw with.

    Args:
        named: The font that the user chose; it is preferred where a text's own is not here.
        folders: Where to look; None: the system's places.
    """

    def __init__(self, named: Path | None = None, folders: tuple[Path, ...] | None = None) -> None:
        self._named = named
        self._folders = _system_folders() if folders is None else folders
        self._files: dict[str, Path] | None = None

    def choose(self, path: str, text: str, *, bold: bool, italic: bool) -> tuple[str, bool]:
        """The file of a font for a text, empty for Pillow's own; and whether the text names it.

        Args:
            path: The font's path in the draft, of any machine; empty when it names none.
            text: Must be in the font, if any font has it.
            bold: Prefer a bold face.
            italic: Prefer an italic face.
        """
        wanted = PureWindowsPath(path).name.lower()
        named = self._listed().get(wanted) if wanted.endswith(_SUFFIXES) else None
        if named and has_characters(str(named), text):
            return str(named), True
        candidates = [str(self._named)] if self._named else []
        candidates += self._faces(_LATIN, bold, italic) if text.isascii() else []
        candidates += [*self._faces(_CJK, bold, italic), *self._faces(_LATIN, bold, italic), ""]
        best, most = "", -1
        for candidate in candidates:
            if (count := _count(candidate, text)) == len(set(text)):
                return candidate, False
            if count > most:
                best, most = candidate, count
        return best, False

    def _faces(self, families: tuple[str, ...], bold: bool, italic: bool) -> list[str]:
        found: list[str] = []
        for family in families:
            mine = [name for name in self._listed() if name.startswith(family)]
            mine.sort(key=lambda name: (_is_bold(name) != bold, _is_italic(name) != italic, len(name), name))
            found += [str(self._listed()[name]) for name in mine[:3]]
        return found

    def _listed(self) -> dict[str, Path]:
        if self._files is None:
            self._files = {}
            for file in self._walk():
                self._files.setdefault(file.name.lower(), file)
        return self._files

    def _walk(self) -> Iterator[Path]:
        seen = 0
        for folder in self._folders:
            for place, _, names in os.walk(folder):
                for name in sorted(names):
                    seen += 1
                    if seen > _MOST_FILES:
                        return
                    if name.lower().endswith(_SUFFIXES):
                        yield Path(place, name)


def _is_bold(name: str) -> bool:
    return "bold" in name or name.startswith("msyhbd")


def _is_italic(name: str) -> bool:
    return "italic" in name or "oblique" in name


@lru_cache(maxsize=256)
def load_font(path: str, pixels: int) -> Font:
    """A font at a size; for an empty path Pillow's own, which has Latin letters only."""
    if path:
        return ImageFont.truetype(path, pixels)
    built_in = ImageFont.load_default(pixels)
    assert isinstance(built_in, Font), "Pillow's wheels have FreeType"
    return built_in


@lru_cache(maxsize=2048)
def _has_character(path: str, character: str) -> bool:
    font = load_font(path, 24)
    lacking = font.getmask(_PROBE)
    found = font.getmask(character)
    return (found.size, bytes(found)) != (lacking.size, bytes(lacking))


def has_characters(path: str, text: str) -> bool:
    """Whether a font file can be read and has all characters of a text that leave a mark."""
    marking = {c for c in text if c.isprintable() and not c.isspace()}
    try:
        return all(_has_character(path, character) for character in marking)
    except OSError:
        return False


def _count(path: str, text: str) -> int:
    """How many different characters of a text a font has; none of one that cannot be read."""
    return sum(has_characters(path, character) for character in set(text))


def _system_folders() -> tuple[Path, ...]:
    home = Path.home()
    if sys.platform == "win32":
        local = Path(os.environ.get("LOCALAPPDATA", home / "AppData/Local"))
        return (local / "Microsoft/Windows/Fonts", Path(os.environ.get("WINDIR", "C:/Windows"), "Fonts"))
    if sys.platform == "darwin":
        return (home / "Library/Fonts", Path("/Library/Fonts"), Path("/System/Library/Fonts"))
    # Of Windows' fonts as well, where Linux runs in it (WSL).
    return (
        home / ".fonts",
        home / ".local/share/fonts",
        Path("/usr/local/share/fonts"),
        Path("/usr/share/fonts"),
        Path("/mnt/c/Windows/Fonts"),
    )
