"""`c2jy-tui config`: shows and changes settings; the file keeps its comments, a wrong value is refused."""

from __future__ import annotations

import argparse
import os
import shlex
import shutil
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from c2jy_bridge.core.disk_space import os_reason
from c2jy_bridge.core.places import default_config_file
from c2jy_bridge.core.safety import one_line
from c2jy_tui.commands import say
from c2jy_tui.commands.running import as_json, print_stderr, with_settings

if TYPE_CHECKING:
    from c2jy_bridge.core.settings import Settings


def path(options: argparse.Namespace) -> int:
    """Print the settings file's path, whether it exists or not."""
    print(_path(options))
    return 0


def show(options: argparse.Namespace) -> int:
    """Print all settings in force as JSON; secrets are masked."""

    def work(settings: Settings) -> int:
        print(as_json(settings.model_dump(mode="json"), indent=2))
        return 0

    return with_settings(options, work)


def get(options: argparse.Namespace) -> int:
    """Print one setting in force; `--json` as a JSON value."""
    from c2jy_bridge.core.settings_file import setting

    def work(settings: Settings) -> int:
        one, inner = setting(options.key)
        value: Any = settings.model_dump(mode="json")
        for part in one.key.split("."):
            value = value[part]
        if inner:
            value = value.get(inner)
        if options.json:
            print(as_json(value, indent=2))
        elif isinstance(value, list | dict):
            print(as_json(value))
        else:
            words = {None: "", True: "true", False: "false"}
            print(one_line(words[value] if value is None or isinstance(value, bool) else str(value)))
        return 0

    return with_settings(options, work)


def set_(options: argparse.Namespace) -> int:
    """Change one setting in the file; without a value it gets its default again."""
    from c2jy_bridge.core.settings import SettingsError
    from c2jy_bridge.core.settings_file import SettingsFile

    file = SettingsFile(_path(options), getattr(options, "profile", None))
    try:
        file.change({options.key: options.value})
    except SettingsError as error:
        print_stderr(str(error))
        return 2
    print_stderr(say("config.changed", key=options.key, path=file.path))
    variable = "C2JY_" + options.key.replace(".", "__").upper()
    if variable in os.environ:
        print_stderr(say("config.shadowed", variable=variable))
    return 0


def edit(options: argparse.Namespace) -> int:
    """Open the file in an editor, then check it; a mistake is named and the file stays as it was written."""
    from c2jy_bridge.core.settings import SettingsError, load
    from c2jy_bridge.core.settings_file import SettingsFile

    where = _path(options)
    command = _editor()
    if not command:
        print_stderr(say("config.no_editor", path=where))
        return 1
    try:
        if not where.exists():
            SettingsFile(where).change({})  # a head of comments to begin with
        status = subprocess.run([*command, str(where)], check=False).returncode
    except SettingsError as error:
        print_stderr(str(error))
        return 2
    except OSError as error:
        print_stderr(say("config.editor_failed", editor=command[0], why=os_reason(error)))
        return 1
    if status:
        print_stderr(say("config.editor_failed", editor=command[0], why=status))
        return 1
    try:
        load(where)
    except SettingsError as error:
        print_stderr(str(error))
        return 2
    print_stderr(say("config.fine", path=where))
    return 0


def _path(options: argparse.Namespace) -> Path:
    return Path(getattr(options, "config", None) or default_config_file()).expanduser()


def _editor() -> list[str]:
    """The user's editor; empty when there is none."""
    for name in ("VISUAL", "EDITOR"):
        if named := os.environ.get(name):
            return shlex.split(named, posix=os.name == "posix")
    usual = ("notepad",) if sys.platform == "win32" else ("nano", "vi")
    return next(([one] for one in usual if shutil.which(one)), [])
