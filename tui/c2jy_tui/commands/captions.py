"""`c2jy-tui draft captions`: takes the captions out of a draft as a caption file."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from c2jy_bridge.core.disk_space import os_reason
from c2jy_bridge.core.safety import visible
from c2jy_tui.commands import say
from c2jy_tui.commands.running import print_refusal, print_stderr, with_engine

if TYPE_CHECKING:
    from c2jy_bridge.engine import Engine


def run(options: argparse.Namespace) -> int:
    """Print or write a draft's captions; 1 when it has none."""

    async def work(engine: Engine) -> int:
        from c2jy_bridge.engine import DraftError

        try:
            text, count = await engine.drafts.captions(options.name, options.to, options.track)
        except DraftError as error:
            return print_refusal(error.issues, as_json_too=False)
        return _deliver(text, count, options.out)

    return with_engine(options, work)


def _deliver(text: str, count: int, out: Path | None) -> int:
    """Print captions, or write them to a file that is not there yet."""
    if out is None:
        print(text, end="")
        return 0
    try:
        with open(out, "x", encoding="utf-8", newline="\n") as file:
            file.write(text)
    except OSError as error:
        why = os_reason(error)
        print_stderr(visible(say("draft.captions_not_written", path=out, why=why)))
        return 1
    print(visible(say("draft.captions_written", count=count, path=out)))
    return 0
