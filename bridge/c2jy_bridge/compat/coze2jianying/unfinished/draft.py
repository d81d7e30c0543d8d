"""An unfinished draft: its canvas, the steps that made it, and the document they amount to."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Set
from dataclasses import dataclass, field, replace
from typing import Any, Final

from c2jy_bridge.core.i18n import catalogue
from c2jy_bridge.core.settings import TimeUnit
from c2jy_bridge.drafts.errors import issues_from
from c2jy_bridge.drafts.spec.document import SCHEMA, TrackKind
from c2jy_bridge.drafts.spec.model import Unit

say: Final = catalogue("unfinished")
issue: Final = issues_from(say)

# As pyJianYingDraft 0.2.6 stacked kinds of track, whatever order they were added in (render_index); a Bot
# often adds captions before the pictures they belong on.
_BOTTOM_UP: Final[tuple[TrackKind, ...]] = ("video", "audio", "effect", "filter", "sticker", "text")


@dataclass(frozen=True, slots=True)
class Lane:
    """Clips that one step puts on one track."""

    kind: TrackKind
    key: str
    """Lanes of one kind and key are one track."""
    name: str | None = None
    """What JianYing shows."""
    clips: tuple[dict[str, Any], ...] = ()
    """Clips of our spec, times in microseconds, each with an `id` of its own."""
    captions: bool = False
    """Texts as JianYing's own captions."""


@dataclass(frozen=True, slots=True)
class Step:
    """What one call added."""

    call_id: str
    tool: str
    lanes: tuple[Lane, ...] = ()
    keyframes: Mapping[str, list[dict[str, Any]]] = field(default_factory=dict)
    """By clip id."""
    pictures_end_us: int = 0
    """Where its last picture ends, microseconds; 0 without pictures."""
    unit: Unit | None = None
    """The unit its numbers were in, when that is certain."""
    given: Any = None
    """The arguments as they came, for the way back."""
    removed: tuple[str, ...] = ()
    """Ids of clips of earlier steps that it took away."""

    def without(self, ids: Set[str]) -> Step:
        """The step as if it had not added these clips; lanes that are empty then are gone too."""
        lanes = []
        for lane in self.lanes:
            left = tuple(clip for clip in lane.clips if clip["id"] not in ids)
            if left or not lane.clips:
                lanes.append(replace(lane, clips=left))
        pictures = [any(lane.kind == "video" for lane in some) for some in (self.lanes, lanes)]
        end_us = 0 if pictures == [True, False] else self.pictures_end_us
        return replace(self, lanes=tuple(lanes), pictures_end_us=end_us)


@dataclass(frozen=True, slots=True)
class Saved:
    """That it was saved, by which call and when (Unix seconds), and as what."""

    call_id: str
    at: float
    name: str
    path: str


@dataclass(frozen=True, slots=True)
class Unfinished:
    """A draft that is being made step by step."""

    draft_id: str
    name: str
    width: int
    height: int
    fps: float
    created_at: float
    """Unix seconds."""
    time_unit: TimeUnit = "auto"
    """Unit of bare numbers in its infos."""
    steps: tuple[Step, ...] = ()
    saved: Saved | None = None

    def step(self, call_id: str) -> Step | None:
        """What this call added; None when it did not come here yet."""
        return next((step for step in self.steps if step.call_id == call_id), None)

    def with_step(self, step: Step) -> Unfinished:
        """With one step more; unchanged when its call was here before."""
        return self if self.step(step.call_id) else replace(self, steps=(*self.steps, step))

    @property
    def lanes(self) -> Iterator[Lane]:
        """All lanes with the clips that are still there, in the order in which they were added."""
        return (lane for step in self._remaining() for lane in step.lanes)

    @property
    def clips(self) -> dict[str, dict[str, Any]]:
        """All clips by their id."""
        return {clip["id"]: clip for lane in self.lanes for clip in lane.clips}

    @property
    def pictures_end_us(self) -> int:
        """Where the last picture ends, microseconds."""
        return max((step.pictures_end_us for step in self._remaining()), default=0)

    @property
    def unit(self) -> Unit | None:
        """The unit that its numbers are known to have; None while nothing was certain."""
        if self.time_unit != "auto":
            return self.time_unit
        return next((step.unit for step in self.steps if step.unit), None)

    def document(self) -> dict[str, Any]:
        """The draft as a `c2jy/1` document."""
        tracks: dict[tuple[str, str], dict[str, Any]] = {}
        for lane in self.lanes:
            track = tracks.setdefault((lane.kind, lane.key), {"type": lane.kind, "clips": []})
            if lane.name:
                track["name"] = lane.name
            if lane.captions:
                track["captions"] = True
            track["clips"] += [self._with_keyframes(clip) for clip in lane.clips]
        ordered = sorted(tracks.values(), key=lambda track: _BOTTOM_UP.index(track["type"]))
        return {
            "schema": SCHEMA,
            "time_unit": "us",
            "id": self.draft_id,
            "name": self.name,
            "width": self.width,
            "height": self.height,
            "fps": self.fps,
            "tracks": [track for track in ordered if track["clips"]],
            "meta": {"steps": [{"tool": step.tool, "arguments": step.given} for step in self.steps]},
        }

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> Unfinished:
        """From what `asdict` made of it.

        Raises:
            KeyError, TypeError: It is something else.
        """
        steps = []
        for step in value["steps"]:
            lanes = tuple(Lane(**{**lane, "clips": tuple(lane["clips"])}) for lane in step["lanes"])
            steps.append(Step(**{**step, "lanes": lanes, "removed": tuple(step.get("removed", ()))}))
        return cls(**{**value, "steps": tuple(steps), "saved": value["saved"] and Saved(**value["saved"])})

    def _remaining(self) -> list[Step]:
        """The steps without what later ones took away; an id may be used again after that."""
        gone: set[str] = set()
        steps = []
        for step in reversed(self.steps):
            steps.append(step.without(gone) if gone else step)
            gone |= set(step.removed)
        return steps[::-1]

    def _with_keyframes(self, clip: dict[str, Any]) -> dict[str, Any]:
        added: list[dict[str, Any]] = []
        for step in self.steps:
            added = [] if clip["id"] in step.removed else [*added, *step.keyframes.get(clip["id"], ())]
        return {**clip, "keyframes": [*clip.get("keyframes", ()), *added]} if added else clip


def id_prefix(call_id: str) -> str:
    """What ids of a call's clips begin with: short enough to copy, the same when it comes again."""
    return hashlib.sha256(call_id.encode()).hexdigest()[:8]
