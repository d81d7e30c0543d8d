"""What is written in a block: kind and label, readable without colour."""

from __future__ import annotations

from rich.cells import cell_len

from c2jy_bridge.core.safety import visible
from c2jy_bridge.core.views import ClipView
from c2jy_tui.panes.drafts.labels import clip_name, kind_letter
from c2jy_tui.panes.drafts.timeline.lane import Block
from c2jy_tui.widgets.columns import clip as clipped

MISSING = "!"


def block_text(block: Block, clip: ClipView) -> str:
    """`[V intro.mp4   ]` on exactly the block's cells.

    `!` says that the clip's media is missing, `<` and `>` that it goes on beyond the edge, `#` that several
    clips begin in this one cell.
    """
    width = block.width
    mark = "" if clip.media_ok else MISSING
    if block.count > 1:
        return mark or "#"
    if width == 1:
        return mark or "|"
    left, right = "[" if block.begins else "<", "]" if block.ends else ">"
    if width == 2:
        return (mark or left) + right
    label = clip_name(clip) or visible(clip.media, newlines=False)
    room = width - 2
    sign = f"{mark}{kind_letter(clip.kind)}"
    if cell_len(sign) > room:
        sign = mark
    inner = clipped(f"{sign} {label}".strip(), room) if room > cell_len(sign) + 1 else sign
    return left + inner + " " * (room - cell_len(inner)) + right
