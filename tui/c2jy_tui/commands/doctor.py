"""`c2jy-tui doctor`: is everything there that a draft needs?"""

from __future__ import annotations

import argparse
import asyncio
import os
import shutil
import sys
from typing import TYPE_CHECKING

from c2jy_bridge.core.safety import visible
from c2jy_bridge.core.settings import SettingsError
from c2jy_tui.commands import say
from c2jy_tui.commands.output import as_json, complain
from c2jy_tui.commands.running import settings_of

if TYPE_CHECKING:
    from c2jy_bridge.engine import Check

SIGNS = {"ok": "✓", "warning": "!", "error": "✗"}


def run(options: argparse.Namespace) -> int:
    """Look at everything; 1 when something is wrong that keeps the app from working."""
    from c2jy_bridge.engine import examine

    try:
        with settings_of(options) as settings:
            checks = [*asyncio.run(examine(settings)), _terminal()]
    except SettingsError as error:
        complain(str(error))
        return 2
    if options.json:
        print(as_json(checks, indent=2))
    else:
        for check in checks:
            # The Bot's name and what Coze says of an error come from outside.
            print(visible(f"{SIGNS[check.state]} {check.name}: {check.message}", newlines=False))
            if check.fix:
                print(visible(f"    → {check.fix}", newlines=False))
    wrong = [check for check in checks if check.state == "error"]
    if not options.json:
        complain(say("doctor.wrong", count=len(wrong)) if wrong else say("doctor.fine"))
    return 1 if wrong else 0


def _terminal() -> Check:
    from c2jy_bridge.engine import Check

    size = shutil.get_terminal_size()
    words = {
        "term": os.environ.get("TERM", "-"),
        "columns": size.columns,
        "rows": size.lines,
        "encoding": sys.stdout.encoding,
    }
    message = say("doctor.terminal", **words)
    if "utf" not in sys.stdout.encoding.lower():
        return Check(say("doctor.terminal_name"), "error", message, say("doctor.terminal_utf8"))
    if size.columns < 60 or size.lines < 20:
        return Check(say("doctor.terminal_name"), "warning", message, say("doctor.terminal_small"))
    return Check(say("doctor.terminal_name"), "ok", message)
