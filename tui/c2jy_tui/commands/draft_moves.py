"""`c2jy-tui draft pack | relocate | roots`: drafts on their way to another machine."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from c2jy_bridge.core.safety import visible
from c2jy_tui.commands import say
from c2jy_tui.commands.output import (
    as_json,
    clear_progress,
    complain,
    complain_of,
    refused,
    show_progress,
)
from c2jy_tui.commands.running import with_engine

if TYPE_CHECKING:
    from c2jy_bridge.engine import Engine


def pack(options: argparse.Namespace) -> int:
    """Pack one draft into a zip; 1 when that is not possible."""

    async def work(engine: Engine) -> int:
        from c2jy_bridge.engine import DraftError

        try:
            made = await engine.drafts.pack(
                options.name,
                options.out or Path.cwd(),
                target_root=options.target_root,
                replace_zip=True,
                on_progress=show_progress,
            )
        except DraftError as error:
            return refused(error.issues, as_json_too=options.json)
        finally:
            clear_progress()
        if options.json:
            print(as_json({"status": "success", "archive": made}, indent=2))
        for issue in made.issues:
            complain_of(issue)
        if not options.json:
            print(visible(say("draft.packed", path=made.path)))
        return 0

    return with_engine(options, work)


def relocate(options: argparse.Namespace) -> int:
    """Rewrite the paths of one draft or all; 1 when not one could be."""

    async def work(engine: Engine) -> int:
        from c2jy_bridge.engine import DraftError

        try:
            report = await engine.drafts.relocate(None if options.all else [options.name], options.to)
        except DraftError as error:
            return refused(error.issues, as_json_too=options.json)
        if options.json:
            told = {"status": "success", "drafts": report.drafts, "issues": report.issues}
            print(as_json(told, indent=2))
        for issue in [*report.issues, *(i for draft in report.drafts for i in draft.issues)]:
            complain_of(issue)
        if not options.json:
            for draft in report.drafts:
                words = {"name": draft.name, "root": draft.root, "was": draft.was or "-"}
                print(visible(say("draft.relocated", **words)))
        return 0

    return with_engine(options, work)


def roots(options: argparse.Namespace) -> int:
    """Print the drafts folders of JianYing and CapCut that are on this machine; none is chosen by itself."""
    from c2jy_bridge.engine import found_roots

    found = found_roots()
    if options.json:
        print(as_json(found, indent=2))
        return 0
    if not found:
        complain(say("draft.no_roots"))
    for root in found:
        app = say(f"app.{root.app}")
        state = say("draft.root_used" if root.used else "draft.root_unused")
        print(visible(f"{app}  {root.path}  ({state})"))
        target = f" --target-root '{root.app_path}'" if root.app_path != root.path else ""
        print(visible(f'    --drafts-root "{root.path}"{target}'))
    return 0
