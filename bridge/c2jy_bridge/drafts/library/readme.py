"""README.txt beside a packed draft: what to do with it, in Chinese and English."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from c2jy_bridge.core.i18n import Language, catalogue
from c2jy_bridge.drafts.library.draft_roots import USUAL

_LANGUAGES: Final[tuple[Language, ...]] = ("zh", "en")


def readme(drafts: Sequence[str], root: str) -> bytes:
    """The file's bytes: UTF-8 with its mark and Windows line ends, so that every editor shows it.

    Args:
        drafts: Names of the draft folders in the zip.
        root: The drafts folder that they are spelled for; empty when it is not known.
    """
    lines: list[str] = []
    for language in _LANGUAGES:
        say = catalogue("drafts", fixed=language)
        lines.append(say("readme.title", names=", ".join(drafts)))
        lines.append("")
        lines.append(say("readme.close"))
        lines.append(say("readme.unpack") if root else say("readme.unpack_somewhere"))
        lines += [f"     {root}"] if root else [f"     {usual.name}: {usual.path}" for usual in USUAL]
        lines += [f"       {name}" for name in drafts]
        lines.append(say("readme.open"))
        lines.append("")
        lines.append(say("readme.elsewhere") if root else say("readme.unknown"))
        lines.append("     c2jy-tui draft relocate --all --drafts-root DIR --to DIR")
        lines += ["", ""]
    return "\ufeff".encode() + "\r\n".join(lines).encode()
