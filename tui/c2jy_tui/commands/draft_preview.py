"""`c2jy-tui draft preview`: draws a draft as a contact sheet, a frame or a clip."""

from __future__ import annotations

import argparse
import math
from typing import TYPE_CHECKING, Final, get_args

from c2jy_bridge.core.safety import one_line, visible
from c2jy_tui.commands import say
from c2jy_tui.commands.running import (
    as_json,
    clear_progress,
    print_refusal,
    print_stderr,
    show_progress,
    with_engine,
)

if TYPE_CHECKING:
    from c2jy_bridge.core.draft_views import PreviewKind
    from c2jy_bridge.engine import Engine

_LARGEST_S: Final = 1e9


def run(options: argparse.Namespace) -> int:
    """Draw a draft; 1 when that is not possible."""
    from c2jy_bridge.core.draft_views import PreviewKind

    at_s = 0.0 if options.at is None else options.at
    if not math.isfinite(at_s) or not 0 <= at_s < _LARGEST_S:
        print_stderr(say("draft.preview_at", given=at_s))
        return 2
    if options.at is not None and not options.frame:
        print_stderr(say("draft.preview_at_alone"))
        return 2
    kind: PreviewKind = next((k for k in get_args(PreviewKind) if getattr(options, k)), "sheet")

    async def work(engine: Engine) -> int:
        from c2jy_bridge.engine import DraftError

        out = getattr(options, kind)
        try:
            made = await engine.drafts.preview(
                options.name,
                kind,
                out,
                at_us=round(at_s * 1e6),
                font=options.font,
                on_progress=show_progress,
            )
        except DraftError as error:
            return print_refusal(error.issues, as_json_too=options.json)
        finally:
            clear_progress()
        if options.json:
            print(as_json({"status": "success", "preview": made}, indent=2))
            return 0
        for note in made.notes:
            count = f" ×{note.count}" if note.count > 1 else ""
            print_stderr(one_line(f"{note.start_us / 1e6:8.2f} s  {note.message}{count}"))
        print(visible(say("draft.previewed", path=made.path)))
        return 0

    return with_engine(options, work)
