"""`--demo`: the emulator beside the app, on a free port, with its own data folder. Nothing to set up."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any, Final
from urllib.parse import urlsplit

from c2jy_bridge.settings import Settings, default_data_dir, merged

PACE_S: Final = 0.015
"""Seconds between two pieces of an answer: about what a real Bot does."""


@contextmanager
def demo(overrides: Mapping[str, Any]) -> Iterator[Settings]:
    """Settings that point at an emulator which lives as long as the context."""
    from c2jy_bridge.emulator import Emulator

    with Emulator(pace_s=PACE_S) as emulator:
        here = {
            "coze": {"api_base": emulator.base_url, "token": "demo", "bot_id": emulator.bot_id},
            # The demo's media come from the emulator itself; every other private address stays refused.
            "materials": {"allow_private_hosts": [urlsplit(emulator.base_url).netloc]},
            "data_dir": default_data_dir() / "demo",
        }
        yield Settings(**merged(here, overrides))
