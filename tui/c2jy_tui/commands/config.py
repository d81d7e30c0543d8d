"""`c2jy-tui config`: where the settings are and what they come to."""

from __future__ import annotations

import argparse

from c2jy_bridge.core.places import default_config_file
from c2jy_bridge.core.settings import SettingsError
from c2jy_tui.commands.output import as_json, complain
from c2jy_tui.commands.running import settings_of


def path(options: argparse.Namespace) -> int:
    """Print the settings file's path, there or not."""
    print(getattr(options, "config", None) or default_config_file())
    return 0


def show(options: argparse.Namespace) -> int:
    """Print all settings in force as JSON; secrets are stars."""
    try:
        with settings_of(options) as settings:
            print(as_json(settings.model_dump(mode="json"), indent=2))
    except SettingsError as error:
        complain(str(error))
        return 2
    return 0
