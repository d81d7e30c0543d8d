"""Completes slash commands and attached files in the composer."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from rich.cells import cell_len
from textual.content import Content
from textual.widgets import OptionList
from textual.widgets.option_list import Option

from c2jy_bridge.core.i18n import byte_size
from c2jy_bridge.core.safety import one_line

MOST: Final = 8
"""Files that are proposed."""
MOST_READ: Final = 2_000
"""Entries of a folder that are looked at."""
_COMMAND: Final = re.compile(r"/([\w-]*)")
_FILE: Final = re.compile(r'(?:^|(?<=\s))@(?:"([^"\n]*)|(\S*))$')
ATTACHED: Final = re.compile(r'(?:^|(?<=\s))@(?:"([^"\n]+)"|(\S+))')
"""`@path`, or `@"path with spaces"`, after a space or at the beginning of a line."""


@dataclass(frozen=True, slots=True)
class Proposal:
    """What may be written in place of the last `replaced` characters before the cursor."""

    title: str
    about: str
    text: str
    replaced: int


class Completions(OptionList, can_focus=False):
    """The proposals above the composer, which keeps the focus; its keys move the cursor here."""

    def __init__(self, commands: Callable[[], Sequence[tuple[str, str]]]) -> None:
        """`commands` gives the names of the slash commands, without the slash, and what each does."""
        super().__init__(markup=False, compact=True, id="completions")
        self._commands = commands
        self._proposals: Sequence[Proposal] = ()

    def on_mount(self) -> None:
        self.display = False

    @property
    def current(self) -> Proposal | None:
        """The proposal under the cursor, while any are shown."""
        at = self.highlighted
        return self._proposals[at] if self.display and at is not None else None

    def update_for(self, before: str, *, first: bool) -> None:
        """Propose what may follow `before`, the text in front of the cursor in its line; `first`: of all."""
        if first and (typed := _COMMAND.fullmatch(before)):
            found = [one for one in self._commands() if one[0].startswith(typed[1])]
            self._show([Proposal(f"/{name}", about, f"/{name} ", len(before)) for name, about in found])
        elif "@" in before and (typed := _FILE.search(before)):
            path = typed[1] if typed[1] is not None else typed[2]
            self.run_worker(
                lambda: self._look(path, len(typed[0])),
                group="files",
                exclusive=True,
                thread=True,
                exit_on_error=False,
            )
        else:
            self.close()

    def _look(self, typed: str, replaced: int) -> None:
        found = files(typed, replaced)
        self.app.call_from_thread(self._show, found)

    def close(self) -> None:
        """Propose nothing."""
        if self.display:
            self.display = False
            self._proposals = ()

    def step(self, step: int) -> None:
        """Move the cursor."""
        if self.highlighted is not None:
            self.highlighted = (self.highlighted + step) % len(self._proposals)

    def _show(self, proposals: Sequence[Proposal]) -> None:
        self._proposals = proposals
        self.display = bool(proposals)
        width = max((cell_len(one.title) for one in proposals), default=0)
        self.set_options(
            Option(
                Content.assemble(
                    (one_line(one.title), "$text-primary"),
                    " " * (width - cell_len(one.title) + 2),
                    (one_line(one.about), "dim"),
                )
            )
            for one in proposals
        )
        self.highlighted = 0 if proposals else None


def files(typed: str, replaced: int) -> list[Proposal]:
    """Files and folders whose path begins with `typed`, folders first; blocks on the disk."""
    head, separator, tail = typed.rpartition("/")
    folder = Path(head + separator).expanduser() if separator else Path()
    try:
        with os.scandir(folder) as entries:
            some = [entry for entry, _ in zip(entries, range(MOST_READ), strict=False)]
    except OSError:
        return []
    some = [e for e in some if e.name.lower().startswith(tail.lower()) and (tail or e.name[0] != ".")]
    some.sort(key=lambda e: (not e.is_dir(), e.name.lower()))
    found = []
    for entry in some[:MOST]:
        path = head + separator + entry.name
        if entry.is_dir():
            found.append(Proposal(f"{entry.name}/", "", _reference(f"{path}/", closed=False), replaced))
        else:
            size = byte_size(entry.stat().st_size)
            found.append(Proposal(entry.name, size, _reference(path, closed=True) + " ", replaced))
    return found


def _reference(path: str, *, closed: bool) -> str:
    if " " not in path:
        return f"@{path}"
    return f'@"{path}"' if closed else f'@"{path}'


def attached(text: str) -> list[Path]:
    """The existing files that a text attaches, each once; blocks on the disk."""
    paths = (Path(quoted or bare).expanduser() for quoted, bare in ATTACHED.findall(text))
    return [path for path in dict.fromkeys(paths) if path.is_file()]
