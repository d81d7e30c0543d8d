"""Cleans Coze's event streams for cozepy's line reader. Pure: bytes in, bytes out.

cozepy 0.20 counts lines instead of parsing events: comments, stray fields and line ends inside the data
break it (model.py, AsyncStream), and so do values outside its models (chat/__init__.py).
"""

from __future__ import annotations

import re
from typing import Any, Final, Literal

import orjson

Dialect = Literal["chat", "workflow"]
"""Events have two lines in chat streams, three in workflow streams: `id:` comes first."""

MAX_EVENT_BYTES: Final = 64 * 1024 * 1024
"""Whole answers are below 20 MB (Coze's limit for a workflow)."""

# The usual events of an answer; a chunk that matches needs no parsing.
_PLAIN: Final = re.compile(rb"(?:event: ?conversation\.message\.(?:delta|completed)\ndata:[^\n]*+\n\n)++")
# Line ends of str.splitlines, which httpx uses, in UTF-8.
_LINE_ENDS: Final = {b"\xc2\x85": b"\\u0085", b"\xe2\x80\xa8": b"\\u2028", b"\xe2\x80\xa9": b"\\u2029"}
_LOW_LINE_ENDS: Final = b"\x0b\x0c\x1c\x1d\x1e"
_ESCAPES: Final = re.compile(b"\xc2\x85|\xe2\x80[\xa8\xa9]|[" + _LOW_LINE_ENDS + b"]")
_SURROGATES: Final = re.compile(rb"(?:\\\\)++|\\u[dD][89aAbB]..\\u[dD][c-fC-F]..|(\\u[dD][89a-fA-F]..)")
_DONE: Final = re.compile(rb"(?m)^event: ?[dD]one")
_CHAT_EVENT: Final = b"conversation.chat."
_MESSAGE_EVENT: Final = b"conversation.message."
# Final events: Coze's docs show no `done` after requires_action, nor after a workflow's Interrupt.
_LAST: Final = {
    "chat": {
        b"conversation.chat.completed",
        b"conversation.chat.failed",
        b"conversation.chat.requires_action",
    },
    "workflow": {b"Error", b"Interrupt"},
}


class StreamRefused(Exception):
    """Coze ended a stream with an `error` event or with the short form of chat.failed."""

    def __init__(self, code: int, msg: str, logid: str = "") -> None:
        super().__init__(f"code: {code}, msg: {msg}, logid: {logid}")
        self.code = code
        self.msg = msg
        self.logid = logid


class EventCleaner:
    """Takes chunks of a stream, cut anywhere, and returns whole events that cozepy can read.

    Removes comments, `retry:` and stray `id:` lines; joins multi-line data; escapes line ends known only to
    Python; replaces broken surrogate pairs by U+FFFD; converts values that cozepy's models reject.
    """

    def __init__(self, dialect: Dialect) -> None:
        self._dialect = dialect
        self._rest: list[bytes] = []
        self._held = 0
        self._held_cr = False
        self._begun = False
        self._next_id = 0
        self.done = False
        """`done` was read."""
        self.settled = False
        """The final event was read; only `done` may follow."""
        self.refusal: StreamRefused | None = None
        """The stream's error; to be raised after the bytes before it are passed on."""

    def feed(self, chunk: bytes) -> bytes:
        """Add a chunk and return the events it completes; ValueError for one above MAX_EVENT_BYTES."""
        if not self._begun:
            chunk = self._begin(chunk)
        if self._held_cr or b"\r" in chunk:
            chunk = b"\r" + chunk if self._held_cr else chunk
            self._held_cr = chunk.endswith(b"\r")
            chunk = chunk.removesuffix(b"\r").replace(b"\r\n", b"\n").replace(b"\r", b"\n")
        cut = chunk.rfind(b"\n\n") + 2
        blank_cut_in_two = chunk.startswith(b"\n") and self._rest and self._rest[-1].endswith(b"\n")
        if cut == 1 and not blank_cut_in_two:
            self._hold(chunk)
            return b""
        block = b"".join([*self._rest, chunk[:cut]])
        self._rest = []
        self._hold(chunk[cut:])
        over = self.done or self.refusal is not None
        if self._dialect == "chat" and not over and _is_plain(block):
            return block
        return b"".join(map(self._clean, block.split(b"\n\n")))

    def close(self) -> bytes:
        """Handle the end of the stream; returns the event that it completes."""
        rest = b"".join(self._rest)
        self._rest = []
        # The last line may be truncated; only `done` and a bare error count even so.
        if rest.endswith(b"\n") or rest.startswith(b"{") or _DONE.search(rest):
            return self._clean(rest)
        return b""

    def _begin(self, chunk: bytes) -> bytes:
        # A byte order mark may precede the first line, and may be split over two chunks.
        chunk = b"".join([*self._rest, chunk])
        self._rest = []
        if chunk != b"\xef\xbb\xbf" and b"\xef\xbb\xbf".startswith(chunk):
            self._rest = [chunk]
            return b""
        self._begun = True
        return chunk.removeprefix(b"\xef\xbb\xbf")

    def _hold(self, chunk: bytes) -> None:
        # A list, because joining with every chunk would be quadratic in a long answer's last event.
        self._held = self._held + len(chunk) if self._rest else len(chunk)
        if self._held > MAX_EVENT_BYTES:
            raise ValueError("an event without an end")
        if chunk:
            self._rest.append(chunk)

    def _clean(self, event: bytes) -> bytes:
        if self.done or self.refusal is not None:
            return b""
        name = number = b""
        data: list[bytes] = []
        for line in event.split(b"\n"):
            field, _, value = line.partition(b":")
            if field == b"data":
                data.append(value.removeprefix(b" "))
            elif field == b"event":
                name = value.strip()
            elif field == b"id":
                number = value.strip()
            elif line.startswith(b"{") and not name:
                self.refusal = _refusal(line)
        if name.lower() == b"done":
            self.done = self.settled = True
            if self._dialect == "chat":
                return b""  # a workflow's has the debug_url, and cozepy skips it
        if not name or not any(data):
            return b""
        # Lines of JSON break between tokens, so that a space may join them.
        text = _ESCAPES.sub(lambda m: _LINE_ENDS.get(m[0]) or b"\\u%04x" % ord(m[0]), b" ".join(data))
        if b"\\ud" in text or b"\\uD" in text:
            text = _SURROGATES.sub(lambda m: b"\\ufffd" if m[1] else m[0], text)
        if self._dialect == "workflow":
            self.settled = self.settled or name in _LAST["workflow"]
            number = number if number.isdigit() else b"%d" % self._next_id
            self._next_id = int(number) + 1
            return b"id:%b\nevent:%b\ndata:%b\n\n" % (number, name, text)
        if name == b"error":
            self.refusal = _refusal(text) or StreamRefused(0, text.decode(errors="replace"))
            return b""
        if name.startswith(_CHAT_EVENT) or (name.startswith(_MESSAGE_EVENT) and _needs_fitting(text)):
            if name.startswith(_CHAT_EVENT) and b'"id"' not in text:
                # Coze docs, chat_v3: chat.failed also as {"code": 701231, "msg": "error"}, without a chat.
                self.refusal = _refusal(text)
                if self.refusal is not None:
                    return b""
            text = fitted(text)
        self.settled = self.settled or name in _LAST["chat"]
        return b"event:%b\ndata:%b\n\n" % (name, text)


def fitted(text: bytes) -> bytes:
    """Convert the values of a JSON chat or message, or of an envelope of them, to the types cozepy requires.

    `meta_data` values become strings, null content an empty string, and fields of a tool call in undocumented
    types strings. Text that is not JSON is returned as is.
    """
    try:
        document = orjson.loads(text)
    except orjson.JSONDecodeError:
        return text
    return orjson.dumps(document) if _fit(document) else text


def _is_plain(block: bytes) -> bool:
    return (
        _PLAIN.fullmatch(block) is not None
        and not _needs_fitting(block)
        and b"\xe2\x80\xa8" not in block
        and b"\xe2\x80\xa9" not in block
        and b"\xc2\x85" not in block
        and b"\\ud" not in block
        and b"\\uD" not in block
        and len(block.translate(None, _LOW_LINE_ENDS)) == len(block)
    )


def _needs_fitting(text: bytes) -> bool:
    return b'"meta_data"' in text or b'"content":null' in text


def _refusal(text: bytes) -> StreamRefused | None:
    try:
        body = orjson.loads(text)
    except orjson.JSONDecodeError:
        return None
    if not isinstance(body, dict) or not ("code" in body or "error_code" in body):
        return None
    try:
        code = int(str(body.get("code", body.get("error_code"))))
    except ValueError:
        code = 0
    msg = body.get("msg") or body.get("error_message") or body.get("message") or ""
    detail = body.get("detail")
    logid = detail.get("logid", "") if isinstance(detail, dict) else ""
    return StreamRefused(code, str(msg), str(logid))


def _fit(node: Any) -> bool:
    changed = False
    if isinstance(node, list):
        for item in node:
            changed = _fit(item) or changed
    elif isinstance(node, dict):
        for key, value in node.items():
            if key == "meta_data":
                if isinstance(value, dict):
                    if not all(isinstance(v, str) for v in value.values()):
                        node[key], changed = {k: _text(v) for k, v in value.items()}, True
                elif value is not None:
                    node[key], changed = None, True
            elif key == "content" and value is None:
                node[key], changed = "", True
            elif key == "tool_calls" and isinstance(value, list):
                changed = _fit_calls(value) or changed
            elif isinstance(value, dict | list):
                changed = _fit(value) or changed
    return changed


def _fit_calls(calls: list[Any]) -> bool:
    changed = False
    for call in calls:
        if not isinstance(call, dict):
            continue
        function = call.get("function")
        before = orjson.dumps(call)
        call["id"] = _text(call.get("id"))
        call["type"] = _text(call.get("type")) or ("function" if function else "reply_message")
        if isinstance(function, dict):
            function["name"] = _text(function.get("name"))
            function["arguments"] = _text(function.get("arguments"))
        changed = changed or orjson.dumps(call) != before
    return changed


def _text(value: Any) -> str:
    if isinstance(value, str):
        return value
    return "" if value is None else orjson.dumps(value).decode()
