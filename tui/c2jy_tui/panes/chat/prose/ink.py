"""The styles of Markdown, as words that Textual resolves against the theme whenever a line is drawn.

Not component classes: a widget computes each of those anew whenever any of its styles might have changed, and
a conversation has hundreds of widgets.
"""

from __future__ import annotations

from typing import Final

ADDRESS: Final = "dim"
BAR: Final = "$primary"
CODE: Final = "on $surface"
COMMENT: Final = "dim italic"
EMPHASIS: Final = "italic"
HEADING: Final = "$text-primary bold"
INLINE_CODE: Final = "$text-accent"
KEYWORD: Final = "$text-accent"
LINK: Final = "underline"
MARKER: Final = "$text-primary"
NAME: Final = "$text-primary"
NUMBER: Final = "$text-warning"
QUOTE: Final = "dim"
STRING: Final = "$text-success"
STRONG: Final = "bold"
STRUCK: Final = "strike"
