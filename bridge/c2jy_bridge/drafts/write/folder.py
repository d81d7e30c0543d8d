"""Writes one draft to disk: staged, verified, then published under its name."""

from __future__ import annotations

import hashlib
import math
import os
import re
import unicodedata
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Literal

import orjson

from c2jy_bridge import __version__
from c2jy_bridge.core.chunked_json import content_pieces
from c2jy_bridge.core.events import Issue
from c2jy_bridge.core.gc_control import release_in_steps
from c2jy_bridge.core.target_apps import APPS, DraftProfile
from c2jy_bridge.drafts.errors import DraftError, issue
from c2jy_bridge.drafts.materials.material import Material
from c2jy_bridge.drafts.spec.document import SCHEMA, DraftSpec
from c2jy_bridge.drafts.spec.model import clock
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
    compounds,
    is_of_another_machine,
    local_view,
    media_paths,
    numbered,
)
from c2jy_bridge.drafts.write.staging import (
    ASIDE,
    Staging,
    is_there,
    owned,
    remove_tree,
    sync_folder,
    write_file,
)

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


_ROUNDING_US: Final = 40_000
"""A clip may end a frame behind its file: CapCut 6.7 saves such (16,666 us, measured)."""
_MEDIA: Final = re.compile(r"(?:^|\.)materials\.(?:videos|audios)\[\d+\]\.path$")


def media_of(content: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """(path in the content, file path) of every video, image and sound of a draft and its compound clips."""
    for where, material in media_paths(content):
        if _MEDIA.search(where):
            yield where, material["path"]


def missing_media(content: Mapping[str, Any], folder: Path, name: str | None = None) -> Iterator[Issue]:
    """An issue for every media file that is not on this machine, with the number of clips that show it."""
    missing: dict[str, tuple[str, set[str]]] = {}
    there: dict[str, bool] = {}
    mine: set[str] = set()
    for where, material in media_paths(content):
        path = material["path"]
        if not _MEDIA.search(where):
            continue
        if path not in there:
            here = local_view(path, folder, name)
            there[path] = here is not None and is_there(here)
            if here is not None and here.is_relative_to(folder):
                mine.add(path)
        if not there[path]:
            missing.setdefault(path, (where, set()))[1].add(str(material.get("id")))
    if not missing:
        return
    used = Counter(_shown(content))
    made_on = _made_on(content)
    for path, (where, ids) in missing.items():
        clips = sum(used[known] for known in ids)
        elsewhere = path not in mine and is_of_another_machine(path)
        code = "media_elsewhere_made" if elsewhere else "media_missing"
        draft = name or folder.name
        yield issue(code, where, "error", file=path, clips=clips, made_on=made_on, name=draft)


def _shown(content: Mapping[str, Any]) -> Iterator[str]:
    """The material of every segment, compound clips' inside included."""
    for track in map(_mapping, _list(content.get("tracks"))):
        for segment in map(_mapping, _list(track.get("segments"))):
            yield str(segment.get("material_id"))
    for inner in compounds(content):
        yield from _shown(inner)


def _made_on(content: Mapping[str, Any]) -> str:
    """The app and system that a draft's content names: `CapCut 8.9.1, windows`; `-` when it names none."""
    platform = _mapping(content.get("platform"))
    source, version = platform.get("app_source"), str(platform.get("app_version") or "")
    app = {"cc": "CapCut", "lv": "JianYing"}.get(str(source), "JianYing" if version else "")
    return ", ".join(filter(None, (f"{app} {version}".strip(), str(platform.get("os") or "")))) or "-"


def faults(content: Mapping[str, Any], folder: Path, name: str | None = None) -> Iterator[Issue]:
    """Everything that is wrong with a draft's content, as errors.

    Args:
        content: The object in draft_content.json.
        folder: The draft's folder on this machine.
        name: Its name, when the folder does not have it yet.
    """
    tracks = content.get("tracks")
    if not isinstance(tracks, list) or not isinstance(content.get("materials"), Mapping):
        yield issue("not_a_draft", "")
        return
    lengths: dict[str, int] = {}
    for kind, group in content["materials"].items():
        plays = kind in ("videos", "audios")
        for material in map(_mapping, _list(group)):
            known = str(material.get("id", ""))
            lengths[known] = _number(material.get("duration")) if plays else 0
    last = 0
    overlaps = _overlaps(content["materials"])
    for number, track in enumerate(tracks):
        before_end = 0
        for index, segment in enumerate(map(_mapping, _list(_mapping(track).get("segments")))):
            begin, length = _times(segment.get("target_timerange"))
            if length <= 0 or begin < max(before_end, 0) or not _is_sound(segment, lengths):
                where = f"tracks[{number}].segments[{index}]"
                yield from _segment_faults(segment, where, begin, length, before_end, lengths)
            before_end = max(before_end, begin + length)
            last = max(last, before_end)
            if overlaps:
                before_end -= max(
                    (overlaps.get(str(known), 0) for known in _list(segment.get("extra_material_refs"))),
                    default=0,
                )
    length = _number(content.get("duration"))
    if length < last:
        yield issue("draft_too_short", "duration", duration=clock(max(length, 0)))
    yield from missing_media(content, folder, name)


def _overlaps(materials: Mapping[str, Any]) -> dict[str, int]:
    """By how much a clip with such a transition may reach into the next one, as CapCut 1.5 saves it."""
    transitions = map(_mapping, _list(materials.get("transitions")))
    overlapping = (transition for transition in transitions if transition.get("is_overlap") is True)
    # One more: the app rounds begin and length apart.
    return {str(transition.get("id")): _number(transition.get("duration")) + 1 for transition in overlapping}


def _is_sound(segment: Mapping[str, Any], known: Mapping[str, int]) -> bool:
    """The quick look at what it refers to, which nearly every segment passes."""
    begin, length = _times(segment.get("source_timerange"))
    whole = known.get(str(segment.get("material_id")), -1)
    if whole < 0 or (whole and begin + length > whole + _ROUNDING_US):
        return False
    return all(str(reference) in known for reference in _list(segment.get("extra_material_refs")))


def _segment_faults(
    segment: Mapping[str, Any], where: str, begin: int, length: int, before_end: int, known: Mapping[str, int]
) -> Iterator[Issue]:
    if length <= 0 or begin < 0:
        yield issue("bad_duration", f"{where}.target_timerange", duration=length)
    if begin < before_end:
        yield issue("segments_overlap", where, start=clock(max(begin, 0)), until=clock(before_end))
    if str(segment.get("material_id")) not in known:
        yield issue("dangling", f"{where}.material_id", id=segment.get("material_id"))
    for index, reference in enumerate(_list(segment.get("extra_material_refs"))):
        if str(reference) not in known:
            yield issue("dangling", f"{where}.extra_material_refs[{index}]", id=reference)
    begin, length = _times(segment.get("source_timerange"))
    whole = known.get(str(segment.get("material_id")), 0)
    if whole and begin + length > whole + _ROUNDING_US:
        yield issue(
            "source_beyond", f"{where}.source_timerange", end=clock(begin + length), length=clock(whole)
        )


def _times(timerange: object) -> tuple[int, int]:
    timerange = _mapping(timerange)
    return _number(timerange.get("start")), _number(timerange.get("duration"))


def _number(value: object) -> int:
    return int(value) if isinstance(value, (int, float)) and math.isfinite(value) else 0


def _mapping(value: object) -> Mapping[str, Any]:
    # dict first: the question of any Mapping takes ten times as long.
    return value if isinstance(value, (dict, Mapping)) else {}


def _list(value: object) -> list[Any]:
    return value if isinstance(value, list) else []


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
    for kind in ("videos", "audios"):
        for material in content["materials"][kind]:
            material["path"] = spelled[key_of[material["path"]]]
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
        sha256 = _write_checked(folder / file, *pieces)
    meta = meta_info(
        draft.content,
        draft_id=draft.draft_id,
        name=name,
        target=options.target,
        at=draft.at,
        size_bytes=size_bytes,
        cover=covered,
    )
    _write_checked(folder / META, orjson.dumps(meta))
    marker = Marker(draft.draft_id, draft.spec.id, SCHEMA, draft.at, __version__)
    files = {
        address: {"file": f"{MATERIALS}/{file_name(file)}", "sha256": file.sha256}
        for address, file in draft.files.items()
    }
    head = manifest_head(marker, figures_of(draft.content, sha256))
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
    if not (_is_taken(final) and _may_replace(final, draft, options)):
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
