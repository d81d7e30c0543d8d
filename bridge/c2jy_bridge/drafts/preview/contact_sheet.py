"""Lays frames of a draft out on one picture, with their times and a list of what is not as in the app."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from PIL import Image, ImageDraw

from c2jy_bridge.core.draft_views import PreviewNote
from c2jy_bridge.core.safety import one_line
from c2jy_bridge.drafts.preview.frame_sources import Size
from c2jy_bridge.drafts.preview.marks import Marks, cut
from c2jy_bridge.drafts.preview.scene import Scene

FRAMES: Final = 12
LONGEST: Final = 384
"""Pixels of a frame's longer side: twelve make a sheet that a model takes in unscaled."""
_GAP: Final = 12
_HEADING: Final = 20
_SMALL: Final = 14
_PAPER: Final = (24, 24, 27)
_INK: Final = (228, 228, 231)
_FAINT: Final = (161, 161, 170)
_MOST_NOTES: Final = 8


def frame_times(scene: Scene, count: int = FRAMES) -> tuple[int, ...]:
    """The times of a sheet's frames in microseconds: the middles of equal parts, each on a frame's start."""
    frame = 1e6 / scene.fps
    middles = (scene.duration_us * (2 * part + 1) / (2 * count) for part in range(count))
    return tuple(dict.fromkeys(round(int(middle / frame) * frame) for middle in middles))


def sheet(
    name: str,
    scene: Scene,
    frames: Sequence[tuple[int, Image.Image]],
    notes: Sequence[PreviewNote],
    marks: Marks,
) -> Image.Image:
    """The contact sheet.

    Args:
        name: The draft's.
        scene: What was drawn.
        frames: Times in microseconds and pictures, all of one size.
        notes: What is approximate or not drawn in the whole draft.
        marks: The words, and fonts for them.
    """
    width, height = frames[0][1].size
    columns = min(len(frames), 6 if height > width else 4)
    rows = -(-len(frames) // columns)
    cell = height + _SMALL + _GAP
    listed = [note.message + (f" ×{note.count}" if note.count > 1 else "") for note in notes[:_MOST_NOTES]]
    if len(notes) > _MOST_NOTES:
        listed.append(marks.say("preview.more", count=len(notes) - _MOST_NOTES))
    head = _HEADING + 2 * _GAP
    foot = (len(listed) * (_SMALL + 6) + _GAP) if listed else 0
    paper = Image.new("RGB", (columns * (width + _GAP) + _GAP, head + rows * (cell + _GAP) + foot), _PAPER)
    seconds = f"{scene.duration_us / 1e6:.1f}"
    heading = marks.say(
        "preview.heading", name=one_line(name), width=scene.width, height=scene.height, seconds=seconds
    )
    _write(paper, (_GAP, _GAP), heading, _HEADING, _INK, marks)
    for number, (at_us, frame) in enumerate(frames):
        x = _GAP + number % columns * (width + _GAP)
        y = head + number // columns * (cell + _GAP)
        paper.paste(frame, (x, y))
        _write(paper, (x, y + height + 4), clock(at_us), _SMALL, _FAINT, marks)
    y = head + rows * (cell + _GAP)
    for line in listed:
        _write(paper, (_GAP, y), line, _SMALL, _FAINT, marks)
        y += _SMALL + 6
    return paper


def clock(at_us: int) -> str:
    """`1:05.20`."""
    minutes, rest = divmod(round(at_us / 10_000), 6000)
    return f"{minutes}:{rest / 100:05.2f}"


def _write(
    paper: Image.Image, at: Size, text: str, pixels: int, ink: tuple[int, int, int], marks: Marks
) -> None:
    font = marks.font(text, pixels)
    ImageDraw.Draw(paper).text(at, cut(text, font, paper.width - at[0] - _GAP), font=font, fill=ink)
