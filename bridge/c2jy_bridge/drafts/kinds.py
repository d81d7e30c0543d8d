"""Kinds of JianYing's resource names, and its unit of font sizes; here, so that these load no catalogue."""

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


def font_unit(width: float) -> float:
    """Pixels of one unit of font size on a canvas of this width: a hundredth of its height at 16:9.

    It follows the width on every canvas: measured in drafts of JianYing 5.3 (Mac) and CapCut 1.5 of 1080x1920
    (at twice the size their texts would leave the canvas, break and lie on each other), and in one of
    CapCut 7.7 of 1920x1013.
    """
    return width * 9 / 16 / 100
