"""Runs what is typed as `/name`: commands of the app, and the user's own prompts."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Awaitable, Callable, Mapping, Sequence
from pathlib import Path
from typing import Final

from textual.screen import Screen

from c2jy_bridge.core.safety import one_line, visible
from c2jy_tui.labels import say

_CALL: Final = re.compile(r"/([\w-]+)(?:\s+(.*))?", re.DOTALL)
_NAME: Final = re.compile(r"[\w-]+")
LONGEST_PROMPT: Final = 100_000
"""Characters of a prompt's file that are read."""

_COMMANDS: Final = {
    "help": "help",
    "new": "new",
    "open": "sessions",
    "retry": "retry",
    "edit": "edit",
    "fork": "fork",
    "find": "find",
    "export": "export",
    "bot": "bot",
    "workflow": "workflows",
    "copy": "copy_answer",
    "code": "copy_code",
    "bridge": "bridge",
    "settings": "settings",
    "theme": "theme",
    "language": "language",
    "quit": "quit",
}
"""What is typed, and the palette's name of the command, in the order in which they are proposed."""


class SlashCommands:
    """The palette's commands by a short name, and prompts: files `<name>.md` or `<name>.txt` of a folder."""

    def __init__(
        self,
        screen: Screen[None],
        with_text: Mapping[str, Callable[[str], Awaitable[None] | None]],
        write: Callable[[str], None],
    ) -> None:
        """Args:
        screen: Whose actions the commands are.
        with_text: What to do instead when a text follows the name.
        write: Puts a prompt into the composer.
        """
        self._screen = screen
        self._with_text = with_text
        self._write = write
        self._prompts: dict[str, Path] = {}

    def read_prompts(self, folder: Path) -> None:
        """Find the prompts; a command's name wins. Blocks on the disk."""
        found = sorted(folder.glob("*.md")) + sorted(folder.glob("*.txt")) if folder.is_dir() else []
        self._prompts = {
            path.stem: path for path in found if _NAME.fullmatch(path.stem) and path.stem not in _COMMANDS
        }

    def names(self) -> Sequence[tuple[str, str]]:
        """Every name and what it does, commands first."""
        commands = [(name, say(f"command.{key}")) for name, key in _COMMANDS.items()]
        prompts = [(name, say("slash.prompt", file=path.name)) for name, path in self._prompts.items()]
        return commands + prompts

    async def run(self, text: str) -> bool:
        """Run a text that begins with a slash; False when it is a question: `/home/me/a.mp4`, `//x`."""
        call = _CALL.fullmatch(text)
        if call is None:
            return False
        name, rest = call[1], (call[2] or "").strip()
        if name in self._prompts:
            await self._insert(self._prompts[name], rest)
        elif name not in _COMMANDS:
            self._write(text)
            self._complain(say("slash.unknown", name=one_line(name)))
        elif rest and name in self._with_text:
            if (running := self._with_text[name](rest)) is not None:
                await running
        else:
            from c2jy_tui.screens.palette import ACTIONS

            await self._screen.app.run_action(ACTIONS[_COMMANDS[name]], default_namespace=self._screen)
        return True

    async def _insert(self, file: Path, rest: str) -> None:
        try:
            prompt = await asyncio.to_thread(_read, file)
        except (OSError, UnicodeDecodeError) as error:
            self._complain(say("slash.unread", file=one_line(str(file)), why=visible(str(error))))
        else:
            self._write(prompt.rstrip() + (f" {rest}" if rest else ""))

    def _complain(self, text: str) -> None:
        self._screen.notify(text, severity="warning", markup=False)


def _read(path: Path) -> str:
    with path.open(encoding="utf-8-sig") as file:
        return file.read(LONGEST_PROMPT)
