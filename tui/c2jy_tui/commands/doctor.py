"""`c2jy-tui doctor` and `config`: checks the prerequisites of a draft; shows the settings in force."""

from __future__ import annotations

import argparse
import asyncio
import os
import shutil
import sys
from typing import TYPE_CHECKING

from c2jy_bridge.core.places import default_config_file
from c2jy_bridge.core.safety import one_line
from c2jy_tui.commands import say
from c2jy_tui.commands.running import as_json, print_stderr, with_settings

if TYPE_CHECKING:
    from c2jy_bridge.core.settings import Settings
    from c2jy_bridge.engine import Check


SIGNS = {"ok": "✓", "warning": "!", "error": "✗"}


def run(options: argparse.Namespace) -> int:
    """Run all checks; 1 when one of them prevents the app from working."""
    from c2jy_bridge.engine import examine

    def check(settings: Settings) -> int:
        checks = [*asyncio.run(examine(settings)), _terminal()]
        wrong = [check for check in checks if check.state == "error"]
        if options.json:
            print(as_json(checks, indent=2))
            return 1 if wrong else 0
        for check in checks:
            # The Bot's name and what Coze says of an error come from outside.
            print(one_line(f"{SIGNS[check.state]} {check.name}: {check.message}"))
            if check.fix:
                print(one_line(f"    → {check.fix}"))
        print_stderr(say("doctor.wrong", count=len(wrong)) if wrong else say("doctor.fine"))
        return 1 if wrong else 0

    return with_settings(options, check)


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


def config_path(options: argparse.Namespace) -> int:
    """Print the settings file's path, whether it exists or not."""
    print(getattr(options, "config", None) or default_config_file())
    return 0


def config_show(options: argparse.Namespace) -> int:
    """Print all settings in force as JSON; secrets are masked."""

    def show(settings: Settings) -> int:
        print(as_json(settings.model_dump(mode="json"), indent=2))
        return 0

    return with_settings(options, show)
