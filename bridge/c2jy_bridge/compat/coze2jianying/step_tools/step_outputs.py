"""What the step-by-step tools return; the manifest for Coze is made from these types."""

from __future__ import annotations

from dataclasses import dataclass

from c2jy_bridge.core.events import Issue
from c2jy_bridge.tools.outputs import Output


@dataclass(frozen=True, slots=True)
class DraftBegun(Output):
    """create_draft."""

    message: str
    draft_id: str
    """For the other tools of this draft."""


@dataclass(frozen=True, slots=True)
class TrackAdded(Output):
    """add_track; 0 is the first one of the draft."""

    message: str
    track_index: int
    """For the add_ tools."""


@dataclass(frozen=True, slots=True)
class SegmentsAdded(Output):
    """The add_ tools; one id for each info, in order. `end_s` is where the last of them ends."""

    message: str
    segment_ids: list[str]
    """One for each info, in order; for add_keyframes and remove_segments."""
    end_s: float
    """Where the last of them ends, seconds."""
    issues: list[Issue]
    """What was not done exactly as asked."""


@dataclass(frozen=True, slots=True)
class SegmentsRemoved(Output):
    """remove_segments; `left` are still in the draft."""

    message: str
    removed: list[str]
    """Ids of the segments that are gone."""
    left: int
    """How many segments are still in the draft."""


@dataclass(frozen=True, slots=True)
class KeyframesAdded(Output):
    """add_keyframes."""

    message: str
    count: int
    """How many keyframes were added."""
    issues: list[Issue]
    """What was not done exactly as asked."""


@dataclass(frozen=True, slots=True)
class SceneSpan(Output):
    """When a scene is on, and the id of its picture; empty when it has none."""

    start_s: float
    end_s: float
    """Where the last of them ends, seconds."""
    segment_id: str


@dataclass(frozen=True, slots=True)
class ScenesAdded(Output):
    """append_scenes; one entry for each scene, in order."""

    message: str
    scenes: list[SceneSpan]
    end_s: float
    """Where the last of them ends, seconds."""
    issues: list[Issue]
    """What was not done exactly as asked."""
