"""File tools: what lies in the declared folders, and the text of it."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Annotated, Final, Literal

from pydantic import Field

from c2jy_bridge.core.i18n import catalogue
from c2jy_bridge.plugin import ToolContext, ToolError, tool
from c2jy_bridge.tools.answers import FileRow, FilesListed, TextRead
from c2jy_bridge.tools.folders import DeclaredFolders, Place
from c2jy_bridge.tools.safe_open import Entry

say: Final = catalogue("tools")

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
