"""The app's own themes, and which one a terminal gets.

Every colour is one of the 256 that terminals share (xterm: a cube of 00 5f 87 af d7 ff, and greys), so that a
theme looks the same in 256 colours as in 16 million: Rich would turn a bluish grey into navy there.
`tests/tui/test_themes.py` computes the contrast of every text that is drawn with them: 4.5:1 at least.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Final

from textual.theme import BUILTIN_THEMES, Theme

AUTO: Final = "auto"
"""The setting that leaves the choice to the terminal's colours."""
DEFAULT: Final = "c2jy-dark"
FEW_COLOURS: Final = "ansi-dark"
"""For 16 colours, and for none: it has no colours of its own, only the terminal's."""


@dataclass(frozen=True, slots=True)
class Look:
    """The values of `ScreenSettings`, which is too heavy to import here."""

    theme: str = DEFAULT
    mouse: bool = True
    low_bandwidth: bool = False
    keymap: Mapping[str, str] = field(default_factory=dict)
    alerts: str = "auto"
    shares: Mapping[str, int] = field(default_factory=dict)
    """Those of the panes, by the names of their settings."""


_DARK: Final = Theme(
    name=DEFAULT,
    dark=True,
    primary="#5fd7d7",
    secondary="#87afff",
    accent="#d7afff",
    warning="#ffaf5f",
    error="#ff8787",
    success="#87d787",
    foreground="#e4e4e4",
    background="#121212",
    surface="#1c1c1c",
    panel="#303030",
    boost="#262626",
    variables={
        "text-primary": "#87d7d7",
        "text-secondary": "#afd7ff",
        "text-accent": "#d7afff",
        "text-warning": "#ffd787",
        "text-error": "#ff8787",
        "text-success": "#87d787",
        "text-muted": "#a8a8a8",
        "text-disabled": "#a8a8a8",
        "primary-muted": "#005f5f",
        "secondary-muted": "#005f87",
        "accent-muted": "#5f0087",
        "warning-muted": "#5f5f00",
        "error-muted": "#5f0000",
        "success-muted": "#005f00",
        "border-blurred": "#626262",
        "block-cursor-foreground": "#000000",
        "block-cursor-background": "#87d7d7",
        "block-cursor-blurred-background": "#3a3a3a",
        "block-hover-background": "#303030",
        "input-selection-background": "#005f87",
        "input-selection-foreground": "#ffffff",
        "screen-selection-background": "#005f87",
        "screen-selection-foreground": "#ffffff",
        "scrollbar": "#4e4e4e",
        "scrollbar-hover": "#6c6c6c",
        "scrollbar-active": "#5fd7d7",
        "scrollbar-background": "#1c1c1c",
        "footer-key-foreground": "#5fd7d7",
        "link-background-hover": "#005f87",
    },
)
_LIGHT: Final = Theme(
    name="c2jy-light",
    dark=False,
    primary="#005f5f",
    secondary="#005f87",
    accent="#5f00af",
    warning="#5f5f00",
    error="#af0000",
    success="#005f00",
    foreground="#1c1c1c",
    background="#ffffff",
    surface="#eeeeee",
    panel="#e4e4e4",
    boost="#ffffff",
    variables={
        "text-primary": "#005f5f",
        "text-secondary": "#005f87",
        "text-accent": "#5f00af",
        "text-warning": "#5f5f00",
        "text-error": "#af0000",
        "text-success": "#005f00",
        "text-muted": "#4e4e4e",
        "text-disabled": "#585858",
        "primary-muted": "#afd7d7",
        "secondary-muted": "#d7ffff",
        "accent-muted": "#d7d7ff",
        "warning-muted": "#ffffaf",
        "error-muted": "#ffd7d7",
        "success-muted": "#d7ffd7",
        "border-blurred": "#8a8a8a",
        "block-cursor-foreground": "#000000",
        "block-cursor-background": "#87d7d7",
        "block-cursor-blurred-background": "#dadada",
        "block-hover-background": "#dadada",
        "input-selection-background": "#afd7ff",
        "input-selection-foreground": "#000000",
        "screen-selection-background": "#afd7ff",
        "screen-selection-foreground": "#000000",
        "scrollbar": "#b2b2b2",
        "scrollbar-hover": "#8a8a8a",
        "scrollbar-active": "#005f5f",
        "scrollbar-background": "#eeeeee",
        "footer-key-foreground": "#005f5f",
        "link-background-hover": "#afd7ff",
    },
)


def _with_borders(name: str, border: str) -> Theme:
    """Textual's theme of the terminal's own colours; its quiet borders have the colour of the background."""
    theme = BUILTIN_THEMES[name]
    quiet = {
        "border-blurred": border,
        "scrollbar": border,
        "scrollbar-hover": "ansi_default",
        "scrollbar-active": "ansi_cyan" if theme.dark else "ansi_blue",
        "scrollbar-background": "ansi_default",
        "scrollbar-background-hover": "ansi_default",
        "scrollbar-background-active": "ansi_default",
        "footer-key-foreground": "ansi_cyan" if theme.dark else "ansi_blue",
    }
    # Blue on black cannot be read in the palettes of xterm, the console of Linux and PuTTY.
    primary = "ansi_cyan" if theme.dark else theme.primary
    return replace(theme, primary=primary, variables={**theme.variables, **quiet})


OURS: Final = (
    _DARK,
    _LIGHT,
    _with_borders(FEW_COLOURS, "ansi_bright_black"),
    _with_borders("ansi-light", "ansi_bright_black"),
)
"""In the order in which they are offered."""
ABOUT: Final = {
    AUTO: "auto",
    "c2jy-dark": "dark",
    "c2jy-light": "light",
    "ansi-dark": "ansi_dark",
    "ansi-light": "ansi_light",
}
"""The name of the text about each that is offered first."""


def theme_for(name: str, colours: str | None) -> str:
    """The theme that a setting names, on a terminal with so many colours (Rich's `Console.color_system`).

    None is for no colours at all, whatever is named.
    """
    if colours is None:
        return FEW_COLOURS
    if name != AUTO:
        return name
    return FEW_COLOURS if colours in ("standard", "windows") else DEFAULT
