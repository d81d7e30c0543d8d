"""`c2jy-tui draft slots | fill | batch`: drafts made from drafts."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from c2jy_bridge.core.disk_space import os_reason
from c2jy_bridge.core.safety import one_line, visible
from c2jy_bridge.core.whole_files import read_whole
from c2jy_tui.commands import say
from c2jy_tui.commands.running import (
    as_json,
    clear_progress,
    print_issues,
    print_refusal,
    print_stderr,
    show_progress,
    with_engine,
)
from c2jy_tui.commands.streams import NotText, decoded, read_stdin

if TYPE_CHECKING:
    from c2jy_bridge.core.draft_views import SlotView, TemplateView
    from c2jy_bridge.engine import Engine

_WIDEST = 60


def slots(options: argparse.Namespace) -> int:
    """Print a draft's slots; 1 when it has none."""

    async def work(engine: Engine) -> int:
        from c2jy_bridge.engine import DraftError

        try:
            found = await engine.drafts.template(template_of(options.name))
        except DraftError as error:
            return print_refusal(error.issues, as_json_too=options.json)
        print(as_json(found, indent=2)) if options.json else _table(found)
        return 0

    return with_engine(options, work)


def template_of(given: str) -> str | Path:
    """The name of a draft, or the path of one elsewhere: what has a separator in it, or is a file."""
    path = Path(given).expanduser()
    return path if any(sign in given for sign in "/\\") or path.is_file() else given


def _table(found: TemplateView) -> None:
    print(one_line(f"{found.name}  {found.width}x{found.height}  {found.duration_us / 1e6:.1f} s"))
    for slot in found.slots:
        size = f"{slot.width}x{slot.height}" if slot.width else ""
        times = f"{slot.start_us / 1e6:8.2f} + {slot.duration_us / 1e6:.2f} s"
        print(one_line(f"  {slot.slot:18} {times:22} {size:10} {slot.track:12} {_words(slot)}"))


def _words(slot: SlotView) -> str:
    parts = slot.spans if len(slot.spans) > 1 else slot.texts
    words = " | ".join(parts) if parts else slot.label
    return words if len(words) <= _WIDEST else f"{words[:_WIDEST]}…"


def fill(options: argparse.Namespace) -> int:
    """Make a draft from a template and a file of values; 1 when it could not be made."""
    try:
        values = decoded(read_stdin() if options.values == "-" else read_whole(options.values))
    except (OSError, NotText) as error:
        why = os_reason(error)
        print_stderr(say("draft.unreadable", file=options.values, why=why))
        return 2
    folder = Path.cwd() if options.values == "-" else Path(options.values).absolute().parent

    async def work(engine: Engine) -> int:
        from c2jy_bridge.engine import DraftError

        try:
            made = await engine.drafts.fill(
                template_of(options.name),
                values,
                options.new_name,
                dry_run=options.dry_run,
                folder=folder,
                on_progress=show_progress,
            )
        except DraftError as error:
            return print_refusal(error.issues, as_json_too=options.json)
        finally:
            clear_progress()
        if options.json:
            print(as_json({"status": "success", "draft": made}, indent=2))
        print_issues(*made.issues)
        if not options.json:
            words = "draft.would_write" if options.dry_run else "draft.written"
            seconds = f"{made.duration_us / 1e6:.1f}"
            print(visible(say(words, name=made.name, seconds=seconds, path=made.path)))
        return 0

    return with_engine(options, work)


def batch(options: argparse.Namespace) -> int:
    """Make one draft per row of a table and print a line for each; 1 when a row failed."""

    async def work(engine: Engine) -> int:
        from c2jy_bridge.engine import DraftError, Progress

        count = {"made": 0, "there": 0, "failed": 0}
        try:
            total = await engine.drafts.rows(options.table)
            async for row in engine.drafts.batch(template_of(options.name), options.table, options.pattern):
                clear_progress()
                count[row.state] += 1
                if options.json:
                    print(as_json(row))
                else:
                    state = say(f"batch.{row.state}")
                    print(visible(say("batch.row", row=row.row, state=state, name=row.name or "-")))
                    print_issues(*(found for found in row.issues if found.severity != "info"))
                sys.stdout.flush()
                show_progress(Progress(say("batch.progress"), sum(count.values()), total, "items"))
        except DraftError as error:
            return print_refusal(error.issues, as_json_too=options.json)
        finally:
            clear_progress()
        print_stderr(say("batch.summary", **count))
        return 1 if count["failed"] else 0

    return with_engine(options, work)
