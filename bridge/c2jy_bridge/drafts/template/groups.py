"""Repeats a group of clips for the items of a list, lets a slot follow its file; moves what comes after."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import pairwise

from c2jy_bridge.drafts.errors import DraftError, IssueCollector, issue
from c2jy_bridge.drafts.template.content import EditableContent, Segment, Times

_MOST: int = 10_000


def repeat_group(
    content: EditableContent, members: Sequence[str], count: int, where: str, collector: IssueCollector
) -> list[Mapping[str, str]]:
    """Repeat everything that lies wholly within the time of some clips.

    Args:
        content: The draft.
        members: Ids of clips; the group lasts from the first one's start to the last one's end.
        count: How often it is there afterwards, at least once.
        where: JSON path, for issues.
        collector: Takes what could not follow: sounds and videos that last beyond the group.

    Returns:
        For each time, the ids of its clips by those of the first.

    Raises:
        DraftError: The draft would get more than 10,000 clips by it.
    """
    named = [content.segment(known).target for known in members]
    begin, end = min(when.start for when in named), max(when.end for when in named)
    group = [s for s in content.segments() if s.target.start >= begin and s.target.end <= end]
    if len(group) * count > _MOST:
        raise DraftError([issue("repeat_too_many", where, count=len(group) * count, most=_MOST)])
    times: list[Mapping[str, str]] = [{segment.id: segment.id for segment in group}]
    if count == 1:
        return times
    length = end - begin
    if kept := content.make_room(end, (count - 1) * length, times[0]):
        collector.add("stays_as_long", where, "info", count=len(kept))
    last: dict[int, Segment] = {}
    for segment in group:
        last[id(segment.track)] = segment
    for number in range(1, count):
        made = {}
        for segment in group:
            copied = content.copy_segment(segment)
            copied.place(segment.target.start + number * length)
            content.put(copied, last[id(segment.track)])
            last[id(segment.track)] = copied
            made[segment.id] = copied.id
        times.append(made)
    return times


def follow(content: EditableContent, clip: Segment, was: Times, delta: int) -> int:
    """Make room for a clip that became longer, or close the gap behind one that became shorter.

    What comes after moves. Pictures, texts and effects that cover the clip last as much longer or shorter.
    When it became shorter, those within its time are squeezed in proportion, and what would reach into its
    successor loses its tail.

    Args:
        content: The draft.
        clip: It has its new length already.
        was: Where it was.
        delta: New length less old, microseconds.

    Returns:
        How many sounds and videos cover the clip and stay as long as they are.
    """
    factor, kept = (was.duration + delta) / max(was.duration, 1), 0
    for other in content.segments():
        when = other.target
        if other.node is clip.node or when.end <= was.start:
            continue
        if when.start >= was.end:
            other.place(when.start + delta)
        elif when.start <= was.start and when.end >= was.end:
            if content.is_stretchable(other):
                other.place(when.start, max(when.duration + delta, 1))
            else:
                kept += 1
        elif delta < 0 and when.start >= was.start and when.end <= was.end:
            start = was.start + round((when.start - was.start) * factor)
            end = was.start + round((when.end - was.start) * factor)
            if content.is_stretchable(other):
                other.place(start, max(end - start, 1))
            else:
                other.place(start)
    if delta < 0:
        for track in content.tracks:
            _cut_tails(list(content.segments(track)), was)
    content.node.update(duration=max(content.duration_us + delta, 0))
    return kept


def _cut_tails(clips: Sequence[Segment], was: Times) -> None:
    """Shorten the clips that reached into the time of `was` where they reach into their successors now."""
    for clip, after in pairwise(clips):
        when, most = clip.target, after.target.start
        if when.start < most < when.end and when.end > was.start:
            if source := clip.source:
                clip.use(source.start, round((most - when.start) * clip.speed))
            clip.place(when.start, most - when.start)
