"""`c2jy-tui doctor`: checks the prerequisites of a draft, and offers to repair what is wrong."""

from __future__ import annotations

import argparse
import asyncio
import os
import shutil
import sys
from typing import TYPE_CHECKING

from c2jy_bridge.core.safety import one_line
from c2jy_tui.commands import say
from c2jy_tui.commands.running import as_json, print_stderr, with_settings
from c2jy_tui.commands.streams import read_line

if TYPE_CHECKING:
    from c2jy_bridge.core.settings import Settings
    from c2jy_bridge.engine import Check


SIGNS = {"ok": "✓", "warning": "!", "error": "✗", "unknown": "?"}


def run(options: argparse.Namespace) -> int:
    """Run all checks; 1 when one of them prevents the app from working. `--fix` offers the repairs."""
    from c2jy_bridge.engine import examine

    repairs: list[Check] = []

    def check(settings: Settings) -> int:
        checks = [*asyncio.run(examine(settings)), _terminal()]
        wrong = [check for check in checks if check.state == "error"]
        repairs[:] = [check for check in checks if check.repair]
        if options.json:
            print(as_json(checks, indent=2))
            return 1 if wrong else 0
        for check in checks:
            shown = say("labelled", name=check.name, text=check.message)
            # The Bot's name and what Coze says of an error come from outside.
            print(one_line(f"{SIGNS[check.state]} {shown}"))
            if check.fix:
                print(one_line(f"    → {check.fix}"))
        print_stderr(say("doctor.wrong", count=len(wrong)) if wrong else say("doctor.fine"))
        if repairs and not options.fix:
            print_stderr(say("doctor.repairs", count=len(repairs)))
        return 1 if wrong else 0

    status = with_settings(options, check)
    if not options.fix or not repairs:
        return status
    for one in repairs:
        print("\n" + one_line(say("labelled", name=one.name, text=one.message)))
        if asked(say(f"doctor.repair_{one.repair}")) and not _repair(options, one):
            return 1
    print()
    return with_settings(options, check)


def _repair(options: argparse.Namespace, check: Check) -> bool:
    if check.repair != "mode":
        from c2jy_tui.commands import setup

        options.step = check.repair
        return setup.run(options) == 0
    from c2jy_bridge.engine import protect

    def work(settings: Settings) -> int:
        protect(settings)
        return 0

    return with_settings(options, work) == 0


def asked(question: str) -> bool:
    """Ask for a yes on the terminal; the end of the input is a no."""
    print(f"{question} {say('doctor.yes_no')} ", end="", flush=True)
    line = read_line(sys.stdin)
    if line is None:
        print()
    return line is not None and line.strip().lower() in ("", "y", "yes")


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
    # On Chinese Windows a pipe has another encoding than the terminal.
    if sys.stdout.isatty() and "utf" not in sys.stdout.encoding.lower():
        return Check(say("doctor.terminal_name"), "error", message, say("doctor.terminal_utf8"))
    if size.columns < 60 or size.lines < 20:
        return Check(say("doctor.terminal_name"), "warning", message, say("doctor.terminal_small"))
    return Check(say("doctor.terminal_name"), "ok", message)
