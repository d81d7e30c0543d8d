"""Joins screenshots of the app (Textual's SVG) into one animated SVG, without a font from elsewhere.

A row of the terminal that looks the same in several frames is written once, with the times at which it is
shown: a recording of half a minute is about as large as five of its frames.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

_FONT_FACE: Final = re.compile(r"\s*@font-face \{.*?\n    \}", re.DOTALL)
_ID: Final = re.compile(r"terminal-\d+")
_RULE: Final = re.compile(r"\.terminal-(r\d+) \{ ([^}]*) \}")
_MATRIX: Final = re.compile(
    r'(?P<open><g transform="translate\([^"]*\)" clip-path="url\(#terminal-clip-terminal\)">)'
    r'(?P<rects>.*?)<g class="terminal-matrix">(?P<texts>.*?)</g>\s*</g>',
    re.DOTALL,
)
_ELEMENT: Final = re.compile(r"<rect [^>]*/>|<text [^>]*>.*?</text>", re.DOTALL)
_ROW_PX: Final = 24.4
"""Height of a row in rich's SVG export: 20 px of type at a line height of 1.22."""


def without_web_fonts(svg: str) -> str:
    """A screenshot that uses the reader's own monospace font."""
    return _FONT_FACE.sub("", svg).replace(
        "font-family: Fira Code, monospace", "font-family: Fira Code, Menlo, Consolas, monospace"
    )


@dataclass(frozen=True, slots=True)
class Frame:
    """A screenshot and the time at which it is shown, seconds from the beginning."""

    at_s: float
    svg: str


def joined(frames: Sequence[Frame], end_s: float) -> str:
    """One SVG that plays the frames for ever; the last one stays until `end_s`."""
    styles: dict[str, str] = {}
    shown: dict[tuple[int, str], list[int]] = {}
    for number, frame in enumerate(frames):
        for row, content in _rows(frame.svg, styles):
            shown.setdefault((row, content), []).append(number)
    times = [frame.at_s / end_s for frame in frames]
    body = "\n".join(
        _group(content, numbers, times, end_s) for (_, content), numbers in sorted(shown.items())
    )
    page = _ID.sub("terminal", without_web_fonts(frames[-1].svg))
    page = re.sub(r"\.terminal-r\d+ \{[^}]*\}\n?", "", page)
    rules = "\n".join(f".terminal-{name} {{ {style} }}" for style, name in styles.items())
    page = page.replace("</style>", f"{rules}\n    </style>", 1)
    return _MATRIX.sub(
        lambda found: f'{found["open"]}<g class="terminal-matrix">{body}</g></g>', page, count=1
    )


def _rows(svg: str, styles: dict[str, str]) -> list[tuple[int, str]]:
    """The rows of a frame with their elements; classes are those of `styles`, by what they look like."""
    page = _ID.sub("terminal", svg)
    names = {
        old: styles.setdefault(style.strip(), f"r{len(styles) + 1}") for old, style in _RULE.findall(page)
    }
    found = _MATRIX.search(page)
    if found is None:
        raise ValueError("not a screenshot of this version of Textual")
    rows: dict[int, list[str]] = {}
    for element in _ELEMENT.findall(found["rects"] + found["texts"]):
        top = re.search(r' y="([\d.]+)"', element)
        row = int(float(top[1]) / _ROW_PX) if top else 0
        if element.startswith("<text"):
            row = int((float(top[1]) - 1) / _ROW_PX) if top else 0
            element = re.sub(r"terminal-(r\d+)", lambda name: f"terminal-{names[name[1]]}", element)
        rows.setdefault(row, []).append(element)
    return [(row, "".join(elements)) for row, elements in rows.items()]


def _group(content: str, numbers: Sequence[int], times: Sequence[float], end_s: float) -> str:
    """A row that is visible in some of the frames."""
    if len(numbers) == len(times):
        return f"<g>{content}</g>"
    inside = set(numbers)
    steps: list[tuple[float, bool]] = []
    for number, at in enumerate(times):
        if not steps or steps[-1][1] != (number in inside):
            steps.append((at, number in inside))
    values = ";".join("visible" if visible else "hidden" for _, visible in steps)
    moments = ";".join(f"{at:.4f}" for at, _ in steps)
    return (
        f'<g visibility="hidden"><animate attributeName="visibility" calcMode="discrete" values="{values}" '
        f'keyTimes="{moments}" dur="{end_s:g}s" repeatCount="indefinite"/>{content}</g>'
    )
