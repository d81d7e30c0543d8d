"""Checks the prerequisites of a draft, with a fix for each that is missing."""

from __future__ import annotations

import asyncio
import os
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal
from urllib.parse import urlsplit

from c2jy_bridge.core.disk_space import is_full, write_probe
from c2jy_bridge.core.i18n import catalogue
from c2jy_bridge.core.settings import Settings, SettingsError
from c2jy_bridge.coze import CozeProblem, connect
from c2jy_bridge.drafts.library.draft_roots import DraftsRoot, disk, drafts_roots, this_system
from c2jy_bridge.engine.startup import check_folders

say = catalogue("engine")

GB: Final = 10**9


@dataclass(frozen=True, slots=True)
class Check:
    """The result of one check; a `warning` does not prevent anything."""

    name: str
    state: Literal["ok", "warning", "error"]
    message: str
    fix: str = ""


async def examine(settings: Settings) -> list[Check]:
    """Check the settings, the account, the drafts folder and MediaInfo."""
    config = settings.config_dir / "config.toml"
    key = "doctor.settings_there" if config.is_file() else "doctor.settings_none"
    return [
        Check(say("doctor.settings"), "ok", say(key, path=config)),
        *await _coze(settings),
        *await asyncio.to_thread(_data_folder, settings),
        await asyncio.to_thread(_drafts_folder, settings),
        *await asyncio.to_thread(_apps_folders, settings),
        await asyncio.to_thread(_mediainfo),
    ]


async def _coze(settings: Settings) -> list[Check]:
    host = urlsplit(settings.coze.api_base).netloc
    try:
        client = await asyncio.to_thread(connect, settings.coze)
    except CozeProblem as error:
        return [Check(say("doctor.coze"), "error", error.problem.message, error.problem.hint)]
    try:
        checks = [Check(say("doctor.token"), "ok", say("doctor.token_there"))]
        try:
            who = await client.whoami()
            checks.append(Check(say("doctor.coze"), "ok", say("doctor.coze_fine", host=host, who=who)))
            if not settings.coze.bot_id:
                return [
                    *checks,
                    Check(say("doctor.bot"), "error", say("doctor.bot_none"), say("doctor.bot_fix")),
                ]
            bot = await client.bot_name(settings.coze.bot_id)
        except CozeProblem as error:
            return [*checks, Check(say("doctor.coze"), "error", error.problem.message, error.problem.hint)]
        return [*checks, Check(say("doctor.bot"), "ok", bot)]
    finally:
        await client.aclose()


def _drafts_folder(settings: Settings) -> Check:
    root, name = settings.drafts_root, say("doctor.drafts")
    try:
        check_folders(settings)
    except SettingsError as error:
        return Check(name, "error", str(error), say("doctor.drafts_unwritable_fix"))
    try:
        root.mkdir(parents=True, exist_ok=True)
        write_probe(root)
    except OSError as error:
        if is_full(error):
            return _full(name, root, error)
        message = say("doctor.drafts_unwritable", path=root, why=error.strerror or error)
        return Check(name, "error", message, say("doctor.drafts_unwritable_fix"))
    if settings.drafts.root is None:
        fix = say("doctor.drafts_fix", config=settings.config_dir / "config.toml")
        return Check(name, "warning", say("doctor.drafts_ours", path=root), fix)
    free = f"{shutil.disk_usage(root).free / GB:.1f}"
    return Check(name, "ok", say("doctor.drafts_fine", path=os.fspath(root), free=free))


def _data_folder(settings: Settings) -> list[Check]:
    """What is wrong with the folder of the journal; nothing for one that a first start will create."""
    data, name = settings.data_dir, say("doctor.data")
    try:
        if data.is_dir():
            write_probe(data)
    except OSError as error:
        if is_full(error):
            return [_full(name, data, error)]
        message = say("doctor.data_unwritable", path=data, why=error.strerror or error)
        return [Check(name, "error", message, say("doctor.data_unwritable_fix"))]
    return []


def _full(name: str, folder: Path, error: OSError) -> Check:
    return Check(name, "error", say("doctor.full", path=folder, why=error.strerror), say("doctor.full_fix"))


def found_roots() -> list[DraftsRoot]:
    """The drafts folders of JianYing and CapCut on this machine; none is chosen automatically."""
    return drafts_roots(this_system(), os.environ, Path.home(), disk())


def _apps_folders(settings: Settings) -> list[Check]:
    roots = found_roots()
    if not roots or any(
        os.path.realpath(root.path) == os.path.realpath(settings.drafts_root) for root in roots
    ):
        return []
    first = roots[0]
    key = "doctor.roots_use" if first.path == first.app_path else "doctor.roots_use_wsl"
    fix = say(key, path=first.path, app_path=first.app_path)
    message = say("doctor.roots_found", paths=", ".join(root.path for root in roots))
    return [Check(say("doctor.roots"), "ok", message, fix)]


def _mediainfo() -> Check:
    from pymediainfo import MediaInfo

    if MediaInfo.can_parse():
        return Check(say("doctor.mediainfo"), "ok", say("doctor.mediainfo_fine"))
    message = say("doctor.mediainfo_none")
    return Check(say("doctor.mediainfo"), "error", message, say("doctor.mediainfo_fix"))
