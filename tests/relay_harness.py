"""Bridge mode under test: a real emulator, journal, runner and queue, and tools that count their calls."""

from __future__ import annotations

import asyncio
import json
import threading
import time
from collections import Counter
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any, TypeVar

from c2jy_bridge.core.bridge_requests import BridgeRequest
from c2jy_bridge.core.events import BridgeRequestChanged, Decision, Event, ToolCallAwaitingApproval
from c2jy_bridge.core.settings import BridgeSettings, CozeSettings, Settings, StudioSettings, ToolSettings
from c2jy_bridge.core.vault import Vault
from c2jy_bridge.coze import CozeClient, connect
from c2jy_bridge.journal import Journal
from c2jy_bridge.plugin import ToolContext, ToolRegistry, ToolRunner, tool
from c2jy_bridge.relay.artifacts import NotDelivered
from c2jy_bridge.relay.bridge import Bridge
from c2jy_bridge.relay.calls import BridgeTool
from c2jy_bridge.relay.intakes.http import Tokens
from c2jy_bridge.relay.request_queue import RequestService
from coze_emulator import Emulator

T = TypeVar("T")
PAUSE_S = 0.05

HANDLE = "(?P<handle>[0-9a-f]{16}-[0-9a-f]{24})"

OBEDIENT = f"""
rules:
  - name: obeys
    match: "{HANDLE}"
    steps:
      - call: bridge_execute
        arguments: {{handle: "{{{{handle}}}}"}}
      - say: OK
fallback:
  - say: "What can I do for you?"
"""


async def eventually(look: Callable[[], Awaitable[T | None]], wait_s: float = 20) -> T:
    """Look again and again until something is found."""
    for _ in range(int(wait_s / PAUSE_S)):
        if found := await look():
            return found
        await asyncio.sleep(PAUSE_S)
    raise TimeoutError("it never came")


class BenchTools:
    """Tools whose calls can be counted, held up and broken."""

    def __init__(self) -> None:
        self.begun: Counter[str] = Counter()
        self.done: Counter[str] = Counter()
        self.started = threading.Event()
        self.go_on = threading.Event()
        self.go_on.set()

    @tool
    def note(self, text: str, size: int = 0) -> dict[str, Any]:
        """Write a text down."""
        self.done[text] += 1
        return {"noted": text, "padding": "x" * size}

    @tool
    def wait(self, text: str, context: ToolContext) -> dict[str, Any]:
        """Write a text down, when allowed to go on."""
        self.begun[text] += 1
        self.started.set()
        deadline = time.monotonic() + 120
        while not (self.go_on.wait(0.02) or context.cancelled.is_set()):
            assert time.monotonic() < deadline
        if context.cancelled.is_set():
            return {"noted": ""}
        self.done[text] += 1
        return {"noted": text}

    @tool
    def fail(self) -> dict[str, Any]:
        """Never works."""
        raise ValueError("no disk today")

    @tool(policy="ask")
    def asks(self) -> dict[str, Any]:
        """Needs approval."""
        self.done["asks"] += 1
        return {}


class Approver:
    """Records approval requests; answers when the test says so."""

    def __init__(self) -> None:
        self.asked: list[ToolCallAwaitingApproval] = []
        self._waiting: dict[str, asyncio.Future[Decision]] = {}

    async def decide(self, ask: ToolCallAwaitingApproval) -> Decision:
        self.asked.append(ask)
        future = self._waiting[ask.call_id] = asyncio.get_running_loop().create_future()
        return await future

    def answer(self, call_id: str, decision: Decision) -> bool:
        future = self._waiting.pop(call_id, None)
        if future is None or future.done():
            return False
        future.set_result(decision)
        return True


class RelayHarness:
    """One process's bridge. `again()` is the same data folder in the next process."""

    def __init__(
        self,
        data_dir: Path,
        *,
        api_base: str = "",
        tools: BenchTools | None = None,
        clock: Callable[[], float] = time.time,
        steady: Callable[[], float] | None = None,
        studio: StudioSettings | None = None,
        limits: ToolSettings | None = None,
        **bridge: Any,
    ) -> None:
        if studio is None:
            bridge = {"intakes": [], **bridge}
        self.settings = Settings(
            coze=CozeSettings(api_base=api_base or "http://127.0.0.1:9", token="pat_test", bot_id="7"),
            bridge=BridgeSettings(**bridge),
            studio=studio or StudioSettings(),
            tools=limits or ToolSettings(),
            data_dir=data_dir,
            config_dir=data_dir,
        )
        self.emulator: Emulator | None = None
        self.events: list[Event] = []
        self._more = asyncio.Event()
        self.tools = tools or BenchTools()
        self.registry = ToolRegistry()
        self.registry.register(self.tools)
        self.registry.register(BridgeTool())
        self.approver = Approver()
        self.journal = Journal(data_dir / "journal.db", scope="bench/7", owner="bench")
        self.runner = ToolRunner(
            self.registry, settings=self.settings.tools, receipts=self.journal, approver=self.approver
        )
        self._client: CozeClient | None = None
        if steady is None and clock is not time.time:
            steady = clock  # time has really passed
        self.tokens = Tokens(Vault(data_dir / "secrets"))
        self.bridge = Bridge(
            self.settings,
            registry=self.registry,
            runner=self.runner,
            receipts=self.journal,
            client=self.client,
            deny=lambda call_id: self.approver.answer(call_id, Decision.DENY),
            pack=self.pack,
            emit=self.emit,
            tokens=self.tokens,
            clock=clock,
            steady=steady,
        )

    @property
    def service(self) -> RequestService:
        assert self.bridge.service is not None
        return self.bridge.service

    async def client(self) -> CozeClient:
        if self._client is None:
            self._client = await asyncio.to_thread(connect, self.settings.coze)
        return self._client

    async def pack(self, result: str, folder: Path) -> list[Path]:
        """Stands for a packed draft: 1.3 MB of the result again and again, named by what was noted."""
        noted = json.loads(result).get("noted")
        if not noted:
            raise NotDelivered("nothing was noted")
        file = folder / f"{noted}.zip"
        file.write_text(result * (1_300_000 // len(result)), encoding="utf-8")
        return [file]

    async def emit(self, event: Event) -> None:
        await asyncio.to_thread(self.journal.record, [event])
        self.events.append(event)
        self._more.set()
        self._more = asyncio.Event()

    async def until(self, happened: Callable[[], object], wait_s: float = 15) -> None:
        """Wait until something is so; looked at again after every event."""
        async with asyncio.timeout(wait_s):
            while not happened():
                await self._more.wait()

    async def ask(self, tool: str = "note", arguments: dict[str, Any] | None = None, **more: Any) -> str:
        given = {"text": "a"} if arguments is None and tool in ("note", "wait") else arguments or {}
        accepted = await self.service.submit(tool, given, **{"source": "http", **more})
        return accepted.request.request_id

    async def result(self, request_id: str, wait_s: float = 20) -> BridgeRequest:
        request = await self.service.ended(request_id, wait_s)
        assert request is not None
        assert request.ended, request
        return request

    def states(self, request_id: str) -> list[str]:
        return [
            e.state for e in self.events if isinstance(e, BridgeRequestChanged) and e.request_id == request_id
        ]

    def seen(self, kind: type) -> list[Any]:
        return [event for event in self.events if isinstance(event, kind)]

    async def close(self, grace_s: float = 5.0) -> None:
        await self.bridge.stop(grace_s)
        if self._client is not None:
            await self._client.aclose()
        self.journal.close()
