"""Fault injection: what can go wrong, where and how often.

    emulator.add_fault("tear", at="delta", nth=3)                  half of the third delta, then the TCP end
    emulator.add_fault("drop", at="requires_action")               the call arrived, then the stream is gone
    emulator.add_fault("drop", on="submit", at="response")         outputs accepted, not a byte of an answer
    emulator.add_fault("refuse", on="submit", code=5000, times=2)  two refusals, then normal answers

A fault triggers `times` times. The object that `add_fault` returns counts them (`hits`).
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
malformed_arguments: arguments that are not JSON; unknown_tool: a tool that does not exist; no_call: the Bot
talks instead of calling; huge: an answer of `count` deltas."""

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
"""request: before it is processed; response: after processing, before the first byte; else: at a frame."""

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
"""Kinds that apply to a whole request, whatever `at` is."""
CHAT_KINDS: Final[frozenset[str]] = frozenset({"unknown_event", "knowledge", "error_event", "chat_failed"})
"""Kinds at a frame that change the content of the chat."""
WIRE_KINDS: Final[frozenset[str]] = frozenset({"drop", "reset", "tear", "eof", "stall", "comments"})
"""Kinds at a frame that only affect its transport."""


class Fault(BaseModel):
    """One fault to inject."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    kind: Kind
    at: Place = "delta"
    """Where, for kinds that apply at a frame or a request."""
    nth: int = Field(default=1, ge=1)
    """Which frame of that kind in one response, counted from 1."""
    on: Operation | None = None
    """Which operations; by default chat for refuse and at=request|response, chat and submit for frames."""
    times: int = Field(default=1, ge=1)
    """How often it triggers."""
    matching: str = ""
    """A regular expression that the user text must contain. Not for request faults."""
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
        """Whether it applies outside the frames of a stream."""
        return self.kind in WHOLE_REQUEST or self.at in ("request", "response")

    def fits_operation(self, operation: str) -> bool:
        """Whether it applies to this operation."""
        if self.on == "any":
            return True
        if self.on is None:
            return operation == "chat" or (operation == "submit" and not self.is_about_request)
        return self.on == operation


class InjectedFault:
    """A fault in the injector, and how often it has triggered."""

    def __init__(self, fault: Fault, rule: str | None = None) -> None:
        self.fault = fault
        self.rule = rule
        self.hits = 0

    @property
    def exhausted(self) -> bool:
        """Whether it has triggered `times` times."""
        return self.hits >= self.fault.times

    def fits_chat(self, rule: str, text: str) -> bool:
        """Whether it applies to a chat of this rule and user text."""
        if self.rule is not None and self.rule != rule:
            return False
        return not self.fault.matching or re.search(self.fault.matching, text) is not None


class FrameFaults:
    """The faults that may trigger in one response, with the frames counted so far."""

    def __init__(self, injector: FaultInjector, faults: Iterable[InjectedFault]) -> None:
        self._injector = injector
        self._faults = list(faults)
        self._counts: Counter[str] = Counter()

    def count(self, kind: str) -> None:
        """Count the next frame."""
        self._counts[kind] += 1

    def at_frame(self, frame: str, kinds: Collection[str]) -> Fault | None:
        """The fault of these kinds that triggers at the frame counted last, if any."""
        for injected in self._faults:
            fault = injected.fault
            if fault.kind in kinds and fault.at == frame and fault.nth == self._counts[frame]:
                return fault if self._injector.trigger(injected) else None
        return None


class FaultInjector:
    """All faults of one emulator. Any thread adds them; they trigger on the serving one, oldest first."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._faults: list[InjectedFault] = []

    def add(self, fault: Fault, rule: str | None = None) -> InjectedFault:
        """Add a fault, for one rule only when that is given."""
        injected = InjectedFault(fault, rule)
        with self._lock:
            self._faults.append(injected)
        return injected

    def clear(self) -> None:
        """Remove all faults."""
        with self._lock:
            self._faults.clear()

    def trigger(self, injected: InjectedFault) -> bool:
        """Count a hit, unless the fault is exhausted."""
        with self._lock:
            if injected.exhausted:
                return False
            injected.hits += 1
            return True

    def at_request(self, operation: str, place: Literal["request", "response"]) -> Fault | None:
        """The fault that applies to a whole request at this place, if any."""
        for injected in self._active():
            fault = injected.fault
            if injected.rule is not None or fault.matching or not fault.is_about_request:
                continue
            where = "request" if fault.kind in WHOLE_REQUEST else fault.at
            if where == place and fault.fits_operation(operation) and self.trigger(injected):
                return fault
        return None

    def at_chat(self, rule: str, text: str) -> Fault | None:
        """The refusal or delay for this user text or rule, if any."""
        for injected in self._active():
            fault = injected.fault
            if fault.kind not in WHOLE_REQUEST or not fault.fits_operation("chat"):
                continue
            if (
                (injected.rule or fault.matching)
                and injected.fits_chat(rule, text)
                and self.trigger(injected)
            ):
                return fault
        return None

    def in_bot(self, kind: Kind, rule: str, text: str) -> Fault | None:
        """The fault of this kind in the Bot's behaviour, if any."""
        for injected in self._active():
            if injected.fault.kind == kind and injected.fits_chat(rule, text) and self.trigger(injected):
                return injected.fault
        return None

    def for_frames(self, operation: str, rule: str, text: str) -> FrameFaults:
        """The faults that may trigger at the frames of one response."""
        return FrameFaults(
            self,
            [
                injected
                for injected in self._active()
                if injected.fault.kind in CHAT_KINDS | WIRE_KINDS
                and not injected.fault.is_about_request
                and injected.fault.fits_operation(operation)
                and injected.fits_chat(rule, text)
            ],
        )

    def _active(self) -> list[InjectedFault]:
        with self._lock:
            return [injected for injected in self._faults if not injected.exhausted]
