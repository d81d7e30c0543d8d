"""Subtitles behind links: fetched under the guard of materials, in every encoding, refused when no text."""

from __future__ import annotations

import base64
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from c2jy_bridge.core.settings import MaterialSettings
from c2jy_bridge.drafts import BuiltDraft, DraftBuilder, DraftError

SRT = "1\n00:00:01,000 --> 00:00:02,500\n你好，世界\n\n2\n00:00:03.000 --> 00:00:04.000\n再见\n"
Content = Callable[[BuiltDraft], dict[str, Any]]


class Host:
    """Gives bodies by path; `flaky` fails once."""

    def __init__(self) -> None:
        self.bodies: dict[str, bytes] = {}
        self.seen: list[str] = []
        host = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                host.seen.append(self.path)
                if self.path.startswith("/to/"):
                    self.send_response(302)
                    self.send_header("Location", self.path.removeprefix("/to/"))
                    self.send_header("Content-Length", "0")
                    self.end_headers()
                    return
                failing = "flaky" in self.path and host.seen.count(self.path) == 1
                body = host.bodies.get(self.path)
                self.send_response(503 if failing else 200 if body is not None else 404)
                self.send_header("Content-Length", str(len(body or b"")))
                self.end_headers()
                self.wfile.write(body or b"")

            def log_message(self, *args: object) -> None: ...

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.address = f"127.0.0.1:{self._server.server_address[1]}"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def put(self, path: str, body: bytes) -> str:
        self.bodies[path] = body
        return f"http://{self.address}{path}"

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()


@pytest.fixture
def host() -> Iterator[Host]:
    made = Host()
    yield made
    made.close()


@pytest.fixture
def builder(make_builder: Any, host: Host) -> DraftBuilder:
    made: DraftBuilder = make_builder(
        materials=MaterialSettings(allow_private_hosts=[host.address], retries=1)
    )
    return made


def _document(url: str) -> dict[str, Any]:
    return {"schema": "c2jy/1", "name": "x", "subtitles": [{"url": url}]}


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "gbk"])
async def test_every_encoding_of_chinese_subtitles_is_read(
    builder: DraftBuilder, host: Host, content_of: Content, encoding: str
) -> None:
    mark = {"utf-16-le": b"\xff\xfe", "utf-16-be": b"\xfe\xff"}.get(encoding, b"")
    (draft,) = (await builder.build(_document(host.put("/a.srt", mark + SRT.encode(encoding))))).drafts
    texts = [material["content"] for material in content_of(draft)["materials"]["texts"]]
    assert ["你好，世界" in texts[0], "再见" in texts[1]] == [True, True]
    assert (draft.clips, draft.duration_us) == (2, 4_000_000)


async def test_a_link_that_failed_once_is_tried_again_and_fetched_once_for_two_entries(
    builder: DraftBuilder, host: Host
) -> None:
    url = host.put("/flaky.srt", SRT.encode())
    document = {**_document(url), "subtitles": [{"url": url}, {"url": url, "offset": 10}]}
    (draft,) = (await builder.build(document)).drafts
    assert draft.clips == 4
    assert host.seen == ["/flaky.srt", "/flaky.srt"]


async def test_a_data_url_holds_subtitles_too(builder: DraftBuilder) -> None:
    url = "data:text/plain;base64," + base64.b64encode(SRT.encode()).decode()
    assert (await builder.build(_document(url))).drafts[0].clips == 2


@pytest.mark.parametrize(
    ("body", "word"),
    [
        (b"<!doctype html><html><body>expired</body></html>", "not return subtitle text"),
        (b'{"code": 403, "msg": "expired"}', "not return subtitle text"),
        (b"\x89PNG\r\n\x1a\n" + b"\0" * 64, "not return subtitle text"),
        (b"PK\x03\x04" + b"\0" * 64, "not return subtitle text"),
        (b"", "empty"),
        (b"1\n00:00:01,000 --> 00:00:02,000\n" + b"x" * (9 * 1024 * 1024), "larger than"),
    ],
)
async def test_what_is_no_subtitle_text_is_refused_with_its_place(
    builder: DraftBuilder, host: Host, body: bytes, word: str
) -> None:
    with pytest.raises(DraftError) as caught:
        await builder.build(_document(host.put("/a.srt", body)))
    (found,) = [i for i in caught.value.issues if i.code == "subtitle_file"]
    assert found.path == "subtitles[0].url"
    assert word in found.message


async def test_a_missing_file_and_another_scheme_are_said_so(builder: DraftBuilder, host: Host) -> None:
    for url in (f"http://{host.address}/none.srt", "ftp://example.com/a.srt", "file:///etc/passwd", "a.srt"):
        with pytest.raises(DraftError) as caught:
            await builder.build(_document(url))
        assert [i.path for i in caught.value.issues if i.code == "subtitle_file"] == ["subtitles[0].url"]


async def test_a_private_address_is_refused_also_behind_a_redirect(make_builder: Any, host: Host) -> None:
    inner = Host()
    try:
        secret = inner.put("/a.srt", SRT.encode())
        builder = make_builder(materials=MaterialSettings(allow_private_hosts=[host.address], retries=0))
        for url in (secret, f"http://{host.address}/to/{secret}"):
            with pytest.raises(DraftError) as caught:
                await builder.build(_document(url))
            assert [i.path for i in caught.value.issues if i.code == "subtitle_file"] == ["subtitles[0].url"]
        assert inner.seen == []
    finally:
        inner.close()
