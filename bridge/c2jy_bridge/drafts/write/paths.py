"""Draft folders: their names, and the paths of media in them for the machine that opens the draft."""

from __future__ import annotations

import os
import re
import unicodedata
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePath, PurePosixPath, PureWindowsPath
from typing import Any, Final

from c2jy_bridge.core.safety import one_line
from c2jy_bridge.core.views import MediaForm
from c2jy_bridge.drafts.errors import DraftError, issue

CONTENTS: Final = ("draft_content.json", "draft_info.json")
"""JianYing's main file in a draft folder, by either name."""
META: Final = "draft_meta_info.json"
DOCUMENT: Final = "c2jy.json"
"""Our mark in a draft folder, and the document that the draft was made from."""
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
"""The app's list of drafts and our copy of it: a draft of that name would be in its way."""
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


def checked_name(name: str, path: str = "name") -> str:
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


_OF_A_DRAFT: Final = (*CONTENTS, META, DOCUMENT)


def output_folder(requested: str | None, root: Path, declared: Sequence[Path]) -> Path:
    """The drafts folder, a plain folder in it, or one below it or below a declared folder.

    Args:
        requested: As the model wrote it; None or blank for the drafts folder itself.
        root: The drafts folder.
        declared: Further folders that the settings allow.

    Raises:
        DraftError: It leads elsewhere, also by a link, is inside a draft, or would make a folder of a
            name that no draft may have either.
    """
    if requested is None or not requested.strip():
        return root
    try:
        if os.path.isabs(requested):
            top, below = _below(Path(requested), (root, *declared), requested)
        else:
            top, below = _below(root / checked_name(requested.strip(), "output_folder"), (root,), requested)
    except (OSError, ValueError) as error:  # a null character, half a character, a loop of links
        if isinstance(error, DraftError):
            raise
        raise _refusal("output_outside", requested) from None
    here = top
    for part in below.parts:
        here /= part
        if not os.path.lexists(here):
            checked_name(part, "output_folder")
        elif any(os.path.lexists(here / name) for name in _OF_A_DRAFT):
            raise _refusal("output_in_draft", requested)
    return here


def _below(folder: Path, tops: Sequence[Path], requested: str) -> tuple[Path, Path]:
    real = os.path.realpath(folder)
    for top in tops:
        if Path(real).is_relative_to(os.path.realpath(top)):
            return top, Path(real).relative_to(os.path.realpath(top))
    raise _refusal("output_outside", requested)


def _refusal(code: str, requested: str) -> DraftError:
    return DraftError([issue(code, "output_folder", folder=requested[:200])])


MATERIALS: Final = "materials"
RESOURCES: Final = "Resources"
"""Where CapCut for Mac keeps the media of a draft, by some in folders such as `local`."""
"""Folder of media inside a draft."""
_LONGEST: Final = 1000
"""Characters; macOS takes 1024 bytes, Windows 260 unless told otherwise."""
_WINDOWS: Final = re.compile(r"[A-Za-z]:[\\/]|\\\\[^\\]")


TAGS: Final = "c2jy-tags.json"
"""The user's tags of a draft, in its folder; see `library.tags`."""
PLACEHOLDER: Final = "##_draftpath_placeholder_0E685133-18CE-45ED-8CB8-2904A212EC80_##"
"""The apps' word for the draft's own folder: the same id in drafts saved by CapCut 1.5, 6.7 and 7.8."""
_PLACEHOLDER: Final = re.compile(r"##_draftpath_placeholder(?:_[^#/\\]*)?_?##[/\\]+(?P<below>.+)")
"""With any id or none, as other tools write it."""


def placeholder_parts(path: str) -> tuple[str, ...] | None:
    """Where in the draft's folder a path with the apps' placeholder leads; None for any other path."""
    if (match := _PLACEHOLDER.fullmatch(path)) is None:
        return None
    parts = PureWindowsPath(match["below"]).parts
    plain = parts and all(part != ".." and not set(part) & set(":/\\") for part in parts)
    return parts if plain else None


def media_form(paths: Iterable[str]) -> MediaForm:
    """How a draft names its media: by the placeholder, by absolute paths, by both; `none` without media."""
    portable = {path.startswith("##_draftpath_placeholder") for path in paths}
    if len(portable) == 2:
        return "mixed"
    return "none" if not portable else "portable" if portable.pop() else "absolute"


@dataclass(frozen=True, slots=True)
class TargetRoot:
    """The drafts folder as that machine spells it; never resolved against this one's disk."""

    root: PurePath
    portable: bool = False
    """Media are named by the placeholder, which is right in any folder; `root` is in the meta file only."""

    @classmethod
    def of(cls, given: str | None, local: Path) -> TargetRoot:
        """The folder named for another machine, else the local one.

        Raises:
            DraftError: `given` is not an absolute Windows or POSIX path, or has unprintable characters.
        """
        if given is None or not given.strip():
            return cls(local)
        text = given.strip()
        if one_line(text) != text or len(text) > _LONGEST:
            raise DraftError([issue("target_root", "target.root", root=text[:100])])
        if _WINDOWS.match(text):
            return cls(PureWindowsPath(text))
        if text.startswith("/"):
            return cls(PurePosixPath(text))
        raise DraftError([issue("target_root", "target.root", root=text)])

    def draft(self, name: str) -> PurePath:
        """The draft's folder there."""
        return self.root / name

    def material(self, name: str, *parts: str) -> str:
        """A file of a draft as its content names it: by the placeholder, or in that system's spelling."""
        return "/".join((PLACEHOLDER, *parts)) if self.portable else str(self.draft(name).joinpath(*parts))

    def registered(self, name: str, *parts: str) -> str:
        """The same as draft_meta_info.json names it."""
        if self.portable:
            return "/".join((".", *parts))
        return self.draft(name).joinpath(*parts).as_posix()


def local_view(path: str, folder: Path, name: str | None = None) -> Path | None:
    """Where a material's path leads on this machine.

    Args:
        path: As it is in the draft, for whatever machine.
        folder: The draft's folder here.
        name: The draft's name, when the folder does not have it yet.

    Returns:
        A file inside the draft when the path ends in `<name>/materials/<file>` or `<name>/Resources/...`, or
        begins with the apps' placeholder; else the path itself when it is absolute here; else None. A path on
        another computer is None too, unless the draft itself is there: Windows would log in to whatever host
        a foreign draft names.
    """
    if below := placeholder_parts(path):
        return folder.joinpath(*below)
    # A list asks for each file of thousands of drafts: paths are taken apart only where it can matter.
    if MATERIALS in path or RESOURCES in path:
        tail = _below_media_folder(parts := pure(path).parts)
        named = parts[-len(tail) - 1] if tail and len(parts) > len(tail) else ""
        if named in (name or folder.name, folder.name):
            return folder.joinpath(*tail)
        # A folder from a Mac may have got another name on its way.
        if named and tail[0] == RESOURCES and folder.joinpath(*tail).is_file():
            return folder.joinpath(*tail)
    if path[:1] in "\\/" and path[1:2] in "\\/":
        drive = PureWindowsPath(path).drive
        if drive.startswith("\\\\") and drive.lower() != folder.drive.lower():
            return None
    if not os.path.isabs(path):
        return None
    here = Path(path)
    return here if here.is_absolute() else None  # "/a" has no drive


_MOUNT: Final = re.compile(r"/mnt/([a-z])(/.*|)", re.IGNORECASE)
Inside = Callable[[tuple[str, ...]], bool]
"""Whether the draft's folder has a file at these parts."""


def pure(path: str) -> PurePath:
    """A path as the system it was spelled for takes it."""
    return PureWindowsPath(path) if _WINDOWS.match(path) or "\\" in path else PurePosixPath(path)


def same_folder(one: PurePath, other: PurePath) -> bool:
    """Whether two spellings are one folder; `/mnt/c/x` in WSL is `C:\\x`."""
    return _unmounted(one) == _unmounted(other)


def _unmounted(path: PurePath) -> PurePath:
    if not isinstance(path, PureWindowsPath) and (match := _MOUNT.fullmatch(str(path))):
        return PureWindowsPath(f"{match[1]}:\\", *match[2].split("/"))
    return path if isinstance(path, PureWindowsPath) else PurePosixPath(path)


def media_paths(content: Mapping[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    """(JSON path, material) of everything in a content that has a `path`, inside compound clips too."""
    materials = content.get("materials")
    for kind, group in materials.items() if isinstance(materials, Mapping) else ():
        for index, material in enumerate(group) if isinstance(group, list) else ():
            if isinstance(material, dict) and isinstance(material.get("path"), str) and material["path"]:
                yield f"materials.{kind}[{index}].path", material
    for index, inner in enumerate(compounds(content)):
        for where, material in media_paths(inner):
            yield f"materials.drafts[{index}].draft.{where}", material


def compounds(content: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    """The contents of compound clips, each of the shape of a draft's own, an empty one where it has none."""
    materials = content.get("materials")
    drafts = materials.get("drafts") if isinstance(materials, Mapping) else None
    for material in drafts if isinstance(drafts, list) else ():
        inner = material.get("draft") if isinstance(material, dict) else None
        yield inner if isinstance(inner, dict) else {}


def is_of_another_machine(path: str) -> bool:
    """Whether a path is of another system, or of a user or drive that this machine does not have."""
    if placeholder_parts(path):
        return False
    spelled = pure(path)
    if not spelled.is_absolute():
        return False
    if isinstance(spelled, PureWindowsPath) != (os.name == "nt"):
        return True
    parts = spelled.parts
    home = len(parts) > 3 and parts[1].casefold() in ("users", "home")
    return not os.path.lexists(Path(*parts[:3]) if home else parts[0])


def spelled_folder(content: Mapping[str, Any], inside: Inside) -> tuple[str, PurePath] | None:
    """The draft's folder as its media spell it: the one that most of them name, with a JSON path of one."""
    named: Counter[PurePath] = Counter()
    where: dict[PurePath, str] = {}
    for place, material in media_paths(content):
        path = pure(material["path"])
        if len(path.parts) > 3 and path.parts[-2] == MATERIALS and inside(path.parts[-2:]):
            folder = path.parent.parent
            named[folder] += 1
            where.setdefault(folder, place)
    if not named:
        return None
    folder = named.most_common(1)[0][0]
    return where[folder], folder


@dataclass(frozen=True, slots=True)
class Respelled:
    """What `respell` did."""

    changed: int
    """Paths that are other than before."""
    elsewhere: tuple[tuple[str, str], ...]
    """(JSON path, path) of media outside the draft's folder, which stayed as they were."""


UNVERIFIED: Final = 63487
"""`check_flag` of a picture as pyJianYingDraft 0.3.1 writes it."""
VERIFIED: Final = 62978047
"""`check_flag` of a local file that the app has seen: CapCut 5.8 to 9.1 write it (measured). With the
placeholder the other value reads as a missing cloud material (reported for CapCut on Windows, 2026-07)."""


def respell(
    content: Mapping[str, Any], former: PurePath | None, draft: str, target: TargetRoot, inside: Inside
) -> Respelled:
    """Name a content's media for another drafts folder or by the placeholder, in place.

    Placeholders outside `materials` are the app's own and stay.

    Args:
        content: The object in a main file.
        former: The draft's folder as its meta file spells it.
        draft: The draft's name.
        target: The drafts folder there.
        inside: What the draft's folder has.
    """
    changed = 0
    elsewhere = []
    for where, material in media_paths(content):
        path = material["path"]
        below = placeholder_parts(path)
        if below is not None and below[0] != MATERIALS:
            continue
        parts = parts_inside(path, former, inside)
        if parts is not None:
            spelled = target.material(draft, *parts)
            changed += spelled != path
            material["path"] = spelled
            if target.portable != (below is not None):
                before, after = (UNVERIFIED, VERIFIED) if target.portable else (VERIFIED, UNVERIFIED)
                if material.get("check_flag") == before:
                    material["check_flag"] = after
        elif where.startswith(("materials.videos", "materials.audios")):
            elsewhere.append((where, path))
    return Respelled(changed, tuple(elsewhere))


def respell_meta(
    meta: dict[str, Any], former: PurePath | None, draft: str, target: TargetRoot, inside: Inside
) -> int:
    """The same for draft_meta_info.json; returns how many values are other than before."""
    folder = target.draft(draft)
    wanted = {
        "draft_fold_path": folder.as_posix(),
        "draft_root_path": folder.parent.as_posix(),
        "draft_removable_storage_device": folder.drive,
        "draft_name": draft,
    }
    changed = sum(1 for key, value in wanted.items() if meta.get(key) != value)
    meta.update(wanted)
    groups = meta.get("draft_materials")
    for group in groups if isinstance(groups, list) else ():
        values = group.get("value") if isinstance(group, dict) else None
        for entry in values if isinstance(values, list) else ():
            path = entry.get("file_Path") if isinstance(entry, dict) else None
            if not isinstance(path, str):
                continue
            if (parts := parts_inside(path, former, inside)) is not None:
                spelled = target.registered(draft, *parts)
                changed += spelled != path
                entry["file_Path"] = spelled
    return changed


def _below_media_folder(parts: tuple[str, ...]) -> tuple[str, ...]:
    """The end of a path from `materials` or the apps' `Resources` on; empty when it has neither."""
    if parts[-2:-1] == (MATERIALS,):
        return parts[-2:]
    if RESOURCES in parts[:-1] and ".." not in parts:
        return parts[len(parts) - 1 - parts[::-1].index(RESOURCES) :]
    return ()


def former_folder(meta: Mapping[str, Any]) -> PurePath | None:
    """The draft's folder as its meta file spells it."""
    path = meta.get("draft_fold_path")
    return pure(path) if isinstance(path, str) and len(pure(path).parts) > 1 else None


def parts_inside(path: str, former: PurePath | None, inside: Inside) -> tuple[str, ...] | None:
    """Where in the draft's folder a path leads, or None when it leads elsewhere.

    A path does when it has the apps' placeholder, lies below the folder that the meta file names, or ends in
    `materials/<file>` or `Resources/...`, and there is such a file here.
    """
    if (below := placeholder_parts(path)) is not None:
        return below if inside(below) else None
    spelled = pure(path)
    if ".." in spelled.parts:
        return None
    if former is not None and type(former) is type(spelled) and spelled.is_relative_to(former):
        parts = spelled.relative_to(former).parts
        if parts and inside(parts):
            return parts
    tail = _below_media_folder(spelled.parts)
    return tail if tail and inside(tail) else None


def files_of(folder: Path) -> Inside:
    """What a draft's folder on this machine has; links do not count."""

    def has(parts: tuple[str, ...]) -> bool:
        path = folder.joinpath(*parts)
        steps = [path, *path.parents][: len(parts)]
        return path.is_file() and not any(step.is_symlink() for step in steps)

    return has
