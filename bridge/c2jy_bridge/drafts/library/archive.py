"""Packs draft folders into one zip, streamed, with a README; only plain files of the draft go in."""

from __future__ import annotations

import os
import stat
import time
import unicodedata
import zipfile
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path, PurePath
from typing import IO, Final

from c2jy_bridge.core.draft_views import Packed
from c2jy_bridge.core.events import Issue
from c2jy_bridge.core.i18n import Language, catalogue
from c2jy_bridge.core.views import MediaForm
from c2jy_bridge.drafts.errors import DraftError, issue
from c2jy_bridge.drafts.library.draft_roots import USUAL
from c2jy_bridge.drafts.library.relocate import DraftFiles, read_files, respelled
from c2jy_bridge.drafts.library.snapshot import load
from c2jy_bridge.drafts.materials.local import open_inside
from c2jy_bridge.drafts.materials.material import Refused
from c2jy_bridge.drafts.write.paths import CONTENTS, TAGS, TargetRoot, local_view, pure, same_folder
from c2jy_bridge.drafts.write.staging import is_unfinished, owned, sweep_files, sync_folder
from c2jy_bridge.drafts.write.verify import media_of, missing_media

_LANGUAGES: Final[tuple[Language, ...]] = ("zh", "en")


def readme(drafts: Sequence[str], root: str, portable: bool = False) -> bytes:
    """The file's bytes: UTF-8 with its mark and Windows line ends, so that every editor shows it.

    Args:
        drafts: Names of the draft folders in the zip.
        root: The drafts folder that they are spelled for; empty when it is not known or any will do.
        portable: Any will do.
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
        if portable:
            lines.append(say("readme.portable"))
        else:
            lines.append(say("readme.elsewhere") if root else say("readme.unknown"))
        how = "--absolute" if portable else "--to DIR"
        lines.append(f"     c2jy-tui draft relocate --all --drafts-root DIR {how}")
        lines += ["", ""]
    return "\ufeff".encode() + "\r\n".join(lines).encode()


README: Final = "README.txt"
_CHUNK: Final = 1024 * 1024
_SQUEEZED: Final = frozenset({".json", ".txt", ".bak", ".tmp"})
"""Worth compressing; pictures, sounds and videos are compressed already."""
_UNFINISHED: Final = ".c2jy-part"
_FIRST_YEAR, _LAST_YEAR = 1980, 2107


def pack(
    folders: Sequence[Path],
    out: Path,
    *,
    target: TargetRoot | None,
    token: str,
    expect: Callable[[int], None],
    moved: Callable[[int], None],
    at: float,
) -> Packed:
    """Pack drafts, each as one folder at the top, with a README.txt beside them.

    Args:
        folders: Draft folders, their names all different.
        out: The zip; one that is there is replaced, in one step, when the new one is whole.
        target: The drafts folder that the paths in the zip shall be spelled for; None leaves them. The drafts
            themselves are not changed.
        token: For the name of the unfinished file.
        expect: Called with the number of bytes to come.
        moved: Called with bytes as they are packed; may raise to stop, and nothing is left behind then.
        at: Unix seconds, for what has no time of its own.

    Raises:
        DraftError: A draft cannot be packed: media missing, encrypted when paths must change, `out` unusable.
        OSError: The disk refused.
    """
    _check_place(folders, out)
    issues: list[Issue] = []
    new: dict[Path, dict[str, list[bytes]]] = {}
    roots = []
    forms = set[MediaForm]()
    for folder in folders:
        sweep_files(folder, at)
        files = _read_packable(folder, target is not None, issues)
        if files and target:
            new[folder], done = respelled(files, target)
            elsewhere = [where for where, _ in done.elsewhere]
            roots.append(str(target.root))
        else:
            form = files.form if files else "absolute"
            forms.add(form)
            roots.append((files and form in ("absolute", "mixed") and files.spelled) or "")
            elsewhere = [where for where, path in _outside(files, folder)] if files else []
            if roots[-1] and same_folder(pure(roots[-1]), PurePath(folder.parent)):
                issues.append(
                    issue("packed_for_here", folder.name, "warning", root=roots[-1], name=folder.name)
                )
        if elsewhere:
            issues.append(issue("packed_without", elsewhere[0], "warning", count=len(elsewhere)))
    plan = [(folder, list(_entries(folder, issues))) for folder in folders]
    expect(sum(status.st_size for _, entries in plan for _, status in entries))
    root = next(filter(None, roots), "")
    sweep_files(out.parent, at, only=_UNFINISHED)
    unfinished = out.with_name(f".{out.name[:60]}.{owned(token)}{_UNFINISHED}")
    try:
        with open(unfinished, "xb") as file:
            count = 0
            with zipfile.ZipFile(file, "w", zipfile.ZIP_STORED) as archive:
                portable = not target and forms <= {"portable", "none"}
                _text(archive, README, readme([folder.name for folder in folders], root, portable), at)
                for folder, entries in plan:
                    count += _draft(archive, folder, entries, new.get(folder, {}), moved, issues)
            file.flush()
            os.fsync(file.fileno())
        os.replace(unfinished, out)
    except BaseException:
        unfinished.unlink(missing_ok=True)
        raise
    sync_folder(out.parent)
    names = tuple(folder.name for folder in folders)
    return Packed(str(out), names, root, count, out.stat().st_size, tuple(issues))


def _check_place(folders: Sequence[Path], out: Path) -> None:
    real = Path(os.path.realpath(out.parent))
    for folder in folders:
        if real.is_relative_to(os.path.realpath(folder)):
            raise DraftError([issue("pack_inside", "", file=out)])
    if not real.is_dir():
        raise DraftError([issue("pack_no_folder", "", folder=out.parent)])
    if out.is_dir() or (out.exists() and not zipfile.is_zipfile(out)):
        raise DraftError([issue("pack_over_other", "", file=out)])


def _read_packable(folder: Path, respelling: bool, issues: list[Issue]) -> DraftFiles | None:
    """The draft's files; None for one that can only be packed as it is."""
    if not respelling and (why := _unreadable(folder)):
        issues.append(why)
        return None
    files = read_files(folder)
    if missing := [found for content in files.contents.values() for found in missing_media(content, folder)]:
        raise DraftError(dict.fromkeys(missing))
    return files


def _unreadable(folder: Path) -> Issue | None:
    """Why an encrypted draft's paths cannot be looked at: it is packed, but its root is unknown."""
    for name in CONTENTS:
        if (folder / name).is_file():
            _, state, _ = load(folder / name)
            if state == "encrypted":
                return issue("packed_encrypted", name, "warning")
    return None


def _outside(files: DraftFiles, folder: Path) -> Iterator[tuple[str, str]]:
    for where, path in media_of(next(iter(files.contents.values()))):
        here = local_view(path, folder)
        if here is not None and not here.is_relative_to(folder):
            yield where, path


def _entries(folder: Path, issues: list[Issue]) -> Iterator[tuple[tuple[str, ...], os.stat_result]]:
    """Every file and folder of a draft, sorted, without following a link."""
    pending: list[tuple[str, ...]] = [()]
    while pending:
        at = pending.pop()
        with os.scandir(folder.joinpath(*at)) as found:
            listed = sorted(found, key=lambda entry: entry.name)
        for entry in listed:
            parts = (*at, entry.name)
            status = entry.stat(follow_symlinks=False)
            if stat.S_ISDIR(status.st_mode):
                pending.append(parts)
            elif not at and (entry.name == TAGS or is_unfinished(entry.name)):
                continue  # the user's own notes; what another process writes at this moment
            elif stat.S_ISREG(status.st_mode):
                yield parts, status
            else:
                issues.append(issue("pack_left_out", "/".join((folder.name, *parts)), "warning"))


def _draft(
    archive: zipfile.ZipFile,
    folder: Path,
    entries: Sequence[tuple[tuple[str, ...], os.stat_result]],
    new: dict[str, list[bytes]],
    moved: Callable[[int], None],
    issues: list[Issue],
) -> int:
    count = 0
    for parts, status in entries:
        name = "/".join((folder.name, *parts))
        info = _info(name, status.st_mtime)
        if info is None:
            issues.append(issue("pack_left_out", name.encode("utf-8", "replace").decode(), "warning"))
            continue
        if pieces := new.get("/".join(parts)):
            info.file_size = sum(map(len, pieces))
            with archive.open(info, "w") as target:
                for piece in pieces:
                    target.write(piece)
            moved(status.st_size)
        else:
            try:
                source, now = open_inside(str(folder.joinpath(*parts)), [folder])
            except Refused:  # became a link since it was listed
                issues.append(issue("pack_left_out", name, "warning"))
                continue
            info.file_size = now.st_size
            with source, archive.open(info, "w") as target:
                _copy(source, target, moved)
        count += 1
    return count


def _copy(source: IO[bytes], target: IO[bytes], moved: Callable[[int], None]) -> None:
    while chunk := source.read(_CHUNK):
        moved(len(chunk))
        target.write(chunk)


def _text(archive: zipfile.ZipFile, name: str, text: bytes, at: float) -> None:
    info = _info(name, at)
    assert info is not None, "our own name is ASCII"
    archive.writestr(info, text)


def _info(name: str, modified: float) -> zipfile.ZipInfo | None:
    """An entry's head: a UTF-8 name in the composed form that Windows types; None when it has none."""
    when = time.localtime(modified)[:6]
    if when[0] < _FIRST_YEAR:
        when = (_FIRST_YEAR, 1, 1, 0, 0, 0)
    elif when[0] > _LAST_YEAR:
        when = (_LAST_YEAR, 12, 31, 23, 59, 58)
    name = unicodedata.normalize("NFC", name)
    try:
        name.encode("utf-8")
    except UnicodeEncodeError:
        return None
    info = zipfile.ZipInfo(name, when)
    info.external_attr = (stat.S_IFREG | 0o644) << 16
    if PurePath(name).suffix.lower() in _SQUEEZED:
        info.compress_type = zipfile.ZIP_DEFLATED
    return info
