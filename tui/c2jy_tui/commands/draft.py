"""`c2jy-tui draft`: builds, lists, checks, packs and relocates drafts without a Bot."""

from __future__ import annotations

import argparse
from collections.abc import Awaitable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

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

_TIMELINES: Final = (".otio", ".fcpxml", ".edl")
"""Files of other editing programs, told apart by their names."""

if TYPE_CHECKING:
    from c2jy_bridge.core.views import DraftDetail, DraftView, TrackView
    from c2jy_bridge.engine import BuildReport, Engine


def build(options: argparse.Namespace) -> int:
    """Build drafts from a file or stdin; 1 when a part of it failed."""
    if Path(options.file).suffix.lower() in _TIMELINES:
        path = Path(options.file)
        wanted = _wanted(options)
        return with_engine(
            options,
            lambda engine: _build(
                options, engine.drafts.build_timeline(path, on_progress=show_progress, **wanted)
            ),
        )
    try:
        content = read_stdin() if options.file == "-" else read_whole(options.file)
        source = decoded(content)
    except (OSError, NotText) as error:
        why = os_reason(error)
        print_stderr(say("draft.unreadable", file=options.file, why=why))
        return 2
    wanted = _wanted(options)
    if options.file != "-":
        # The user chose the file, so what lies beside it may go into the draft.
        wanted["folders"] = [Path(options.file).absolute().parent]
    if options.time_unit:
        wanted["time_unit"] = options.time_unit
    return with_engine(
        options,
        lambda engine: _build(options, engine.drafts.build(source, on_progress=show_progress, **wanted)),
    )


def _wanted(options: argparse.Namespace) -> dict[str, Any]:
    """The options of a build, whatever it is built from."""
    return {
        "name": options.name,
        "target_root": options.target_root,
        "archive": options.zip,
        "register": options.register,
        "dry_run": options.dry_run,
        "profile": options.target_app,
    }


def rebuild(options: argparse.Namespace) -> int:
    """Rebuild a draft from its own document, under another name; 1 when that is not possible."""
    return with_engine(
        options,
        lambda engine: _build(options, engine.drafts.rebuild(options.name, on_progress=show_progress)),
    )


async def _build(options: argparse.Namespace, building: Awaitable[BuildReport]) -> int:
    from c2jy_bridge.engine import DraftError

    try:
        report = await building
    except DraftError as error:
        return print_refusal(error.issues, as_json_too=options.json)
    finally:
        clear_progress()
    issues = [*report.issues, *(i for d in report.drafts for i in d.issues)]
    # A draft that was written has only errors of packing; the others belong to drafts that were not written.
    partly = any(issue.severity == "error" for issue in issues)
    if options.json:
        status = "partial" if partly else "success"
        print(as_json({"status": status, "drafts": report.drafts, "issues": report.issues}, indent=2))
    print_issues(*issues)
    if not options.json:
        dry_run = getattr(options, "dry_run", False)
        for draft in report.drafts:
            words = "draft.would_write" if dry_run else "draft.written"
            seconds = f"{draft.duration_us / 1e6:.1f}"
            print(visible(say(words, name=draft.name, seconds=seconds, path=draft.path)))
        for archive in dict.fromkeys(draft.archive for draft in report.drafts if draft.archive):
            print(visible(say("draft.packed", path=archive)))
    return 1 if partly else 0


def list_(options: argparse.Namespace) -> int:
    """Print the drafts folder, newest first; with `--tag` only the drafts that have all of these tags."""
    wanted = {tag.removeprefix("#").casefold() for tag in getattr(options, "tags", None) or ()}

    async def work(engine: Engine) -> int:
        views = [v for v in await engine.drafts.list() if wanted <= {tag.casefold() for tag in v.tags}]
        if getattr(options, "json", False):
            print(as_json(views, indent=2))
        else:
            _table(views)
        return 0

    return with_engine(options, work)


def show(options: argparse.Namespace) -> int:
    """Print one draft with its tracks; 1 when there is none of that name."""

    async def work(engine: Engine) -> int:
        try:
            detail = await engine.drafts.open(options.name)
        except (KeyError, ValueError, OSError):
            print_stderr(say("draft.unknown", name=options.name, root=engine.connection.drafts_root))
            return 1
        print(as_json(detail, indent=2)) if options.json else _picture(detail)
        return 0

    return with_engine(options, work)


def check(options: argparse.Namespace) -> int:
    """Verify one draft; 1 when it has errors."""

    async def work(engine: Engine) -> int:
        try:
            issues = await engine.drafts.check(options.name, options.target_app)
        except (KeyError, ValueError, OSError):
            print_stderr(say("draft.unknown", name=options.name, root=engine.connection.drafts_root))
            return 1
        errors = [issue for issue in issues if issue.severity == "error"]
        if options.json:
            print(as_json({"status": "error" if errors else "success", "issues": issues}, indent=2))
        else:
            print_issues(*issues)
            if not errors:
                print(say("draft.whole", name=visible(options.name)))
        return 1 if errors else 0

    return with_engine(options, work)


def _table(views: Sequence[DraftView]) -> None:
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    if not views:
        print_stderr(say("draft.none"))
        return
    table = Table(box=None, pad_edge=False, header_style="bold")
    tagged = ("tags",) if any(v.tags for v in views) else ()
    for column in ("name", "length", "tracks", "clips", "media", "state", *tagged):
        left = column in ("name", "state", "tags")
        table.add_column(say(f"column.{column}"), justify="left" if left else "right")
    for v in views:
        numbers = f"{v.duration_us / 1e6:.1f} s", str(v.tracks), str(v.clips), str(v.media)
        # Text, not str: a name with [brackets] is a name.
        tags = [Text(one_line(" ".join(f"#{tag}" for tag in v.tags)))] if tagged else []
        table.add_row(Text(one_line(v.name)), *numbers, say(f"state.{v.state}"), *tags)
    Console(highlight=False).print(table)


def _picture(detail: DraftDetail) -> None:
    v = detail.view
    figures = f"{v.width}x{v.height}  {v.duration_us / 1e6:.1f} s  {say(f'state.{v.state}')}"
    print(f"{one_line(v.name)}  {figures}  {say(f'paths.{v.media_paths}')}")
    _tracks(detail.tracks, "")
    for timeline in detail.timelines:
        words = {"name": timeline.name, "seconds": f"{timeline.duration_us / 1e6:.1f}"}
        print(visible(say("draft.timeline", **words)))
        _tracks(timeline.tracks, "  ")
    print_issues(*detail.issues)


def _tracks(tracks: Sequence[TrackView], margin: str) -> None:
    for track in tracks:
        print(margin + one_line(f"{track.kind} {track.name}".rstrip()))
        for clip in track.clips:
            end = (clip.start_us + clip.duration_us) / 1e6
            speed = f"  ×{clip.speed:g}" if clip.speed != 1.0 else ""
            speed = f"  {say('draft.speed_curve')}" if clip.speed_curve else speed
            missing = "" if clip.media_ok else f"  ! {say('state.media_missing')}"
            kind, label = one_line(clip.kind), one_line(clip.label)
            times = f"{clip.start_us / 1e6:8.2f} – {end:8.2f} s"
            print(f"{margin}  {times}  {kind:7} {label}{speed}{missing}")
            _tracks(clip.inside, f"{margin}    ")


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
            return print_refusal(error.issues, as_json_too=options.json)
        finally:
            clear_progress()
        if options.json:
            print(as_json({"status": "success", "archive": made}, indent=2))
        print_issues(*made.issues)
        if not options.json:
            print(visible(say("draft.packed", path=made.path)))
        return 0

    return with_engine(options, work)


def relocate(options: argparse.Namespace) -> int:
    """Rewrite the paths of one draft or all; 1 when none could be rewritten."""

    async def work(engine: Engine) -> int:
        from c2jy_bridge.engine import DraftError

        try:
            report = await engine.drafts.relocate(
                None if options.all else [options.name],
                options.to,
                portable=options.portable,
                dry_run=options.dry_run,
            )
        except DraftError as error:
            return print_refusal(error.issues, as_json_too=options.json)
        if options.json:
            answer = {"status": "success", "drafts": report.drafts, "issues": report.issues}
            print(as_json(answer, indent=2))
        print_issues(*report.issues, *(i for draft in report.drafts for i in draft.issues))
        if not options.json:
            for draft in report.drafts:
                was = draft.was or say(f"paths.{draft.media_paths_were}")
                if options.dry_run:
                    words, root = "draft.would_relocate", draft.root or say("paths.portable")
                else:
                    words, root = "draft.relocated" if draft.root else "draft.relocated_portable", draft.root
                print(visible(say(words, name=draft.name, root=root, was=was, count=draft.changed)))
        return 0

    return with_engine(options, work)


def rename(options: argparse.Namespace) -> int:
    """Give one draft another name; 1 when that is not possible."""

    async def work(engine: Engine) -> int:
        from c2jy_bridge.engine import DraftError

        try:
            made = await engine.drafts.rename(options.name, options.new_name, dry_run=options.dry_run)
        except DraftError as error:
            return print_refusal(error.issues, as_json_too=options.json)
        if options.json:
            print(as_json({"status": "success", "draft": made}, indent=2))
        print_issues(*made.issues)
        if not options.json:
            words = "draft.would_rename" if options.dry_run else "draft.renamed"
            print(visible(say(words, was=made.was, name=made.name, path=made.path)))
        return 0

    return with_engine(options, work)


def tag(options: argparse.Namespace) -> int:
    """Add and remove tags of one draft and print those that it has; 1 when that is not possible."""

    async def work(engine: Engine) -> int:
        from c2jy_bridge.engine import DraftError

        try:
            tags = await engine.drafts.tag(options.name, options.tags, options.remove)
        except DraftError as error:
            return print_refusal(error.issues, as_json_too=options.json)
        if options.json:
            print(as_json({"status": "success", "name": options.name, "tags": tags}, indent=2))
        else:
            print(visible(" ".join(f"#{tag}" for tag in tags) or say("draft.no_tags", name=options.name)))
        return 0

    return with_engine(options, work)


def relink(options: argparse.Namespace) -> int:
    """Find one draft's missing media in other folders; 1 when some are still missing."""

    async def work(engine: Engine) -> int:
        from c2jy_bridge.engine import DraftError

        try:
            made = await engine.drafts.relink(options.name, options.sources, dry_run=options.dry_run)
        except DraftError as error:
            return print_refusal(error.issues, as_json_too=options.json)
        complete = len(made.found) == made.missing
        if options.json:
            print(as_json({"status": "success" if complete else "partial", "draft": made}, indent=2))
        print_issues(*made.issues)
        if not options.json:
            for media in made.found:
                print(visible(f"{media.path}\n    → {media.file} ({say(f'relink.by_{media.by}')})"))
            words = "draft.would_relink" if options.dry_run else "draft.relinked"
            if not made.found:
                words = "draft.none_relinked"
            print(visible(say(words, name=made.name, found=len(made.found), missing=made.missing)))
        return 0 if complete else 1

    return with_engine(options, work)


def roots(options: argparse.Namespace) -> int:
    """Print the drafts folders of JianYing and CapCut on this machine; none is chosen automatically."""
    from c2jy_bridge.engine import found_roots

    found = found_roots()
    if options.json:
        print(as_json(found, indent=2))
        return 0
    if not found:
        print_stderr(say("draft.no_roots"))
    for root in found:
        app = say(f"app.{root.app}")
        state = say("draft.root_used" if root.used else "draft.root_unused")
        print(visible(f"{app}  {root.path}  ({state})"))
        target = f" --target-root '{root.app_path}'" if root.app_path != root.path else ""
        print(visible(f'    --drafts-root "{root.path}"{target}'))
    return 0
