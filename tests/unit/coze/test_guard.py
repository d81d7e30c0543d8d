"""The guard between cozepy and the wire, with the real cozepy on top."""

from __future__ import annotations

import asyncio
import gzip
import json
import time
from itertools import pairwise

import httpx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from c2jy_bridge.coze.frames import StreamRefused
from c2jy_bridge.coze.guard import StreamDropped, StreamGuard
from c2jy_bridge.coze.reaching import quiet_cozepy
from faults.wire_fixtures import DONE, answer, chat, delta, message, sse, stream

quiet_cozepy()

from cozepy import AsyncCoze, AsyncTokenAuth, ChatEvent, CozeAPIError  # noqa: E402  (only after it is quiet)
from cozepy.request import AsyncHTTPClient  # noqa: E402


class Pieces(httpx.AsyncBaseTransport):
    """A transport that answers with given pieces of a stream."""

    def __init__(self, *pieces: bytes) -> None:
        self.pieces = pieces

    async def handle_async_request(self, request):
        async def body():
            for piece in self.pieces:
                yield piece

        return httpx.Response(200, headers={"content-type": "text/event-stream"}, content=body())


def coze(transport: httpx.AsyncBaseTransport, base_url: str = "http://coze.test") -> AsyncCoze:
    return AsyncCoze(AsyncTokenAuth("t"), base_url, AsyncHTTPClient(transport=StreamGuard(transport)))


async def read(client: AsyncCoze, into: list[ChatEvent] | None = None) -> list[ChatEvent]:
    events = [] if into is None else into
    async for event in client.chat.stream(bot_id="7", user_id="user"):
        events.append(event)
    return events


@settings(deadline=None, max_examples=60)
@given(
    st.lists(st.text("ab\u2028\u2029\x85字\U0001f600", max_size=6), max_size=5),
    st.lists(st.integers(0, 3000), max_size=10),
    st.booleans(),
)
def test_cozepy_reads_the_same_events_wherever_the_stream_is_cut(texts, cuts, crlf):
    raw = chat("created") + b": ping\n\n" + b"".join(b"id:1\n" + delta(text) for text in texts)
    raw += chat("completed") + DONE
    raw = raw.replace(b"\n", b"\r\n") if crlf else raw
    edges = [0, *sorted(min(cut, len(raw)) for cut in cuts), len(raw)]
    pieces = [raw[a:b] for a, b in pairwise(edges)]
    events = asyncio.run(read(coze(Pieces(*pieces))))
    assert [event.message.content for event in events if event.message] == texts
    assert [event.chat.status.value for event in events if event.chat] == ["created", "completed"]


async def test_a_stream_without_done_is_a_drop_and_what_came_before_is_handed_on():
    events: list[ChatEvent] = []
    with pytest.raises(StreamDropped):
        await read(coze(Pieces(chat("created"), delta("a"))), events)
    assert len(events) == 2


async def test_an_error_event_is_raised_as_what_it_is_after_what_came_before():
    events: list[ChatEvent] = []
    client = coze(Pieces(chat("created") + sse("error", {"code": 4013, "msg": "slow down"})))
    with pytest.raises(StreamRefused) as caught:
        await read(client, events)
    assert (caught.value.code, caught.value.msg) == (4013, "slow down")
    assert len(events) == 1


async def test_a_connection_serves_one_turn_after_another(raw):
    raw.on("/v3/chat", stream(chat("created"), message("Hi"), chat("completed"), DONE))
    client = coze(httpx.AsyncHTTPTransport(), raw.base_url)
    for _ in range(3):
        await read(client)
    assert [asked.connection for asked in raw.asked] == [1, 1, 1]


async def test_a_stream_that_stays_open_after_done_ends_within_a_second_or_so(raw):
    async def endless(writer):
        writer.write(stream(chat("created"), chat("completed"), DONE, chunked=False))
        for _ in range(100):
            writer.write(b": still here\n\n")
            await asyncio.sleep(0.1)

    raw.on("/v3/chat", endless)
    began = time.monotonic()
    assert len(await read(coze(httpx.AsyncHTTPTransport(), raw.base_url))) == 2
    assert 0.5 < time.monotonic() - began < 2


async def test_what_still_comes_after_the_end_of_the_chat_is_read(raw):
    async def late(writer):
        writer.write(stream(chat("created"), chat("completed"), chunked=False))
        await writer.drain()
        await asyncio.sleep(0.1)
        writer.write(message("one more", "follow_up") + DONE)

    raw.on("/v3/chat", late)
    events = await read(coze(httpx.AsyncHTTPTransport(), raw.base_url))
    assert events[-1].message.content == "one more"


async def test_a_compressed_stream_is_read_all_the_same(raw):
    body = gzip.compress(chat("created") + delta("字") + chat("completed") + DONE)
    raw.on(
        "/v3/chat",
        b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ncontent-encoding: gzip\r\n"
        b"content-length: %d\r\n\r\n%b" % (len(body), body),
    )
    events = await read(coze(httpx.AsyncHTTPTransport(), raw.base_url))
    assert events[1].message.content == "字"


@pytest.mark.parametrize(
    ("status", "body", "code"),
    [
        (404, {"detail": "Not Found"}, 404),
        (502, [], 502),
        (400, {"code": 4000, "msg": "bad"}, 4000),
        (200, {"code": 4100, "msg": "bad token"}, 4100),
    ],
)
async def test_an_http_error_without_a_code_gets_its_status_as_one(raw, status, body, code):
    raw.on("/v3/chat/retrieve", answer(body, status))
    with pytest.raises(CozeAPIError) as caught:
        await coze(httpx.AsyncHTTPTransport(), raw.base_url).chat.retrieve(conversation_id="1", chat_id="2")
    assert (caught.value.code, caught.value.logid) == (code, "LOG1")


async def test_a_workflow_stream_keeps_what_cozepy_needs(raw):
    said = {"content": "x\u2028y", "content_type": "text", "node_is_finish": True, "node_seq_id": "0"}
    raw.on(
        "/v1/workflow/stream_run",
        stream(
            b": ping\n\nid: 0\nevent: Message\ndata: "
            + json.dumps({**said, "node_title": "End"}, ensure_ascii=False).encode()
            + b"\n\nevent: PING\ndata: {}\n\nid: 2\nevent: Done\ndata: {}\n\n",
        ),
    )
    client = coze(httpx.AsyncHTTPTransport(), raw.base_url)
    events = [event async for event in client.workflows.runs.stream(workflow_id="1")]
    assert events[0].message.content == "x\u2028y"
    assert [event.id for event in events] == [0, 1]


async def test_other_answers_pass_untouched(raw):
    raw.on("/v1/audio/speech", answer(b"\x00\x01RIFF", kind="audio/wav"))
    transport = StreamGuard(httpx.AsyncHTTPTransport())
    async with httpx.AsyncClient(transport=transport) as http:
        response = await http.post(f"{raw.base_url}/v1/audio/speech", json={})
    assert response.content == b"\x00\x01RIFF"
    assert response.headers["content-type"] == "audio/wav"
