"""Maps spec paths back to paths in the original export.

Faults found after the import (an unknown name, a missing file) have spec paths; users see the export.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from c2jy_bridge.compat.coze2jianying.exports.fields import Fields, step
from c2jy_bridge.compat.coze2jianying.exports.issues import ImportIssueCollector

_CLIP: Final = re.compile(r"(tracks\[\d+\])(\.clips\[\d+\])?(.*)", re.S)
_INDEX: Final = re.compile(r"\[(\d+)\]")
_ANIMATIONS: Final = (
    ("animations.intro", "in_animation", "intro_animation"),
    ("animations.outro", "outro_animation"),
    ("animations.loop", "loop_animation"),
)
"""In the order in which they are imported."""
_FIELDS: Final[Mapping[str, tuple[str, ...]]] = {
    "media": (
        *("image_url", "video_url", "audio_url"),
        *("material_url", "url", "material_path", "path", "src"),
    ),
    "at": ("time_range", "target_timerange", "timerange", "end", "start"),
    "trim": ("material_range", "source_timerange", "material_end", "material_start"),
    "speed": ("speed.speed", "audio.speed", "speed"),
    "volume": ("audio.volume", "volume"),
    "keep_pitch": ("audio.change_pitch", "change_pitch", "speed.change_pitch"),
    "fade.in": ("audio.fade_in", "fade_in", "fade"),
    "fade": ("audio.fade_out", "fade_out", "audio.fade_in", "fade_in", "fade"),
    "transform": ("transform", "clip_settings"),
    "crop": ("crop", "crop_settings"),
    "fit": ("background.fit_mode", "fit_mode"),
    "background": ("background", "background_filling", "background_blur", "background_color"),
    "filters.intensity": ("effects.filter_intensity", "filter_intensity", "filters", "filter"),
    "filters": ("effects.filter_type", "filter_type", "filters", "filter"),
    "transition.duration": ("effects.transition_duration", "transition_duration", "transition"),
    "transition": ("effects.transition_type", "transition_type", "transition"),
    "effects": ("audio.effect_type", "effect_type", "video_effects", "audio_effects", "effects"),
    "keyframes": ("keyframes",),
    "mask": ("mask",),
    "mix_mode": ("mix_mode",),
    "text": ("content", "text_content", "text"),
    "style.font": ("style.font_family", "font_family"),
    "style": ("style", "text_style"),
    "resource_id": ("resource_id",),
    "name": ("effect_type", "filter_type", "name"),
    "params": ("params", "properties.params", "properties.intensity", "intensity"),
    "intensity": ("intensity",),
}
"""Field of a clip -> what it is called in an export; of those that are there the first is meant."""


@dataclass(frozen=True, slots=True)
class Origins:
    """Paths in the spec of one draft -> paths in the document that it was imported from."""

    clips: dict[str, tuple[str, dict[str, Any]]] = field(default_factory=dict)
    """By the clip's path: the path of its segment and the segment."""
    tracks: dict[str, str] = field(default_factory=dict)
    """By the track's path."""
    path: str = ""
    """Path of the draft in the document."""

    def of(self, path: str) -> str:
        """The path in the document; one that leads to no track is returned as it is.

        Args:
            path: In the spec, with or without the draft's own path before it.
        """
        inner = path.removeprefix(f"{self.path}.") if self.path else path
        found = _CLIP.fullmatch(inner)
        if found is None:
            return step(self.path, "project.name") if path == step(self.path, "name") else path
        track, clip, rest = found.groups()
        if clip is None:
            return self.tracks.get(track, self.path)
        if (segment := self.clips.get(f"{track}{clip}")) is None:
            return self.tracks.get(track, self.path)
        return _in_segment(*segment, rest.lstrip("."))


def _in_segment(where: str, segment: dict[str, Any], rest: str) -> str:
    fields = Fields(segment, where, ImportIssueCollector())
    steps = _INDEX.sub("", rest).split(".")
    if steps[0] == "animations" and not isinstance(fields.peek("animations"), list):
        number = int(found[1]) if (found := _INDEX.search(rest)) else 0
        there = [name for names in _ANIMATIONS if (name := next((n for n in names if n in fields), ""))]
        return fields.at(there[number]) if number < len(there) else where
    for length in range(len(steps), 0, -1):
        for name in _FIELDS.get(".".join(steps[:length]), ()):
            if name in fields:
                return fields.at(name)
    return where
