"""Clips that overlap on one track: found by one sweep over the sorted starts, settled as is wanted."""

from __future__ import annotations

import heapq
from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise
from typing import Final

from c2jy_bridge.drafts.compile.notes import Notes
from c2jy_bridge.drafts.compile.plan import PlacedClip, shortened
from c2jy_bridge.drafts.spec import Overlap, clock

_ROUNDING_US: Final = 10
"""Starts and lengths are rounded apart, so neighbours may overlap by some microseconds without intent."""


def settle(clips: Sequence[PlacedClip], policy: Overlap, path: str, notes: Notes) -> list[list[PlacedClip]]:
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
        return _lanes(ordered, path, notes)
    kept: list[PlacedClip] = []
    for clip in ordered:
        before = kept[-1] if kept else None
        if before is None or before.end_us <= clip.start_us:
            kept.append(clip)
        elif policy == "shift":
            notes.note(
                "shifted", clip.path, "warning", start=clock(clip.start_us), moved=clock(before.end_us)
            )
            kept.append(replace(clip, start_us=before.end_us))
        elif policy == "trim" and clip.start_us > before.start_us:
            length = clip.start_us - before.start_us
            notes.note("ended_sooner", before.path, "warning", length=clock(length), other=clip.path)
            kept[-1] = shortened(before, length)
            kept.append(clip)
        else:
            notes.note("overlap", clip.path, "error", other=before.path, until=clock(before.end_us))
    return [kept]


def _snapped(ordered: list[PlacedClip]) -> list[PlacedClip]:
    for index in range(len(ordered) - 1):
        clip, following = ordered[index], ordered[index + 1]
        excess = clip.end_us - following.start_us
        if 0 < excess <= _ROUNDING_US < clip.duration_us:
            ordered[index] = shortened(clip, clip.duration_us - excess)
    return ordered


def _lanes(ordered: list[PlacedClip], path: str, notes: Notes) -> list[list[PlacedClip]]:
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
    notes.note("lanes", path, "info", count=moved, lanes=len(others), first=others[0][0].path)
    return [first, *others]
