"""How many bytes the app sends to a terminal of 120x36 for what people do all day; over SSH each counts."""

from __future__ import annotations

import itertools
import time
from collections.abc import Callable, Iterator
from functools import partial

import yaml

from benchmarks.measure import Row
from benchmarks.terminal import AppInTerminal, app_in_terminal

CHARACTERS = 1_000
PACE_S = 0.05
"""Seconds between two pieces: 40 to 80 characters a second, as large models write."""
SETTLED_S = 0.8
F3, F4, PALETTE, ESCAPE = "\x1bOR", "\x1bOS", "\x10", "\x1b"
ENDS = {"in an empty pane": "终", "in a full pane": "完"}
TEXT = "清晨的阳光洒在老街的石板路上，小吃摊升起热气，我们从这里开始今天的旅程。"


def run() -> Iterator[Row]:
    written = "".join(itertools.islice(itertools.cycle(TEXT), CHARACTERS - 1))
    rules = [{"name": end, "match": word, "steps": [{"say": written + end}]} for word, end in ENDS.items()]
    script = yaml.safe_dump({"rules": rules}, allow_unicode=True)
    with app_in_terminal(script, PACE_S) as app:

        def stream(end: str) -> None:
            app.type("\r")
            app.wait_for(end)

        def key() -> None:
            app.type("x")

        def change_of_panes() -> None:
            app.type(F4)
            time.sleep(SETTLED_S)
            app.type(F3)

        def palette() -> None:
            app.type(PALETTE)
            time.sleep(SETTLED_S)
            app.type(ESCAPE)

        yield _row("a key in the composer", app, key, 0.5)
        for word, end in ENDS.items():
            app.type(word)
            time.sleep(SETTLED_S)
            yield _row(f"1,000 Chinese characters, {word}", app, partial(stream, end), 60)
        yield _row("F4, then F3", app, change_of_panes, 20)
        yield _row("the palette, opened and closed", app, palette, 30)
        yield _row("ten seconds of doing nothing", app, lambda: time.sleep(10), 5)


def _row(what: str, app: AppInTerminal, act: Callable[[], object], goal_kb: float) -> Row:
    begin = len(app.output)
    act()
    time.sleep(SETTLED_S)
    sent = (len(app.output) - begin) / 1_000
    return Row(f"bytes sent: {what}", f"{sent:,.1f} kB", f"{goal_kb:g} kB", sent / goal_kb, 1)
