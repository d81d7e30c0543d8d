"""Kinds of JianYing's resource names; separate, so that naming a kind does not load the catalogues."""

from __future__ import annotations

from typing import Final, Literal, get_args

NameKind = Literal[
    "scene",
    "character",
    "audio_scene",
    "tone",
    "speech_to_song",
    "filter",
    "transition",
    "video_in",
    "video_out",
    "video_group",
    "text_in",
    "text_out",
    "text_loop",
    "font",
    "mask",
    "mix_mode",
]
"""One catalogue of pyJianYingDraft 0.3.1 each."""

ResourceKind = Literal[
    "any",
    "filter",
    "transition",
    "effect",
    "animation",
    "text_animation",
    "font",
    "audio_effect",
    "mask",
    "mix_mode",
    "scene",
    "character",
    "video_in",
    "video_out",
    "video_group",
    "text_in",
    "text_out",
    "text_loop",
    "audio_scene",
    "tone",
    "speech_to_song",
]
"""What to search: one catalogue, or a group of several."""

GROUPS: Final[dict[str, tuple[NameKind, ...]]] = {
    **{kind: (kind,) for kind in get_args(NameKind)},
    "effect": ("scene", "character"),
    "animation": ("video_in", "video_out", "video_group"),
    "text_animation": ("text_in", "text_out", "text_loop"),
    "audio_effect": ("audio_scene", "tone", "speech_to_song"),
    "any": get_args(NameKind),
}
