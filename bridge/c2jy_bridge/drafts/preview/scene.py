"""What a draft shows and plays, as the preview draws it: layers of clips, bottom first, and sounds."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from itertools import pairwise
from typing import TYPE_CHECKING, Any, Final, Literal

if TYPE_CHECKING:
    from c2jy_bridge.drafts.preview.text_look import TextLook

Curve = tuple[tuple[int, float], ...]
"""Keyframes of one property: microseconds from the clip's start, value."""

ClipKind = Literal["video", "image", "text", "compound", "audio"]
Fidelity = Literal["approximate", "not_drawn"]


@dataclass(frozen=True, slots=True)
class Placement:
    """Where and how a clip is drawn. Defaults are JianYing's: whole, centred, upright, opaque."""

    x: float = 0.0
    """Of the centre, in half canvas widths, right is positive."""
    y: float = 0.0
    """Of the centre, in half canvas heights, up is positive."""
    scale_x: float = 1.0
    """1 fits the whole picture into the canvas; for text 1 is its own size."""
    scale_y: float = 1.0
    rotation: float = 0.0
    """Degrees, clockwise."""
    alpha: float = 1.0
    flip_horizontal: bool = False
    flip_vertical: bool = False
    saturation: float = 0.0
    """-1 to 1, 0 is unchanged; so are the next two."""
    contrast: float = 0.0
    brightness: float = 0.0
    volume: float = 1.0


@dataclass(frozen=True, slots=True)
class Background:
    """What fills the canvas behind a clip of the lowest video track."""

    kind: Literal["colour", "blur", "image"]
    colour: tuple[int, int, int] = (0, 0, 0)
    blur: float = 0.0
    """0 to 1; the app's four steps are 0.0625, 0.375, 0.75 and 1."""
    path: str = ""


@dataclass(frozen=True, slots=True)
class Mask:
    """A mask over a clip's picture; lengths as parts of the picture after its crop."""

    shape: str
    """`line`, `mirror`, `circle`, `rectangle`, `heart`, `star`."""
    x: float
    """Of its centre, in half picture widths, right is positive."""
    y: float
    """Of its centre, in half picture heights, up is positive."""
    width: float
    height: float
    rotation: float
    """Degrees, clockwise."""
    feather: float
    """0 to 1."""
    round_corner: float
    invert: bool


@dataclass(frozen=True, slots=True)
class Chroma:
    """The colour that is made transparent."""

    colour: tuple[int, int, int]
    intensity: float
    """0 to 1."""
    edge_smooth: float


@dataclass(frozen=True, slots=True)
class Transition:
    """From a clip to the next of its track, half before the cut and half behind it."""

    name: str
    duration_us: int


@dataclass(frozen=True, slots=True)
class Ramp:
    """An animation that is a fade of the whole clip; from the clip's start."""

    start_us: int
    duration_us: int
    fades_in: bool


@dataclass(frozen=True, slots=True)
class Clip:
    """A clip on the timeline."""

    kind: ClipKind
    start_us: int
    duration_us: int
    path: str = ""
    """Of its media, as the draft spells it."""
    source_start_us: int = 0
    source_duration_us: int = 0
    reverse: bool = False
    crop: tuple[float, ...] = ()
    """x and y of the upper left, upper right, lower right, lower left corner, 0 to 1; empty: the whole."""
    placement: Placement = Placement()
    curves: Mapping[str, Curve] = field(default_factory=dict)
    """Keyframes by the field of `Placement`."""
    ramps: tuple[Ramp, ...] = ()
    background: Background | None = None
    mask: Mask | None = None
    chroma: Chroma | None = None
    mix_mode: str = ""
    transition: Transition | None = None
    text: TextLook | None = None
    inside: Scene | None = None
    fade_in_us: int = 0
    fade_out_us: int = 0
    keep_pitch: bool = True

    @property
    def end_us(self) -> int:
        """Where it ends on the timeline."""
        return self.start_us + self.duration_us

    @property
    def speed(self) -> float:
        """Source time for each unit of time on the timeline."""
        return self.source_duration_us / self.duration_us if self.source_duration_us else 1.0

    def source_us(self, at_us: int) -> int:
        """The time in the source that is shown at a time of the timeline; never before its start."""
        offset = round((at_us - self.start_us) * self.speed)
        if self.reverse:
            offset = self.source_duration_us - offset
        return max(0, self.source_start_us + offset)

    def placed_at(self, at_us: int) -> Placement:
        """Where it is at a time of the timeline, keyframes and fades followed."""
        offset = at_us - self.start_us
        found = self.placement
        if self.curves:
            moved: dict[str, Any] = {name: value_at(curve, offset) for name, curve in self.curves.items()}
            found = replace(found, **moved)
        for ramp in self.ramps:
            passed = (offset - ramp.start_us) / max(1, ramp.duration_us)
            shown = min(1.0, max(0.0, passed if ramp.fades_in else 1.0 - passed))
            found = replace(found, alpha=found.alpha * shown)
        return found


@dataclass(frozen=True, slots=True)
class Note:
    """Something of a draft that its preview shows otherwise than the app, or not at all."""

    code: str
    """What it is; its words are `preview.<code>` in the catalogue."""
    name: str
    fidelity: Fidelity
    start_us: int = 0
    duration_us: int = 0

    def covers(self, at_us: int) -> bool:
        """Whether it is in force at a time of the timeline."""
        return self.start_us <= at_us < self.start_us + self.duration_us


@dataclass(frozen=True, slots=True)
class Layer:
    """A track: clips by their start."""

    clips: tuple[Clip, ...]

    def index_at(self, at_us: int) -> int | None:
        """The clip at a time: the last to start, as on the app's tracks no two overlap."""
        index = bisect_right(self.clips, at_us, key=lambda clip: clip.start_us) - 1
        return index if index >= 0 and at_us < self.clips[index].end_us else None

    def cut_near(self, at_us: int) -> tuple[Clip, Clip, float] | None:
        """The two clips of a transition at a time, and how far it is, 0 to 1."""
        index = bisect_right(self.clips, at_us, key=lambda clip: clip.start_us) - 1
        for before, after in pairwise(self.clips[max(0, index - 1) : index + 2]):
            length = before.transition.duration_us if before.transition else 0
            if length and abs(after.start_us - before.end_us) <= _TOUCHING_US:
                passed = (at_us - before.end_us + length / 2) / length
                if 0.0 <= passed < 1.0:
                    return before, after, passed
        return None


_TOUCHING_US: Final = 50_000
"""Clips further apart have a gap between them, and a transition leads nowhere."""


@dataclass(frozen=True, slots=True)
class Scene:
    """A draft, or a compound clip."""

    width: int
    height: int
    duration_us: int
    fps: float
    layers: tuple[Layer, ...]
    """Bottom first."""
    sounds: tuple[Clip, ...] = ()
    notes: tuple[Note, ...] = ()

    def everything(self) -> Iterator[Clip]:
        """All its clips, those inside compound clips after them."""
        for clip in (*(clip for layer in self.layers for clip in layer.clips), *self.sounds):
            yield clip
            if clip.inside is not None:
                yield from clip.inside.everything()


def value_at(curve: Curve, at_us: int) -> float:
    """Linear between keyframes, constant before the first and after the last."""
    if at_us <= curve[0][0]:
        return curve[0][1]
    for (t0, v0), (t1, v1) in pairwise(curve):
        if at_us < t1:
            return v0 + (v1 - v0) * (at_us - t0) / (t1 - t0)
    return curve[-1][1]
