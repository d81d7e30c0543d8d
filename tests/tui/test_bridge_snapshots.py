"""What bridge mode looks like: its pane at three sizes in both languages, a detail, a refusal, a question."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import Any

import pytest
from textual.pilot import Pilot

from c2jy_bridge.core.bridge_requests import BridgeRequest, ChatRef, State
from c2jy_bridge.core.events import Problem
from c2jy_tui.panes.bridge import BridgePane
from contrast import each_theme_is_readable
from pane_host import NARROW, NORMAL, WIDE, snapshot_id

NOW = 1_760_000_000.0
DONE = {
    "en": "Draft “Chinese food” written: 12.5 s, 5 tracks.",
    "zh": "已生成草稿“中国美食”：12.5 秒，5 条轨道。",
}
MUTE = {
    "en": Problem("tool_not_called", "The Bot did not call the tool.", "Name bridge_execute in its prompt."),
    "zh": Problem("tool_not_called", "Bot 没有调用工具。", "请在提示词里写上 bridge_execute。"),
}
TAKEN = {
    "en": Problem("port_taken", "Port 8765 on 127.0.0.1 is taken.", "Set bridge.port to another number."),
    "zh": Problem("port_taken", "127.0.0.1 的 8765 端口已被占用。", "请把 bridge.port 设为别的数字。"),
}


def requests(lang: str) -> list[BridgeRequest]:
    """One of each state, newest first."""
    first = BridgeRequest(
        request_id="4b2187cdb45baaa0",
        tool="generate_draft",
        arguments='{"content": {"schema": "c2jy/1", "name": "food"}}',
        source="http",
        requester="token",
        relay="bot",
        state=State.QUEUED,
        accepted_at=NOW - 2,
        expires_at=NOW + 898,
        changed_at=NOW - 2,
    )
    asked = replace(
        first, request_id="r5", state=State.RELAYING, source="mailbox", accepted_at=NOW - 9, attempts=2
    )
    taken_up = replace(
        asked, request_id="r4", state=State.RUNNING, relay="chat", tool="take_up_chat", attempts=0
    )
    done = replace(
        first,
        request_id="r3",
        state=State.SUCCEEDED,
        accepted_at=NOW - 70,
        changed_at=NOW - 66,
        finished_at=NOW - 65.5,
        attempts=1,
        chats=(ChatRef("", "", "7710442061350043650"),),
        call_id="ce5819885ff357f79941f0c7ca172bb3",
        result=f'{{"status": "success", "message": "{DONE[lang]}"}}',
    )
    failed = replace(done, request_id="r2", state=State.FAILED, attempts=3, result="", problem=MUTE[lang])
    cancelled = replace(
        done, request_id="r1", state=State.CANCELLED, source="workflow", result="", call_id=""
    )
    return [first, asked, taken_up, done, failed, cancelled]


async def rows(on: Any, lang: str) -> None:
    """Requests in every state, the cursor on one that is done."""
    on.engine.stored_requests = requests(lang)
    await on.press("f2", "f6")
    await on.main.query_one(BridgePane).load(on.engine)
    on.engine.bridge_view = replace(on.engine.bridge_view, waiting=3)
    await on.main.bridge.poll().wait()
    await on.press("j", "j", "j")


async def empty(on: Any, lang: str) -> None:
    """On, without requests yet."""
    await on.press("f2", "f6")


async def refused(on: Any, lang: str) -> None:
    """The port is taken."""
    on.engine.bridge_problem = TAKEN[lang]
    await on.press("f2", "f6")


async def way(on: Any, lang: str) -> None:
    """The Bot chats of a request and its call."""
    await rows(on, lang)
    await on.press("enter", "right", "right")


async def timeline(on: Any, lang: str) -> None:
    """The timeline of a request."""
    await way(on, lang)
    await on.press("right")


async def problem(on: Any, lang: str) -> None:
    """Why a request failed."""
    await rows(on, lang)
    await on.press("j")  # the keys of that request are drawn before a dialog covers them
    await on.press("enter")


async def question(on: Any, lang: str) -> None:
    """A bridge call asks for leave."""
    await rows(on, lang)
    wants = on.bot.wants("screenshot")
    asks = on.bot.asks_leave("screenshot", {"display": 1}, deadline_s=60.0)
    await on.play(replace(wants, call=replace(wants.call, source="bridge")), replace(asks, source="bridge"))


Scene = Callable[[Any, str], Awaitable[None]]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("scene", "size", "lang"),
    [
        *((rows, size, lang) for size in (WIDE, NORMAL, NARROW) for lang in ("en", "zh")),
        (empty, WIDE, "en"),
        (empty, NORMAL, "zh"),
        (empty, NARROW, "zh"),
        (refused, NORMAL, "en"),
        (refused, WIDE, "zh"),
        (way, NORMAL, "zh"),
        (way, WIDE, "en"),
        (timeline, NARROW, "zh"),
        (problem, NORMAL, "en"),
        (question, NORMAL, "zh"),
    ],
    ids=snapshot_id,
)
def test_bridge_mode_looks_as_it_did(
    scene: Scene,
    size: tuple[int, int],
    lang: str,
    snap_compare: Any,
    make_app: Any,
    stage_of: Any,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    app = make_app(lang=lang)

    async def act(pilot: Pilot[None]) -> None:
        on = await stage_of(app, pilot)
        await scene(on, lang)
        await on.settle()
        if lang == "en":
            await each_theme_is_readable(pilot)

    assert snap_compare(app, terminal_size=size, run_before=act)
