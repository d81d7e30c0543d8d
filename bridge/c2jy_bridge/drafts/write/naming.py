"""Names and folders of drafts: what may become a folder on every system, and what is refused."""

from __future__ import annotations

import os
import re
import unicodedata
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from c2jy_bridge.drafts.errors import DraftError, issue
from c2jy_bridge.drafts.write.manifest import DOCUMENT

LONGEST: Final = 80
"""Characters. JianYing's own drafts folder takes about 105 of the 260 that a Windows path may have."""
_LONGEST_BYTES: Final = 240
"""Of 255 that a Linux or macOS name may have; the rest is for ` (12)` and our staging suffix."""
_ILLEGAL: Final = re.compile(r'[<>:"/\\|?*\x00-\x1f\x7f-\x9f\u2028\u2029]')
_BIDI: Final = re.compile("[\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]")
_RESERVED: Final = re.compile(
    r"(con|prn|aux|nul|com[0-9¹²³]|lpt[0-9¹²³]|conin\$|conout\$)(\..*)?", re.IGNORECASE
)
_APPS_OWN: Final = re.compile(r"root_meta_info\..*", re.IGNORECASE)
"""The app's list of drafts and our copy of it: a draft of that name would stand in its way."""
_UNSEEN: Final = frozenset({"Zs", "Cf", "Mn"})
"""Unicode's categories of what leaves no mark: a name of nothing else looks like none at all."""
_UUID: Final = re.compile(r"\{?[0-9a-f]{8}-?([0-9a-f]{4}-?){3}[0-9a-f]{12}\}?", re.IGNORECASE)


def fault(name: str) -> str:
    """Why a name cannot be a folder's, as the tail of an issue code; empty when it can."""
    if all(unicodedata.category(character) in _UNSEEN for character in name):
        return "empty"
    if name.startswith("."):
        return "dot"
    if _ILLEGAL.search(name) or _BIDI.search(name):
        return "character"
    if name != name.strip() or name.endswith("."):
        return "edge"
    if _RESERVED.fullmatch(name):
        return "reserved"
    if _APPS_OWN.fullmatch(name):
        return "apps_own"
    try:
        encoded = name.encode("utf-8")
    except UnicodeEncodeError:  # half of a surrogate pair
        return "character"
    if len(name) > LONGEST or len(encoded) > _LONGEST_BYTES:
        return "long"
    return ""


def suggestion(name: str) -> str:
    """A name that can be used and is as near as possible to one that cannot."""
    name = name.encode("utf-8", "ignore").decode()
    name = _BIDI.sub("", _ILLEGAL.sub(" ", unicodedata.normalize("NFC", name)))
    name = " ".join(name.split()).lstrip(".")
    name = name.encode()[:_LONGEST_BYTES].decode("utf-8", "ignore")[:LONGEST].rstrip(". ").strip()
    if fault(name) in ("reserved", "apps_own"):
        return f"_{name[: LONGEST - 1]}"
    return "draft" if fault(name) else name


def checked(name: str, path: str = "name") -> str:
    """The name in Unicode's composed form.

    Raises:
        DraftError: It cannot be a folder's name. It is refused rather than repaired, so that two different
            names never become one; the issue suggests one that can be used.
    """
    name = unicodedata.normalize("NFC", name)
    if why := fault(name):
        raise DraftError([issue(f"name_{why}", path, name=name[:100], better=suggestion(name), most=LONGEST)])
    return name


def is_bare_uuid(name: str) -> bool:
    """JianYing renames such folders while it runs (Coze2JianYing issues 83 and 85)."""
    return _UUID.fullmatch(name) is not None


def numbered(name: str, number: int) -> str:
    """`name`, `name (2)`, `name (3)` ..., never longer than a name may be."""
    if number == 1:
        return name
    tail = f" ({number})"
    head = name[: LONGEST - len(tail)].encode()[: _LONGEST_BYTES - len(tail)].decode("utf-8", "ignore")
    return head.rstrip() + tail


_OF_A_DRAFT: Final = ("draft_content.json", "draft_info.json", "draft_meta_info.json", DOCUMENT)


def output_folder(wish: str | None, root: Path, declared: Sequence[Path]) -> Path:
    """The drafts folder, a plain folder in it, or one below it or below a declared folder.

    Args:
        wish: As the model wrote it; None or blank for the drafts folder itself.
        root: The drafts folder.
        declared: Further folders that the settings allow.

    Raises:
        DraftError: It leads elsewhere, also by a link, stands inside a draft, or would make a folder of a
            name that no draft may have either.
    """
    if wish is None or not wish.strip():
        return root
    try:
        if os.path.isabs(wish):
            top, below = _below(Path(wish), (root, *declared), wish)
        else:
            top, below = _below(root / checked(wish.strip(), "output_folder"), (root,), wish)
    except (OSError, ValueError) as error:  # a null character, half a character, a loop of links
        if isinstance(error, DraftError):
            raise
        raise _refusal("output_outside", wish) from None
    here = top
    for part in below.parts:
        here /= part
        if not os.path.lexists(here):
            checked(part, "output_folder")
        elif any(os.path.lexists(here / name) for name in _OF_A_DRAFT):
            raise _refusal("output_in_draft", wish)
    return here


def _below(folder: Path, tops: Sequence[Path], wish: str) -> tuple[Path, Path]:
    real = os.path.realpath(folder)
    for top in tops:
        if Path(real).is_relative_to(os.path.realpath(top)):
            return top, Path(real).relative_to(os.path.realpath(top))
    raise _refusal("output_outside", wish)


def _refusal(code: str, wish: str) -> DraftError:
    return DraftError([issue(code, "output_folder", folder=wish[:200])])
