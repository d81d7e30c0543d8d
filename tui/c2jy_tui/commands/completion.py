"""`c2jy-tui completion` and `man`: a completion script and a manual page, both from the argument parser."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator

from c2jy_bridge import __version__
from c2jy_tui.commands import say
from c2jy_tui.commands.running import print_stderr
from c2jy_tui.commands.usage import exit_codes

_FILES = ("FILE", "VALUES", "TABLE", "OUT")
_FOLDERS = ("DIR",)


def run(options: argparse.Namespace) -> int:
    """Print the script for one shell to stdout; how to install it to stderr, when stdout is a terminal."""
    import shtab

    from c2jy_tui.cli import _parser

    parser = _parser()
    for one in _all(parser):
        for action in one._actions:
            names = {action.metavar} if isinstance(action.metavar, str) else set()
            if names & {*_FILES} or action.dest == "file":
                action.complete = shtab.FILE  # type: ignore[attr-defined]  # shtab's own attribute
            elif names & {*_FOLDERS}:
                action.complete = shtab.DIRECTORY  # type: ignore[attr-defined]
    print(shtab.complete(parser, options.shell))
    if sys.stdout.isatty():
        print_stderr(say(f"completion.{options.shell}"))
    return 0


def man(_options: argparse.Namespace) -> int:
    """Print the manual page as roff: `c2jy-tui man | man -l -`."""
    from c2jy_tui.cli import _parser

    print("\n".join(_page(_parser())))
    return 0


def _page(parser: argparse.ArgumentParser) -> Iterator[str]:
    yield f'.TH C2JY-TUI 1 "" "c2jy-tui {__version__}"'
    yield f".SH NAME\nc2jy-tui \\- {_roff(parser.description or '')}"
    for one in _all(parser):
        yield f".SH {_roff(one.prog.upper() if one is parser else one.prog)}"
        yield f".nf\n{_roff(one.format_usage().strip())}\n.fi"
        if one is not parser and one.description:
            yield f".PP\n{_roff(one.description)}"
        for action in one._actions:
            if isinstance(action, argparse._SubParsersAction) or action.help in (None, argparse.SUPPRESS):
                continue
            # The options that work everywhere are described once.
            if one is not parser and action.dest in _everywhere(parser):
                continue
            name = ", ".join(action.option_strings) or str(action.metavar or action.dest)
            if action.option_strings and action.nargs != 0:
                name += f" {action.metavar or action.dest.upper()}"
            yield f".TP\n.B {_roff(name)}\n{_roff(str(action.help))}"
    yield f".SH {_roff(say('man.exit'))}"
    for status, meaning in exit_codes().items():
        yield f".TP\n.B {status}\n{_roff(meaning)}"


def _everywhere(parser: argparse.ArgumentParser) -> set[str]:
    return {action.dest for action in parser._actions}


def _all(parser: argparse.ArgumentParser) -> Iterator[argparse.ArgumentParser]:
    yield parser
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            for child in action.choices.values():
                yield from _all(child)


def _roff(text: str) -> str:
    escaped = text.replace("\\", "\\e").replace("-", "\\-")
    lines = (f"\\&{line}" if line.startswith((".", "'")) else line for line in escaped.splitlines())
    return "\n".join(lines)
