"""`--demo`: the emulator beside the app, on a free port, with its own data folder. Nothing to set up."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from c2jy_bridge.places import default_data_dir
from c2jy_bridge.settings import Settings, load, merged


@contextmanager
def demo(config: Path | None, profile: str | None, overrides: Mapping[str, Any]) -> Iterator[Settings]:
    """Settings that point at an emulator which lives as long as the context.

    A settings file counts only when it is named: the demo must not write into JianYing's own folder because
    the maker once wrote it there.
    """
    from c2jy_bridge.emulator import HUMANE_PACE_S, Emulator

    # The journal remembers the conversations of earlier demos, which this emulator has never seen.
    with Emulator(pace_s=HUMANE_PACE_S, adopt_conversations=True) as emulator:
        here = {
            "coze": {"api_base": emulator.base_url, "token": "demo", "bot_id": emulator.bot_id},
            # The demo's media come from the emulator itself; every other private address stays refused.
            "materials": {"allow_private_hosts": [urlsplit(emulator.base_url).netloc]},
            "data_dir": default_data_dir() / "demo",
        }
        here = merged(here, overrides)
        yield load(config, profile=profile, overrides=here, look_for_file=False)
