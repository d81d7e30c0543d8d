"""Commands from the argument parser, keys from the BINDINGS of the screen."""

from __future__ import annotations

import argparse
import os
from collections.abc import Iterator

from textual.binding import Binding

from c2jy_bridge.core.i18n import Language
from c2jy_tui import cli
from c2jy_tui.commands.usage import exit_codes
from c2jy_tui.labels import label
from c2jy_tui.widgets.bindings import every_binding
from reference.pages import code, plain, table, words


def commands(language: Language) -> str:
    """Every subcommand's help, as the program prints it, and the exit statuses."""
    say = words(language)
    width = os.environ.get("COLUMNS")
    os.environ["COLUMNS"] = "100"  # argparse asks for it
    try:
        helps = [(parser.prog, parser.format_help()) for parser in _commands(cli._parser())]
    finally:
        os.environ.pop("COLUMNS") if width is None else os.environ.update(COLUMNS=width)
    parts = [f"# {say('commands')}\n\n{say('commands.about')}\n\n## {say('exit')}\n"]
    statuses = ((code(status), meaning) for status, meaning in exit_codes().items())
    parts.append(table((say("exit.code"), say("meaning")), statuses))
    parts += [f"## {name}\n\n```text\n{text.rstrip()}\n```\n" for name, text in helps]
    return "\n".join(parts)


def _commands(parser: argparse.ArgumentParser) -> Iterator[argparse.ArgumentParser]:
    yield parser
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            for child in action.choices.values():
                yield from _commands(child)


def keys(language: Language) -> str:
    """Every binding that has an id, by the part of the screen that it belongs to."""
    say = words(language)
    groups: dict[str, dict[str, Binding]] = {}
    for binding in every_binding():
        if binding.id:
            groups.setdefault(binding.id.partition(".")[0], {})[binding.id] = binding
    parts = [f"# {say('keys')}\n\n{say('keys.about')}\n"]
    for group, found in sorted(groups.items(), key=lambda item: (item[0] != "app", item[0])):
        rows = [
            (_pressed(one.key), code(one.id), plain(label(one.description)), plain(label(one.tooltip)))
            for one in found.values()
        ]
        columns = (say("key"), say("id"), say("does"), say("meaning"))
        parts.append(f"## {group}\n\n{table(columns, rows)}")
    return "\n".join(parts)


def _pressed(given: str) -> str:
    names = {
        "slash": "/",
        "plus": "+",
        "minus": "-",
        "question_mark": "?",
        "full_stop": ".",
        "equals_sign": "=",
    }
    return " ".join(code(names.get(one.strip(), one.strip())) for one in given.split(","))
