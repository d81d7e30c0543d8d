"""Default locations of the program's files (platformdirs)."""

from __future__ import annotations

from pathlib import Path
from typing import Final

import platformdirs

APP: Final = "c2jy-tui"


def default_data_dir() -> Path:
    """Journal, cache of materials, trash, logs."""
    return Path(platformdirs.user_data_dir(APP, appauthor=False))


def default_config_file() -> Path:
    """The settings file; it need not exist."""
    return Path(platformdirs.user_config_dir(APP, appauthor=False)) / "config.toml"
