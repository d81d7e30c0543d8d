"""Data of the request queue, who hears of its changes, problems of bridge mode, JSON in canonical form."""

from __future__ import annotations

import asyncio
import hashlib
import json
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field, replace
from typing import Any, Final, Literal

from c2jy_bridge.core import i18n
from c2jy_bridge.core.bridge_requests import (
    Artifact,
    BridgeRequest,
    Delivery,
    RelayMode,
    RequestSource,
    State,
)
from c2jy_bridge.core.events import BridgeRequestChanged, Event, Outcome, Problem
from c2jy_bridge.core.strict_json import Limits, StrictJsonError, loads

TAKE_UP: Final = "take_up_chat"
"""Recorded as the tool of a request that attaches to a whole chat (`relay` is `chat`)."""


class KeyReused(ValueError):
    """The idempotency key belongs to another request; `request_id` is that one's."""

    def __init__(self, request_id: str) -> None:
        super().__init__(request_id)
        self.request_id = request_id


class QueueFull(RuntimeError):
    """The limit of open requests is reached; nothing was accepted."""


class QueueUnavailable(RuntimeError):
    """The servers that hold the queue are away or have no room; whether it was changed is not known."""


class LeaseLost(RuntimeError):
    """The request has ended or another worker has it: nothing was written, stop."""


@dataclass(frozen=True, slots=True)
class Submission:
    """A request as an intake submits it; `requester` scopes the idempotency keys within that intake."""

    tool: str
    arguments: dict[str, Any]
    source: RequestSource
    requester: str = ""
    idempotency_key: str = ""
    relay: RelayMode = "bot"
    timeout_s: float = 900.0
    submitted_at: float | None = None
    """Unix seconds from which the timeout counts, when it was sent earlier than it arrived here."""
    reply_to: str = ""
    target: str = ""
    """Where it may run, in a studio: anywhere, or `label:<label>` or `machine:<name>`."""
    deliver: Delivery = ""
    arguments_json: str = field(init=False, repr=False)
    """The arguments as they are checked, stored and run."""

    def __post_init__(self) -> None:
        object.__setattr__(self, "arguments_json", json.dumps(self.arguments, ensure_ascii=False))

    @property
    def fingerprint(self) -> str:
        """Must be equal for two submissions under one key to be the same request."""
        return fingerprint(self.tool, self.arguments, *([self.deliver] if self.deliver else []))


@dataclass(frozen=True, slots=True)
class Accepted:
    """An accepted submission; `created` is False when its key belonged to this request already."""

    request: BridgeRequest
    created: bool


@dataclass(frozen=True, slots=True)
class Ending:
    """How a request ends."""

    state: Literal[State.SUCCEEDED, State.FAILED, State.CANCELLED]
    result: str = ""
    problem: Problem | None = None
    artifacts: tuple[Artifact, ...] = ()


@dataclass(frozen=True, slots=True)
class Change:
    """A request entered a state; `seq` grows with every change of any request."""

    seq: int
    request_id: str
    state: State
    attempts: int
    at: float


@dataclass(frozen=True, slots=True)
class Lease:
    """The right to work on a request for a while; a later claim has a higher `claim`."""

    request: BridgeRequest
    claim: int
    takeovers: int = 0
    """How often it was claimed after a worker had left it unfinished."""
    handle_digest: str = field(default="", repr=False)
    """SHA-256 of the newest handle that the Bot was given."""
    handle_used_by: str = ""
    """The Coze call that used the handle: `chat_id/tool_call_id`."""


class ChangeNotifier:
    """Announces changes after they are durable; for one event loop."""

    def __init__(self, emit: Callable[[Event], Awaitable[None]], clock: Callable[[], float]) -> None:
        self._emit = emit
        self._clock = clock
        self._next = asyncio.Event()

    async def notify(self, request: BridgeRequest) -> None:
        """Emit a BridgeRequestChanged and release those who wait."""
        self._next.set()
        self._next = asyncio.Event()
        await self._emit(
            BridgeRequestChanged(
                at=self._clock(),
                request_id=request.request_id,
                state=request.state,
                tool=request.tool,
                problem=request.problem,
            )
        )

    def next(self) -> asyncio.Event:
        """Set at the next change of any request. Take it, then read, then wait: nothing is missed."""
        return self._next


say = i18n.catalogue("relay")

LONGEST_WORDS: Final = 500
"""Characters of a Bot's answer that a problem quotes."""

TRANSIENT: Final = frozenset({"network", "rate_limited", "server", "conversation_busy", "stream_dropped"})
"""Kinds of problems that may not recur on another try, later or in another conversation."""

UNREACHABLE: Final = frozenset({"network", "rate_limited"})
"""Those of them after which the Bot has not been asked: an attempt that does not count."""

OUTAGE: Final = UNREACHABLE | {"server"}
"""Those of them that all requests would meet."""

PARKED_BY: Final = {
    "unauthorized": State.NEEDS_LOGIN,
    "token_missing": State.NEEDS_LOGIN,
    "token_malformed": State.NEEDS_LOGIN,
    "quota": State.NEEDS_QUOTA,
}
"""Kinds of problems that no retry ends: only a token which Coze accepts, or quota, does."""


def bridge_problem(kind: str, **values: object) -> Problem:
    """A problem of the bridge itself; its texts are under `problem.<kind>` and `hint.<kind>`."""
    return Problem(kind=kind, message=say(f"problem.{kind}", **values), hint=say(f"hint.{kind}", **values))


def parked_problem(state: State, why: Problem) -> Problem:
    """The problem of requests that are parked in that state."""
    return replace(bridge_problem(state.value, why=why.message), code=why.code, logid=why.logid)


class BridgeProblem(Exception):
    """Bridge mode cannot start; `problem` says why and what to do."""

    def __init__(self, problem: Problem) -> None:
        super().__init__(problem.message)
        self.problem = problem


class RequestRefused(ValueError):
    """A submission that cannot succeed; nothing was accepted.

    `problem` says why (its kind is `unknown_tool`, `tool_denied` or `bad_arguments`), `faults` are sentences
    that begin with the JSON path.
    """

    def __init__(self, problem: Problem, faults: tuple[str, ...] = ()) -> None:
        super().__init__(f"{problem.message} {problem.hint}".strip())
        self.problem = problem
        self.faults = faults


def tool_not_called(tool: str, words: str) -> Problem:
    """The Bot never called the tool, though asked again; `words` is what it answered instead."""
    quoted = " ".join(words.split())[:LONGEST_WORDS] or say("problem.nothing_said")
    return bridge_problem("tool_not_called", tool=tool, words=quoted)


def ending_of(tool: str, outcome: Outcome, output: str, error: str) -> Ending:
    """The end of a request whose tool ended this way."""
    match outcome:
        case Outcome.OK:
            return Ending(State.SUCCEEDED, output)
        case Outcome.CANCELLED:
            return Ending(State.CANCELLED, output)
        case Outcome.DENIED:
            kind = "tool_denied"
        case Outcome.TIMED_OUT:
            kind = "tool_timed_out"
        case Outcome.ERROR:
            kind = "tool_failed"
    return Ending(State.FAILED, output, bridge_problem(kind, tool=tool, why=error))


MAX_DEPTH: Final = 100
"""Deepest nesting taken. A tool's arguments need about ten."""
_LIMITS: Final = Limits(max_depth=MAX_DEPTH, object_only=True)
_REASONS: Final = {
    "cut_off": "syntax",
    "surrogate": "encoding",
    "not_finite": "number",
    "integer": "number",
}
_EXACT: Final = 2**53
"""Below this a float that is whole has the same value as the integer."""
# Made once: `json.dumps` makes a new one for every call that asks for anything special.
_ENCODER: Final = json.JSONEncoder(sort_keys=True, separators=(",", ":"), ensure_ascii=False)


class NotPlainJson(ValueError):
    """The text is refused; `reason` is a stable word, and nothing of the text is quoted.

    Reasons: `encoding`, `syntax`, `depth`, `duplicate_key`, `number`, `not_object`.
    """

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


def read_object(data: bytes | str) -> dict[str, Any]:
    """Parse one JSON object; raises NotPlainJson when it is not UTF-8, not an object, or ambiguous."""
    try:
        value: dict[str, Any] = loads(data, _LIMITS)
    except StrictJsonError as error:
        raise NotPlainJson(_REASONS.get(error.fault.reason, error.fault.reason)) from None
    return value


def canonical(value: Any) -> str:
    """The same text for the same value: sorted keys, no white space, 1.0 as 1 (the idea of RFC 8785)."""
    return _ENCODER.encode(_plain(value))


def fingerprint(*values: Any) -> str:
    """SHA-256 of values in canonical form, as hexadecimal digits."""
    return hashlib.sha256(canonical(values).encode("utf-8", "surrogatepass")).hexdigest()


def same(one: str, other: str) -> bool:
    """Whether two JSON texts mean the same object; False when either is refused."""
    try:
        return canonical(read_object(one)) == canonical(read_object(other))
    except NotPlainJson:
        return False


def _plain(value: Any) -> Any:
    if isinstance(value, float) and value.is_integer() and abs(value) < _EXACT:
        return int(value)
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    return value
