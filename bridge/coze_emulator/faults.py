"""What can be made to go wrong: where, how and how often.

    emulator.fault("tear", at="delta", nth=3)                      half of the third delta, then the TCP end
    emulator.fault("drop", at="requires_action")                   the call was seen, the stream is gone
    emulator.fault("drop", on="submit", at="response")             outputs taken, not a byte of an answer
    emulator.fault("refuse", on="submit", code=5000, times=2)      two refusals, then all is well

A fault strikes `times` times and is then spent. The object that `fault` returns counts (`struck`).
"""

from __future__ import annotations

import re
import threading
from collections import Counter
from collections.abc import Collection, Iterable
from typing import Any, Final, Literal

from pydantic import BaseModel, ConfigDict, Field

Kind = Literal[
    # the connection, at a frame of a stream or at a request
    "drop", "reset", "tear", "eof", "stall", "slow", "refuse",
    # the stream's content, at a frame
    "comments", "unknown_event", "knowledge", "error_event", "chat_failed",
    # what the Bot does
    "raw_separators", "two_calls", "second_action", "reply_message", "malformed_arguments", "unknown_tool",
    "no_call", "huge",
]  # fmt: skip
"""drop: TCP end after the frame; reset: the same with RST; tear: TCP end in the middle of the frame;
eof: a clean HTTP end without `done`; stall: silence of `seconds` after the frame; slow: silence before the
first byte; refuse: `{code, msg}` instead of an answer.

comments: SSE comments, stray `id:` and `retry:` lines from this frame on; unknown_event, knowledge: one such
event after the frame; error_event: `event:error` in its place; chat_failed: the chat fails in its place.

raw_separators: U+2028, U+2029 and U+0085 unescaped; two_calls: a second call beside the scripted one;
second_action: a further required action after the outputs; reply_message: a tool call without a function;
malformed_arguments: arguments that are no JSON; unknown_tool: a tool nobody has; no_call: the Bot talks
instead of calling; huge: an answer of `count` deltas."""

Place = Literal[
    "request",
    "response",
    "created",
    "in_progress",
    "delta",
    "message",
    "requires_action",
    "completed",
    "done",
]
"""request: before anything was done; response: after all was done, before the first byte; else: a frame."""

Operation = Literal[
    "chat",
    "submit",
    "retrieve",
    "cancel",
    "messages",
    "conversations",
    "workflows",
    "files",
    "account",
    "media",
    "any",
]

WHOLE_REQUEST: Final[frozenset[str]] = frozenset({"refuse", "slow"})
"""Kinds that strike a request, whatever `at` says."""
CHAT_KINDS: Final[frozenset[str]] = frozenset({"unknown_event", "knowledge", "error_event", "chat_failed"})
"""Kinds at a frame that change what the chat sends or becomes."""
WIRE_KINDS: Final[frozenset[str]] = frozenset({"drop", "reset", "tear", "eof", "stall", "comments"})
"""Kinds at a frame that only change how it travels."""


class Fault(BaseModel):
    """One order of something to go wrong."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    kind: Kind
    at: Place = "delta"
    """Where, for kinds that strike at a frame or a request."""
    nth: int = Field(default=1, ge=1)
    """Which frame of that sort in one response, counted from 1."""
    on: Operation | None = None
    """Which calls. By default: `chat` for refuse and for at=request|response, chat and submit for frames."""
    times: int = Field(default=1, ge=1)
    """How often it strikes."""
    matching: str = ""
    """A regular expression; strikes only in chats whose user text it finds. Not for request faults."""
    seconds: float = Field(default=1.0, ge=0)
    """For stall and slow."""
    code: int = 5000
    """For refuse, error_event and chat_failed."""
    msg: str = ""
    """Goes with `code`; Coze's own text by default."""
    tool: str = ""
    """For two_calls, second_action and unknown_tool: the tool's name."""
    arguments: dict[str, Any] = Field(default_factory=dict)
    """For two_calls and second_action."""
    count: int = Field(default=20_000, ge=1)
    """For huge: how many deltas."""

    @property
    def is_about_request(self) -> bool:
        """Whether it strikes outside the frames of a stream."""
        return self.kind in WHOLE_REQUEST or self.at in ("request", "response")

    def fits_operation(self, operation: str) -> bool:
        """Whether it is meant for this sort of call."""
        if self.on == "any":
            return True
        if self.on is None:
            return operation == "chat" or (operation == "submit" and not self.is_about_request)
        return self.on == operation


class Struck:
    """A fault that was ordered, and how often it has struck."""

    def __init__(self, fault: Fault, rule: str | None = None) -> None:
        self.fault = fault
        self.rule = rule
        self.struck = 0

    @property
    def spent(self) -> bool:
        """Whether it has struck as often as it was to."""
        return self.struck >= self.fault.times


class Armed:
    """The faults that may strike in one response, with the frames counted so far."""

    def __init__(self, faults: Faults, orders: Iterable[Struck]) -> None:
        self._faults = faults
        self._orders = list(orders)
        self._seen: Counter[str] = Counter()

    def count(self, sort: str) -> None:
        """Note that a frame of this sort is next."""
        self._seen[sort] += 1

    def now(self, sort: str, kinds: Collection[str]) -> Fault | None:
        """The fault of these kinds that strikes at the frame counted last, if any."""
        for order in self._orders:
            fault = order.fault
            if fault.kind in kinds and fault.at == sort and fault.nth == self._seen[sort]:
                return fault if self._faults.spend(order) else None
        return None


class Faults:
    """All orders. They come from any thread; they strike on the serving one."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._orders: list[Struck] = []

    def order(self, fault: Fault, rule: str | None = None) -> Struck:
        """Add one; the newest strikes last."""
        ordered = Struck(fault, rule)
        with self._lock:
            self._orders.append(ordered)
        return ordered

    def clear(self) -> None:
        """Forget all that have not struck yet."""
        with self._lock:
            self._orders.clear()

    def spend(self, order: Struck) -> bool:
        """Let one strike, unless it is spent."""
        with self._lock:
            if order.spent:
                return False
            order.struck += 1
            return True

    def at_request(self, operation: str, place: Literal["request", "response"]) -> Fault | None:
        """The fault that strikes a whole request here, if any."""
        for order in self._open():
            fault = order.fault
            if order.rule is not None or fault.matching or not fault.is_about_request:
                continue
            where = "request" if fault.kind in WHOLE_REQUEST else fault.at
            if where == place and fault.fits_operation(operation) and self.spend(order):
                return fault
        return None

    def at_chat(self, rule: str, text: str) -> Fault | None:
        """The refusal or delay that is meant for this user text or rule, if any."""
        for order in self._open():
            if order.fault.kind not in WHOLE_REQUEST or not order.fault.fits_operation("chat"):
                continue
            if (order.rule or order.fault.matching) and _fits_chat(order, rule, text) and self.spend(order):
                return order.fault
        return None

    def in_play(self, kind: Kind, rule: str, text: str) -> Fault | None:
        """The fault of this kind in what the Bot does, if any."""
        for order in self._open():
            if order.fault.kind == kind and _fits_chat(order, rule, text) and self.spend(order):
                return order.fault
        return None

    def arm(self, operation: str, rule: str, text: str) -> Armed:
        """Those that may strike at the frames of one response."""
        return Armed(
            self,
            [
                order
                for order in self._open()
                if order.fault.kind in CHAT_KINDS | WIRE_KINDS
                and not order.fault.is_about_request
                and order.fault.fits_operation(operation)
                and _fits_chat(order, rule, text)
            ],
        )

    def _open(self) -> list[Struck]:
        with self._lock:
            return [order for order in self._orders if not order.spent]


def _fits_chat(order: Struck, rule: str, text: str) -> bool:
    if order.rule is not None and order.rule != rule:
        return False
    return not order.fault.matching or re.search(order.fault.matching, text) is not None
