"""`c2jy-tui draft export`: writes a draft as a timeline file for other editing programs."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

from c2jy_bridge.core.safety import visible
from c2jy_tui.commands import say
from c2jy_tui.commands.running import as_json, print_issues, print_refusal, with_engine

if TYPE_CHECKING:
    from c2jy_bridge.engine import Engine


def run(options: argparse.Namespace) -> int:
    """Write the file and list what did not fit; 1 when that is not possible."""

    async def work(engine: Engine) -> int:
        from c2jy_bridge.engine import DraftError

        try:
            made = await engine.drafts.export(options.name, options.to, options.out)
        except DraftError as error:
            return print_refusal(error.issues, as_json_too=options.json)
        if options.json:
            print(as_json({"status": "success", "timeline": made}, indent=2))
        print_issues(*made.issues)
        if not options.json:
            print(visible(say("draft.exported", path=made.path, tracks=made.tracks, clips=made.clips)))
        return 0

    return with_engine(options, work)
