"""Bridge mode on the screen: switched by one key, looked after in the header, explained when it cannot be."""

from __future__ import annotations

from typing import Any

from c2jy_bridge.events import Problem

TAKEN = Problem("port_taken", "Port 8765 on 127.0.0.1 is taken.", "Set bridge.port to another number.")


async def test_one_key_switches_it_on_and_off(stage: Any) -> None:
    async with stage() as on:
        assert "bridge off" in on.lines[0]
        await on.press("f2")
        assert on.engine.switched == [True]
        assert "bridge 127.0.0.1:8765 · 0 waiting" in on.lines[0]
        await on.press("f2")
        assert on.engine.switched == [True, False]
        assert "bridge off" in on.lines[0]


async def test_why_it_cannot_be_on_is_explained_once_and_the_app_lives_on(stage: Any, engine: Any) -> None:
    engine.bridge_problem = TAKEN
    async with stage() as on:
        await on.press("f2")
        assert "bridge not on" in on.lines[0]
        (notice,) = on.app._notifications
        assert notice.message == f"{TAKEN.message}\n{TAKEN.hint}"
        await on.press("f6")
        engine.bridge_problem = None
        await on.press("f2")
        assert "bridge 127.0.0.1:8765" in on.lines[0]
