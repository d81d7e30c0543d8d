"""No request without a token or from a browser gets in, and none that is too large or malformed is read."""

from __future__ import annotations

import asyncio
import gzip
import json
import zlib
from collections.abc import Callable
from typing import Any

import pytest

from c2jy_bridge.relay.intakes.http.guard import RateLimit, host_name
from unit.relay.conftest import Clock

Call = Callable[..., Any]
NOTE = {"tool": "note", "arguments": {"text": "a"}}
PATHS = [
    "/v1/requests",
    "/v1/tools",
    "/readyz",
    "/metrics",
    "/openapi.json",
    "/openapi-coze.json",
    "/nothing",
]


@pytest.mark.parametrize("path", PATHS)
async def test_without_a_token_there_is_only_the_sign_of_life(call: Call, path: str) -> None:
    http = await call()
    for header in ({"Authorization": ""}, {"Authorization": "Bearer wrong"}, {"Authorization": "Basic eDp5"}):
        answer = await http.get(path, headers=header)
        assert answer.status_code == 401
        assert answer.headers["WWW-Authenticate"].startswith("Bearer")
        assert answer.headers["Content-Type"] == "application/problem+json"
        assert "bridge token" in answer.json()["detail"]
    assert (await http.get("/healthz", headers={"Authorization": ""})).status_code == 200


async def test_a_web_page_cannot_call_unless_it_is_listed(call: Call) -> None:
    http = await call(allowed_origins=["https://studio.example"])
    evil = await http.post("/v1/requests", json=NOTE, headers={"Origin": "https://evil.example"})
    assert (evil.status_code, evil.json()["type"]) == (403, "urn:c2jy:problem:origin")
    mine = await http.post("/v1/requests", json=NOTE, headers={"Origin": "https://studio.example"})
    assert mine.status_code == 202


@pytest.mark.parametrize("host", ["evil.example", "127.0.0.1.evil.example", "x@127.0.0.1", "", "[::1", "a/b"])
async def test_a_rebound_name_is_not_answered(call: Call, host: str) -> None:
    http = await call(allowed_hosts=["bridge.example"])
    answer = await http.get("/v1/tools", headers={"Host": host})
    assert answer.status_code in (400, 421)  # 400 is the HTTP parser's own
    assert (await http.get("/v1/tools", headers={"Host": "bridge.example"})).status_code == 200
    assert (await http.get("/v1/tools", headers={"Host": "localhost:1"})).status_code == 200


async def test_a_long_body_is_refused_before_it_is_read(call: Call) -> None:
    http = await call(max_body_bytes=2000)
    said = await http.post("/v1/requests", json={"tool": "note", "arguments": {"text": "x" * 2000}})
    assert (said.status_code, said.json()["type"]) == (413, "urn:c2jy:problem:too-long")

    async def drip() -> Any:
        for _ in range(100):
            yield b"x" * 100

    unsaid = await http.post("/v1/requests", content=drip(), headers={"Content-Type": "application/json"})
    assert unsaid.status_code == 413


async def test_a_body_that_never_ends_is_given_up(call: Call, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("c2jy_bridge.relay.intakes.http.guard.BODY_S", 0.3)
    http = await call()
    reader, writer = await asyncio.open_connection(http.base_url.host, http.base_url.port)
    lines = [
        "POST /v1/requests HTTP/1.1",
        f"Host: 127.0.0.1:{http.base_url.port}",
        f"Authorization: {http.headers['Authorization']}",
        "Content-Type: application/json",
        "Content-Length: 1000",
    ]
    writer.write(("\r\n".join(lines) + "\r\n\r\n{").encode())
    assert b" 408 " in await asyncio.wait_for(reader.readline(), 10)
    writer.close()


@pytest.mark.parametrize("media", ["text/plain", "multipart/form-data", "application/json; charset=gbk"])
async def test_only_json_is_taken(call: Call, media: str) -> None:
    http = await call()
    answer = await http.post("/v1/requests", content=json.dumps(NOTE), headers={"Content-Type": media})
    assert answer.status_code == 415


@pytest.mark.parametrize(
    "form", ["", "application/x-www-form-urlencoded", "Application/X-WWW-Form-Urlencoded; charset=utf-8"]
)
async def test_an_object_from_a_caller_that_names_no_type_is_taken(call: Call, form: str) -> None:
    page = "https://page.example"
    http = await call(allowed_origins=[page])
    headers = {"Content-Type": form} if form else {}
    body = json.dumps(NOTE).encode()
    assert (await http.post("/v1/requests", content=body, headers=headers)).status_code == 202
    assert (await http.post("/v1/requests", content=b"tool=note", headers=headers)).status_code == 415
    # A web page, even one that is let in, says what it sends: a form of it must not pass as JSON.
    from_a_page = await http.post("/v1/requests", content=body, headers={**headers, "Origin": page})
    assert from_a_page.status_code == 415


@pytest.mark.parametrize(
    ("body", "status", "word"),
    [
        (b'{"tool":"note","tool":"fail"}', 400, "duplicate_key"),
        (b'{"tool":"note","arguments":{"text":NaN}}', 400, "number"),
        (b'{"tool":"note","arguments":{"a":' + b"[" * 50_000, 400, "depth"),
        (b"\xff\xfe", 400, "encoding"),
        (b"not json", 400, "syntax"),
        (b"[]", 400, "not_object"),
        (b'{"tool":"../etc/passwd"}', 422, "tool"),
        (b'{"tool":"note","secret_field":1}', 422, "field"),
        (b'{"tool":"note","arguments":"text"}', 422, "arguments"),
        (b'{"tool":"note","timeout_s":-1}', 422, "timeout_s"),
        (b"", 422, "body"),
    ],
)
async def test_what_cannot_be_understood_is_refused_and_never_repeated(
    call: Call, body: bytes, status: int, word: str
) -> None:
    http = await call()
    answer = await http.post("/v1/requests", content=body, headers={"Content-Type": "application/json"})
    assert answer.status_code == status
    assert word in answer.text
    for part in (b"passwd", b"secret_field", b"not json", b"[[["):
        assert part not in answer.content
    assert len(answer.content) < 1000


GZIPPED = gzip.compress(json.dumps(NOTE).encode(), mtime=0)  # in the names of tests, which must not change


@pytest.mark.parametrize(
    ("path", "body", "headers"),
    [
        ("/v1/requests/", json.dumps(NOTE).encode(), {}),
        ("/v1/requests", json.dumps(NOTE).encode(), {"Content-Type": "application/vnd.n8n+json"}),
        ("/v1/requests", b"\xef\xbb\xbf" + json.dumps(NOTE).encode(), {}),
        ("/v1/requests", GZIPPED, {"Content-Encoding": "gzip"}),
        ("/v1/requests", zlib.compress(json.dumps(NOTE).encode()), {"Content-Encoding": "deflate"}),
        ("/v1/requests", json.dumps({**NOTE, "arguments": json.dumps(NOTE["arguments"])}).encode(), {}),
        ("/v1/requests", b'{"tool":"fail","arguments":""}', {}),
        ("/v1/tools/fail/", b"", {"Content-Type": "text/plain"}),
        ("/v1/tools/fail", b" \n", {}),
        ("/coze/fail", b"", {}),
    ],
)
async def test_what_clients_and_templates_send_is_understood(
    call: Call, path: str, body: bytes, headers: dict[str, str]
) -> None:
    http = await call()
    answer = await http.post(path, content=body, headers={"Content-Type": "application/json", **headers})
    assert answer.status_code in (200, 202) or answer.json()["type"] == "urn:c2jy:problem:tool-failed"


@pytest.mark.parametrize(
    ("body", "encoding", "status"),
    [
        (b"x", "br", 415),
        (b"not gzip", "gzip", 415),
        (GZIPPED[:-9], "gzip", 415),
        (gzip.compress(b" " * 100_000, mtime=0), "gzip", 413),
    ],
)
async def test_a_compressed_body_is_bounded_and_must_be_whole(
    call: Call, body: bytes, encoding: str, status: int
) -> None:
    http = await call(max_body_bytes=5000)
    headers = {"Content-Type": "application/json", "Content-Encoding": encoding}
    answer = await http.post("/v1/requests", content=body, headers=headers)
    assert answer.status_code == status
    assert status != 415 or answer.headers["Accept-Encoding"] == "gzip, deflate"


@pytest.mark.parametrize(
    ("path", "allowed"),
    [
        ("/v1/requests", {"GET", "POST"}),
        ("/v1/requests/abc", {"GET", "DELETE"}),
        ("/v1/tools", {"GET"}),
        ("/v1/tools/note", {"POST"}),
        ("/healthz", {"GET"}),
        ("/openapi.json", {"GET"}),
        ("/coze/note", {"POST"}),
    ],
)
async def test_a_method_that_is_not_there_is_answered_with_those_that_are(
    call: Call, path: str, allowed: set[str]
) -> None:
    http = await call()
    answer = await http.put(path)
    assert answer.status_code == 405
    assert allowed <= set(answer.headers["Allow"].split(", ")) <= {*allowed, "HEAD"}


async def test_keys_are_checked(call: Call) -> None:
    http = await call()
    for key in ("", "x" * 256, "with space"):
        answer = await http.post("/v1/requests", json=NOTE, headers={"Idempotency-Key": key})
        assert (answer.status_code, answer.json()["type"]) == (400, "urn:c2jy:problem:bad-key")


async def test_unknown_ids_paths_and_methods_are_problems_too(call: Call) -> None:
    http = await call()
    for method, path, status in [
        ("GET", "/v1/requests/abc", 404),
        ("DELETE", "/v1/requests/abc", 404),
        ("GET", "/v1/requests/abc/events", 404),
        ("GET", "/nothing", 404),
        ("PUT", "/v1/requests", 405),
        ("GET", "/v1/requests/NOT-AN-ID", 422),
    ]:
        answer = await http.request(method, path)
        assert answer.status_code == status
        assert answer.headers["Content-Type"] == "application/problem+json"
        assert answer.json()["status"] == status


async def test_too_many_requests_are_told_when_to_come_back(call: Call) -> None:
    http = await call(rate_per_minute=8)
    answers = [await http.get("/v1/tools") for _ in range(3)]
    assert [a.status_code for a in answers] == [200, 200, 429]
    assert int(answers[2].headers["Retry-After"]) >= 1
    # A client that guesses tokens uses up a bucket of its own.
    strangers = [await http.get("/v1/tools", headers={"Authorization": "Bearer x"}) for _ in range(3)]
    assert [a.status_code for a in strangers] == [401, 401, 429]


def test_a_bucket_fills_steadily_and_never_over_its_rim(clock: Clock) -> None:
    limit = RateLimit(60, clock)
    assert [limit.take("a") for _ in range(15)] == [0.0] * 15
    assert limit.take("a") == pytest.approx(1.0)
    assert limit.take("b") == 0.0
    clock.advance(1)
    assert limit.take("a") == 0.0
    clock.advance(3600)
    assert sum(limit.take("a") == 0.0 for _ in range(30)) == 15


def test_strangers_do_not_fill_the_memory(clock: Clock) -> None:
    limit = RateLimit(60, clock)
    for number in range(5000):
        limit.take(f"stranger {number}")
        clock.advance(1)
    assert len(limit._buckets) < 1100


@pytest.mark.parametrize(
    ("value", "name"),
    [("a.example:80", "a.example"), ("[::1]:80", "::1"), ("A.EXAMPLE", "a.example"), ("a@b", ""), ("[x", "")],
)
def test_host_names_are_read_without_their_port(value: str, name: str) -> None:
    assert host_name(value) == name


async def test_an_unwritable_journal_is_503_and_accepts_nothing(call: Call) -> None:
    http = await call()
    http.harness.bridge._storage.database._db.execute("PRAGMA query_only = ON")
    answer = await http.post("/v1/requests", json=NOTE)
    assert (answer.status_code, answer.json()["type"]) == (503, "urn:c2jy:problem:storage")
    assert (await http.get("/readyz")).json()["hindrances"][0]["kind"] == "journal"
    assert (await http.get("/v1/requests")).status_code == 200
    http.harness.bridge._storage.database._db.execute("PRAGMA query_only = OFF")
