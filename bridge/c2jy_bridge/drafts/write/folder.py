"""Writes one draft to disk: staged, verified, then published under its name."""

from __future__ import annotations

import hashlib
import os
import unicodedata
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Literal

import orjson

from c2jy_bridge import __version__
from c2jy_bridge.core.chunked_json import content_pieces
from c2jy_bridge.core.gc_control import release_in_steps
from c2jy_bridge.core.target_apps import APPS, DraftProfile
from c2jy_bridge.drafts.errors import DraftError, issue
from c2jy_bridge.drafts.materials.material import Material
from c2jy_bridge.drafts.spec.document import SCHEMA, DraftSpec
from c2jy_bridge.drafts.write.meta import (
    COVER,
    Marker,
    figures_of,
    manifest_head,
    meta_info,
    read_marker,
    set_platform,
)
from c2jy_bridge.drafts.write.paths import (
    DOCUMENT,
    MATERIALS,
    META,
    UNVERIFIED,
    VERIFIED,
    TargetRoot,
    numbered,
)
from c2jy_bridge.drafts.write.staging import (
    ASIDE,
    Staging,
    owned,
    remove_tree,
    sync_folder,
    write_file,
)
from c2jy_bridge.drafts.write.verify import faults

_LONG_SIDE: Final = 480
_DARK: Final = (24, 26, 31)
_MOST_PIXELS: Final = 16_000_000
"""Largest picture that is drawn for a cover: more pixels keep the event loop waiting (15 ms for 12 million).
Of a JPEG it is the size to which its decoder shrinks it."""


def write_cover(target: Path, picture: Path | None, width: int, height: int) -> bool:
    """Draw the cover: the picture filling the canvas's shape, else one dark colour.

    Args:
        target: Where the JPEG goes.
        picture: The first image of the draft, if it has one.
        width: Of the canvas, px.
        height: Of the canvas, px.

    Returns:
        Whether there is a cover now; a picture that cannot be drawn is no reason to have no draft.
    """
    from PIL import Image, ImageOps  # only now: listing drafts draws nothing

    scale = _LONG_SIDE / max(width, height)
    size = (max(1, round(width * scale)), max(1, round(height * scale)))
    try:
        if picture is None:
            Image.new("RGB", size, _DARK).save(target, "JPEG", quality=80)
        else:
            with Image.open(picture) as image:
                image.draft("RGB", size)
                if image.width * image.height > _MOST_PIXELS:
                    return write_cover(target, None, width, height)
                upright = ImageOps.exif_transpose(image).convert("RGB")
                ImageOps.fit(upright, size).save(target, "JPEG", quality=80)
    except Exception:  # a damaged picture makes Pillow raise anything at all
        target.unlink(missing_ok=True)
        return False
    return True


_AT_ONCE: Final = 8
_CHUNK: Final = 4 * 1024 * 1024


def copy_media(
    files: Iterable[tuple[Path, str]],
    folder: Path,
    mode: Literal["copy", "hardlink"],
    moved: Callable[[int], None],
) -> None:
    """Put media files into a folder.

    Args:
        files: (file in the cache, name in the folder).
        mode: `hardlink` costs no space; where the system cannot, the file is copied.
        moved: Called with the bytes of each piece, from several threads; may raise to stop.
    """
    folder.mkdir(exist_ok=True)

    def one(pair: tuple[Path, str]) -> None:
        source, name = pair
        target = folder / name
        if mode == "hardlink":
            try:
                os.link(source, target)
                moved(source.stat().st_size)
                return
            except OSError:
                pass  # another file system, or one without links
        _copy(source, target, moved)

    with ThreadPoolExecutor(_AT_ONCE, thread_name_prefix="c2jy-media") as pool:
        jobs = [pool.submit(one, pair) for pair in files]
        try:
            for job in jobs:
                job.result()
        except BaseException:
            for job in jobs:
                job.cancel()
            raise


def _copy(source: Path, target: Path, moved: Callable[[int], None]) -> None:
    with open(source, "rb") as reader, open(target, "xb") as writer:
        while chunk := reader.read(_CHUNK):
            moved(len(chunk))
            writer.write(chunk)
        writer.flush()
        os.fsync(writer.fileno())


OnConflict = Literal["suffix", "error", "replace_own"]

_MOST_OF_A_NAME: Final = 1000
"""`name (2)` ... `name (1000)`; then something else is wrong."""


def file_name(file: Material) -> str:
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
    files: Mapping[str, Material]
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
    """Called with bytes of media as they are copied; may raise to stop."""
    donor: Mapping[str, Any] | None = None
    """`platform` of a draft that the app of this machine made."""


def write_draft(draft: DraftToWrite, options: WriteOptions) -> Path:
    """Write one draft; nothing is left behind when it fails.

    Returns:
        The draft's folder.

    Raises:
        DraftError: It exists and may not be replaced, or it did not pass verification.
        OSError: The disk refused.
    """
    files = {file_name(file): file for file in draft.files.values()}
    with Staging(options.root, options.new_token()) as staging:
        folder = staging.folder
        if options.media_mode != "reference" and files:
            pairs = [(file.path, name) for name, file in files.items()]
            copy_media(pairs, folder / MATERIALS, options.media_mode, options.moved)
            sync_folder(folder / MATERIALS)
        picture = next((file.path for file in draft.files.values() if file.kind == "image"), None)
        covered = write_cover(folder / COVER, picture, draft.spec.width, draft.spec.height)
        paths = {key: key for key in files}
        for number in range(1, _MOST_OF_A_NAME):
            name = numbered(draft.name, number)
            if _is_made_already(options.root / name, draft):
                return options.root / name
            if is_taken(options.root / name) and not _may_replace(options.root / name, draft, options):
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
    files: Mapping[str, Material],
    name: str,
    options: WriteOptions,
) -> dict[str, str]:
    """Write the paths of media for a draft of this name; returns what is spelled how, for another try."""
    key_of = {path: key for key, path in paths.items()}
    spelled = {
        key: str(file.path)
        if options.media_mode == "reference"
        else options.target.material(name, MATERIALS, key)
        for key, file in files.items()
    }
    known: dict[str, str] = {}
    for kind in ("videos", "audios"):
        for material in content["materials"][kind]:
            material["path"] = spelled[key_of[material["path"]]]
            # A file is registered once, however many materials show parts of it.
            local_id = material["local_material_id"]
            material["local_material_id"] = known.setdefault(material["path"], local_id)
    for material in content["materials"]["videos"]:
        material["check_flag"] = VERIFIED if options.target.portable else UNVERIFIED
    return spelled


def _write_documents(
    folder: Path, name: str, draft: DraftToWrite, options: WriteOptions, covered: bool, size_bytes: int
) -> None:
    draft.content["id"] = draft.draft_id
    draft.content["name"] = name
    set_platform(draft.content, options.profile, options.donor)
    pieces = list(content_pieces(draft.content))
    for file in APPS[options.profile].files:
        sha256 = write_checked(folder / file, *pieces)
    meta = meta_info(
        draft.content,
        draft_id=draft.draft_id,
        name=name,
        target=options.target,
        at=draft.at,
        size_bytes=size_bytes,
        cover=covered,
    )
    write_checked(folder / META, orjson.dumps(meta))
    marker = Marker(draft.draft_id, draft.spec.id, SCHEMA, draft.at, __version__)
    files = {
        address: {"file": f"{MATERIALS}/{file_name(file)}", "sha256": file.sha256}
        for address, file in draft.files.items()
    }
    head = manifest_head(marker, figures_of(draft.content, sha256))
    parts = (head, b',"document":', *_document(draft), b',"files":', orjson.dumps(files), b"}")
    write_checked(folder / DOCUMENT, *parts)


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


def write_checked(path: Path, *pieces: bytes) -> str:
    """Write, then read back: what is on the disk is what was verified. Returns its sha256."""
    write_file(path, *pieces)
    written = hashlib.sha256()
    for piece in pieces:
        written.update(piece)
    with open(path, "rb") as file:
        if hashlib.file_digest(file, "sha256").digest() != written.digest():
            raise OSError(f"{path.name}: reads back other than it was written")
    return written.hexdigest()


def is_taken(path: Path) -> bool:
    """Also by a name that differs in case only: to Windows and macOS, where drafts may go, it is the same."""
    if os.path.lexists(path):
        return True
    wanted = path.name.casefold()
    return any(unicodedata.normalize("NFC", name).casefold() == wanted for name in os.listdir(path.parent))


def _is_made_already(path: Path, draft: DraftToWrite) -> bool:
    """This very draft exists: a crash came between its publication and the receipt of the call."""
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
    if not (is_taken(final) and _may_replace(final, draft, options)):
        return staging.publish(name)
    # The old one steps aside first: a folder that is not empty cannot be renamed over.
    aside = options.root / f"{ASIDE}{owned(options.new_token())}"
    os.rename(final, aside)
    try:
        published = staging.publish(name)
    except BaseException:
        os.rename(aside, final)
        raise
    remove_tree(aside)
    return published
