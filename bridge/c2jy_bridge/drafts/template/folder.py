"""The folder of a template, and the folders of the drafts that are made from it."""

from __future__ import annotations

import os
import re
import shutil
import stat
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, Final, Literal

import orjson

from c2jy_bridge import __version__
from c2jy_bridge.core.events import Issue
from c2jy_bridge.core.lossless_json import Lossless
from c2jy_bridge.drafts.errors import DraftError, issue
from c2jy_bridge.drafts.library.snapshot import TIMELINES, content_file, figures_from, load, project_timelines
from c2jy_bridge.drafts.materials import Material
from c2jy_bridge.drafts.template.media import local_id
from c2jy_bridge.drafts.write.folder import is_taken, write_checked, write_cover
from c2jy_bridge.drafts.write.meta import COVER, Marker, manifest_head, media_entry, meta_info, read_marker
from c2jy_bridge.drafts.write.paths import (
    CONTENTS,
    DOCUMENT,
    MATERIALS,
    META,
    PLACEHOLDER,
    TAGS,
    TargetRoot,
    former_folder,
    local_view,
    numbered,
    parts_inside,
)
from c2jy_bridge.drafts.write.staging import Staging, is_unfinished, read_plain, sync_folder, write_file
from c2jy_bridge.drafts.write.verify import faults, media_materials

SCHEMA: Final = "c2jy/filled"
_FORMER: Final = (".bak", ".locked")
_COPIES: Final = (*CONTENTS, "template-2.tmp", "template.tmp")
"""Files in which the apps keep the content once more."""
_MOST_OF_A_NAME: Final = 1000


@dataclass(frozen=True)
class Template:
    """A draft folder, read once for all drafts that are made from it."""

    folder: Path
    main: str
    content: Lossless
    meta: Lossless | None
    files: tuple[str, ...]
    """Everything else, relative to the folder, in the spelling of this system."""
    same: tuple[str, ...]
    """Of these, the files that hold the content once more."""
    faults: frozenset[tuple[str, str]]
    """What is wrong with it already: code, and the file or the place but for numbers that filling changes."""

    @cached_property
    def media(self) -> frozenset[str]:
        """Of its files, those that its clips name."""
        return frozenset(_named_files(self, self.content, respell=False))

    @property
    def former(self) -> Any:
        """Its folder as its meta file spells it."""
        return former_folder(self.meta.value if self.meta is not None else {})


def read_template(folder: Path) -> Template:
    """Read a draft as a template.

    Raises:
        DraftError: It is encrypted or damaged, or has a link in the place of a file.
    """
    main = content_file(folder)
    if main is None:
        raise DraftError([issue("no_content", CONTENTS[0])])
    plain, _, trouble = load(folder / main)
    try:
        data = read_plain(folder / main)
        content = Lossless.read(data)
        meta = Lossless.read(read_plain(folder / META)) if (folder / META).is_file() else None
    except (OSError, ValueError):
        raise DraftError([trouble or issue("not_json_file", META)]) from None
    if plain is None or not isinstance(plain.get("materials"), dict):
        raise DraftError([trouble or issue("not_a_draft", main)])
    if meta is not None and not meta.is_object:
        raise DraftError([issue("not_json_file", META)])
    files = tuple(sorted(_files(folder)))
    main_timeline, _ = project_timelines(folder)
    same = [name for name in files if _holds_content(folder, name, data, main_timeline)]
    wrong = frozenset(_key(found, plain) for found in faults(plain, folder))
    return Template(folder, main, content, meta, files, tuple(same), wrong)


def _key(fault: Issue, content: Mapping[str, Any]) -> tuple[str, str]:
    if fault.path.endswith(".path"):
        held: Any = content
        for step in _steps(fault.path):
            held = held[step]
        return "media", str(held)
    return fault.code, re.sub(r"segments\[\d+\]", "segments[]", fault.path)


def _files(folder: Path) -> Iterator[str]:
    for at, folders, names in os.walk(folder):
        folders.sort()
        for name in names:
            path = Path(at, name)
            if stat.S_ISREG(path.lstat().st_mode) and not is_unfinished(name):
                yield str(path.relative_to(folder))


def _holds_content(folder: Path, name: str, data: bytes, main_timeline: str) -> bool:
    path = Path(name)
    if path.name not in _COPIES:
        return False
    if path.parts[:2] == (TIMELINES, main_timeline) and path.name in CONTENTS:
        return True
    return path.parts[0] not in ("subdraft",) and (
        (len(path.parts) == 1 and path.name in CONTENTS) or read_plain(folder / name) == data
    )


@dataclass(frozen=True, slots=True)
class Filled:
    """A draft to be written from a template."""

    content: Lossless
    media: Mapping[str, Path]
    """New files: name in the draft's `materials`, and where it is now."""
    used: tuple[Material, ...]
    """The new files of clips, for the meta file."""
    name: str
    draft_id: str
    at: float
    """Unix seconds."""
    record: Mapping[str, Any]
    """What it was filled with, for c2jy.json."""
    cover: Path | None = None
    """A new picture for the cover; None keeps the template's."""


def write_filled(
    template: Template,
    filled: Filled,
    root: Path,
    *,
    media_mode: Literal["copy", "hardlink"],
    new_token: Callable[[], str],
) -> tuple[Path, tuple[Issue, ...]]:
    """Write a draft beside others, whole before it has its name.

    Args:
        template: Where everything comes from that was not filled.
        filled: The draft.
        root: The drafts folder.
        media_mode: Whether media are copied or, where the system can, shared.
        new_token: For the name of the unfinished folder.

    Returns:
        Its folder, and what is wrong with it as it was with the template.

    Raises:
        DraftError: Something is wrong with it that was not with the template.
        OSError: The disk refused.
    """
    for number in range(1, _MOST_OF_A_NAME):
        name = numbered(filled.name, number)
        marker = read_marker(root / name)
        if marker is not None and marker.draft_id == filled.draft_id:
            return root / name, ()
        if is_taken(root / name):
            continue
        with Staging(root, new_token()) as staging:
            left = _write(template, filled, staging.folder, name, root, media_mode)
            try:
                return staging.publish(name), left
            except FileExistsError:
                continue
    raise DraftError([issue("name_taken", "name", name=filled.name)])


def _write(
    template: Template,
    filled: Filled,
    folder: Path,
    name: str,
    root: Path,
    media_mode: Literal["copy", "hardlink"],
) -> tuple[Issue, ...]:
    own = {template.main, META, DOCUMENT, TAGS, *template.same}
    content = filled.content
    needed = _named_files(template, content, respell=True)
    dropped = set(template.media - needed)
    for below in {Path(relative).parent for relative in template.files}:
        (folder / below).mkdir(parents=True, exist_ok=True)
    if filled.media:
        (folder / MATERIALS).mkdir(exist_ok=True)
    for relative in template.files:
        if relative in own or relative in dropped or relative.endswith(_FORMER):
            continue
        _place(template.folder / relative, folder / relative, media_mode if relative in needed else "copy")
    for file, source in filled.media.items():
        _place(source, folder / MATERIALS / file, media_mode)
    data = content.text.encode()
    plain = orjson.loads(data)
    found = list(faults(plain, folder, name))
    if fresh := [fault for fault in found if _key(fault, plain) not in template.faults]:
        raise DraftError(fresh)
    for relative in (template.main, *template.same):
        (folder / relative).parent.mkdir(parents=True, exist_ok=True)
        sha256 = write_checked(folder / relative, data)
    for relative, text in _compounds_in_files(template, content):
        write_checked(folder / relative, text.encode())
    covered = (folder / COVER).is_file()
    if filled.cover is not None:
        (folder / COVER).unlink(missing_ok=True)
        covered = write_cover(folder / COVER, filled.cover, *_canvas(plain))
    write_checked(folder / META, _meta(template, filled, plain, name, root, covered, dropped))
    marker = Marker(filled.draft_id, None, SCHEMA, filled.at, __version__)
    head = manifest_head(marker, figures_from(plain, sha256))
    write_checked(folder / DOCUMENT, head, b',"filled":', orjson.dumps(filled.record), b"}")
    for at, folders, _ in os.walk(folder):
        for inner in folders:
            sync_folder(Path(at, inner))
    return tuple(found)  # the folder itself is put on the disk when it is published


def _compounds_in_files(template: Template, content: Lossless) -> Iterator[tuple[str, str]]:
    """(file, new text) of those in `subdraft` that hold a compound clip once more, bare or in a content."""
    was = {str(held["id"].value): held for held in _compounds(template.content)}
    now = {str(held["id"].value): held for held in _compounds(content)}
    changed = {known for known in was if known in now and was[known].text != now[known].text}
    for relative in template.files if changed else ():
        path = Path(relative)
        if path.parts[0] != "subdraft" or path.name not in CONTENTS:
            continue
        try:
            held = Lossless.read(read_plain(template.folder / relative))
        except (OSError, ValueError):
            continue
        for known in changed:
            if held.value == was[known]["draft"].value:
                yield relative, now[known]["draft"].text
                break
            for inner in _compounds(held):
                if inner["id"].value == known and inner["draft"].value == was[known]["draft"].value:
                    inner["draft"] = now[known]["draft"]
                    yield relative, held.text


def _compounds(content: Lossless) -> Iterator[Lossless]:
    materials = content["materials"] if content.is_object and "materials" in content else content
    drafts = materials["drafts"] if materials.is_object and "drafts" in materials else materials
    for held in drafts if drafts.is_array else ():
        if held.is_object and "id" in held and "draft" in held:
            yield held


def _named_files(template: Template, node: Lossless, *, respell: bool) -> set[str]:
    """The files of the template that a content's clips name.

    Args:
        template: The template.
        node: Its content, or that of a draft made from it.
        respell: Name them by the placeholder, where they are named by full paths: those are right in the
            template's folder only.
    """
    found = set()
    inside = frozenset(template.files)
    for where, material in media_materials(node.value):
        path = material["path"]
        parts = parts_inside(path, template.former, lambda p: str(Path(*p)) in inside)
        if (parts := parts or _below(path, template.folder)) is None:
            continue
        found.add(str(Path(*parts)))
        spelled = "/".join((PLACEHOLDER, *parts))
        if respell and not path.startswith("##") and spelled != path:
            _set_path(node, where, spelled)
    return found


def _below(path: str, folder: Path) -> tuple[str, ...] | None:
    here = local_view(path, folder)
    if here is None or not here.is_relative_to(folder) or not here.is_file():
        return None
    return here.relative_to(folder).parts


def _set_path(node: Lossless, where: str, path: str) -> None:
    node.at(*_steps(where)[:-1])["path"] = path


def _steps(where: str) -> list[Any]:
    """A JSON path such as `materials.videos[3].path` as keys and indices."""
    return [int(part) if part.isdigit() else part for part in re.split(r"[.\[\]]+", where) if part]


def _place(source: Path, target: Path, mode: Literal["copy", "hardlink"]) -> None:
    # A file of this name may be shared with the template: it is replaced, never written over.
    target.unlink(missing_ok=True)
    if mode == "hardlink":
        try:
            os.link(source, target)
            return
        except OSError:
            pass  # another file system, or one without links
    if mode == "copy" and source.stat().st_size < 1024 * 1024:
        write_file(target, source.read_bytes())
        return
    shutil.copyfile(source, target)
    with open(target, "rb+") as file:
        os.fsync(file.fileno())


def _canvas(plain: Mapping[str, Any]) -> tuple[int, int]:
    canvas = plain.get("canvas_config") or {}
    return int(canvas.get("width") or 1920), int(canvas.get("height") or 1080)


def _meta(
    template: Template,
    filled: Filled,
    plain: Mapping[str, Any],
    name: str,
    root: Path,
    covered: bool,
    dropped: set[str],
) -> bytes:
    """The meta file of the new draft: the template's, with its own name, ids, times and new media."""
    target = TargetRoot(root, portable=True)
    if template.meta is None:
        whole = {"duration": plain.get("duration", 0), "materials": {"videos": [], "audios": []}}
        for where, material in media_materials(plain):
            kind = "audios" if ".audios[" in f".{where}" else "videos"
            known = {"local_material_id": "", "type": "", "duration": 0, **material}
            whole["materials"][kind].append(known)
        made = meta_info(
            whole,
            draft_id=filled.draft_id,
            name=name,
            target=target,
            at=filled.at,
            size_bytes=0,
            cover=covered,
        )
        return orjson.dumps(made)
    meta, folder, micros = template.meta.copy(), target.draft(name), round(filled.at * 1_000_000)
    meta.update(
        draft_id=filled.draft_id,
        draft_name=name,
        draft_fold_path=folder.as_posix(),
        draft_root_path=folder.parent.as_posix(),
        tm_draft_create=micros,
        tm_draft_modified=micros,
        tm_duration=plain.get("duration", 0),
    )
    _register(meta, template, filled, plain, target, name, dropped)
    return meta.text.encode()


def _register(
    meta: Lossless,
    template: Template,
    filled: Filled,
    plain: Mapping[str, Any],
    target: TargetRoot,
    name: str,
    dropped: set[str],
) -> None:
    """Enter the new media into the list of media, and take out those that no clip shows any more."""
    if "draft_materials" not in meta or not meta["draft_materials"].is_array:
        return
    wanted = {local_id(file) for file in filled.used}
    entries = {}
    for _, material in media_materials(plain):
        known = material.get("local_material_id")
        if known in wanted and known not in entries:
            entries[known] = media_entry(material, filled.at, name, target)
    shown = {material["path"] for _, material in media_materials(plain)}
    was = {material["path"] for _, material in media_materials(template.content.value)}
    for group in meta["draft_materials"]:
        if not group.is_object or "value" not in group or not group["value"].is_array:
            continue
        for index in range(len(group["value"]) - 1, -1, -1):
            entry = group["value"][index]
            path = entry["file_Path"].value if entry.is_object and "file_Path" in entry else None
            if not isinstance(path, str):
                continue
            parts = parts_inside(path.removeprefix("./"), template.former, lambda p: str(Path(*p)) in dropped)
            local = path.removeprefix("./") in dropped or parts is not None
            if local or (path in was and path not in shown):
                group["value"].remove(index)
            elif parts_in := parts_inside(path, template.former, lambda p: str(Path(*p)) in template.files):
                entry.update(file_Path=target.registered(name, *parts_in))
        if "type" in group and group["type"].value == 0:
            for entry_made in entries.values():
                group["value"].append(entry_made)
