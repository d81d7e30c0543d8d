"""The apps that a draft can be written for: which file each opens and how it takes media.

What an app wants or refuses beyond that, with a source for each line, is in `drafts.write.app_rules`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Literal, get_args

DraftProfile = Literal[
    "both",
    "jianying_win",
    "jianying_mac",
    "capcut_win",
    "capcut_mac",
    "jianying-win-5.9",
    "jianying-win-10",
    "jianying-mac-10",
    "jianying-mac-11",
    "capcut-win-6",
    "capcut-win-8",
    "capcut-win-9",
    "capcut-mac-3",
]
"""An app and a system, with a number of that version; `both` is any app, by either file name."""
PROFILES: Final[tuple[DraftProfile, ...]] = get_args(DraftProfile)
MediaPaths = Literal["portable", "absolute"]

_CONTENT: Final = "draft_content.json"
_INFO: Final = "draft_info.json"


@dataclass(frozen=True, slots=True)
class TargetApp:
    """What is written for a profile."""

    app: Literal["jianying", "capcut"]
    system: Literal["windows", "mac"]
    files: tuple[str, ...]
    """Main files with the same content, the one that the app is known to open first."""
    media_paths: MediaPaths | None = None
    """Other than the setting where the app is known to refuse that; None: as the setting says."""
    tried: bool = False
    """Users of pyJianYingDraft open such drafts in the app (its README: JianYing 5.9 and 10.8 on Windows)."""

    @property
    def platform(self) -> Mapping[str, object]:
        """Which app and system a draft's `platform` names (ids measured in drafts of both apps)."""
        ids = {"app_id": 3704, "app_source": "lv"}
        if self.app == "capcut":
            ids = {"app_id": 359289, "app_source": "cc"}
        return {**ids, "os": self.system}


APPS: Final[Mapping[DraftProfile, TargetApp]] = {
    "both": TargetApp("jianying", "windows", (_CONTENT, _INFO), tried=True),
    "jianying_win": TargetApp("jianying", "windows", (_CONTENT,), tried=True),
    "jianying_mac": TargetApp("jianying", "mac", (_INFO,)),
    "capcut_win": TargetApp("capcut", "windows", (_CONTENT,)),
    "capcut_mac": TargetApp("capcut", "mac", (_INFO,)),
    "jianying-win-5.9": TargetApp("jianying", "windows", (_CONTENT, _INFO), tried=True),
    # JianYing 6 and later open draft_info.json (reported, pyJianYingDraft PR 198), VectCutAPI's profile for
    # 10 writes draft_content.json: here both are written, with one content.
    "jianying-win-10": TargetApp("jianying", "windows", (_INFO, _CONTENT), tried=True),
    "jianying-mac-10": TargetApp("jianying", "mac", (_INFO, _CONTENT)),
    "jianying-mac-11": TargetApp("jianying", "mac", (_INFO, _CONTENT)),
    "capcut-win-6": TargetApp("capcut", "windows", (_CONTENT, _INFO)),
    "capcut-win-8": TargetApp("capcut", "windows", (_CONTENT, _INFO)),
    "capcut-win-9": TargetApp("capcut", "windows", (_CONTENT, _INFO)),
    "capcut-mac-3": TargetApp("capcut", "mac", (_INFO, _CONTENT), media_paths="absolute"),
}
