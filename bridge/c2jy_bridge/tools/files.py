"""File tools: list and read inside the declared folders, never through a link."""

from __future__ import annotations

import errno
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from fnmatch import fnmatchcase
from pathlib import Path, PurePath
from typing import Annotated, Final, Literal

from pydantic import Field

from c2jy_bridge.core.i18n import catalogue
from c2jy_bridge.plugin import ToolContext, ToolError, tool
from c2jy_bridge.tools.outputs import FileRow, FilesListed, TextRead
from c2jy_bridge.tools.safe_open import Entry, list_folder, read_file

say: Final = catalogue("tools")

# Names that keys, passwords and tokens go by; compared without case. Dot files are refused anyway.
PRIVATE_NAMES: Final = (
    *("*.env", "*.pem", "*.key", "*.p12", "*.pfx", "*.jks", "*.keystore", "*.kdbx", "*.ppk"),
    *("id_rsa*", "id_dsa*", "id_ecdsa*", "id_ed25519*", "*password*"),
    *("credentials*", "secret.*", "secrets*", "token.*", "tokens*"),
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
        config_file: The file of that setting, named in the message when there is none.
    """

    def __init__(self, folders: Sequence[Path], config_file: Path) -> None:
        self._config_file = config_file
        self._roots = list(dict.fromkeys(folder.resolve() for folder in folders))

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


MAX_FILE_BYTES: Final = 5 * 1024 * 1024
"""Largest file that read_file opens."""
_MOST_LISTED: Final = 500
_MOST_VISITED: Final = 20_000
# Subtitles made on Chinese Windows are GB 18030; a byte order mark decides before any guess.
_MARKS: Final = ((b"\xef\xbb\xbf", "utf-8-sig"), (b"\xff\xfe", "utf-16"), (b"\xfe\xff", "utf-16"))
# A private key, or a personal access token of Coze (`pat_` and 40 or more letters and digits).
_SECRET: Final = re.compile(r"-----BEGIN [A-Z ]*PRIVATE KEY-----|\bpat_[A-Za-z0-9]{40,}")


class FileTools:
    """list_files and read_file."""

    def __init__(self, folders: Sequence[Path], config_file: Path) -> None:
        self._folders = DeclaredFolders(folders, config_file)

    @tool(policy="ask")
    def list_files(
        self, folder: str = "", pattern: str = "*", recursive: bool = False, *, context: ToolContext
    ) -> FilesListed:
        """List files in the folders that the user has declared, with size in bytes; no links, nothing hidden.

        Args:
            folder: A folder as this tool showed it before. Left out: all declared folders.
            pattern: Which names, for example *.mp4 or *海报*; case does not matter.
            recursive: true looks into sub-folders too.
        """
        tops = [self._folders.find(folder)] if folder else self._folders.tops()
        wanted = pattern.casefold()
        files: list[FileRow] = []
        for visited, (place, entry) in enumerate(self._walk(tops, recursive=recursive)):
            if context.cancelled.is_set() or visited >= _MOST_VISITED or len(files) >= _MOST_LISTED:
                break
            if fnmatchcase(entry.name.casefold(), wanted):
                files.append(_row(place, entry))
        else:
            return FilesListed(say("files.listed", count=len(files)), files, more=False)
        return FilesListed(say("files.more", count=len(files)), files, more=True)

    @tool(policy="ask")
    def read_file(
        self,
        path: str,
        offset: Annotated[int, Field(ge=0)] = 0,
        max_chars: Annotated[int, Field(ge=1, le=30_000)] = 20_000,
    ) -> TextRead:
        """Read a text file (script, subtitles, notes) from the folders that the user has declared.

        Args:
            path: The file as list_files shows it.
            offset: Characters to skip; the `next_offset` of the answer before.
            max_chars: Most characters to return.
        """
        place = self._folders.find(path)
        data = self._folders.read(place, MAX_FILE_BYTES)
        text, encoding = _decoded(place, data)
        if _SECRET.search(text):
            raise ToolError(say("file.secret", path=place.shown))
        end = min(len(text), offset + max_chars)
        following = end if end < len(text) else None
        return TextRead(place.shown, text[offset:end], encoding, len(text), following)

    def _walk(self, tops: Sequence[Place], *, recursive: bool) -> Iterator[tuple[Place, Entry]]:
        waiting = list(reversed(tops))
        while waiting:
            place = waiting.pop()
            entries = self._folders.entries(place)
            for entry in entries:
                yield place, entry
            if recursive:
                waiting.extend(place.below(entry.name) for entry in reversed(entries) if entry.is_folder)


def _row(place: Place, entry: Entry) -> FileRow:
    modified = datetime.fromtimestamp(entry.modified_at, UTC).isoformat(timespec="seconds")
    kind: Literal["file", "folder"] = "folder" if entry.is_folder else "file"
    return FileRow(place.below(entry.name).shown, kind, entry.size_bytes, modified)


def _decoded(place: Place, data: bytes) -> tuple[str, str]:
    marked = next((encoding for mark, encoding in _MARKS if data.startswith(mark)), None)
    if marked is None and b"\0" in data:
        raise ToolError(say("file.not_text", path=place.shown))
    for encoding in [marked] if marked else ["utf-8", "gb18030"]:
        try:
            return data.decode(encoding), encoding.removesuffix("-sig")
        except UnicodeDecodeError:
            continue
    raise ToolError(say("file.not_text", path=place.shown))
