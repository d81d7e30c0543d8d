"""Plans when each clip plays and which part of its file, overlaps included: arithmetic on microseconds."""

from __future__ import annotations

import heapq
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Final

from c2jy_bridge.core.events import Severity
from c2jy_bridge.drafts.errors import IssueCollector, clock
from c2jy_bridge.drafts.materials.material import Material
from c2jy_bridge.drafts.spec.document import (
    AudioClip,
    BaseClip,
    ImageClip,
    Overlap,
    PictureClip,
    Track,
    VideoClip,
)

PHOTO_US: Final = 10_800_000_000
"""Length of a still image: three hours (pyJianYingDraft 0.3.1, VideoMaterial)."""


@dataclass(frozen=True, slots=True)
class PlacedFile:
    """A fetched file and where the draft will find it."""

    file: Material
    path: str
    """As the machine that opens the draft spells it."""
    name: str
    """What JianYing shows."""
    is_placeholder: bool = False
    """It is a placeholder for a file that could not be had."""

    @property
    def length_us(self) -> int:
        """How much of it can be used."""
        return PHOTO_US if self.file.kind == "image" else self.file.duration_us


ROUNDING_US: Final = 1_000
"""Containers round lengths to milliseconds, so a clip may ask for up to 1 ms more than there is."""
MOST_REPEATS: Final = 10_000
_PLACEHOLDER_US: Final = 5_000_000
"""For a file that cannot say how long it is, as long as JianYing shows a photo."""
_SLOWEST, _FASTEST = 0.01, 100.0


@dataclass(frozen=True, slots=True)
class PlacedClip:
    """A clip, or one round of a looped one, with its place on the timeline and in its file."""

    clip: BaseClip
    path: str
    """JSON path in the document."""
    start_us: int
    duration_us: int
    source_start_us: int = 0
    source_duration_us: int = 0
    speed: float = 1.0
    file: PlacedFile | None = None
    offset_us: int = 0
    """How far into the clip this piece begins; above 0 only in a loop."""
    whole_us: int = 0
    """Length of the whole clip when this is a piece of it, else 0."""

    @property
    def end_us(self) -> int:
        """Where it ends on the timeline."""
        return self.start_us + self.duration_us

    @property
    def is_first(self) -> bool:
        """Whether the clip begins here."""
        return self.offset_us == 0

    @property
    def is_last(self) -> bool:
        """Whether the clip ends here."""
        return not self.whole_us or self.offset_us + self.duration_us >= self.whole_us


def shortened(placed: PlacedClip, duration_us: int) -> PlacedClip:
    """The same clip, ended sooner; of its file as much less is used."""
    source = min(round(duration_us * placed.speed), placed.source_duration_us)
    return replace(placed, duration_us=duration_us, source_duration_us=source if placed.file else 0)


def place_track(
    track: Track, path: str, files: Mapping[str, PlacedFile], collector: IssueCollector
) -> list[PlacedClip]:
    """Give every clip of a track its place.

    Args:
        files: What each clip's media was fetched as, by the clip's path. A clip whose file is missing there
            was reported before and is left out.

    Returns:
        In the order of the document; they may overlap.
    """
    placed: list[PlacedClip] = []
    cursor = 0
    for index, clip in enumerate(track.clips):
        where = f"{path}.clips[{index}]"
        at = clip.at
        start = cursor if at.start is None else at.start
        wanted = at.duration
        if wanted is None and at.end is not None:
            wanted = at.end - start
            if wanted <= 0:
                collector.add("range_backwards", f"{where}.at", "error")
                continue
        if isinstance(clip, (VideoClip, ImageClip, AudioClip)):
            file = files.get(where)
            if file is None:
                cursor = start + (wanted or 0)
                continue
            pieces = _place_media(clip, where, start, wanted, file, collector)
        elif wanted is None:
            collector.add("no_duration", f"{where}.at", "error")
            continue
        else:
            pieces = [PlacedClip(clip, where, start, wanted)]
        placed += pieces
        if pieces:
            cursor = pieces[-1].end_us
    return placed


def _place_media(
    clip: PictureClip | AudioClip,
    path: str,
    start: int,
    wanted: int | None,
    file: PlacedFile,
    collector: IssueCollector,
) -> list[PlacedClip]:
    if file.is_placeholder:
        return [
            PlacedClip(clip, path, start, wanted or _PLACEHOLDER_US, 0, wanted or _PLACEHOLDER_US, 1.0, file)
        ]
    if file.file.kind == "image":
        if wanted is None:
            collector.add("image_without_duration", f"{path}.at", "error")
            return []
        if isinstance(clip, VideoClip) and (clip.trim or clip.speed or clip.loop or clip.fade):
            collector.add("image_has_no_time", path, "warning")
        return [PlacedClip(clip, path, start, wanted, 0, wanted, 1.0, file)]
    if isinstance(clip, VideoClip | AudioClip):
        trim, speed, loop = clip.trim, clip.speed, clip.loop
    else:
        trim, speed, loop = None, None, False
    begin = (trim.start or 0) if trim else 0
    available = file.length_us - begin
    if available <= 0:
        collector.add(
            "trim_beyond_end", f"{path}.trim", "error", start=clock(begin), length=clock(file.length_us)
        )
        return []
    chosen = trim.length_us if trim else None
    if chosen is not None and chosen > available:
        severity: Severity = "info" if chosen - available <= ROUNDING_US else "warning"
        collector.add("trim_too_long", f"{path}.trim", severity, length=clock(file.length_us))
        chosen = available
    if wanted is not None and chosen is not None and speed is None and not loop:
        speed = chosen / wanted
        if not _SLOWEST <= speed <= _FASTEST:
            collector.add("speed_impossible", f"{path}.at", "error", speed=f"{speed:.4g}")
            return []
    rate = 1.0 if speed is None else speed
    most = available if chosen is None else chosen
    whole = max(1, round(most / rate))
    if wanted is None:
        if loop:
            collector.add("loop_without_duration", f"{path}.loop", "warning")
        return [PlacedClip(clip, path, start, whole, begin, most, rate, file)]
    source = round(wanted * rate)
    if source <= most:
        if chosen is not None and most - source > ROUNDING_US * max(1.0, rate) and not loop:
            collector.add("trim_not_all_used", f"{path}.trim", "info", used=clock(source), length=clock(most))
        return [PlacedClip(clip, path, start, wanted, begin, source, rate, file)]
    if loop:
        return _repeat(clip, path, start, wanted, begin, most, rate, file, collector)
    if source - most <= ROUNDING_US * max(1.0, rate):
        collector.add("rounded_to_file", path, "info", length=clock(file.length_us))
    else:
        collector.add("longer_than_file", f"{path}.at", "warning", wanted=clock(wanted), length=clock(whole))
    return [PlacedClip(clip, path, start, min(whole, wanted), begin, most, rate, file)]


def _repeat(
    clip: BaseClip,
    path: str,
    start: int,
    wanted: int,
    begin: int,
    most: int,
    rate: float,
    file: PlacedFile,
    collector: IssueCollector,
) -> list[PlacedClip]:
    whole = max(1, round(most / rate))
    if wanted > whole * MOST_REPEATS:
        collector.add("too_many_repeats", f"{path}.loop", "error", length=clock(whole), most=MOST_REPEATS)
        return []
    pieces = []
    for offset in range(0, wanted, whole):
        length = min(whole, wanted - offset)
        source = most if length == whole else min(most, max(1, round(length * rate)))
        pieces.append(
            PlacedClip(clip, path, start + offset, length, begin, source, rate, file, offset, wanted)
        )
    return pieces


_ROUNDING_US: Final = 10
"""Starts and lengths are rounded apart, so neighbours may overlap by some microseconds without intent."""


def resolve_overlaps(
    clips: Sequence[PlacedClip], policy: Overlap, path: str, collector: IssueCollector
) -> list[list[PlacedClip]]:
    """Make lanes without overlaps.

    Args:
        clips: Of one track, in any order.
        policy: error, lane (what does not fit goes to further lanes), shift (start later), trim (end the
            earlier one sooner).
        path: JSON path of the track.

    Returns:
        At least one lane, each sorted by start; more than one only for `lane`.
    """
    ordered = _snapped(sorted(clips, key=lambda clip: clip.start_us))
    if all(a.end_us <= b.start_us for a, b in pairwise(ordered)):
        return [ordered]
    if policy == "lane":
        return _lanes(ordered, path, collector)
    kept: list[PlacedClip] = []
    for clip in ordered:
        before = kept[-1] if kept else None
        if before is None or before.end_us <= clip.start_us:
            kept.append(clip)
        elif policy == "shift":
            collector.add(
                "shifted", clip.path, "warning", start=clock(clip.start_us), moved=clock(before.end_us)
            )
            kept.append(replace(clip, start_us=before.end_us))
        elif policy == "trim" and clip.start_us > before.start_us:
            length = clip.start_us - before.start_us
            collector.add("ended_sooner", before.path, "warning", length=clock(length), other=clip.path)
            kept[-1] = shortened(before, length)
            kept.append(clip)
        else:
            collector.add("overlap", clip.path, "error", other=before.path, until=clock(before.end_us))
    return [kept]


def _snapped(ordered: list[PlacedClip]) -> list[PlacedClip]:
    for index in range(len(ordered) - 1):
        clip, following = ordered[index], ordered[index + 1]
        excess = clip.end_us - following.start_us
        if 0 < excess <= _ROUNDING_US < clip.duration_us:
            ordered[index] = shortened(clip, clip.duration_us - excess)
    return ordered


def _lanes(ordered: list[PlacedClip], path: str, collector: IssueCollector) -> list[list[PlacedClip]]:
    first: list[PlacedClip] = []
    others: list[list[PlacedClip]] = []
    free: list[tuple[int, int]] = []  # (end of the last clip, index in `others`)
    for clip in ordered:
        if not first or first[-1].end_us <= clip.start_us:
            first.append(clip)
        elif free and free[0][0] <= clip.start_us:
            lane = heapq.heappop(free)[1]
            others[lane].append(clip)
            heapq.heappush(free, (clip.end_us, lane))
        else:
            others.append([clip])
            heapq.heappush(free, (clip.end_us, len(others) - 1))
    moved = sum(map(len, others))
    collector.add("lanes", path, "info", count=moved, lanes=len(others), first=others[0][0].path)
    return [first, *others]
