"""`c2jy-tui setup`, `login` and `logout`: the first-run guide in lines, for any terminal and over SSH."""

from __future__ import annotations

import argparse
import asyncio
import getpass
import sys
from contextlib import aclosing
from typing import TYPE_CHECKING

from c2jy_bridge.core.disk_space import os_reason
from c2jy_bridge.core.safety import visible
from c2jy_tui.commands import say
from c2jy_tui.commands.running import print_stderr, settings_of
from c2jy_tui.commands.streams import read_line

if TYPE_CHECKING:
    from c2jy_bridge.engine.guide import Asked, Guide, StepName, Told

SIGNS = {"done": "✓", "info": " ", "problem": "✗"}
LEAVE, LATER = "q", "-"
"""What is typed instead of an answer."""


class Left(Exception):
    """The user leaves the guide."""


class Later(Exception):
    """The user leaves this step."""


def run(options: argparse.Namespace) -> int:
    """Go through the steps that are not done, or through the one that is named; 1 when one failed."""
    from c2jy_bridge.core.settings import SettingsError
    from c2jy_bridge.engine.guide import STEPS, Guide

    given = vars(options)
    overrides = {"data_dir": given["data_dir"]} if "data_dir" in given else {}
    try:
        guide = Guide(given.get("config"), given.get("profile"), overrides)
        return asyncio.run(_through(guide, (options.step,) if options.step else STEPS, bool(options.step)))
    except SettingsError as error:
        print_stderr(str(error))
        return 2


async def _through(guide: Guide, names: tuple[StepName, ...], again: bool) -> int:
    print(say("setup.hello", later=LATER, leave=LEAVE))
    failed = False
    for name in names:
        views = await guide.steps()
        number, view = next((n, one) for n, one in enumerate(views, 1) if one.name == name)
        if view.done and not again:
            print(visible(f"{SIGNS['done']} {number}/{len(views)} {view.title} {view.detail}".rstrip()))
            continue
        print(visible(f"\n{number}/{len(views)} {view.title}"))
        try:
            failed = not await _step(guide, name) or failed
        except Later:
            print(say("setup.later", step=name))
        except Left:
            print("\n" + say("setup.left"))
            return 1
        if guide.demo:
            return 0
    if not again:
        print("\n" + say("setup.settings", path=guide.file.path))
        left = [view for view in await guide.steps() if not view.done]
        print(say("setup.open", steps=", ".join(view.title for view in left)) if left else say("setup.all"))
    return 1 if failed else 0


async def _step(guide: Guide, name: StepName) -> bool:
    """Run one step; whether it ended well."""
    from c2jy_bridge.engine.guide import Asked

    well = True
    async with aclosing(guide.run(name)) as talk:
        said: Asked | Told | None = await anext(talk, None)
        while said is not None:
            answer = ""
            if isinstance(said, Asked):
                answer = await asyncio.to_thread(_answer, said)
            else:
                well = said.state != "problem"
                print(visible(f"{SIGNS[said.state]} {said.text}"), flush=True)
            try:
                said = await talk.asend(answer)
            except StopAsyncIteration:
                break
    return well


def _answer(asked: Asked) -> str:
    print(visible(asked.text))
    for number, choice in enumerate(asked.choices, 1):
        about = f" – {choice.about}" if choice.about else ""
        print(visible(f"  {number}  {choice.label}{about}"))
    values = [choice.value for choice in asked.choices]
    while True:
        first = values.index(asked.default) + 1 if asked.default in values else asked.default
        line = _line(f"[{first}] > " if first else "> ", secret=asked.kind == "secret").strip()
        if line == LEAVE:
            raise Left
        if line == LATER:
            raise Later
        if asked.kind != "choice":
            return line or asked.default
        if not line and asked.default in values:
            return asked.default
        if line.isdecimal() and 0 < int(line) <= len(values):
            return values[int(line) - 1]
        print(say("setup.which", n=len(values)))


def _line(prompt: str, *, secret: bool) -> str:
    if secret and sys.stdin.isatty():
        try:
            return getpass.getpass(prompt)
        except EOFError:
            raise Left from None
    print(visible(prompt), end="", flush=True)
    line = read_line(sys.stdin)
    if line is None:  # the end of the input
        raise Left
    return line


def login(options: argparse.Namespace) -> int:
    """Sign in to Coze: the step of the guide."""
    options.step = "token"
    return run(options)


def logout(options: argparse.Namespace) -> int:
    """Remove the stored login; a token in the environment or the settings file is named, not removed."""
    from c2jy_bridge.core.settings import SettingsError
    from c2jy_bridge.engine.guide import logged_out

    try:
        with settings_of(options) as settings:
            removed = logged_out(settings)
            print(say("logout.done" if removed else "logout.none"))
            if settings.coze.token is not None:
                print_stderr(say("logout.other"))
    except SettingsError as error:
        print_stderr(str(error))
        return 2
    except OSError as error:
        print_stderr(say("logout.failed", why=os_reason(error)))
        return 1
    return 0
