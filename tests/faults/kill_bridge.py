"""Durable actions of bridge mode: a request over HTTP, a letter in the mailbox, a workflow's own chat."""

from __future__ import annotations

import asyncio
import json
import sqlite3
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path
from typing import Any, Final

import httpx

from c2jy_bridge.engine import Engine, bridge_token
from c2jy_bridge.relay.intakes import mailbox_intake
from faults.kill_scenarios import DRAFT, WAIT_S, Found, Place

OCCUPYING: Final = ("requires_action", "in_progress", "created")
PAUSE_S: Final = 0.1


class OverHttp:
    """A request with an idempotency key, whose client asks again when the connection breaks."""

    counts_from_start = False
    leaves: tuple[str, ...] = (DRAFT,)
    leaves_in_trash = 0

    def engine(self, place: Place) -> Engine:
        return Engine(place.settings(intakes=["http"], port=0))

    async def prepare(self, engine: Engine, place: Place) -> None:
        await engine.start()

    async def act(self, engine: Engine, place: Place) -> None:
        assert await engine.switch_bridge(True) is None
        await self._request(engine, "once", "generate_draft", content=json.loads(place.document))
        await settled(place.folder)

    async def again(self, engine: Engine, place: Place) -> Found:
        await engine.start()
        await engine.switch_bridge(True)
        first = await self._request(engine, "once", "generate_draft", content=json.loads(place.document))
        second = await self._request(engine, "then", "list_drafts")
        await settled(place.folder)
        return {
            "answers": [first["state"]],
            "requests": len(await engine.bridge_requests()) - 1,
            "next question": second["state"] == "succeeded",
            "open chats": await open_chats(place),
        }

    async def _request(self, engine: Engine, key: str, tool: str, **arguments: Any) -> dict[str, Any]:
        address = (await engine.bridge()).address
        headers = {
            "Authorization": f"Bearer {bridge_token(engine.settings)}",
            "Idempotency-Key": key,
            "Prefer": "wait=60",
        }
        async with httpx.AsyncClient(base_url=address, headers=headers, timeout=WAIT_S) as http:
            answer = await http.post("/v1/requests", json={"tool": tool, "arguments": arguments})
        answer.raise_for_status()
        body: dict[str, Any] = answer.json()
        return body


class Letter:
    """A letter that asks for a tool."""

    counts_from_start = False
    leaves: tuple[str, ...] = (DRAFT,)
    leaves_in_trash = 0

    def engine(self, place: Place) -> Engine:
        # Looks follow one another quickly; that they do not in earnest is a matter of the settings.
        mailbox_intake.QUIET_FACTOR, mailbox_intake.BUSY_S = 0.1, 0.0  # type: ignore[misc, assignment]
        noted = place.folder / "mailbox"
        if not noted.exists():
            created = _api(place, "/v1/conversation/create", {})["data"]
            noted.write_text(created["id"], encoding="utf-8")
        return Engine(place.settings(intakes=["mailbox"], mailbox_conversation_id=noted.read_text()))

    async def prepare(self, engine: Engine, place: Place) -> None:
        content = {"tool": "generate_draft", "arguments": {"content": json.loads(place.document)}}
        _post(engine, place, content, c2jy="req", rid="once")
        await engine.start()

    async def act(self, engine: Engine, place: Place) -> None:
        assert await engine.switch_bridge(True) is None
        await settled(place.folder, requests=1)

    async def again(self, engine: Engine, place: Place) -> Found:
        await engine.start()
        await engine.switch_bridge(True)
        _post(engine, place, {"tool": "list_drafts", "arguments": {}}, c2jy="req", rid="then")
        await settled(place.folder, requests=2)
        return {
            "answers": _answers(engine, place, "once"),
            "requests": len(await engine.bridge_requests()) - 1,
            "next question": _answers(engine, place, "then") == ["succeeded"],
            "open chats": await open_chats(place),
        }


class Announcement(Letter):
    """A letter that announces a chat which the workflow began, and whose Bot calls the tool itself."""

    async def prepare(self, engine: Engine, place: Place) -> None:
        text = f"draw {DRAFT} {place.media}"
        message = {"role": "user", "content": text, "content_type": "text", "type": "question"}
        asked = {"bot_id": place.bot_id, "user_id": "w", "stream": False, "additional_messages": [message]}
        chat = _api(place, "/v3/chat", asked)["data"]
        content = {"conversation_id": chat["conversation_id"], "chat_id": chat["id"]}
        _post(engine, place, content, c2jy="chat", rid="once")
        await engine.start()


async def settled(folder: Path, requests: int = 1) -> None:
    """Wait until every request and every chat has ended and every answer was sent."""
    query = (
        "SELECT (SELECT count(*) FROM bridge_requests WHERE finished_at IS NOT NULL AND"
        " (delivered_at IS NOT NULL OR source <> 'mailbox')) >= ?"
        " AND NOT EXISTS (SELECT 1 FROM bridge_requests WHERE finished_at IS NULL)"
        " AND NOT EXISTS (SELECT 1 FROM bridge_chats WHERE ended_at IS NULL)"
    )
    async with asyncio.timeout(WAIT_S):
        while True:
            with closing(sqlite3.connect(folder / "data" / "journal.db")) as db:
                if db.execute(query, (requests,)).fetchone()[0]:
                    return
            await asyncio.sleep(PAUSE_S)


async def open_chats(place: Place) -> list[str]:
    """The states of the app's chats that still occupy their conversations at Coze."""
    with closing(sqlite3.connect(place.folder / "data" / "journal.db")) as db:
        chats = db.execute("SELECT conversation_id, chat_id FROM bridge_chats").fetchall()
    ids = [{"conversation_id": conversation, "chat_id": chat} for conversation, chat in chats]
    states = [_api(place, "/v3/chat/retrieve", None, **one)["data"]["status"] for one in ids]
    return [state for state in states if state in OCCUPYING]


def _post(engine: Engine, place: Place, content: Any, **meta: str) -> None:
    body = {"role": "user", "content": json.dumps(content), "content_type": "text", "meta_data": meta}
    mailbox = engine.settings.bridge.mailbox_conversation_id
    _api(place, "/v1/conversation/message/create", body, conversation_id=mailbox)


def _answers(engine: Engine, place: Place, rid: str) -> Sequence[str]:
    """The states that the answers under a rid tell, one of each letter."""
    mailbox = engine.settings.bridge.mailbox_conversation_id
    letters = _api(place, "/v1/conversation/message/list", {"limit": 50}, conversation_id=mailbox)["data"]
    metas = [letter["meta_data"] for letter in letters]
    return [meta["state"] for meta in metas if meta.get("c2jy") == "res" and meta["rid"] == rid]


def _api(place: Place, path: str, body: Any, **query: str) -> Any:
    """What a workflow does: one call of Coze's API."""
    headers = {"Authorization": "Bearer w"}
    with httpx.Client(base_url=place.api_base, headers=headers, timeout=30) as http:
        method = "GET" if body is None else "POST"
        answer = http.request(method, path, json=body, params=query)
    found = answer.json()
    assert found["code"] == 0, found
    return found
