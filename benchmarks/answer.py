"""An answer of 100,000 characters of mixed Markdown: what one flush costs early and late, and how keys fare.

The yardstick of a flush at 100,000 characters is the same flush at 1,000. Keys are pressed all the time
while the answer streams at 100 pieces a second; what counts is the time until the letter is drawn. The same
for an answer of 100,000 short paragraphs that comes all at once, with the longest gap between two turns of
the loop.
"""

from __future__ import annotations

import asyncio
import itertools
import os
import statistics
import time
from collections.abc import Iterator

os.environ.setdefault("TEXTUAL_FPS", "120")  # as the app does, before Textual reads it

from textual import events
from textual.app import App, ComposeResult

from benchmarks.loop_gap import heartbeat
from benchmarks.measure import Row, ms
from c2jy_bridge.core import i18n
from c2jy_bridge.core.events import AnswerCompleted, AnswerDelta, TurnStarted
from c2jy_bridge.core.gc_control import leave_full_collections
from c2jy_tui.panes.chat import ChatPane, Transcript

EARLY, LATE = 1_000, 100_000
PIECE = 50
FLUSHES = 60
KEYS = 60
KEY_GOAL_MS = 33
PARAGRAPHS = 100_000
GAP_GOAL_MS = 100
MIXED = """## A heading 标题

Some **bold** text, `code`, a [link](https://example.com) and 中文混排 that goes on until it wraps, and on.

- one item
- another item with *emphasis*
  - nested

| name | length |
|---|---|
| 中国美食 | 15 s |

```python
for n in range(10):
    print(n)
```

> a quotation

1. first
2. second

"""


class Host(App[None]):
    def compose(self) -> ComposeResult:
        yield ChatPane(Transcript(), clock=time.time)


def run() -> Iterator[Row]:
    i18n.use("en")
    leave_full_collections()  # as the app does
    early, late, keys = asyncio.run(_measure())
    p95 = statistics.quantiles(keys, n=20)[-1]
    yield Row("a flush at 100,000 characters / at 1,000", ms(late), ms(early), late / early, 2)
    yield Row(
        f"key to screen, p95, while it streams / {KEY_GOAL_MS} ms",
        ms(p95),
        f"{KEY_GOAL_MS} ms",
        p95 * 1000 / KEY_GOAL_MS,
        1,
    )
    for what, text in (("plain", "{}\n\n"), ("in bold", "**{}**\n\n")):
        keys, gap = asyncio.run(_paragraphs("".join(text.format(n % 10) for n in range(PARAGRAPHS))))
        worst = max(keys)
        many = f"{PARAGRAPHS:,} paragraphs, {what}"
        yield Row(f"{many}: key, worst", ms(worst), f"{GAP_GOAL_MS} ms", worst * 1000 / GAP_GOAL_MS, 1)
        yield Row(f"{many}: loop's gap", ms(gap), f"{GAP_GOAL_MS} ms", gap * 1000 / GAP_GOAL_MS, 1)


async def _paragraphs(text: str) -> tuple[list[float], float]:
    """Seconds from key to screen while the text is drawn, and the loop's longest gap meanwhile."""
    app = Host()
    async with app.run_test(size=(120, 36)) as pilot:
        pane = app.query_one(ChatPane)
        pane.focus_composer()
        await pilot.pause()
        pane.show(TurnStarted(at=0, turn_id="t", conversation_id="c", chat_id="k", text="?"))
        await pane.flush()
        await _drawn(app)
        async with heartbeat() as gap:
            pane.show(AnswerCompleted(at=0, turn_id="t", message_id="m", text=text))
            keys = [await _key(app, pane) for _ in range(KEYS)]
        return keys, gap[0]


async def _measure() -> tuple[float, float, list[float]]:
    app = Host()
    text = itertools.cycle([MIXED[i : i + PIECE] for i in range(0, len(MIXED), PIECE)])
    async with app.run_test(size=(120, 36)) as pilot:
        pane = app.query_one(ChatPane)
        await pilot.pause()
        pane.show(TurnStarted(at=0, turn_id="t", conversation_id="c", chat_id="k", text="?"))
        length = 0

        def more() -> None:
            nonlocal length
            piece = next(text)
            length += len(piece)
            pane.show(AnswerDelta(at=0, turn_id="t", message_id="m", text=piece))

        async def flushes() -> float:
            costs = []
            for _ in range(FLUSHES):
                more()
                begin = time.perf_counter()
                await pane.flush()
                await _drawn(app)
                costs.append(time.perf_counter() - begin)
            return statistics.median(costs)

        while length < EARLY:
            more()
        await pane.flush()
        early = await flushes()
        while length < LATE:
            for _ in range(20):
                more()
            await pane.flush()
        await _drawn(app)
        late = await flushes()
        return early, late, await _keys(app, pane, more)


async def _keys(app: Host, pane: ChatPane, more: object) -> list[float]:
    assert callable(more)

    async def stream() -> None:
        while True:
            more()
            await asyncio.sleep(0.01)

    streaming = asyncio.create_task(stream())
    pane.focus_composer()
    waits = [await _key(app, pane) for _ in range(KEYS)]
    streaming.cancel()
    return waits


async def _key(app: Host, pane: ChatPane) -> float:
    """Seconds from a key to the screen; then a pause."""
    before = len(pane.composer.text)
    begin = time.perf_counter()
    app.post_message(events.Key("x", "x"))
    while len(pane.composer.text) == before:  # noqa: ASYNC110  (an Event is what is measured)
        await asyncio.sleep(0)
    await _drawn(app)
    took = time.perf_counter() - begin
    await asyncio.sleep(0.05)
    return took


async def _drawn(app: Host) -> None:
    """Return after the next repaint."""
    done = asyncio.Event()
    app.screen.call_after_refresh(done.set)
    await done.wait()
