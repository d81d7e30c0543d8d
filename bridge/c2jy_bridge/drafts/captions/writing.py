"""Writes captions as SRT, WebVTT, ASS, LRC or plain text."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import Final, Literal

from c2jy_bridge.drafts.captions.cues import Cue

CaptionFormat = Literal["srt", "vtt", "ass", "lrc", "txt"]
_TOUCH_US: Final = 10_000
"""LRC counts hundredths; lines that are no further apart follow on each other."""


def write_captions(cues: Sequence[Cue], form: CaptionFormat, width: int = 1920, height: int = 1080) -> str:
    """The text of a caption file, line ends as `\\n`.

    Args:
        cues: In the order of their time.
        form: The format.
        width: Of the canvas, px; ASS measures in it.
        height: Of the canvas, px.
    """
    match form:
        case "srt":
            blocks = [
                f"{number}\n{_time(cue.start_us, ',')} --> {_time(cue.end_us, ',')}\n{_solid(cue.text)}\n"
                for number, cue in enumerate(cues, 1)
            ]
            return "\n".join(blocks)
        case "vtt":
            return "WEBVTT\n" + "".join(
                f"\n{_time(cue.start_us, '.')} --> {_time(cue.end_us, '.')}\n{_escaped(_solid(cue.text))}\n"
                for cue in cues
            )
        case "ass":
            from c2jy_bridge.drafts.captions.ass import write_ass

            return write_ass(cues, width, height)
        case "lrc":
            return _lrc(cues)
        case "txt":
            return "".join(f"{cue.text}\n" for cue in cues)


def _time(at_us: int, mark: str) -> str:
    """Cut off to milliseconds, as the SRT files that lie with drafts of JianYing 3.3 and 3.4 are."""
    seconds, fraction = divmod(at_us // 1000, 1000)
    return f"{seconds // 3600:02}:{seconds // 60 % 60:02}:{seconds % 60:02}{mark}{fraction:03}"


def _solid(text: str) -> str:
    """Without blank lines: one would end the caption."""
    return "\n".join(line for line in text.splitlines() if line.strip())


def _escaped(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def _lrc(cues: Sequence[Cue]) -> str:
    """A line each; where nothing follows at once, an empty one ends it."""
    lines = [f"{_stamp(cue.start_us)}{' '.join(cue.text.split())}" for cue in cues]
    ends = [after.start_us - cue.end_us > _TOUCH_US for cue, after in pairwise(cues)] + [True] * bool(cues)
    return "".join(
        f"{line}\n" + (f"{_stamp(cue.end_us)}\n" if ends_here else "")
        for line, cue, ends_here in zip(lines, cues, ends, strict=True)
    )


def _stamp(at_us: int) -> str:
    hundredths = round(at_us / 10_000)
    return f"[{hundredths // 6000:02}:{hundredths // 100 % 60:02}.{hundredths % 100:02}]"
