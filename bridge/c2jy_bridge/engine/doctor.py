"""Checks the prerequisites of a draft, with a fix for each that is missing."""

from __future__ import annotations

import asyncio
import os
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal
from urllib.parse import urlsplit

from c2jy_bridge.core.disk_space import is_full, os_reason, write_probe
from c2jy_bridge.core.i18n import catalogue
from c2jy_bridge.core.settings import Settings, SettingsError
from c2jy_bridge.core.settings_file import SettingsFile
from c2jy_bridge.coze import CozeProblem, connect
from c2jy_bridge.coze.login import login_of
from c2jy_bridge.drafts.library.draft_roots import DraftsRoot, disk, drafts_roots, this_system
from c2jy_bridge.engine.startup import check_folders, steps_done
from c2jy_bridge.journal.database import damage

say = catalogue("engine")

GB: Final = 10**9
Repair = Literal["", "token", "bot", "drafts", "test", "mode"]


@dataclass(frozen=True, slots=True)
class Check:
    """The result of one check; a `warning` prevents nothing, `unknown` cannot be checked from here."""

    name: str
    state: Literal["ok", "warning", "error", "unknown"]
    message: str
    fix: str = ""
    repair: Repair = ""
    """What `doctor --fix` can do: a step of the guide, or the mode of the settings file."""


async def examine(settings: Settings) -> list[Check]:
    """Check the settings, the account, the drafts folder and MediaInfo."""
    checks = [
        *await asyncio.to_thread(_settings_file, settings),
        *await _coze(settings),
        *await asyncio.to_thread(_data_folder, settings),
        *await asyncio.to_thread(_journal, settings),
        await asyncio.to_thread(_drafts_folder, settings),
        *await asyncio.to_thread(_apps_folders, settings),
        await asyncio.to_thread(_mediainfo),
    ]
    return [*checks, *await asyncio.to_thread(_unknowable, settings, checks)]


def _settings_file(settings: Settings) -> list[Check]:
    path, name = settings.config_dir / "config.toml", say("doctor.settings")
    if not path.is_file():
        return [Check(name, "ok", say("doctor.settings_none", path=path))]
    checks = [Check(name, "ok", say("doctor.settings_there", path=path))]
    try:
        open_to_others = os.name == "posix" and path.stat().st_mode & 0o077
        if open_to_others and SettingsFile(path).value("coze.token"):
            fix = say("doctor.token_in_file_fix", path=path)
            checks.append(Check(name, "warning", say("doctor.token_in_file", path=path), fix, "mode"))
    except (OSError, SettingsError):
        pass  # the settings in force come from another file
    return checks


def protect(settings: Settings) -> None:
    """Take the settings file from everybody but its owner; raises OSError."""
    (settings.config_dir / "config.toml").chmod(0o600)


def _unknowable(settings: Settings, checks: list[Check]) -> list[Check]:
    """What no program can see from here, with how to find out."""
    found = []
    if not any(check.repair in ("token", "bot") for check in checks):
        tried = "test" in steps_done(settings.data_dir)
        state: Literal["ok", "unknown"] = "ok" if tried else "unknown"
        words, fix = say(f"doctor.plugin_{state}"), "" if tried else say("doctor.plugin_fix")
        found.append(Check(say("doctor.plugin"), state, words, fix, "" if tried else "test"))
    if settings.drafts.root is not None:
        found.append(Check(say("doctor.app"), "unknown", say("doctor.app_unknown"), say("doctor.app_fix")))
    return found


async def _coze(settings: Settings) -> list[Check]:
    host = urlsplit(settings.coze.api_base).netloc
    try:
        client = await asyncio.to_thread(connect, settings.coze, login_of(settings))
    except CozeProblem as error:
        return [_of_problem(error)]
    try:
        checks = [Check(say("doctor.token"), "ok", say("doctor.token_there"))]
        try:
            who = await client.whoami()
            checks.append(Check(say("doctor.coze"), "ok", say("doctor.coze_fine", host=host, who=who)))
            if not settings.coze.bot_id:
                return [
                    *checks,
                    Check(say("doctor.bot"), "error", say("doctor.bot_none"), say("doctor.bot_fix"), "bot"),
                ]
            bot = await client.bot_name(settings.coze.bot_id)
        except CozeProblem as error:
            return [*checks, _of_problem(error)]
        return [*checks, Check(say("doctor.bot"), "ok", bot)]
    finally:
        await client.aclose()


def _of_problem(error: CozeProblem) -> Check:
    problem = error.problem
    repairs: dict[str, Repair] = {
        "token_missing": "token",
        "token_malformed": "token",
        "unauthorized": "token",
        "forbidden": "token",
        "not_found": "bot",
        "not_published": "bot",
    }
    repair = repairs.get(problem.kind, "")
    return Check(say("doctor.coze"), "error", problem.message, problem.hint, repair)


def _drafts_folder(settings: Settings) -> Check:
    root, name = settings.drafts_root, say("doctor.drafts")
    try:
        check_folders(settings)
    except SettingsError as error:
        return Check(name, "error", str(error), say("doctor.drafts_unwritable_fix"), "drafts")
    try:
        root.mkdir(parents=True, exist_ok=True)
        write_probe(root)
    except OSError as error:
        if is_full(error):
            return _full(name, root, error)
        message = say("doctor.drafts_unwritable", path=root, why=os_reason(error))
        return Check(name, "error", message, say("doctor.drafts_unwritable_fix"), "drafts")
    if settings.drafts.root is None:
        fix = say("doctor.drafts_fix", config=settings.config_dir / "config.toml")
        return Check(name, "warning", say("doctor.drafts_ours", path=root), fix, "drafts")
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
        message = say("doctor.data_unwritable", path=data, why=os_reason(error))
        return [Check(name, "error", message, say("doctor.data_unwritable_fix"))]
    return []


def _journal(settings: Settings) -> list[Check]:
    """Damaged pages of the journal; they are set aside by whatever opens it next."""
    path = settings.data_dir / "journal.db"
    if not path.is_file() or not (reason := damage(path)):
        return []
    message = say("journal.damaged", reason=reason)
    return [Check(say("doctor.journal"), "warning", f"{path}: {message}", say("journal.damaged.fix"))]


def _full(name: str, folder: Path, error: OSError) -> Check:
    return Check(name, "error", say("doctor.full", path=folder, why=os_reason(error)), say("doctor.full_fix"))


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
