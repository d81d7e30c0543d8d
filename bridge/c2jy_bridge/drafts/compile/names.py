"""Finds the member of pyJianYingDraft's catalogues that a name means."""

from __future__ import annotations

import difflib
from enum import Enum
from functools import cache, lru_cache
from typing import Any, Final

import pyJianYingDraft as library

from c2jy_bridge.drafts.kinds import NameKind

CATALOGUES: Final[dict[NameKind, type[Enum]]] = {
    "scene": library.VideoSceneEffectType,
    "character": library.VideoCharacterEffectType,
    "audio_scene": library.AudioSceneEffectType,
    "tone": library.ToneEffectType,
    "speech_to_song": library.SpeechToSongType,
    "filter": library.FilterType,
    "transition": library.TransitionType,
    "video_in": library.IntroType,
    "video_out": library.OutroType,
    "video_group": library.GroupAnimationType,
    "text_in": library.TextIntro,
    "text_out": library.TextOutro,
    "text_loop": library.TextLoopAnim,
    "font": library.FontType,
    "mask": library.MaskType,
    "mix_mode": library.MixModeType,
}
"""Every catalogue of pyJianYingDraft 0.3.1 that a document can name things from."""

# The two short lists have well-known English names.
_ALIASES: Final[dict[NameKind, dict[str, str]]] = {
    "mask": {
        "line": "线性",
        "linear": "线性",
        "mirror": "镜面",
        "circle": "圆形",
        "rectangle": "矩形",
        "rect": "矩形",
        "heart": "爱心",
        "star": "星形",
    },
    "mix_mode": {
        "multiply": "正片叠底",
        "colordodge": "颜色减淡",
        "colorburn": "颜色加深",
        "linearburn": "线性加深",
        "softlight": "柔光",
        "hardlight": "强光",
        "screen": "滤色",
        "overlay": "叠加",
        "lighten": "变亮",
        "darken": "变暗",
    },
}


def _plain(name: str) -> str:
    """As `from_name` of the library compares: without case, spaces and underscores; hyphens too."""
    return name.lower().replace(" ", "").replace("_", "").replace("-", "")


def title(member: Enum) -> str:
    """The name that JianYing shows for a member."""
    meta: Any = member.value
    return str(getattr(meta, "title", None) or meta.name)


def is_vip(member: Enum) -> bool:
    """Whether JianYing asks for membership."""
    return bool(getattr(member.value, "is_vip", False))


@cache
def _index(kind: NameKind) -> dict[str, Enum]:
    members: dict[str, Enum] = {}
    for member in CATALOGUES[kind]:
        members.setdefault(_plain(title(member)), member)
        members.setdefault(_plain(member.name), member)
    for alias, name in _ALIASES.get(kind, {}).items():
        members.setdefault(alias, members[_plain(name)])
    return members


def find(kind: NameKind, name: str) -> Enum | None:
    """The member that `name` means, or None."""
    return _index(kind).get(_plain(name))


@lru_cache(maxsize=4096)
def nearest_names(kinds: tuple[NameKind, ...], name: str, count: int = 3) -> tuple[str, ...]:
    """The names of these kinds most like `name`: those that contain it first, then by likeness."""
    wanted = _plain(name)
    known = {key: title(member) for kind in kinds for key, member in _index(kind).items()}
    inside = [key for key in known if wanted and (wanted in key or (len(key) > 1 and key in wanted))]
    inside.sort(key=lambda key: abs(len(key) - len(wanted)))
    alike = difflib.get_close_matches(wanted, known, count, 0.4)
    return tuple(dict.fromkeys(known[key] for key in (*inside, *alike)))[:count]
