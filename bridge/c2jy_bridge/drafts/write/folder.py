"""One draft to the disk: staged, verified, then published under its name."""

from __future__ import annotations

import hashlib
import os
import unicodedata
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Literal, Protocol

import orjson

from c2jy_bridge import __version__
from c2jy_bridge.core.chunked_json import content_pieces
from c2jy_bridge.core.gc_control import release_in_steps
from c2jy_bridge.core.settings import DraftProfile
from c2jy_bridge.drafts.errors import DraftError, issue
from c2jy_bridge.drafts.spec import SCHEMA, DraftSpec
from c2jy_bridge.drafts.write.manifest import DOCUMENT, Marker, beginning, figures_of, read_marker
from c2jy_bridge.drafts.write.media import bring, write_cover
from c2jy_bridge.drafts.write.meta import COVER, meta_info, say_platform
from c2jy_bridge.drafts.write.naming import numbered
from c2jy_bridge.drafts.write.paths import MATERIALS, TargetRoot
from c2jy_bridge.drafts.write.staging import ASIDE, Staging, remove_tree, sync_folder, write_file
from c2jy_bridge.drafts.write.verify import faults

OnConflict = Literal["suffix", "error", "replace_own"]

CONTENT_FILES: Final[Mapping[DraftProfile, tuple[str, ...]]] = {
    "jianying_win": ("draft_content.json",),
    "jianying_mac": ("draft_info.json",),
    "capcut_win": ("draft_content.json",),
    "capcut_mac": ("draft_info.json",),
    "both": ("draft_content.json", "draft_info.json"),
}
"""The main file by app (facts of 2026-11 on capcut-mate and pyJianYingDraft PR 198)."""
_MOST_OF_A_NAME: Final = 1000
"""`name (2)` ... `name (1000)`; then something else is wrong."""


class CachedFile(Protocol):
    """A fetched file in the cache; `materials.Material` is one."""

    @property
    def path(self) -> Path:
        """Where it is."""

    @property
    def sha256(self) -> str:
        """Its checksum."""

    @property
    def kind(self) -> str:
        """video, image or audio."""

    @property
    def extension(self) -> str:
        """Without the dot."""

    @property
    def size_bytes(self) -> int:
        """Its size."""


def file_name(file: CachedFile) -> str:
    """What a media file is called inside a draft: short, ASCII, the same for the same bytes."""
    return f"{file.sha256[:16]}.{file.extension}"


@dataclass(frozen=True, slots=True)
class DraftToWrite:
    """All that a draft folder is made of."""

    spec: DraftSpec
    document: Mapping[str, Any] | None
    """What the spec was read from; None when it was built by a program."""
    content: dict[str, Any]
    """Its materials' paths are names as `file_name` gives them."""
    files: Mapping[str, CachedFile]
    """By the address that the document has for it."""
    name: str
    """Checked already."""
    draft_id: str
    at: float
    """Unix seconds."""


@dataclass(frozen=True, slots=True)
class WriteOptions:
    """Where and how."""

    root: Path
    target: TargetRoot
    profile: DraftProfile
    on_conflict: OnConflict
    media_mode: Literal["copy", "hardlink", "reference"]
    new_token: Callable[[], str]
    moved: Callable[[int], None]
    """Told the bytes of media as they come in; may raise to stop."""


def write_draft(draft: DraftToWrite, options: WriteOptions) -> Path:
    """Write one draft; nothing is left behind when it fails.

    Returns:
        The draft's folder.

    Raises:
        DraftError: It exists and may not be replaced, or it did not pass verification.
        OSError: The disk refused.
    """
    files = {file_name(file): file for file in draft.files.values()}
    with Staging(options.root, options.new_token(), draft.at) as staging:
        folder = staging.folder
        if options.media_mode != "reference" and files:
            pairs = [(file.path, name) for name, file in files.items()]
            bring(pairs, folder / MATERIALS, options.media_mode, options.moved)
            sync_folder(folder / MATERIALS)
        picture = next((file.path for file in draft.files.values() if file.kind == "image"), None)
        covered = write_cover(folder / COVER, picture, draft.spec.width, draft.spec.height)
        paths = {key: key for key in files}
        for number in range(1, _MOST_OF_A_NAME):
            name = numbered(draft.name, number)
            if _is_made_already(options.root / name, draft):
                return options.root / name
            if _is_taken(options.root / name) and not _may_replace(options.root / name, draft, options):
                if options.on_conflict == "error":
                    break
                continue
            paths = _spell(draft.content, paths, files, name, options)
            _write_documents(folder, name, draft, options, covered, sum(f.size_bytes for f in files.values()))
            if found := list(faults(draft.content, folder, name)):
                raise DraftError(found)
            try:
                return _publish(staging, name, draft, options)
            except FileExistsError:
                continue
    raise DraftError([issue("name_taken", "name", name=draft.name)])


def _spell(
    content: dict[str, Any],
    paths: Mapping[str, str],
    files: Mapping[str, CachedFile],
    name: str,
    options: WriteOptions,
) -> dict[str, str]:
    """Write the paths of media for a draft of this name; returns what is spelled how, for another try."""
    key_of = {path: key for key, path in paths.items()}
    spelled = {
        key: str(file.path) if options.media_mode == "reference" else options.target.material(name, key)
        for key, file in files.items()
    }
    for kind in ("videos", "audios"):
        for material in content["materials"][kind]:
            material["path"] = spelled[key_of[material["path"]]]
    return spelled


def _write_documents(
    folder: Path, name: str, draft: DraftToWrite, options: WriteOptions, covered: bool, size_bytes: int
) -> None:
    draft.content["id"] = draft.draft_id
    draft.content["name"] = name
    say_platform(draft.content, options.profile)
    pieces = list(content_pieces(draft.content))
    for file in CONTENT_FILES[options.profile]:
        sha256 = _write_checked(folder / file, *pieces)
    meta = meta_info(
        draft.content,
        draft_id=draft.draft_id,
        folder=options.target.draft(name),
        at=draft.at,
        size_bytes=size_bytes,
        cover=covered,
    )
    _write_checked(folder / "draft_meta_info.json", orjson.dumps(meta))
    marker = Marker(draft.draft_id, draft.spec.id, SCHEMA, draft.at, __version__)
    files = {
        address: {"file": f"{MATERIALS}/{file_name(file)}", "sha256": file.sha256}
        for address, file in draft.files.items()
    }
    head = beginning(marker, figures_of(draft.content, sha256))
    parts = (head, b',"document":', *_document(draft), b',"files":', orjson.dumps(files), b"}")
    _write_checked(folder / DOCUMENT, *parts)


def _document(draft: DraftToWrite) -> list[bytes]:
    if draft.document is not None:
        try:
            return list(content_pieces(draft.document))
        except TypeError:
            pass  # values that only Python has; the model writes them as what they were taken for
    spec = draft.spec.model_copy(update={"schema_": SCHEMA, "time_unit": "us"})
    # Clip by clip: one call for all of them would hold the interpreter for a fifth of a second.
    document = spec.model_dump(mode="json", exclude_unset=True, exclude={"tracks", "legacy"})
    document["tracks"] = [
        {
            **track.model_dump(mode="json", exclude_unset=True, exclude={"clips"}),
            "clips": [clip.model_dump(mode="json", exclude_unset=True) for clip in track.clips],
        }
        for track in spec.tracks
    ]
    if spec.legacy is not None:
        document["legacy"] = spec.legacy
    pieces = list(content_pieces(document))
    for track in document["tracks"]:
        release_in_steps(track["clips"])
    return pieces


def _write_checked(path: Path, *pieces: bytes) -> str:
    """Write, then read back: what is on the disk is what was verified. Returns its sha256."""
    write_file(path, *pieces)
    written = hashlib.sha256()
    for piece in pieces:
        written.update(piece)
    with open(path, "rb") as file:
        if hashlib.file_digest(file, "sha256").digest() != written.digest():
            raise OSError(f"{path.name}: reads back other than it was written")
    return written.hexdigest()


def _is_taken(path: Path) -> bool:
    """Also by a name that differs in case only: to Windows and macOS, where drafts may go, it is the same."""
    if os.path.lexists(path):
        return True
    wanted = path.name.casefold()
    return any(unicodedata.normalize("NFC", name).casefold() == wanted for name in os.listdir(path.parent))


def _is_made_already(path: Path, draft: DraftToWrite) -> bool:
    """This very draft stands there: a crash came between its publication and the receipt of the call."""
    marker = read_marker(path)
    return marker is not None and marker.draft_id == draft.draft_id


def _may_replace(path: Path, draft: DraftToWrite, options: WriteOptions) -> bool:
    """Only a folder of ours that was made from a document of the same id."""
    if options.on_conflict != "replace_own" or draft.spec.id is None or path.is_symlink():
        return False
    marker = read_marker(path)
    return marker is not None and marker.spec_id == draft.spec.id


def _publish(staging: Staging, name: str, draft: DraftToWrite, options: WriteOptions) -> Path:
    final = options.root / name
    if not (_is_taken(final) and _may_replace(final, draft, options)):
        return staging.publish(name)
    # The old one steps aside first: a folder that is not empty cannot be renamed over.
    aside = options.root / f"{ASIDE}{options.new_token()}"
    os.rename(final, aside)
    try:
        published = staging.publish(name)
    except BaseException:
        os.rename(aside, final)
        raise
    remove_tree(aside)
    return published
