"""What the plugin's tests share: a runner over real threads, a receipt store on disk, people who answer."""

from __future__ import annotations

import asyncio
import itertools
import json
import sqlite3
import threading
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest

from c2jy_bridge.core.events import (
    ApprovalAnswer,
    Decision,
    Event,
    Outcome,
    ToolCall,
    ToolCallAwaitingApproval,
    ToolCallFinished,
)
from c2jy_bridge.core.settings import ToolSettings
from c2jy_bridge.plugin import Receipt, ReceiptConflict, ToolRegistry, ToolRunner
from c2jy_bridge.plugin.definition import BUILT_IN, Origin


class SqliteReceipts:
    """Receipts in a file, committed when `write_receipt` returns."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self.broken: Exception | None = None
        self.threads: set[str] = set()
        with sqlite3.connect(path) as db:
            db.execute(
                "CREATE TABLE IF NOT EXISTS receipts (chat TEXT, call TEXT, arguments TEXT, receipt TEXT)"
            )

    def receipt(self, call: ToolCall) -> Receipt | None:
        self.threads.add(threading.current_thread().name)
        if self.broken is not None:
            raise self.broken
        with sqlite3.connect(self._path) as db:
            row = db.execute(
                "SELECT arguments, receipt FROM receipts WHERE chat = ? AND call = ?",
                (call.chat_id, call.tool_call_id),
            ).fetchone()
        if row is None or not call.tool_call_id:
            return None
        if row[0] != call.arguments:
            raise ReceiptConflict(call.tool_call_id)
        fields = json.loads(row[1])
        return Receipt(**{**fields, "outcome": Outcome(fields["outcome"])})

    def write_receipt(self, call: ToolCall, receipt: Receipt) -> None:
        self.threads.add(threading.current_thread().name)
        if self.broken is not None:
            raise self.broken
        with sqlite3.connect(self._path) as db:
            db.execute(
                "INSERT INTO receipts VALUES (?, ?, ?, ?)",
                (call.chat_id, call.tool_call_id, call.arguments, json.dumps(asdict(receipt))),
            )

    def begin_run(self, call: ToolCall) -> int:
        return 0

    def withdraw_run(self, call: ToolCall) -> None: ...

    def count(self) -> int:
        with sqlite3.connect(self._path) as db:
            return int(db.execute("SELECT count(*) FROM receipts").fetchone()[0])


class Person:
    """Answers every question the same way, and remembers what it was asked."""

    def __init__(self, decision: ApprovalAnswer = Decision.ONCE) -> None:
        self.decision = decision
        self.asked: list[ToolCallAwaitingApproval] = []
        self.silent = False
        self.question = asyncio.Event()

    async def decide(self, ask: ToolCallAwaitingApproval) -> ApprovalAnswer:
        self.asked.append(ask)
        self.question.set()
        if self.silent:
            await asyncio.Event().wait()
        return self.decision


class Bench:
    """A registry, a runner and everything around them."""

    def __init__(self, folder: Path, settings: ToolSettings) -> None:
        self.registry = ToolRegistry()
        self.settings = settings
        self.receipts = SqliteReceipts(folder / "receipts.db")
        self.person = Person()
        self.runner = ToolRunner(
            self.registry, settings=settings, receipts=self.receipts, approver=self.person
        )
        self._ids = itertools.count(1)

    def add(self, *functions: Callable[..., Any], origin: Origin = BUILT_IN) -> None:
        for function in functions:
            self.registry.register(function, origin)

    def call(self, tool: str, arguments: object = None, **fields: Any) -> ToolCall:
        number = next(self._ids)
        text = arguments if isinstance(arguments, str) else json.dumps(arguments or {})
        defaults = {
            "call_id": f"call-{number}",
            "tool_call_id": f"coze-{number}",
            "chat_id": "chat",
            "conversation_id": "conversation",
        }
        return ToolCall(tool=tool, arguments=text, **{**defaults, **fields})

    async def run(self, *calls: ToolCall) -> list[Event]:
        return [event async for event in self.runner.run(calls)]

    async def finish(self, tool: str, arguments: object = None, **fields: Any) -> ToolCallFinished:
        (finished,) = self.ends(await self.run(self.call(tool, arguments, **fields)))
        return finished

    @staticmethod
    def ends(events: list[Event]) -> list[ToolCallFinished]:
        return [event for event in events if isinstance(event, ToolCallFinished)]


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    return Bench(tmp_path, ToolSettings())


@pytest.fixture(scope="module")
def shared_bench(tmp_path_factory: pytest.TempPathFactory) -> Bench:
    """One for many examples of a property; its outputs are short."""
    return Bench(tmp_path_factory.mktemp("bench"), ToolSettings(max_output_bytes=1000))
