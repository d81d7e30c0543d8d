"""`--help` and usage errors in the language in use: argparse has English only."""

from __future__ import annotations

import argparse
import re
import sys
from collections.abc import Iterable
from typing import Any, Final, NoReturn

from typing_extensions import override

from c2jy_tui.commands import say

USAGE_ERROR: Final = 2
_EXIT_CODES: Final = {"0": "done", "1": "failed", "2": "usage", "130": "interrupted", "128+n": "signal"}
"""Every exit status of the program, by the catalogue key that says what it means."""

_MISTAKES: Final = {
    "required": re.compile(r"the following arguments are required: (?P<what>.+)"),
    "one_required": re.compile(r"one of the arguments (?P<what>.+) is required"),
    "unknown": re.compile(r"unrecognized arguments: (?P<what>.+)"),
    "choice": re.compile(
        r"argument (?P<what>.+?): invalid choice: (?P<given>.+?) \(choose from (?P<have>.+)\)"
    ),
    "no_value": re.compile(r"argument (?P<what>.+): expected one argument"),
    "value": re.compile(r"argument (?P<what>.+?): (?P<why>.+)"),
    "ambiguous": re.compile(r"ambiguous option: (?P<what>.+) could match (?P<have>.+)"),
}
"""argparse's messages (Python 3.11 to 3.14), by the catalogue key of ours."""


def exit_codes() -> dict[str, str]:
    """Every exit status of the program with its meaning."""
    return {code: say(f"exit.{name}") for code, name in _EXIT_CODES.items()}


class Parser(argparse.ArgumentParser):
    """An argparse parser with localised messages."""

    def __init__(self, *arguments: Any, **options: Any) -> None:
        """As argparse has it."""
        helps = options.pop("add_help", True)
        options |= {"add_help": False, "formatter_class": _Formatter}
        super().__init__(*arguments, **options)
        # argparse has no parameter for the titles of its two own groups.
        self._positionals.title = say("group.positionals")
        self._optionals.title = say("group.options")
        if helps:
            self.add_argument("-h", "--help", action="help", help=say("option.help"))

    @override
    def error(self, message: str) -> NoReturn:
        self.print_usage(sys.stderr)
        self.exit(USAGE_ERROR, say("usage.wrong", command=self.prog, why=_why(message)) + "\n")


class _Formatter(argparse.HelpFormatter):
    @override
    def add_usage(
        self,
        usage: str | None,
        actions: Iterable[argparse.Action],
        groups: Iterable[Any],
        prefix: str | None = None,
    ) -> None:
        super().add_usage(usage, actions, groups, say("usage.prefix") if prefix is None else prefix)

    @override
    def _fill_text(self, text: str, width: int, indent: str) -> str:
        """Wrap each line of a description on its own."""
        return "\n".join(
            super(_Formatter, self)._fill_text(line, width, indent) for line in text.splitlines()
        )


def _why(message: str) -> str:
    for name, pattern in _MISTAKES.items():
        if found := pattern.fullmatch(message):
            return say(f"usage.{name}", **found.groupdict())
    return message
