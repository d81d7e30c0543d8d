"""Which time unit a Coze2JianYing draft was written in.

Its documents say milliseconds, its code reads microseconds, so working workflows produce microseconds and
hand-written samples milliseconds; one real export mixes both. Evidence by weight: the caller's choice;
the {start, duration} form, which only ever was microseconds; the real lengths of the media; the draft's own
`total_duration_ms`; the size of the numbers.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from statistics import median
from typing import Final, Literal

from c2jy_bridge.compat.coze2jianying.exports.issues import issue, say
from c2jy_bridge.core.events import Issue, Severity
from c2jy_bridge.core.settings import TimeUnit
from c2jy_bridge.drafts.errors import clock

Unit = Literal["us", "ms", "s"]
Reason = Literal["asked", "raw", "media", "total", "size", "none"]

US_PER: Final[dict[Unit, int]] = {"us": 1, "ms": 1_000, "s": 1_000_000}
_ORDER: Final[tuple[Unit, ...]] = ("us", "ms", "s")

# A clip shows between a fifth and all of its file; 5 % more for containers that round their length up.
_LEAST_OF_FILE: Final = 0.2
_MOST_OF_FILE: Final = 1.05
_SHORTEST_CLIP_US: Final = 200_000
"""Intended cuts are longer than 0.2 s; all real exports seen have clips of 3 to 10 s."""
_LONGEST_CLIP_US: Final = 30 * 60 * 1_000_000
_SURE_CLIP_US: Final = 2_000_000
"""A median clip this long as microseconds leaves no doubt: as milliseconds it were half an hour."""
_LONGEST_SEEN_US: Final = 2 * 3600 * 1_000_000
_ODD_CLIP_US: Final = 16_000
"""Shorter than a frame at 60 fps."""
_SHORTEST_DRAFT_US: Final = 100_000
_LONGEST_DRAFT_US: Final = 24 * 3600 * 1_000_000


@dataclass(frozen=True, slots=True)
class ClipTime:
    """The numbers of one clip as in the document, before any unit."""

    path: str
    start: float
    end: float
    source: str = ""
    """The media file's address; empty for clips without one."""
    speed: float = 1.0


@dataclass(frozen=True, slots=True)
class UnitDecision:
    """The unit a draft's numbers were read in."""

    unit: Unit
    reason: Reason
    sure: bool
    """False when the other units are not out of the question: worth asking."""
    lengths_us: Mapping[Unit, int]
    """How long the draft would be in each unit, microseconds."""
    agreeing: int = 0
    """With reason `media`: so many clips fit their files in this unit."""
    compared: int = 0
    """With reason `media`: so many could be compared."""

    def issue(self, path: str) -> Issue:
        """The decision, its evidence and the alternatives, for people."""
        others = [unit for unit in _ORDER if unit != self.unit]
        likely = [u for u in others if _SHORTEST_DRAFT_US <= self.lengths_us[u] <= _LONGEST_DRAFT_US]
        severity: Severity = "info" if self.sure else "warning"
        evidence = say(f"unit.because_{self.reason}", agreeing=self.agreeing, compared=self.compared)
        return issue(
            "time_unit" if self.sure else "time_unit_unsure",
            path,
            severity,
            unit=self.unit,
            unit_name=say(f"unit.{self.unit}"),
            length=clock(self.lengths_us[self.unit]),
            evidence=evidence,
            others=", ".join(
                say("unit.alternative", unit=unit, length=clock(self.lengths_us[unit]))
                for unit in likely or others
            ),
        )


@dataclass(frozen=True, slots=True)
class Evidence:
    """The evidence for a draft's unit in its document; the lengths of its media may add to it."""

    clips: Sequence[ClipTime]
    """All clips whose numbers have no unit of their own."""
    asked: TimeUnit = "auto"
    """The caller's choice; `auto` leaves it to the evidence."""
    declared_us: Mapping[str, int] = field(default_factory=dict)
    """Lengths of media by address as the export itself lists them, microseconds."""
    total_ms: float | None = None
    """The draft's `total_duration_ms`, when it is more than zero."""
    raw: bool = False
    """There are clips in the {start, duration} form."""

    def decide(self, durations_us: Mapping[str, int]) -> UnitDecision:
        """The unit, given the real lengths of media that are known by now."""
        clips, durations_us = self.clips, {**self.declared_us, **durations_us}
        last = max((clip.end for clip in clips), default=0)
        lengths = {unit: round(last * factor) for unit, factor in US_PER.items()}
        if self.asked != "auto":
            return UnitDecision(self.asked, "asked", True, lengths)
        if not clips:
            return UnitDecision("us", "raw" if self.raw else "none", True, lengths)
        fits = _fits(clips, durations_us)
        compared = fits.pop("compared")
        best = max(_ORDER, key=lambda unit: fits[unit])
        if compared and fits[best] * 2 > compared:
            return UnitDecision(best, "media", True, lengths, fits[best], compared)
        if total_ms := self.total_ms:
            for unit in _ORDER:
                if abs(lengths[unit] - total_ms * 1000) <= total_ms * 1000 * 0.01:
                    return UnitDecision(unit, "total", not _contradicted(unit, clips, durations_us), lengths)
        unit, sure = _by_size(median(clip.end - clip.start for clip in clips), last)
        mixed = any(not _possible(clip, unit) for clip in clips)
        sure = sure and not mixed and not _contradicted(unit, clips, durations_us)
        return UnitDecision(unit, "size", sure, lengths)


def _fits(clips: Sequence[ClipTime], durations_us: Mapping[str, int]) -> dict[str, int]:
    fits = {"us": 0, "ms": 0, "s": 0, "compared": 0}
    for clip in clips:
        real = durations_us.get(clip.source, 0)
        if real <= 0 or clip.end <= clip.start:
            continue
        fits["compared"] += 1
        for unit, factor in US_PER.items():
            used = (clip.end - clip.start) * factor * clip.speed
            fits[unit] += _LEAST_OF_FILE <= used / real <= _MOST_OF_FILE
    return fits


def _contradicted(unit: Unit, clips: Sequence[ClipTime], durations_us: Mapping[str, int]) -> bool:
    """Whether a file contradicts the unit: its clip would outlast it, or be so short that a larger unit fits.

    Ten seconds of a song of three minutes contradict nothing.
    """
    for clip in clips:
        real, used = durations_us.get(clip.source, 0), (clip.end - clip.start) * clip.speed
        if real > 0 and used > 0:
            fitting = [other for other in _ORDER if used * US_PER[other] <= real * _MOST_OF_FILE]
            if not fitting or fitting[-1] != unit:
                return True
    return False


def _by_size(clip: float, last: float) -> tuple[Unit, bool]:
    """The unit in which a median clip of this length is one that people make, and whether no other is."""
    if clip >= _SHORTEST_CLIP_US:
        return "us", clip >= _SURE_CLIP_US
    if last * US_PER["ms"] > _LONGEST_SEEN_US and last >= _SURE_CLIP_US:
        return "us", False  # a few clips are too short, but otherwise the whole would last for hours
    if _SHORTEST_CLIP_US <= clip * US_PER["ms"] <= _LONGEST_CLIP_US:
        return "ms", clip >= 1000
    return "s", False


def odd_clips(clips: Sequence[ClipTime], unit: Unit) -> list[Issue]:
    """Clips that are impossibly short or long in this unit: the draft mixes units, or a number is wrong."""
    found = []
    for clip in clips:
        if not _possible(clip, unit):
            length = clip.end - clip.start
            plausible = (o for o in _ORDER if _SHORTEST_CLIP_US <= length * US_PER[o] <= _LONGEST_CLIP_US)
            other = next(plausible, unit)
            values = {"length": f"{length * US_PER[unit] / 1e6:g}", "unit": unit, "other": other}
            found.append(issue("odd_length", clip.path, "warning", **values))
    return found


def _possible(clip: ClipTime, unit: Unit) -> bool:
    length_us = (clip.end - clip.start) * US_PER[unit]
    return length_us <= 0 or _ODD_CLIP_US <= length_us <= _LONGEST_CLIP_US * 2


def setting_us(value: float, unit: Unit, longest_us: int | None = None) -> tuple[int, Unit]:
    """A time beside the timeline (a transition, a fade, an animation) and the unit it was read in.

    These have units of their own: the documented default of a transition is 500, in milliseconds, in drafts
    whose ranges are microseconds. Up to 10,000 is milliseconds, above is microseconds; where the ranges are
    seconds, up to 60 is seconds.

    Args:
        value: The number.
        unit: The unit of the draft's ranges.
        longest_us: Length of the clip, if known: in a draft in milliseconds, more than 10,000 may be too.
    """
    own: Unit = "ms" if value <= 10_000 else "us"
    if unit == "s" and value <= 60:
        own = "s"
    elif unit == "ms" and longest_us is not None and value * 1000 <= longest_us:
        own = "ms"
    return round(value * US_PER[own]), own
