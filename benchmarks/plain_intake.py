"""What one writes without a bridge: a model, a table, a commit."""

from __future__ import annotations

import asyncio
import socket
import sqlite3
import sys
import uuid
from pathlib import Path
from typing import Annotated, Any

import uvicorn
from fastapi import FastAPI, Header
from pydantic import BaseModel


class New(BaseModel):
    tool: str
    arguments: dict[str, Any]


def app(folder: Path) -> FastAPI:
    database = sqlite3.connect(folder / "plain.db", isolation_level=None)
    database.execute("PRAGMA journal_mode=WAL")
    database.execute("PRAGMA synchronous=FULL")
    database.execute("CREATE TABLE requests (id TEXT PRIMARY KEY, key TEXT UNIQUE, body TEXT, state TEXT)")
    made = FastAPI()

    @made.post("/v1/requests", status_code=202)
    async def ask(new: New, idempotency_key: Annotated[str, Header()]) -> dict[str, str]:
        request_id = uuid.uuid4().hex
        values = (request_id, idempotency_key, new.model_dump_json(), "queued")
        database.execute("INSERT INTO requests VALUES (?, ?, ?, ?)", values)
        return {"id": request_id, "state": "queued"}

    return made


async def serve(folder: Path) -> None:
    # asyncio switches Nagle's delay off only where the protocol is named.
    listening = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listening.bind(("127.0.0.1", 0))
    listening.listen()
    print(listening.getsockname()[1], "none", flush=True)
    config = uvicorn.Config(app(folder), log_level="error", access_log=False)
    await uvicorn.Server(config).serve(sockets=[listening])


if __name__ == "__main__":
    asyncio.run(serve(Path(sys.argv[1])))
