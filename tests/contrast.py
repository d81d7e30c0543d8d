"""The contrast of what is on a screen, computed from the cells that are drawn."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from rich.color import Color as RichColor
from rich.color import ColorSystem
from rich.segment import Segment
from textual.app import App
from textual.color import Color
from textual.pilot import Pilot

from c2jy_tui import themes

LEAST = 4.5
"""WCAG 2.2, 1.4.3, level AA: contrast of text and its background."""
RGB_THEMES = [theme.name for theme in themes.OURS if not theme.ansi]


def letters(app: App[Any]) -> Iterator[tuple[str, RichColor, RichColor]]:
    """What the top screen writes: a word with its two colours; not what a dialog has dimmed below it."""
    screen = app.screen
    for y, strip in enumerate(screen._compositor.render_strips()):
        x = 0
        for filtered in strip.apply_filter(app._filters[0], screen.background_colors[1]):
            x += filtered.cell_length
            if not _is_text(filtered) or screen.get_widget_at(x - 1, y)[0] is screen:
                continue
            style = filtered.style
            if style is None or (fore := style.color) is None or (back := style.bgcolor) is None:
                pytest.fail(f"no colour: {filtered}")
            yield filtered.text.strip(), *((back, fore) if style.reverse else (fore, back))


def _is_text(segment: Segment) -> bool:
    return any(letter.isalnum() for letter in segment.text)


def contrast(fore: RichColor, back: RichColor, colours: ColorSystem) -> float:
    one, other = (Color.from_rich_color(c.downgrade(colours)) for c in (fore, back))

    def luminance(color: Color) -> float:
        parts = [c / 255 for c in color.rgb]
        linear = [p / 12.92 if p <= 0.04045 else ((p + 0.055) / 1.055) ** 2.4 for p in parts]
        return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]

    low, high = sorted((luminance(one), luminance(other)))
    return (high + 0.05) / (low + 0.05)


async def each_theme_is_readable(pilot: Pilot[Any]) -> None:
    """The screen as it is now can be read in each of our themes."""
    app = pilot.app
    before = app.theme
    for theme in RGB_THEMES:
        app.theme = theme
        await pilot.pause()
        found = faint(app)
        assert not found, "\n".join(sorted(found))
    app.theme = before
    await pilot.pause()


def faint(app: App[Any]) -> set[str]:
    """The words of the screen that cannot be read well."""
    return {
        f"{ratio:.1f} {fore.name} on {back.name}, {colours.name}: {word[:30]}"
        for colours in (ColorSystem.TRUECOLOR, ColorSystem.EIGHT_BIT)
        for word, fore, back in letters(app)
        if (ratio := contrast(fore, back, colours)) < LEAST
    }
