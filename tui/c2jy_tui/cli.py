"""The command line: reads arguments, then imports only what that one command needs.

stdout is output, stderr is diagnostics. Global options may come before or after the subcommand.
"""

from __future__ import annotations

import argparse
import importlib
import sys
from collections.abc import Sequence
from pathlib import Path

from c2jy_bridge import __version__
from c2jy_bridge.core import i18n
from c2jy_bridge.core.bridge_requests import INTAKES
from c2jy_bridge.core.target_apps import PROFILES
from c2jy_tui.commands import say
from c2jy_tui.commands.streams import survive_encodings
from c2jy_tui.commands.usage import Parser, exit_codes


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command; returns the exit status."""
    survive_encodings()
    arguments = list(sys.argv[1:] if argv is None else argv)
    i18n.use(_language(arguments))
    options = _parser().parse_args(arguments)
    module, _, function = options.run.partition(":")
    # Commands are imported only now: `--help` and `--version` must not wait for a screen or an engine.
    command = getattr(importlib.import_module(f"c2jy_tui.commands.{module}"), function or "run")
    try:
        status: int = command(options)
    except KeyboardInterrupt:
        return 130
    except BrokenPipeError:
        sys.stderr.close()  # the reader of our output has gone: exit without a message
        return 0
    return status


def _language(arguments: Sequence[str]) -> i18n.Language:
    """Read `--lang` first, so that `--help` uses it too; by default the locale's language."""
    first = argparse.ArgumentParser(add_help=False, allow_abbrev=False, exit_on_error=False)
    first.add_argument("--lang", choices=("en", "zh"))
    try:
        chosen: i18n.Language | None = first.parse_known_args(arguments)[0].lang
    except argparse.ArgumentError:
        chosen = None
    return chosen or i18n.detect()


def _port(text: str) -> int:
    if text.isdecimal() and int(text) < 65536:
        return int(text)
    raise argparse.ArgumentTypeError(say("option.port_wrong", given=text))


def _parser() -> argparse.ArgumentParser:
    everywhere = Parser(add_help=False, argument_default=argparse.SUPPRESS)
    group = everywhere.add_argument_group(say("group.everywhere"))
    group.add_argument("--demo", action="store_true", help=say("option.demo"))
    group.add_argument("--profile", metavar="NAME", help=say("option.profile"))
    group.add_argument("--config", type=Path, metavar="FILE", help=say("option.config"))
    group.add_argument("--data-dir", type=Path, metavar="DIR", help=say("option.data_dir"))
    group.add_argument("--drafts-root", type=Path, metavar="DIR", help=say("option.drafts_root"))
    group.add_argument("--lang", choices=("en", "zh"), help=say("option.lang"))

    statuses = (f"{code}: {meaning}" for code, meaning in exit_codes().items())
    parser = Parser(
        "c2jy-tui",
        description=say("about"),
        epilog="\n".join((say("exit.title"), *statuses)),
        parents=[everywhere],
    )
    parser.set_defaults(run="screen")
    version = f"c2jy-tui {__version__}"
    parser.add_argument("--version", action="version", version=version, help=say("option.version"))
    parser.add_argument("--bridge", action="store_true", help=say("option.bridge"))
    parser.add_argument("--theme", metavar="NAME", help=say("option.theme"))
    parser.add_argument("--no-mouse", action="store_true", help=say("option.no_mouse"))
    commands = parser.add_subparsers(title=say("group.commands"), metavar="COMMAND")

    def command(parent: argparse._SubParsersAction[Parser], name: str, run: str, words: str) -> Parser:
        made = parent.add_parser(name, help=say(words), description=say(words), parents=[everywhere])
        made.set_defaults(run=run)
        return made

    chat = command(commands, "chat", "chat", "command.chat")
    chat.add_argument("text", nargs="?", help=say("option.text"))
    chat.add_argument("--json", action="store_true", help=say("option.json_events"))
    chat.add_argument("--yes", action="store_true", help=say("option.yes"))

    in_browser = command(commands, "serve", "serve", "command.serve")
    in_browser.add_argument("--port", type=_port, default=8767, help=say("option.serve_port"))

    draft = command(commands, "draft", "draft:list_", "command.draft").add_subparsers(metavar="COMMAND")
    build = command(draft, "build", "draft:build", "command.draft_build")
    build.add_argument("file", help=say("option.file"))
    build.add_argument("--time-unit", choices=("auto", "us", "ms", "s"), help=say("option.time_unit"))
    build.add_argument("--name", help=say("option.name"))
    build.add_argument("--target-root", metavar="PATH", help=say("option.target_root"))
    build.add_argument("--for", dest="target_app", choices=PROFILES, metavar="APP", help=say("option.for"))
    build.add_argument("--zip", type=Path, metavar="OUT", help=say("option.zip"))
    build.set_defaults(register="no")
    for flag, kind in (("--register", "existing"), ("--register-new", "create")):
        words = say(f"option.register_{kind}")
        build.add_argument(flag, dest="register", action="store_const", const=kind, help=words)
    build.add_argument("--dry-run", action="store_true", help=say("option.dry_run"))
    listing = command(draft, "list", "draft:list_", "command.draft_list")
    listing.add_argument("--tag", dest="tags", metavar="TAG", action="append", help=say("option.tag"))
    show = command(draft, "show", "draft:show", "command.draft_show")
    check = command(draft, "check", "draft:check", "command.draft_check")
    check.add_argument(
        "--for", dest="target_app", choices=PROFILES, metavar="APP", help=say("option.check_for")
    )
    pack = command(draft, "pack", "draft:pack", "command.draft_pack")
    pack.add_argument("--out", type=Path, metavar="FILE", help=say("option.pack_out"))
    pack.add_argument("--target-root", metavar="PATH", help=say("option.target_root"))
    rebuild = command(draft, "rebuild", "draft:rebuild", "command.draft_rebuild")
    for one in (show, check, pack, rebuild):
        one.add_argument("name", help=say("option.draft"))
    relocate = command(draft, "relocate", "draft:relocate", "command.draft_relocate")
    which = relocate.add_mutually_exclusive_group(required=True)
    which.add_argument("name", nargs="?", help=say("option.draft"))
    which.add_argument("--all", action="store_true", help=say("option.all"))
    where = relocate.add_mutually_exclusive_group(required=True)
    where.add_argument("--to", metavar="ROOT", help=say("option.to"))
    where.add_argument("--portable", action="store_true", help=say("option.portable"))
    where.add_argument("--absolute", action="store_true", help=say("option.absolute"))
    relocate.add_argument("--dry-run", action="store_true", help=say("option.relocate_dry"))
    rename = command(draft, "rename", "draft:rename", "command.draft_rename")
    rename.add_argument("name", help=say("option.draft"))
    rename.add_argument("new_name", metavar="NEW", help=say("option.rename_to"))
    rename.add_argument("--dry-run", action="store_true", help=say("option.relocate_dry"))
    tag = command(draft, "tag", "draft:tag", "command.draft_tag")
    tag.add_argument("name", help=say("option.draft"))
    tag.add_argument("tags", metavar="TAG", nargs="*", help=say("option.tags"))
    tag.add_argument("--remove", metavar="TAG", action="append", default=[], help=say("option.remove_tag"))
    relink = command(draft, "relink", "draft:relink", "command.draft_relink")
    relink.add_argument("name", help=say("option.draft"))
    relink.add_argument(
        "--from", dest="sources", type=Path, metavar="DIR", action="append", required=True,
        help=say("option.from"),
    )  # fmt: skip
    relink.add_argument("--dry-run", action="store_true", help=say("option.dry_run_relink"))
    captions = command(draft, "captions", "captions", "command.draft_captions")
    captions.add_argument("name", help=say("option.draft"))
    formats = ("srt", "vtt", "ass", "lrc", "txt")
    captions.add_argument("--to", choices=formats, default="srt", help=say("option.captions_to"))
    captions.add_argument("--out", type=Path, metavar="FILE", help=say("option.captions_out"))
    captions.add_argument("--track", metavar="TRACK", help=say("option.captions_track"))
    slots = command(draft, "slots", "template:slots", "command.draft_slots")
    slots.add_argument("name", help=say("option.template"))
    fill = command(draft, "fill", "template:fill", "command.draft_fill")
    fill.add_argument("name", help=say("option.template"))
    fill.add_argument("values", metavar="VALUES", help=say("option.values"))
    fill.add_argument("--name", dest="new_name", required=True, help=say("option.new_name"))
    fill.add_argument("--dry-run", action="store_true", help=say("option.dry_run"))
    batch = command(draft, "batch", "template:batch", "command.draft_batch")
    batch.add_argument("name", metavar="TEMPLATE", help=say("option.batch_template"))
    batch.add_argument("table", type=Path, metavar="TABLE", help=say("option.table"))
    batch.add_argument(
        "--name", dest="pattern", required=True, metavar="PATTERN", help=say("option.batch_name")
    )
    preview = command(draft, "preview", "draft_preview", "command.draft_preview")
    preview.add_argument("name", help=say("option.draft"))
    picture = preview.add_mutually_exclusive_group()
    for kind in ("sheet", "frame", "clip"):
        picture.add_argument(f"--{kind}", type=Path, metavar="OUT", help=say(f"option.{kind}"))
    preview.add_argument("--at", type=float, metavar="SECONDS", help=say("option.at"))
    preview.add_argument("--font", type=Path, metavar="FILE", help=say("option.font"))
    export = command(draft, "export", "draft_export", "command.draft_export")
    export.add_argument("name", help=say("option.draft"))
    timelines = ("otio", "fcpxml", "edl")
    export.add_argument("--to", choices=timelines, default="otio", help=say("option.export_to"))
    export.add_argument("--out", type=Path, metavar="FILE", help=say("option.export_out"))
    roots = command(draft, "roots", "draft:roots", "command.draft_roots")
    making = (build, rebuild, rename, tag, relocate, relink, slots, fill, batch)
    for one in (listing, show, check, pack, preview, export, roots, *making):
        one.add_argument("--json", action="store_true", help=say("option.json"))

    tools = command(commands, "tools", "tools:list_", "command.tools")
    tools.add_argument("--json", action="store_true", help=say("option.json"))
    tools_commands = tools.add_subparsers(metavar="COMMAND")
    manifest = command(tools_commands, "manifest", "tools:manifest", "command.tools_manifest")
    manifest.add_argument("--out", type=Path, metavar="DIR", required=True, help=say("option.out"))
    call = command(tools_commands, "call", "tools:call", "command.tools_call")
    call.add_argument("tool", help=say("option.tool"))
    call.add_argument("arguments", nargs="?", default="{}", help=say("option.arguments"))
    call.add_argument("--yes", action="store_true", help=say("option.yes"))

    bridge = command(commands, "bridge", "bridge:serve", "command.bridge").add_subparsers(
        metavar="COMMAND", required=True
    )
    serve = command(bridge, "serve", "bridge:serve", "command.bridge_serve")
    serve.add_argument("--host", help=say("option.host"))
    serve.add_argument("--port", type=_port, help=say("option.port"))
    serve.add_argument("--intake", metavar=",".join(INTAKES), help=say("option.intake"))
    serve.add_argument("--relay", choices=("bot", "direct"), help=say("option.relay"))
    serve.add_argument("--yes", action="store_true", help=say("option.yes"))
    serve.add_argument("--machine", metavar="NAME", help=say("option.machine"))
    serve.add_argument("--label", action="append", metavar="LABEL", help=say("option.label"))
    gateway = command(bridge, "gateway", "studio:gateway", "command.bridge_gateway")
    gateway.add_argument("--host", help=say("option.host"))
    gateway.add_argument("--port", type=_port, help=say("option.port"))
    workers = command(bridge, "workers", "studio:workers", "command.bridge_workers")
    workers.add_argument("--json", action="store_true", help=say("option.json"))
    drain = command(bridge, "drain", "studio:drain", "command.bridge_drain")
    drain.add_argument("name", metavar="NAME", help=say("option.machine"))
    drain.add_argument("--undo", action="store_true", help=say("option.undo_drain"))
    for one in (serve, gateway, workers, drain):
        one.add_argument("--queue", metavar="URL", help=say("option.queue"))
        one.add_argument("--studio", metavar="NAME", help=say("option.studio"))
        one.add_argument("--credentials", type=Path, metavar="FILE", help=say("option.credentials"))
    token = command(bridge, "token", "bridge:token", "command.bridge_token")
    token.add_argument("--rotate", action="store_true", help=say("option.rotate"))

    mcp = command(commands, "mcp", "mcp", "command.mcp")
    mcp.add_argument("--http", action="store_true", help=say("option.mcp_http"))
    mcp.add_argument("--host", default="127.0.0.1", help=say("option.host"))
    mcp.add_argument("--port", type=_port, default=8766, help=say("option.port"))

    workflow = command(commands, "workflow", "workflow:run", "command.workflow").add_subparsers(
        metavar="COMMAND", required=True
    )
    flow = command(workflow, "run", "workflow:run", "command.workflow_run")
    flow.add_argument("id", nargs="?", help=say("option.workflow"))
    flow.add_argument("parameters", nargs="?", default="{}", help=say("option.parameters"))
    resume = command(workflow, "resume", "workflow:resume", "command.workflow_resume")
    for one in (flow, resume):
        one.add_argument("--json", action="store_true", help=say("option.json_events"))
        one.add_argument("--yes", action="store_true", help=say("option.yes"))

    emulator = command(commands, "emulator", "emulator", "command.emulator")
    emulator.add_argument("--host", default="127.0.0.1", help=say("option.host"))
    emulator.add_argument("--port", type=_port, default=8787, help=say("option.port"))
    emulator.add_argument("--script", type=Path, metavar="FILE", help=say("option.script"))

    setup = command(commands, "setup", "setup", "command.setup")
    steps = ("language", "mode", "token", "bot", "drafts", "plugin", "test")
    setup.add_argument("step", nargs="?", choices=steps, metavar="STEP", help=say("option.step"))
    command(commands, "login", "setup:login", "command.login")
    command(commands, "logout", "setup:logout", "command.logout")

    doctor = command(commands, "doctor", "doctor", "command.doctor")
    doctor.add_argument("--fix", action="store_true", help=say("option.fix"))
    doctor.add_argument("--json", action="store_true", help=say("option.json"))

    config = command(commands, "config", "config:show", "command.config").add_subparsers(metavar="COMMAND")
    command(config, "path", "config:path", "command.config_path")
    command(config, "show", "config:show", "command.config_show")
    getting = command(config, "get", "config:get", "command.config_get")
    getting.add_argument("key", metavar="NAME", help=say("option.key"))
    getting.add_argument("--json", action="store_true", help=say("option.json"))
    setting = command(config, "set", "config:set_", "command.config_set")
    setting.add_argument("key", metavar="NAME", help=say("option.key"))
    setting.add_argument("value", nargs="?", metavar="VALUE", help=say("option.value"))
    command(config, "edit", "config:edit", "command.config_edit")

    completion = command(commands, "completion", "completion", "command.completion")
    shells = ("bash", "zsh", "fish", "powershell")
    completion.add_argument("shell", choices=shells, metavar="SHELL", help=say("option.shell"))
    command(commands, "man", "completion:man", "command.man")
    return parser


if __name__ == "__main__":
    sys.exit(main())
