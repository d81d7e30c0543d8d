"""The wire on the bench: real cozepy over real HTTP, to the emulator or to a server that says given bytes."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any

import httpx
import pytest

from c2jy_bridge.core.settings import CozeSettings
from c2jy_bridge.coze import ChatSession, CozeClient, connect
from coze_emulator import Emulator, Script
from faults.wire_fixtures import RawCoze, ScriptedRunner

SCRIPT = """
rules:
  - name: draft
    match: draft
    steps:
      - say: "Wait a moment. "
      - call: generate_draft
        arguments: {name: food}
      - say: "Done: {{outputs.0.draft_id}}"
      - follow_ups: ["Another one?", "With music?"]
  - name: two
    match: both
    steps:
      - call: [{tool: probe_media, arguments: {urls: []}}, {tool: list_drafts}]
      - say: "Two answers: {{outputs.0.status}} {{outputs.1.status}}"
  - name: think
    match: think
    steps:
      - think: "First I think about it."
      - say: "Then I say it."
  - name: slow
    match: slow
    steps:
      - say: "It begins"
      - sleep: 30
      - say: " and ends."
  - name: fails
    match: fail
    steps:
      - fail: {code: 5000, msg: "event interval error"}
fallback:
  - say: "You said: {{text}}"
"""


@pytest.fixture
def emulator() -> Iterator[Emulator]:
    with Emulator(script=Script.parse(SCRIPT)) as emulator:
        # Its first answer in a process waits for the import of its web framework, longer than a stall here.
        with httpx.Client(trust_env=False, timeout=30) as http:
            http.get(emulator.base_url)
        yield emulator


@pytest.fixture
async def raw() -> AsyncIterator[RawCoze]:
    async with RawCoze() as server:
        yield server


@pytest.fixture
def runner() -> ScriptedRunner:
    return ScriptedRunner(outputs={"generate_draft": '{"status":"success","draft_id":"food-1"}'})


@pytest.fixture
def slept() -> list[float]:
    """Every pause that a session of this test made, in seconds; they pass at once."""
    return []


@pytest.fixture
async def wire() -> AsyncIterator[Callable[..., CozeClient]]:
    """Makes clients, and closes them."""
    made: list[CozeClient] = []

    def make(base_url: str, **settings: Any) -> CozeClient:
        made.append(connect(CozeSettings(api_base=base_url, token="pat_test", bot_id="7", **settings)))
        return made[-1]

    yield make
    for client in made:
        await client.aclose()


@pytest.fixture
def talk(
    wire: Callable[..., CozeClient], runner: ScriptedRunner, slept: list[float]
) -> Callable[..., ChatSession]:
    """Makes sessions with an address: `talk(emulator.base_url)`."""

    async def sleep(seconds: float) -> None:
        slept.append(seconds)

    def make(
        base_url: str,
        *,
        conversation_id: str = "",
        clock: Callable[[], float] = time.time,
        **settings: Any,
    ) -> ChatSession:
        return ChatSession(
            wire(base_url, **settings),
            bot_id="7379462189365198898",
            user_id="user",
            runner=runner,
            conversation_id=conversation_id,
            sleep=sleep,
            clock=clock,
        )

    return make
