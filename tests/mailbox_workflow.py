"""A mailbox at the emulator, and a cloud workflow that uses nothing but Coze's own API."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Callable
from typing import Any

import httpx
import pytest

from relay_harness import HANDLE, RelayHarness, eventually

ASKS_ITSELF = f"""
rules:
  - name: obeys
    match: "{HANDLE}"
    steps:
      - call: bridge_execute
        arguments: {{handle: "{{{{handle}}}}"}}
      - say: OK
  - name: own
    match: write
    steps:
      - call: note
        arguments: {{text: from the workflow's chat}}
      - call: note
        arguments: {{text: and once more}}
      - say: "All is written: {{{{outputs.0.noted}}}}"
fallback: []
"""


class Workflow:
    """What a workflow's HTTP or code node does: posts to Coze's API and reads from it."""

    def __init__(self, harness: RelayHarness, conversation_id: str) -> None:
        self.harness = harness
        self.conversation_id = conversation_id
        assert harness.emulator is not None
        self.http = httpx.AsyncClient(
            base_url=harness.emulator.base_url, headers={"Authorization": "Bearer pat"}, timeout=30
        )

    async def api(self, path: str, body: Any = None, **query: str) -> Any:
        answer = (await self.http.post(path, json=body or {}, params=query)).json()
        assert answer["code"] == 0, answer
        return answer

    async def post(self, content: Any, meta: dict[str, str] | None = None) -> str:
        text = content if isinstance(content, str) else json.dumps(content, ensure_ascii=False)
        body = {"role": "user", "content": text, "content_type": "text", "meta_data": meta}
        answer = await self.api("/v1/conversation/message/create", body, conversation_id=self.conversation_id)
        return str(answer["data"]["id"])

    async def request(self, rid: str, tool: str = "note", **arguments: Any) -> str:
        return await self.post({"tool": tool, "arguments": arguments}, {"c2jy": "req", "rid": rid})

    async def begin_chat(self, rid: str, text: str) -> dict[str, str]:
        """Start a chat without a stream and announce it, as variant B in the docs does."""
        message = {"role": "user", "content": text, "content_type": "text", "type": "question"}
        body = {"bot_id": "7", "user_id": "w", "stream": False, "auto_save_history": True}
        chat = (await self.api("/v3/chat", {**body, "additional_messages": [message]}))["data"]
        ids = {"conversation_id": chat["conversation_id"], "chat_id": chat["id"]}
        await self.post(ids, {"c2jy": "chat", "rid": rid})
        return ids

    async def letters(self, rid: str = "") -> list[dict[str, Any]]:
        """Answers in the mailbox, oldest first."""
        found: list[dict[str, Any]] = []
        query: dict[str, Any] = {"order": "desc", "limit": 50}
        for _ in range(100):
            page = await self.api(
                "/v1/conversation/message/list", query, conversation_id=self.conversation_id
            )
            found += page["data"]
            if not page["has_more"]:
                break
            query["after_id"] = page["last_id"]
        answers = [m for m in reversed(found) if m["meta_data"].get("c2jy") == "res"]
        return [m for m in answers if rid in ("", m["meta_data"]["rid"])]

    async def answer(self, rid: str, wait_s: float = 20) -> dict[str, Any]:
        """Wait for all parts of an answer and join them, as the code node in the docs does."""

        async def whole() -> list[dict[str, Any]]:
            parts = await self.letters(rid)
            return parts if parts and len(parts) >= int(parts[0]["meta_data"]["parts"]) else []

        parts = sorted(await eventually(whole, wait_s), key=lambda m: int(m["meta_data"]["part"]))
        joined: dict[str, Any] = json.loads("".join(m["content"] for m in parts))
        return joined

    async def aclose(self) -> None:
        await self.http.aclose()


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Looks follow one another quickly; that they do not in earnest, the settings see to."""
    monkeypatch.setattr("c2jy_bridge.relay.intakes.mailbox_intake.QUIET_FACTOR", 0.05)
    monkeypatch.setattr("c2jy_bridge.relay.intakes.mailbox_intake.BUSY_S", 0.0)


@pytest.fixture
async def cloud(start_bridge: Callable[..., Any], quick: None) -> AsyncIterator[Callable[..., Any]]:
    """Makes a bridge with a mailbox and a workflow beside it, `workflow.harness` is the app."""
    made: list[Workflow] = []

    async def make(*script: Any, **settings: Any) -> Workflow:
        harness = await start_bridge(*script, intakes=["mailbox"], **settings)

        async def looked() -> str:
            (box,) = (await harness.bridge.status()).intakes
            return box.address if box.alive_at else ""

        workflow = Workflow(harness, await eventually(looked))
        made.append(workflow)
        return workflow

    yield make
    for workflow in made:
        await workflow.aclose()
