"""The folders that the Bot may look into, and what in them is nobody's business."""

from __future__ import annotations

import errno
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path, PurePath
from typing import Final

from c2jy_bridge.core.i18n import catalogue
from c2jy_bridge.plugin import ToolError
from c2jy_bridge.tools.safe_open import Entry, list_folder, read_file

say: Final = catalogue("tools")

# Names that keys, passwords and tokens go by; compared without case. Dot files are refused anyway.
PRIVATE_NAMES: Final = (
    "*.env",
    "*.pem",
    "*.key",
    "*.p12",
    "*.pfx",
    "*.jks",
    "*.keystore",
    "*.kdbx",
    "*.ppk",
    "id_rsa*",
    "id_dsa*",
    "id_ecdsa*",
    "id_ed25519*",
    "credentials*",
    "secret.*",
    "secrets*",
    "token.*",
    "tokens*",
    "*password*",
)
_REASONS: Final = {
    errno.ENOENT: "path.missing",
    errno.ENOTDIR: "path.not_folder",
    errno.EISDIR: "path.not_file",
    errno.EINVAL: "path.not_file",
    errno.ELOOP: "path.link",
    errno.EFBIG: "path.too_large",
    errno.EACCES: "path.forbidden",
    errno.EPERM: "path.forbidden",
}


@dataclass(frozen=True, slots=True)
class Place:
    """A file or folder below a declared folder; `parts` are plain names, no `..`."""

    root: Path
    label: str
    """What the declared folder is called towards the Bot."""
    parts: tuple[str, ...] = ()

    @property
    def shown(self) -> str:
        """The path as the Bot may give it again."""
        return "/".join((self.label, *self.parts))

    def below(self, name: str) -> Place:
        """What is called `name` in it."""
        return Place(self.root, self.label, (*self.parts, name))


class DeclaredFolders:
    """Finds and reads what lies in the declared folders; nothing hidden, nothing secret, no links.

    Args:
        folders: Those of the setting tools.folders.
        config_file: Where that setting stands, to be told when there is none.
    """

    def __init__(self, folders: Sequence[Path], config_file: Path) -> None:
        self._config_file = config_file
        self._roots = list(dict.fromkeys(folder.expanduser().resolve() for folder in folders))

    def tops(self) -> list[Place]:
        """The declared folders themselves.

        Raises:
            ToolError: There is none.
        """
        if not self._roots:
            raise ToolError(say("folders.none", file=self._config_file))
        names = [root.name for root in self._roots]
        return [
            Place(root, root.name if root.name and names.count(root.name) == 1 else root.as_posix())
            for root in self._roots
        ]

    def find(self, text: str) -> Place:
        """Read a path: absolute, or beginning with a declared folder's name, or below the only one.

        Raises:
            ToolError: It leads out of the declared folders, or names something hidden or secret.
        """
        tops = self.tops()
        if not text.strip() or "\0" in text:
            raise ToolError(say("path.unusable"))
        given = PurePath(text)
        if ".." in given.parts:
            raise ToolError(say("path.dots", path=text))
        place = _placed(given, tops)
        if place is None:
            folders = ", ".join(top.shown for top in tops)
            raise ToolError(say("path.outside", path=text, folders=folders))
        hidden = next((part for part in place.parts if is_private(part)), None)
        if hidden is not None:
            raise ToolError(say("path.private", path=text, name=hidden))
        return place

    def read(self, place: Place, max_bytes: int) -> bytes:
        """The bytes of a file.

        Raises:
            ToolError: Not there, no regular file, a link, larger than `max_bytes`, or not readable.
        """
        try:
            return read_file(place.root, place.parts, max_bytes)
        except (OSError, ValueError) as error:
            raise _refusal(place, error) from None

    def entries(self, place: Place) -> list[Entry]:
        """What is in a folder, without links and without what is hidden or secret.

        Raises:
            ToolError: Not there, no folder, a link, or not readable.
        """
        try:
            found = list_folder(place.root, place.parts)
        except (OSError, ValueError) as error:
            raise _refusal(place, error) from None
        return [entry for entry in found if not is_private(entry.name)]


def is_private(name: str) -> bool:
    """Whether a name is hidden, or one that keys and passwords go by."""
    folded = name.casefold()
    return name.startswith(".") or any(fnmatchcase(folded, pattern) for pattern in PRIVATE_NAMES)


def _placed(given: PurePath, tops: Iterable[Place]) -> Place | None:
    tops = list(tops)
    for top in tops:
        if given.is_relative_to(top.root):
            return Place(top.root, top.label, given.relative_to(top.root).parts)
        if given.is_relative_to(PurePath(top.label)):
            return Place(top.root, top.label, given.relative_to(PurePath(top.label)).parts)
    # `anchor`: on Windows `C:x` and `\x` are not absolute and still leave the folder.
    if len(tops) == 1 and not given.anchor:
        return Place(tops[0].root, tops[0].label, given.parts)
    return None


def _refusal(place: Place, error: OSError | ValueError) -> ToolError:
    code = error.errno if isinstance(error, OSError) else errno.EINVAL
    return ToolError(say(_REASONS.get(code or 0, "path.unreadable"), path=place.shown))
