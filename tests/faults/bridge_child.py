"""A process with one bridge request in it that dies at a named point.

python bridge_child.py DATA_DIR API_BASE RELAY POINT [MAILBOX]    e.g. `finish:before`, `tool:after`

With a mailbox the request comes from there; else the process asks for it itself.
"""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from c2jy_bridge.coze import CozeClient
from c2jy_bridge.coze.mailbox import Mailbox
from c2jy_bridge.journal import Journal
from c2jy_bridge.plugin import tool
from c2jy_bridge.relay.embedded_queue import EmbeddedQueue
from relay_harness import BenchTools, RelayHarness

KILLED = 9
QUEUE = ("accept", "claim", "asking", "in_chat", "running", "finish", "chat_ended", "delivered")
# Each write's `before` is some other write's `after`, but for these.
POINTS = [f"{name}:after" for name in (*QUEUE[:-1], "receipt", "submit", "tool")]
POINTS += ["receipt:before", "tool:before", "submit:before"]


class OnDisk(BenchTools):
    """The bench's tools with one that leaves a line in a file each time it did its work."""

    def __init__(self, folder: Path, die: Callable[[str], None] = lambda point: None) -> None:
        super().__init__()
        self._file = folder / "effects"
        self._die = die

    @tool
    def write(self, text: str) -> dict[str, Any]:
        """Write a line."""
        self._die("tool:before")
        with self._file.open("a", encoding="utf-8") as file:
            file.write(f"{text}\n")
        self._die("tool:after")
        return {"wrote": text}

    def effects(self) -> list[str]:
        return self._file.read_text(encoding="utf-8").split() if self._file.exists() else []


def _mined(owner: type, name: str, point: str, die: Callable[[str], None]) -> None:
    function = getattr(owner, name)
    if asyncio.iscoroutinefunction(function):

        async def awaited(*args: Any, **kwargs: Any) -> Any:
            die(f"{point}:before")
            result = await function(*args, **kwargs)
            if point != "claim" or result is not None:
                die(f"{point}:after")
            return result

        setattr(owner, name, awaited)
        return

    def called(*args: Any, **kwargs: Any) -> Any:
        die(f"{point}:before")
        result = function(*args, **kwargs)
        if point == "submit":
            return _then_die(result, die)
        die(f"{point}:after")
        return result

    setattr(owner, name, called)


async def _then_die(stream: Any, die: Callable[[str], None]) -> Any:
    async for event in stream:
        die("submit:after")
        yield event


async def main(data_dir: str, api_base: str, relay: str, at: str, mailbox: str = "") -> None:
    def die(point: str) -> None:
        if point == at:
            os._exit(KILLED)

    for name in QUEUE:
        _mined(EmbeddedQueue, name, name, die)
    _mined(Journal, "write_receipt", "receipt", die)
    _mined(CozeClient, "submit", "submit", die)
    _mined(Mailbox, "post", "post", die)
    folder = Path(data_dir)
    intakes: dict[str, Any] = {"intakes": ["mailbox"], "mailbox_conversation_id": mailbox} if mailbox else {}
    harness = RelayHarness(folder, api_base=api_base, tools=OnDisk(folder, die), relay=relay, **intakes)
    await harness.bridge.start()
    if mailbox:
        await asyncio.sleep(60)
    request = await harness.ask("write", {"text": "once"}, idempotency_key="k")
    await harness.result(request)
    await asyncio.sleep(5)  # the chat goes on after the request has ended
    os._exit(0)


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
