"""What the step-by-step tools return; the manifest for Coze is made from these types."""

from __future__ import annotations

from dataclasses import dataclass

from c2jy_bridge.core.events import Issue


@dataclass(frozen=True, slots=True)
class DraftBegun:
    """create_draft."""

    message: str
    draft_id: str


@dataclass(frozen=True, slots=True)
class TrackAdded:
    """add_track; 0 is the first one of the draft."""

    message: str
    track_index: int


@dataclass(frozen=True, slots=True)
class SegmentsAdded:
    """The add_ tools; one id for each info, in order. `end_s` is where the last of them ends."""

    message: str
    segment_ids: list[str]
    end_s: float
    issues: list[Issue]


@dataclass(frozen=True, slots=True)
class SegmentsRemoved:
    """remove_segments; `left` are still in the draft."""

    message: str
    removed: list[str]
    left: int


@dataclass(frozen=True, slots=True)
class KeyframesAdded:
    """add_keyframes."""

    message: str
    count: int
    issues: list[Issue]


@dataclass(frozen=True, slots=True)
class SceneSpan:
    """When a scene is on, and the id of its picture; empty when it has none."""

    start_s: float
    end_s: float
    segment_id: str


@dataclass(frozen=True, slots=True)
class ScenesAdded:
    """append_scenes; one entry for each scene, in order."""

    message: str
    scenes: list[SceneSpan]
    end_s: float
    issues: list[Issue]
