"""What a draft says of the app it was made with, by profile.

pyJianYingDraft 0.3.1 writes JianYing for Windows (3704, "lv"). For CapCut 359289 and "cc" stand in the
drafts that several independent public programs write or copy from CapCut's own; for macOS they say `os: mac`
and nothing else differs. None of it was tried in an app here. Versions stay those of the library: they name
the file format.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from c2jy_bridge.core.settings import DraftProfile

_JIANYING: Final = {"app_id": 3704, "app_source": "lv"}
_CAPCUT: Final = {"app_id": 359289, "app_source": "cc"}
_PLATFORM: Final[Mapping[DraftProfile, Mapping[str, Any]]] = {
    "jianying_win": {**_JIANYING, "os": "windows"},
    "jianying_mac": {**_JIANYING, "os": "mac"},
    "capcut_win": {**_CAPCUT, "os": "windows"},
    "capcut_mac": {**_CAPCUT, "os": "mac"},
    "both": {**_JIANYING, "os": "windows"},
}
TRIED: Final[frozenset[DraftProfile]] = frozenset({"jianying_win", "both"})
"""Profiles whose drafts pyJianYingDraft's users open: JianYing 5.9 and 10.8 for Windows (its README)."""


def say_platform(content: dict[str, Any], profile: DraftProfile) -> None:
    """Write the profile's app and system into a draft's content."""
    for field in ("platform", "last_modified_platform"):
        content[field] = {**content.get(field, {}), **_PLATFORM[profile]}
