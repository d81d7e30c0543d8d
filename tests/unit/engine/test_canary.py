"""Marked secrets go through everything that logs, stores and shows: the marks are only where they belong."""

from __future__ import annotations

import asyncio
import logging
from pathlib import Path

import httpx
import pytest

from c2jy_bridge.core.events import TurnEnded, to_json
from c2jy_bridge.core.settings import Settings
from c2jy_bridge.engine import Engine
from c2jy_bridge.relay.bridge import bridge_tokens
from coze_emulator import Emulator, Script
from relay_harness import OBEDIENT

MARK = "canary7c1f"


def _holding(folder: Path, mark: str) -> list[str]:
    files = [path for path in folder.rglob("*") if path.is_file()]
    return [str(path.relative_to(folder)) for path in files if mark.encode() in path.read_bytes()]


@pytest.mark.parametrize("refusal", [None, 4100, 5000])
async def test_no_token_reaches_a_log_an_event_or_a_file_but_its_own(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, refusal: int | None
) -> None:
    caplog.set_level(logging.DEBUG)
    with Emulator(script=Script.parse(OBEDIENT)) as emulator:
        settings = Settings.model_validate(
            {
                "coze": {"api_base": emulator.base_url, "token": f"pat_{MARK}", "bot_id": emulator.bot_id},
                "bridge": {"intakes": ["http", "mailbox"], "port": 0},
                "drafts": {"root": str(tmp_path / "drafts")},
                "data_dir": str(tmp_path / "data"),
                "config_dir": str(tmp_path / "config"),
            }
        )
        engine = Engine(settings)
        await engine.start()
        if refusal is not None:
            emulator.add_fault("refuse", on="any", code=refusal, msg="no", times=6)
        seen = []
        events = engine.events()
        assert await engine.switch_bridge(True) is None
        token = await asyncio.to_thread(bridge_tokens(settings).current)
        async with httpx.AsyncClient(base_url=(await engine.bridge()).address) as client:
            for bearer in (token, f"{token}x"):
                headers = {"Authorization": f"Bearer {bearer}"}
                await client.post("/v1/requests", json={"tool": "list_drafts"}, headers=headers)
        turn_id = await engine.send("hello")
        async with asyncio.timeout(60):
            async for event in events:
                seen.append(str(to_json(event)))
                if isinstance(event, TurnEnded) and event.turn_id == turn_id:
                    break
        views = [str(await engine.bridge()), str(engine.connection), repr(settings), str(engine.issues())]
        await engine.close()
    logged = [record.getMessage() for record in caplog.records]
    for secret in (MARK, token):
        assert [text for text in (*seen, *logged, *views) if secret in text] == []
    assert _holding(tmp_path, MARK) == []
    assert _holding(tmp_path, token) == ["data/secrets/bridge-token"]
