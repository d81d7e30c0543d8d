"""What JianYing and CapCut are known to want or refuse, version by version, with the source of each line.

Measured: read in drafts that the app saved. Reported: by others who looked at the app's screen. None of it
was seen in an app by this project; what no line speaks of is not known.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path, PureWindowsPath
from typing import Any, Final

import orjson

from c2jy_bridge.core.events import Issue, Severity
from c2jy_bridge.core.target_apps import APPS, DraftProfile, TargetApp
from c2jy_bridge.drafts.errors import issue, say
from c2jy_bridge.drafts.write.paths import (
    META,
    PLACEHOLDER,
    UNVERIFIED,
    local_view,
    placeholder_parts,
    pure,
    same_folder,
)
from c2jy_bridge.drafts.write.registration import IDENTITY, LIST
from c2jy_bridge.drafts.write.staging import is_there, read_plain

NAMED_BY_ID: Final = ("effects", "video_effects", "audio_effects", "transitions", "material_animations")
"""Materials that are named by ids of JianYing."""


@dataclass(frozen=True, slots=True)
class Examined:
    """A draft on the disk, as a rule sees it."""

    folder: Path
    content: Mapping[str, Any]
    """The object in its main file."""
    meta: Mapping[str, Any]
    """The object in draft_meta_info.json; empty when it cannot be read."""
    app: TargetApp

    def media(self) -> Iterator[tuple[str, Mapping[str, Any], str]]:
        """(JSON path, material, path) of every picture and sound."""
        for kind in ("videos", "audios"):
            for index, material in enumerate(_objects(_object(self.content.get("materials")).get(kind))):
                if isinstance(path := material.get("path"), str) and path:
                    yield f"materials.{kind}[{index}]", material, path


Finds = Callable[[Examined], Iterator[str]]
"""The places of a draft that a rule is about."""


@dataclass(frozen=True, slots=True)
class Rule:
    """One line of what is known."""

    code: str
    """Of the issue that says it."""
    severity: Severity
    """error: the app is known to refuse it; warning: it asks again, loses something, or sources disagree."""
    profiles: tuple[DraftProfile, ...]
    measured: bool
    source: str
    finds: Finds


def _lacks(file: str) -> Finds:
    def find(draft: Examined) -> Iterator[str]:
        if not is_there(draft.folder / file):
            yield file

    return find


def _placeholder_of_another_id(draft: Examined) -> Iterator[str]:
    for where, _, path in draft.media():
        if path.startswith("##_draftpath_placeholder") and not path.startswith(f"{PLACEHOLDER}/"):
            yield f"{where}.path"


def _placeholder(draft: Examined) -> Iterator[str]:
    return (f"{where}.path" for where, _, path in draft.media() if placeholder_parts(path))


def _relative(draft: Examined) -> Iterator[str]:
    for where, _, path in draft.media():
        if not path.startswith("##_draftpath_placeholder") and not pure(path).is_absolute():
            yield f"{where}.path"


def _of_another_system(draft: Examined) -> Iterator[str]:
    for where, _, path in draft.media():
        spelled = pure(path)
        windows = isinstance(spelled, PureWindowsPath)
        if spelled.is_absolute() and windows != (draft.app.system == "windows"):
            yield f"{where}.path"


def _outside(draft: Examined) -> Iterator[str]:
    for where, _, path in draft.media():
        here = local_view(path, draft.folder)
        if here is None or not here.is_relative_to(draft.folder):
            yield f"{where}.path"


def _outside_resources(draft: Examined) -> Iterator[str]:
    return (f"{where}.path" for where, _, path in draft.media() if "Resources" not in pure(path).parts)


def _registered(draft: Examined, field: str) -> set[str]:
    groups = _objects(draft.meta.get("draft_materials"))
    entries = (entry for group in groups if group.get("type") == 0 for entry in _objects(group.get("value")))
    return {str(entry.get(field)) for entry in entries}


def _with_another_local_id(draft: Examined) -> Iterator[str]:
    known = _registered(draft, "id")
    for where, material, _ in draft.media():
        local_id = material.get("local_material_id")
        if known and local_id and local_id not in known:
            yield f"{where}.local_material_id"


def _unregistered(draft: Examined) -> Iterator[str]:
    known = {pure(path).name for path in _registered(draft, "file_Path")}
    return (f"{where}.path" for where, _, path in draft.media() if pure(path).name not in known)


def _without_local_id(draft: Examined) -> Iterator[str]:
    return (f"{where}.local_material_id" for where, m, _ in draft.media() if not m.get("local_material_id"))


def _unverified(draft: Examined) -> Iterator[str]:
    for where, material, path in draft.media():
        if placeholder_parts(path) and material.get("check_flag") == UNVERIFIED:
            yield f"{where}.check_flag"


def _old_masks(draft: Examined) -> Iterator[str]:
    materials = _object(draft.content.get("materials"))
    if _objects(materials.get("masks")) and not _objects(materials.get("common_mask")):
        yield "materials.masks"


def _not_listed(draft: Examined) -> Iterator[str]:
    try:
        listed = orjson.loads(read_plain(draft.folder.parent / LIST))["all_draft_store"]
    except (OSError, ValueError, LookupError, TypeError):
        yield LIST
        return
    for entry in _objects(listed):
        if entry.get("draft_id") == draft.meta.get("draft_id") or same_folder(
            pure(str(entry.get("draft_fold_path"))), draft.folder
        ):
            return
    yield LIST


def _names_no_machine(draft: Examined) -> Iterator[str]:
    platform = _object(draft.content.get("last_modified_platform"))
    if not any(platform.get(field) for field in IDENTITY):
        yield "last_modified_platform"


def _named_by_jianying(draft: Examined) -> Iterator[str]:
    if _object(draft.content.get("platform")).get("app_id") != APPS["jianying_win"].platform["app_id"]:
        return
    materials = _object(draft.content.get("materials"))
    yield from (f"materials.{kind}" for kind in NAMED_BY_ID if _objects(materials.get(kind)))


_JIANYING_MAC: Final = ("jianying_mac", "jianying-mac-10", "jianying-mac-11")
_CAPCUT_WIN: Final = ("capcut_win", "capcut-win-6", "capcut-win-8", "capcut-win-9")
_CAPCUT_MAC: Final = ("capcut_mac", "capcut-mac-3")
_ALL: Final = tuple(APPS)

KNOWN: Final[tuple[Rule, ...]] = (
    Rule(
        "for_no_content_file",
        "error",
        ("jianying_win", "jianying-win-5.9"),
        False,
        "README of pyJianYingDraft",
        _lacks("draft_content.json"),
    ),
    Rule(
        "for_no_content_file",
        "error",
        _CAPCUT_WIN,
        True,
        "CapCut 1.5, 5.8, 6.7, 7.7, 7.8, 8.9",
        _lacks("draft_content.json"),
    ),
    Rule(
        "for_no_info_file",
        "error",
        (*_JIANYING_MAC, *_CAPCUT_MAC),
        False,
        "pyJianYingDraft PR 198, JianYing 11.4.0 (macOS), 2026-09; video-shotcraft PR 36",
        _lacks("draft_info.json"),
    ),
    # VectCutAPI writes draft_content.json for JianYing 10 on Windows: the sources disagree.
    Rule(
        "for_no_info_file",
        "warning",
        ("jianying-win-10",),
        False,
        "pyJianYingDraft PR 198, JianYing 6 and later",
        _lacks("draft_info.json"),
    ),
    Rule(
        "for_placeholder_id",
        "error",
        _ALL,
        False,
        "JianYing (macOS, build 481), 2026-09",
        _placeholder_of_another_id,
    ),
    Rule(
        "for_placeholder", "warning", ("capcut-mac-3",), False, "CapCut 3.0 (macOS), one report", _placeholder
    ),
    Rule(
        "for_not_in_resources",
        "warning",
        ("capcut-mac-3",),
        False,
        "CapCut 3.0 (macOS), one report",
        _outside_resources,
    ),
    Rule("for_relative", "error", _ALL, False, "VectCutAPI 35", _relative),
    Rule(
        "for_other_system",
        "error",
        _ALL,
        False,
        "CapCut (Windows) on two machines, 2026-07",
        _of_another_system,
    ),
    Rule(
        "for_outside",
        "error",
        _JIANYING_MAC,
        False,
        "video-shotcraft PR 36, JianYing 11.2 (macOS)",
        _outside,
    ),
    Rule(
        "for_unregistered",
        "error",
        ("jianying-mac-11",),
        False,
        "video-shotcraft PR 36, JianYing 11.2 (macOS)",
        _unregistered,
    ),
    Rule("for_unregistered", "warning", _CAPCUT_WIN, False, "pyCapCut 13", _unregistered),
    # Drafts that both apps saved have empty ones too (measured), so it is no refusal.
    Rule(
        "for_no_local_id",
        "warning",
        ("jianying_win", "jianying-win-5.9", "jianying-win-10"),
        False,
        "jianying-editor-skill 22",
        _without_local_id,
    ),
    Rule(
        "for_other_local_id",
        "warning",
        ("capcut-win-8", "capcut-win-9"),
        True,
        "60 drafts of CapCut 7.7: an id that is not empty is always registered",
        _with_another_local_id,
    ),
    # CapCut 6.7 wrote the value itself for local files (measured), so only later ones are warned of.
    Rule(
        "for_unverified",
        "warning",
        ("capcut-win-8", "capcut-win-9"),
        False,
        "CapCut (Windows) on two machines, 2026-07",
        _unverified,
    ),
    Rule(
        "for_old_masks",
        "warning",
        ("jianying-win-10", "jianying-mac-10", "jianying-mac-11"),
        False,
        "pyJianYingDraft PR 198 and its changes for JianYing 10.8",
        _old_masks,
    ),
    Rule(
        "for_not_listed",
        "error",
        ("capcut_win", "capcut-win-8", "capcut-win-9"),
        False,
        "capcut-cli 32, CapCut 8.7 (Windows)",
        _not_listed,
    ),
    Rule(
        "for_no_machine",
        "warning",
        ("capcut-win-6", "capcut-win-9", "capcut-mac-3"),
        False,
        "capcut-cli 52, CapCut 6.3, 9.1 and 3.0 (macOS)",
        _names_no_machine,
    ),
    Rule(
        "for_names_of_jianying",
        "warning",
        (*_CAPCUT_WIN, *_CAPCUT_MAC),
        False,
        "pyCapCut, which has names and ids of its own",
        _named_by_jianying,
    ),
)
"""One line a fact. A number after a project's name is an issue of it."""


def check_for(
    folder: Path, content: Mapping[str, Any], profile: DraftProfile, *, most: Severity = "error"
) -> list[Issue]:
    """What an app is known to want otherwise in a draft, and at the end how much is known at all.

    Args:
        folder: The draft, on this machine.
        content: The object in its main file.
        profile: The app.
        most: The highest severity; a draft that was just built is there, whatever an app makes of it.
    """
    try:
        meta = orjson.loads(read_plain(folder / META))
    except (OSError, ValueError):
        meta = {}
    draft = Examined(folder, content, _object(meta), APPS[profile])
    rules = [rule for rule in KNOWN if profile in rule.profiles]
    found = []
    for rule in rules:
        if places := list(rule.finds(draft)):
            source = say("for.measured" if rule.measured else "for.reported", source=rule.source)
            values = {"app": profile, "count": len(places), "source": source, "name": folder.name}
            found.append(issue(rule.code, places[0], rule.severity, **values))
    if most != "error":
        found = [replace(one, severity=most) if one.severity == "error" else one for one in found]
    return [*found, issue("for_rest", "", "info", app=profile, count=len(rules))]


def _object(value: object) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}


def _objects(value: object) -> list[Mapping[str, Any]]:
    return [item for item in value if isinstance(item, dict)] if isinstance(value, list) else []
