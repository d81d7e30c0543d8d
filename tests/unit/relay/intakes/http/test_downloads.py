"""What a request has made is downloaded: whole, in parts, for as long as it is kept."""

from __future__ import annotations

import hashlib
import os
import shutil
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from c2jy_bridge.core.bridge_requests import Artifact
from c2jy_bridge.relay.artifacts import ArtifactGone, DiskArtifacts, NotDelivered

Call = Callable[..., Any]
DELIVERED = {"tool": "note", "arguments": {"text": "画 布"}, "deliver": "zip"}
WAIT = {"Prefer": "wait=20"}


@pytest.fixture
async def made(call: Call) -> tuple[Any, str, dict[str, Any]]:
    """A client, where the artifact is, and what the request says of it."""
    http = await call()
    answer = await http.post("/v1/requests", json=DELIVERED, headers=WAIT)
    assert answer.status_code == 200, answer.text
    (artifact,) = answer.json()["artifacts"]
    return http, f"{answer.headers['Location']}/artifacts/{artifact['name']}", artifact


async def test_the_file_is_whole_and_named(made: Any) -> None:
    http, where, artifact = made
    answer = await http.get(where)
    assert answer.status_code == 200
    assert hashlib.sha256(answer.content).hexdigest() == artifact["sha256"]
    assert answer.headers["Content-Length"] == str(artifact["size_bytes"])
    assert answer.headers["Content-Type"] == "application/zip"
    named = "attachment; filename=\"_ _.zip\"; filename*=UTF-8''%E7%94%BB%20%E5%B8%83.zip"
    assert answer.headers["Content-Disposition"] == named
    assert (await http.get(where, headers={"Authorization": "Bearer none"})).status_code == 401


@pytest.mark.parametrize(
    ("wanted", "begin", "end"),
    [
        ("0-0", 0, 1),
        ("300000-700000", 300_000, 700_001),
        ("-7", -7, None),
        ("5-", 5, None),
        ("0-9999999", 0, None),
    ],
)
async def test_a_part_is_sent_alone(made: Any, wanted: str, begin: int, end: int | None) -> None:
    http, where, _ = made
    whole = (await http.get(where)).content
    part = await http.get(where, headers={"Range": f"bytes={wanted}"})
    assert part.status_code == 206
    assert part.content == whole[begin:end]
    first, _, last = part.headers["Content-Range"].removeprefix("bytes ").partition("/")[0].partition("-")
    assert whole[int(first) : int(last) + 1] == part.content


async def test_headers_that_ask_for_nothing_new_or_nothing_there(made: Any) -> None:
    http, where, artifact = made
    etag = f'"{artifact["sha256"]}"'
    assert (await http.get(where, headers={"If-None-Match": f'"x", W/{etag}'})).status_code == 304
    changed = await http.get(where, headers={"Range": "bytes=5-", "If-Range": '"other"'})
    assert (changed.status_code, len(changed.content)) == (200, artifact["size_bytes"])
    beyond = await http.get(where, headers={"Range": f"bytes={artifact['size_bytes']}-"})
    assert (beyond.status_code, beyond.headers["Content-Range"]) == (416, f"bytes */{artifact['size_bytes']}")
    for not_understood in ("bytes=9-2", "bytes=0-1,4-5", "lines=1-2", "bytes=-"):
        assert (await http.get(where, headers={"Range": not_understood})).status_code == 200


async def test_only_what_the_request_names_is_there(made: Any) -> None:
    http, where, artifact = made
    folder = where.rpartition("/")[0]
    for name in ("..%2F..%2Fjournal.db", artifact["sha256"], "other.zip", "%00", "a" * 300):
        answer = await http.get(f"{folder}/{name}")
        assert answer.status_code in (404, 422), name
    assert (await http.get(f"{folder}/result.json")).json()["noted"] == "画 布"
    kept = http.harness.settings.data_dir / "artifacts" / "kept"
    shutil.rmtree(kept)
    gone = await http.get(where)
    assert (gone.status_code, gone.json()["type"]) == (410, "urn:c2jy:problem:artifact-gone")


async def test_a_request_that_made_nothing_fails_with_its_result_kept(call: Call) -> None:
    http = await call()
    body = {**DELIVERED, "arguments": {"text": ""}}
    ended = (await http.post("/v1/requests", json=body, headers=WAIT)).json()
    assert (ended["state"], ended["artifacts"], ended["result"]["noted"]) == ("failed", [], "")
    assert ended["problem"]["type"] == "urn:c2jy:problem:not-delivered"
    assert "nothing was noted" in ended["problem"]["title"]
    assert (await http.post("/v1/requests", json={**DELIVERED, "deliver": "tar"})).status_code == 422


async def test_one_key_is_not_for_a_request_that_delivers_and_for_one_that_does_not(call: Call) -> None:
    http = await call()
    key = {**WAIT, "Idempotency-Key": "k"}
    first = await http.post("/v1/requests", json=DELIVERED, headers=key)
    assert (await http.post("/v1/requests", json=DELIVERED, headers=key)).json() == first.json()
    assert (
        await http.post("/v1/requests", json={**DELIVERED, "deliver": ""}, headers=key)
    ).status_code == 422


async def test_the_disk_holds_so_many_bytes_and_days_of_them(tmp_path: Path) -> None:
    store = DiskArtifacts(tmp_path / "kept", max_bytes=100)

    async def keep(request_id: str, size: int, age_s: float = 0) -> Artifact:
        file = tmp_path / "file"
        file.write_bytes(b"x" * size)
        os.utime(file, (time.time() - age_s,) * 2)
        artifact = Artifact("a.zip", "application/zip", size, "0" * 64)
        await store.keep(request_id, artifact, file)
        return artifact

    async def is_there(request_id: str, artifact: Artifact) -> bool:
        try:
            return b"".join([piece async for piece in store.read(request_id, artifact)]) == b"x" * 40
        except ArtifactGone:
            return False

    artifact = await keep("r1", 40, age_s=1)
    await keep("r2", 40, age_s=2)
    await keep("r3", 40, age_s=3)  # the newest request's stays though its time is oldest
    assert [await is_there(name, artifact) for name in ("r1", "r2", "r3")] == [True, False, True]
    with pytest.raises(NotDelivered):
        await keep("r4", 101)
    os.utime(tmp_path / "kept" / "r1", (0, 0))
    await store.sweep(1000.0)
    assert [await is_there(name, artifact) for name in ("r1", "r3")] == [False, True]
