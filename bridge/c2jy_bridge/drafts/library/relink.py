"""Finds the missing media of a draft in folders that the user names, and points the draft to them."""

from __future__ import annotations

import hashlib
import os
import re
import time
import unicodedata
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, Literal

from c2jy_bridge.core.draft_views import FoundMedia, Relinked
from c2jy_bridge.core.events import Issue
from c2jy_bridge.core.lossless_json import Lossless
from c2jy_bridge.drafts.errors import DraftError, issue
from c2jy_bridge.drafts.library.relocate import replace_files
from c2jy_bridge.drafts.library.snapshot import TIMELINES, content_file, exists, load, object_, objects
from c2jy_bridge.drafts.write.paths import CONTENTS, META, PLACEHOLDER, pure
from c2jy_bridge.drafts.write.staging import read_plain, sweep_files, write_file
from c2jy_bridge.drafts.write.verify import media_materials

_MOST_FILES: Final = 500_000
_CHECKSUM: Final = re.compile(r"[0-9a-f]{16}|[0-9a-f]{32}", re.IGNORECASE)
"""The apps name copies in `Resources/local` by an MD5, we name ours by the first half of a SHA-256."""
BACKUP: Final = "c2jy-backup"


@dataclass(slots=True)
class _Files:
    """Every file below the folders to search, by name, with its checksums when they are asked for."""

    by_name: dict[str, list[Path]] = field(default_factory=lambda: defaultdict(list))
    _digests: dict[tuple[Path, str], str] = field(default_factory=dict)

    @classmethod
    def below(cls, folders: Iterable[Path]) -> _Files:
        made, count = cls(), 0
        for top in folders:
            if not top.is_dir():
                raise DraftError([issue("relink_no_folder", "from", folder=top)])
            for folder, _, names in os.walk(os.path.abspath(top)):
                for name in sorted(names):
                    made.by_name[_plain(name)].append(Path(folder, name))
                count += len(names)
                if count > _MOST_FILES:
                    raise DraftError([issue("relink_too_many", "from", folder=top, most=_MOST_FILES)])
        return made

    def digest(self, path: Path, method: str) -> str:
        """A file's checksum, empty for one that cannot be read."""
        if (path, method) not in self._digests:
            try:
                with open(path, "rb") as file:
                    self._digests[path, method] = hashlib.file_digest(file, method).hexdigest()
            except OSError:
                self._digests[path, method] = ""
        return self._digests[path, method]

    def named(self, name: str) -> list[Path]:
        """Files of that name, of several with the same bytes only one."""
        there = self.by_name.get(_plain(name), [])
        if len(there) < 2:
            return there
        return list({self.digest(path, "sha256"): path for path in reversed(there)}.values())[::-1]

    def with_checksum(self, checksum: str, suffix: str) -> Path | None:
        """The file with an MD5 or the first half of a SHA-256."""
        method = "md5" if len(checksum) == 32 else "sha256"
        for name, paths in self.by_name.items():
            for path in paths if name.endswith(suffix) else ():
                if self.digest(path, method).startswith(checksum):
                    return path
        return None


def relink(folder: Path, sources: Sequence[Path], *, dry_run: bool = False) -> Relinked:
    """Look for the missing media of a draft, by name and then by checksum, and write where they are.

    The files stay where they are. Every file of the draft that changes is kept beside its new version as
    `<name>.c2jy-backup<suffix>`; whatever is not a path of found media keeps its text.

    Args:
        folder: The draft, of any version of the apps.
        sources: Folders to search, with all that is below them.
        dry_run: Only say what would be found.

    Raises:
        DraftError: The draft cannot be read, or a folder is not there.
        OSError: The disk refused; the draft is as it was.
    """
    main = content_file(folder)
    content, _, trouble = load(folder / main) if main else (None, None, issue("no_content", CONTENTS[0]))
    if content is None:
        raise DraftError([trouble or issue("not_a_draft", folder.name)])
    named: dict[str, str] = {}
    for where, material in media_materials(content):
        named.setdefault(material["path"], where)
    lost = {path: where for path, where in named.items() if not exists(path, folder)}
    files = _Files.below(sources) if lost else _Files()
    checksums = dict(_registered_checksums(folder))
    found: list[FoundMedia] = []
    issues: list[Issue] = []
    for path, where in lost.items():
        match, by, several = _match(path, checksums.get(path, ""), files)
        if match is None:
            code = "relink_several" if several else "relink_not_found"
            candidates = ", ".join(str(other) for other in several[:3])
            issues.append(issue(code, where, "warning", file=path, found=candidates))
        else:
            found.append(FoundMedia(path, str(match), by))
    if found and not dry_run:
        sweep_files(folder, time.time())
        _write(folder, {media.path: _spelled(Path(media.file), folder) for media in found})
    return Relinked(folder.name, str(folder), tuple(found), len(lost), tuple(issues))


def _match(
    path: str, checksum: str, files: _Files
) -> tuple[Path | None, Literal["name", "checksum"], list[Path]]:
    spelled = pure(path)
    there = files.named(spelled.name)
    if len(there) == 1:
        return there[0], "name", []
    stem = spelled.stem.lower()
    for known in filter(None, (checksum, stem if _CHECKSUM.fullmatch(stem) else "")):
        if hit := files.with_checksum(known, spelled.suffix.casefold()):
            return hit, "checksum", []
    return None, "name", there


def _registered_checksums(folder: Path) -> Iterator[tuple[str, str]]:
    """(path, MD5) of the media whose checksum the app has noted in the meta file."""
    try:
        meta = Lossless.read(read_plain(folder / META)).value
    except (OSError, ValueError):
        return
    for group in objects(object_(meta).get("draft_materials")):
        for entry in objects(group.get("value")):
            checksum = str(entry.get("md5") or "").lower()
            if _CHECKSUM.fullmatch(checksum):
                yield str(entry.get("file_Path")), checksum


def _write(folder: Path, moved: dict[str, str]) -> None:
    new: dict[str, list[bytes]] = {}
    for name in _contents(folder):
        if changed := _repointed(folder / name, moved):
            new[name] = [changed]
    if changed := _meta_repointed(folder / META, moved):
        new[META] = [changed]
    for name in new:
        path = folder / name
        write_file(path.with_name(f"{path.stem}.{BACKUP}{path.suffix}"), read_plain(path))
    replace_files(folder, new)


def _contents(folder: Path) -> Iterator[str]:
    """The main files of a draft, its timelines and its compound clips, relative to its folder."""
    for pattern in ("", f"{TIMELINES}/*/", "subdraft/*/"):
        for name in CONTENTS:
            for path in sorted(folder.glob(f"{pattern}{name}")):
                if path.is_file() and not path.is_symlink():
                    yield str(path.relative_to(folder))


def _repointed(path: Path, moved: dict[str, str]) -> bytes | None:
    try:
        read = Lossless.read(read_plain(path))
    except (OSError, ValueError):
        return None  # encrypted or damaged: a copy that only the app reads
    for where, material in media_materials(object_(read.value)):
        if (to := moved.get(material["path"])) is not None:
            read.at(*_steps(where)[:-1])["path"] = to
    return read.text.encode() if read.text != _as_text(path) else None


def _meta_repointed(path: Path, moved: dict[str, str]) -> bytes | None:
    try:
        read = Lossless.read(read_plain(path))
        for group in read["draft_materials"]:
            for entry in group["value"]:
                if "file_Path" in entry and (to := moved.get(entry["file_Path"].value)) is not None:
                    entry["file_Path"] = to.replace(PLACEHOLDER, ".")
    except (OSError, ValueError, TypeError, KeyError):
        return None
    return read.text.encode() if read.text != _as_text(path) else None


def _as_text(path: Path) -> str:
    return read_plain(path).decode("utf-8-sig").strip()


def _steps(where: str) -> list[Any]:
    """A JSON path such as `materials.videos[3].path` as keys and indices."""
    return [int(part) if part.isdigit() else part for part in re.split(r"[.\[\]]+", where) if part]


def _spelled(file: Path, folder: Path) -> str:
    inside = file.is_relative_to(folder)
    return f"{PLACEHOLDER}/{file.relative_to(folder).as_posix()}" if inside else file.as_posix()


def _plain(name: str) -> str:
    return unicodedata.normalize("NFC", name).casefold()
