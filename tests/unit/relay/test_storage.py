"""What only a file can show: it is there after a kill, and several processes may share it."""

from __future__ import annotations

import asyncio
import json
import signal
import sqlite3
import subprocess
import sys
import textwrap
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from c2jy_bridge.core.bridge_requests import State
from c2jy_bridge.core.events import Problem
from c2jy_bridge.journal import Journal
from c2jy_bridge.relay.embedded_queue import EmbeddedQueue
from c2jy_bridge.relay.request import Submission
from c2jy_bridge.relay.storage import OPEN, VERSION, Storage

SAVED = Path(__file__).parent / "saved"
"""The bridge's tables as earlier versions left them, with work in flight."""

ACCEPT = """
    import asyncio, os, signal, sys
    from pathlib import Path
    from c2jy_bridge.relay.embedded_queue import EmbeddedQueue
    from c2jy_bridge.relay.request import Submission
    from c2jy_bridge.relay.storage import Storage

    async def main():
        queue = EmbeddedQueue(Storage(Path(sys.argv[1])))
        for number in range(int(sys.argv[2])):
            submission = Submission("tool", {}, "http", idempotency_key=f"k{number}")
            print((await queue.accept(submission)).request.request_id, flush=True)
        if sys.argv[3] == "die":
            os.kill(os.getpid(), signal.SIGKILL)
        os._exit(0)

    asyncio.run(main())
"""


def accepting(path: Path, count: int, end: str) -> subprocess.Popen[str]:
    code = textwrap.dedent(ACCEPT)
    return subprocess.Popen(
        [sys.executable, "-c", code, str(path), str(count), end], stdout=subprocess.PIPE, text=True
    )


async def test_what_was_accepted_is_there_after_the_process_was_killed(tmp_path: Path) -> None:
    child = accepting(tmp_path / "journal.db", 3, "die")
    printed, _ = child.communicate(timeout=60)
    assert child.returncode == -signal.SIGKILL
    storage = Storage(tmp_path / "journal.db")
    queue = EmbeddedQueue(storage)
    kept = [request.request_id for request in await queue.page()]
    assert kept[::-1] == printed.split()
    again = await queue.accept(Submission("tool", {}, "http", idempotency_key="k0"))
    assert (again.created, again.request.request_id) == (False, printed.split()[0])
    await storage.aclose()


def test_two_processes_that_take_in_the_same_keys_make_one_request_of_each(tmp_path: Path) -> None:
    children = [accepting(tmp_path / "journal.db", 40, "leave") for _ in range(3)]
    printed = [child.communicate(timeout=60)[0].split() for child in children]
    assert printed[0] == printed[1] == printed[2]
    assert len(set(printed[0])) == 40


async def test_the_journal_and_the_bridge_share_one_file(tmp_path: Path) -> None:
    journal = Journal(tmp_path / "journal.db", scope="s", owner="me")
    storage = Storage(tmp_path / "journal.db")
    request = (await EmbeddedQueue(storage).accept(Submission("t", {"zh": "画布"}, "http"))).request
    assert json.loads(request.arguments) == {"zh": "画布"}
    await storage.aclose()
    journal.close()
    storage = Storage(tmp_path / "journal.db")
    assert (await EmbeddedQueue(storage).counts())[State.QUEUED] == 1
    await storage.aclose()


async def test_a_key_with_half_a_character_is_known_again(storage: Storage) -> None:
    queue = EmbeddedQueue(storage)
    first = await queue.accept(Submission("t", {}, "mailbox", "\ud83d", "k\ud83d"))
    again = await queue.accept(Submission("t", {}, "mailbox", "\ud83d", "k\ud83d"))
    assert (first.created, again.created) == (True, False)
    assert again.request.request_id == first.request.request_id


async def test_keys_are_looked_up_without_reading_all_requests(storage: Storage) -> None:
    queue = EmbeddedQueue(storage)
    asked: list[str] = []
    with storage.database.transaction() as db:
        db.set_trace_callback(asked.append)
    await queue.accept(Submission("t", {}, "http", "", "k"))
    (lookup,) = [sql for sql in asked if "AS chats" in sql]
    plan = [row["detail"] for row in storage.database.all(f"EXPLAIN QUERY PLAN {lookup}")]
    assert any(step.startswith("SEARCH r USING INDEX bridge_keys") for step in plan), plan


async def test_notes_are_kept_and_replaced(storage: Storage) -> None:
    assert await storage.note("mailbox") == ""
    await storage.keep_note("mailbox", "1")
    await storage.keep_note("mailbox", "2")
    assert await storage.note("mailbox") == "2"


@pytest.mark.parametrize(("version", "reason"), [(VERSION + 1, "newer"), (3, "earlier")])
def test_tables_of_another_version_are_left_alone(tmp_path: Path, version: int, reason: str) -> None:
    with sqlite3.connect(tmp_path / "journal.db") as db:
        db.execute("CREATE TABLE bridge_schema (version INTEGER NOT NULL) STRICT")
        db.execute("INSERT INTO bridge_schema VALUES (?)", (version,))
    with pytest.raises(sqlite3.DatabaseError, match=reason):
        Storage(tmp_path / "journal.db")


@pytest.mark.parametrize("version", [4, 5])
async def test_an_upgrade_finishes_what_an_earlier_version_left(
    start_bridge: Callable[..., Any], tmp_path: Path, version: int
) -> None:
    with sqlite3.connect(tmp_path / "journal.db") as db:
        db.executescript((SAVED / f"bridge_tables_{version}.sql").read_text(encoding="utf-8"))
    harness = await start_bridge()
    ended = [await harness.result(f"{number:016x}") for number in range(1, 6)]
    assert [request.state for request in ended] == [State.SUCCEEDED] * 5
    assert harness.tools.done == {"login": 1, "relaying": 1, "running": 1, "待处理": 1}
    assert [(r.seq, r.idempotency_key) for r in ended[:2]] == [(1, "done"), (2, "login")]
    again = await harness.service.submit("note", {"text": "done"}, source="http", idempotency_key="done")
    assert (again.created, again.request) == (False, ended[0])
    new = await harness.service.submit("note", {"text": "new"}, source="http")
    assert new.request.seq == 7  # number 6 belonged to a request that was forgotten


async def test_a_request_that_was_left_is_taken_over_and_can_rest(tmp_path: Path) -> None:
    path = tmp_path / "journal.db"
    storage = Storage(path)
    queue = EmbeddedQueue(storage, new_id=lambda: "r1")
    await queue.accept(Submission("note", {}, "http", idempotency_key="k"))
    left = await queue.claim("before", 10)
    assert left is not None
    await queue.asking(left, "digest")
    await queue.void_leases("w")
    await storage.aclose()
    storage = Storage(path)
    queue = EmbeddedQueue(storage)
    lease = await queue.claim("w", 10)
    assert lease is not None
    assert (lease.request.request_id, lease.request.idempotency_key, lease.takeovers) == ("r1", "k", 1)
    rests = await queue.park(lease, State.NEEDS_LOGIN, Problem("needs_login", "no", "log in"))
    assert rests.state is State.NEEDS_LOGIN
    newer = (await queue.accept(Submission("t", {}, "http"))).request
    assert newer.seq > rests.seq
    plan = storage.database.all("EXPLAIN QUERY PLAN SELECT count(*) FROM bridge_requests WHERE " + OPEN, ())
    assert "COVERING INDEX bridge_open" in plan[0]["detail"]
    await storage.aclose()


async def test_a_commit_that_fails_is_an_error_for_everybody_in_it_and_takes_nothing_in(
    storage: Storage, monkeypatch: pytest.MonkeyPatch
) -> None:
    queue = EmbeddedQueue(storage)
    submissions = [Submission("tool", {"n": n}, "http") for n in range(3)]

    async def full(function: object) -> None:
        raise sqlite3.OperationalError("database or disk is full")

    with monkeypatch.context() as patch:
        patch.setattr(storage, "run", full)
        failed = await asyncio.gather(*map(queue.accept, submissions), return_exceptions=True)
    assert [type(error) for error in failed] == [sqlite3.OperationalError] * 3
    assert (await queue.counts())[State.QUEUED] == 0
    assert (await queue.accept(submissions[0])).created
