"""Cleans Coze's event streams for cozepy's line reader. Pure: bytes in, bytes out.

cozepy 0.20 counts lines where it should parse events: a comment, a stray field or a line end inside the
data breaks it (model.py, AsyncStream), and so do values that its models did not foresee (chat/__init__.py).
"""

from __future__ import annotations

import re
from typing import Any, Final, Literal

import orjson

Dialect = Literal["chat", "workflow"]
"""Chat streams have two lines an event, workflow streams three, the first of them an `id:`."""

MAX_EVENT_BYTES: Final = 64 * 1024 * 1024
"""An event longer than this is not one: whole answers are below 20 MB (Coze's limit for a workflow)."""

# What nearly every event of an answer looks like. Matched as a whole, a chunk of these needs no parsing.
_PLAIN: Final = re.compile(rb"(?:event: ?conversation\.message\.(?:delta|completed)\ndata:[^\n]*+\n\n)++")
# Line ends of str.splitlines, by which httpx cuts lines, as they look in UTF-8.
_LINE_ENDS: Final = {b"\xc2\x85": b"\\u0085", b"\xe2\x80\xa8": b"\\u2028", b"\xe2\x80\xa9": b"\\u2029"}
_LOW_LINE_ENDS: Final = b"\x0b\x0c\x1c\x1d\x1e"
_ESCAPES: Final = re.compile(b"\xc2\x85|\xe2\x80[\xa8\xa9]|[" + _LOW_LINE_ENDS + b"]")
_SURROGATES: Final = re.compile(rb"(?:\\\\)++|\\u[dD][89aAbB]..\\u[dD][c-fC-F]..|(\\u[dD][89a-fA-F]..)")

_DONE: Final = re.compile(rb"(?m)^event: ?[dD]one")

_CHAT_EVENT: Final = b"conversation.chat."
_MESSAGE_EVENT: Final = b"conversation.message."
# After one of these nothing is lost when the stream ends without `done` (Coze's docs show no `done` after
# requires_action, nor after a workflow's Interrupt).
_LAST: Final = {
    "chat": {
        b"conversation.chat.completed",
        b"conversation.chat.failed",
        b"conversation.chat.requires_action",
    },
    "workflow": {b"Error", b"Interrupt"},
}


class StreamRefused(Exception):
    """Coze ended a stream with an error of its own: an `error` event, or one in the short form."""

    def __init__(self, code: int, msg: str, logid: str = "") -> None:
        super().__init__(f"code: {code}, msg: {msg}, logid: {logid}")
        self.code = code
        self.msg = msg
        self.logid = logid


class EventCleaner:
    """Takes a stream in pieces cut anywhere and gives whole events back that cozepy can read.

    Comments, `retry:` and stray `id:` lines go; multi-line data becomes one line; line ends that only Python
    sees are escaped; a broken surrogate pair becomes U+FFFD; values that cozepy's models refuse are fitted.
    """

    def __init__(self, dialect: Dialect) -> None:
        self._dialect = dialect
        self._rest: list[bytes] = []
        self._held = 0
        self._held_cr = False
        self._begun = False
        self._next_id = 0
        self.done = False
        """The stream said that it ends."""
        self.settled = False
        """Everything that matters was said; only `done` may follow."""
        self.refusal: StreamRefused | None = None
        """What the stream failed with; to be raised once the bytes before it are handed on."""

    def feed(self, chunk: bytes) -> bytes:
        """The next piece of the stream; returns the whole events that it completes.

        Raises:
            ValueError: One event is longer than MAX_EVENT_BYTES.
        """
        if not self._begun:
            chunk = self._begin(chunk)
        if self._held_cr or b"\r" in chunk:
            chunk = self._unix(chunk)
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
        """The stream is over; returns what its end completes."""
        rest = b"".join(self._rest)
        self._rest = []
        # The end may have cut the last line in two; only a `done` or a bare error means something even so.
        if rest.endswith(b"\n") or rest.startswith(b"{") or _DONE.search(rest):
            return self._clean(rest)
        return b""

    def _begin(self, chunk: bytes) -> bytes:
        # A byte order mark may stand before the first line, and may be cut in two.
        chunk = b"".join([*self._rest, chunk])
        self._rest = []
        if chunk != b"\xef\xbb\xbf" and b"\xef\xbb\xbf".startswith(chunk):
            self._rest = [chunk]
            return b""
        self._begun = True
        return chunk.removeprefix(b"\xef\xbb\xbf")

    def _hold(self, piece: bytes) -> None:
        # In pieces: joining them with every new one would be quadratic in a long answer's last event.
        self._held = self._held + len(piece) if self._rest else len(piece)
        if self._held > MAX_EVENT_BYTES:
            raise ValueError("an event without an end")
        if piece:
            self._rest.append(piece)

    def _unix(self, chunk: bytes) -> bytes:
        if self._held_cr:
            chunk = b"\r" + chunk
        self._held_cr = chunk.endswith(b"\r")
        if self._held_cr:
            chunk = chunk[:-1]
        return chunk.replace(b"\r\n", b"\n").replace(b"\r", b"\n")

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
                return b""  # a workflow's carries the debug_url, and cozepy passes it by
        if not name or not any(data):
            return b""
        # A line break between JSON tokens is only white space, so the lines may be joined by a blank.
        text = _escaped(b" ".join(data))
        if self._dialect == "workflow":
            self.settled = self.settled or name in _LAST["workflow"]
            number = number if number.isdigit() else b"%d" % self._next_id
            self._next_id = int(number) + 1
            return b"id:%b\nevent:%b\ndata:%b\n\n" % (number, name, text)
        if name == b"error":
            self.refusal = _refusal(text) or StreamRefused(0, text.decode(errors="replace"))
            return b""
        if name.startswith(_CHAT_EVENT) or (name.startswith(_MESSAGE_EVENT) and _needs_fitting(text)):
            self.refusal = _short_failure(name, text)
            if self.refusal is not None:
                return b""
            text = fitted(text)
        self.settled = self.settled or name in _LAST["chat"]
        return b"event:%b\ndata:%b\n\n" % (name, text)


def fitted(text: bytes) -> bytes:
    """JSON of a chat, a message or an envelope of them with every value in the type that cozepy demands.

    `meta_data` values become strings and no content an empty one; a tool call keeps its place though its
    type, function name or arguments have another form than the documented. What is not JSON stays as it is.
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


def _escaped(text: bytes) -> bytes:
    text = _ESCAPES.sub(lambda m: _LINE_ENDS.get(m[0]) or b"\\u%04x" % ord(m[0]), text)
    if b"\\ud" in text or b"\\uD" in text:
        text = _SURROGATES.sub(lambda m: b"\\ufffd" if m[1] else m[0], text)
    return text


def _refusal(text: bytes) -> StreamRefused | None:
    try:
        body = orjson.loads(text)
    except orjson.JSONDecodeError:
        return None
    if not isinstance(body, dict) or not ("code" in body or "error_code" in body):
        return None
    code = body.get("code", body.get("error_code"))
    msg = body.get("msg") or body.get("error_message") or body.get("message") or ""
    detail = body.get("detail")
    logid = detail.get("logid", "") if isinstance(detail, dict) else ""
    return StreamRefused(_whole(code), str(msg), str(logid))


def _short_failure(name: bytes, text: bytes) -> StreamRefused | None:
    # Coze's docs (chat_v3) show chat.failed also as {"code": 701231, "msg": "error"}, without a chat.
    return _refusal(text) if name.startswith(_CHAT_EVENT) and b'"id"' not in text else None


def _whole(value: object) -> int:
    try:
        return int(str(value))
    except ValueError:
        return 0


def _fit(node: Any) -> bool:
    changed = False
    if isinstance(node, list):
        for item in node:
            changed = _fit(item) or changed
    elif isinstance(node, dict):
        for key, value in node.items():
            if key == "meta_data":
                changed = _fit_meta(node, value) or changed
            elif key == "content" and value is None:
                node[key], changed = "", True
            elif key == "tool_calls" and isinstance(value, list):
                changed = _fit_calls(value) or changed
            elif isinstance(value, dict | list):
                changed = _fit(value) or changed
    return changed


def _fit_meta(owner: dict[str, Any], meta: Any) -> bool:
    if meta is None or (isinstance(meta, dict) and all(isinstance(v, str) for v in meta.values())):
        return False
    owner["meta_data"] = {k: _text(v) for k, v in meta.items()} if isinstance(meta, dict) else None
    return True


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
