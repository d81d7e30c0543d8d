"""Event streams are cleaned for cozepy, whatever is between the events and wherever they are cut."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from c2jy_bridge.coze.frames import MAX_EVENT_BYTES, EventCleaner, fitted
from faults.wire_fixtures import CHAT, DONE, MESSAGE, call, calls, chat, delta, message, sse

TEXTS = st.text(
    st.one_of(
        st.characters(codec="utf-8"),
        st.sampled_from("\u2028\u2029\x85\x0b\x0c\x1c\x1d\x1e\x7f\ufeff\U0001f600“”字"),
    ),
    max_size=12,
)
NOISE = st.sampled_from(
    [b"", b": ping\n\n", b":\n", b"retry: 3000\n\n", b"id: 9\n\n", b"\n", b"\n\n\n", b"id:1\nretry:2\n"]
)


@st.composite
def streams(draw):
    """A chat stream with noise in it, and the events that it means."""
    meant, raw = [], draw(st.sampled_from([b"", b"\xef\xbb\xbf"]))
    for text in draw(st.lists(TEXTS, max_size=6)):
        name = draw(
            st.sampled_from(["conversation.message.delta", "conversation.message.completed", "of_tomorrow"])
        )
        body = {**MESSAGE, "content": text}
        gap = draw(st.sampled_from([b"", b" "]))
        data = json.dumps(body, ensure_ascii=draw(st.booleans())).encode()
        raw += draw(NOISE) + b"event:" + gap + name.encode() + b"\ndata:" + gap + data + b"\n\n"
        meant.append((name, body))
    raw += draw(NOISE) + DONE
    return raw.replace(b"\n", draw(st.sampled_from([b"\n", b"\r\n", b"\r"]))), meant


def parsed(clean: bytes) -> list[tuple[str, object]]:
    """Cleaned bytes as cozepy cuts them: by every line end that Python knows."""
    lines = [line for line in clean.decode().splitlines() if line.strip()]
    assert len(lines) % 2 == 0
    events = []
    for head, body in zip(lines[::2], lines[1::2], strict=True):
        assert head.startswith("event:")
        assert body.startswith("data:")
        events.append((head[6:].strip(), json.loads(body[5:])))
    return events


def cleaned(cleaner: EventCleaner, *chunks: bytes) -> bytes:
    return b"".join(map(cleaner.feed, chunks)) + cleaner.close()


@pytest.mark.slow
@settings(deadline=None, max_examples=300)
@given(streams(), st.data())
def test_any_cut_of_a_stream_gives_the_same_events(stream, data):
    raw, meant = stream
    cuts = sorted(data.draw(st.lists(st.integers(0, len(raw)), max_size=12)))
    chunks = [raw[a:b] for a, b in zip([0, *cuts], [*cuts, len(raw)], strict=True)]
    cleaner = EventCleaner("chat")
    assert parsed(cleaned(cleaner, *chunks)) == meant
    assert cleaner.done


def test_a_stream_cut_after_every_byte_gives_the_same_events():
    raw = b": hello\r\n\r\nid: 1\r\n" + delta("a\u2028b\u2029c\x85字").replace(b"\n", b"\r\n") + DONE
    cleaner = EventCleaner("chat")
    clean = b"".join(cleaner.feed(bytes([byte])) for byte in raw)
    assert parsed(clean) == [("conversation.message.delta", {**MESSAGE, "content": "a\u2028b\u2029c\x85字"})]
    assert cleaner.done


@given(st.binary(max_size=400), st.lists(st.integers(0, 400), max_size=5))
def test_bytes_that_are_no_stream_break_nothing(raw, cuts):
    cuts = sorted(cuts)
    chunks = [raw[a:b] for a, b in zip([0, *cuts], [*cuts, len(raw)], strict=True)]
    cleaner, whole = EventCleaner("chat"), EventCleaner("chat")
    assert cleaned(cleaner, *chunks) == cleaned(whole, raw)


def test_clean_deltas_pass_without_being_copied():
    block = delta("one") + delta("two")
    assert EventCleaner("chat").feed(block) is block


def test_data_in_several_lines_becomes_one():
    cleaner = EventCleaner("chat")
    clean = cleaner.feed(b'event: conversation.message.delta\ndata: {"content":\ndata: "x"}\n\n')
    assert parsed(clean) == [("conversation.message.delta", {"content": "x"})]


def test_an_event_without_data_is_dropped_and_does_not_shift_the_rest():
    clean = EventCleaner("chat").feed(b"event: ping\n\nevent:\n\ndata: lost\n\n" + delta("x"))
    assert [name for name, _ in parsed(clean)] == ["conversation.message.delta"]


def test_half_a_surrogate_pair_becomes_a_replacement_character():
    raw = rb'{"content":"\ud83d and \uDE00 and \ud83d\ude00 and \\ud83d","role":"assistant"}'
    clean = EventCleaner("chat").feed(b"event:conversation.message.delta\ndata:" + raw + b"\n\n")
    assert parsed(clean)[0][1]["content"] == "\ufffd and \ufffd and \U0001f600 and \\ud83d"


def test_metadata_becomes_text_and_the_word_in_a_text_stays():
    odd = {"meta_data": {"n": 1, "t": "x", "l": [1], "none": None}}
    text = 'he said "meta_data":{"n":1}'
    cleaner = EventCleaner("chat")
    (_, first), (_, second) = parsed(cleaner.feed(delta(text, **odd) + delta(text)))
    assert first["meta_data"] == {"n": "1", "t": "x", "l": "[1]", "none": ""}
    assert first["content"] == second["content"] == text


def test_a_tool_call_of_another_form_keeps_its_place():
    strange: list[dict[str, Any]] = [
        {"id": 7, "function": {"name": "a", "arguments": {"x": 1}}},
        {"id": "r"},
        call("c", "b", "{bad"),
    ]
    clean = EventCleaner("chat").feed(chat("requires_action", required_action=calls(*strange)))
    found = parsed(clean)[0][1]["required_action"]["submit_tool_outputs"]["tool_calls"]
    assert found == [
        {"id": "7", "type": "function", "function": {"name": "a", "arguments": '{"x":1}'}},
        {"id": "r", "type": "reply_message"},
        call("c", "b", "{bad"),
    ]


def test_well_formed_json_is_left_byte_for_byte():
    text = b'{ "data" : {"meta_data": {"a": "b"}, "plugin_id": 7374787648269074486} }'
    assert fitted(text) is text
    assert fitted(b"{no json") == b"{no json"


@pytest.mark.parametrize(
    ("raw", "code", "msg", "logid"),
    [
        (sse("error", {"code": 4016, "msg": "occupied"}), 4016, "occupied", ""),
        (sse("error", {"code": "4013", "msg": "", "detail": {"logid": "L"}}), 4013, "", "L"),
        (sse("error", {}), 0, "{}", ""),
        (sse("error", "no json"), 0, "no json", ""),
        (sse("error", {"error_code": 4000, "error_message": "bad"}), 4000, "bad", ""),
        (sse("conversation.chat.failed", {"code": 701231, "msg": "error"}), 701231, "error", ""),
        (b'{"code":4016,"msg":"occupied"}', 4016, "occupied", ""),
        (b'{"code":4016,"msg":"occupied"}\n\n', 4016, "occupied", ""),
    ],
)
def test_an_error_in_a_stream_keeps_its_code(raw, code, msg, logid):
    cleaner = EventCleaner("chat")
    assert cleaned(cleaner, delta("before") + raw) == delta("before")
    refusal = cleaner.refusal
    assert refusal is not None
    assert (refusal.code, refusal.msg, refusal.logid) == (code, msg, logid)


def test_nothing_after_done_or_an_error_is_handed_on():
    for end in (DONE, sse("error", {"code": 1, "msg": ""})):
        cleaner = EventCleaner("chat")
        assert cleaned(cleaner, end + delta("x"), delta("y")) == b""


@pytest.mark.parametrize("end", [b"event:done", b"event: done\n", b'event:done\ndata:"[DO', DONE.rstrip()])
def test_a_done_that_lost_its_last_bytes_is_one(end):
    cleaner = EventCleaner("chat")
    assert cleaned(cleaner, message("x") + end) == message("x")
    assert cleaner.done


@pytest.mark.parametrize(
    "end", [b"event:don", b'event:conversation.message.delta\ndata:{"content":"do', b"ev"]
)
def test_an_event_cut_in_two_is_neither_handed_on_nor_an_end(end):
    cleaner = EventCleaner("chat")
    assert cleaned(cleaner, message("x") + end) == message("x")
    assert not cleaner.done
    assert not cleaner.settled


def test_what_ends_a_chat_settles_the_stream():
    for state in ("completed", "failed", "requires_action"):
        cleaner = EventCleaner("chat")
        cleaner.feed(chat("in_progress") + delta("x"))
        assert not cleaner.settled
        cleaner.feed(chat(state))
        assert cleaner.settled
        assert not cleaner.done


def test_a_workflow_keeps_its_ids_and_gets_those_that_lack():
    cleaner = EventCleaner("workflow")
    raw = (
        b"id: 4\nevent: Message\ndata: {}\n\n: ping\n\nevent: PING\ndata: {}\n\n"
        b"retry: 1\nid: 6\nevent: Interrupt\ndata: {}\n\n"
    )
    assert cleaner.feed(raw) == (
        b"id:4\nevent:Message\ndata:{}\n\nid:5\nevent:PING\ndata:{}\n\nid:6\nevent:Interrupt\ndata:{}\n\n"
    )
    assert cleaner.settled


def test_an_event_that_never_ends_is_refused():
    cleaner = EventCleaner("chat")
    half = b"x" * (MAX_EVENT_BYTES // 2)
    cleaner.feed(b"data:" + half)
    with pytest.raises(ValueError, match="without an end"):
        cleaner.feed(half)


def test_a_chat_event_keeps_all_its_fields():
    body = {**CHAT, "status": "completed", "usage": {"token_count": 1}, "of_tomorrow": [1, {"a": None}]}
    assert parsed(EventCleaner("chat").feed(sse("conversation.chat.completed", body))) == [
        ("conversation.chat.completed", body)
    ]
