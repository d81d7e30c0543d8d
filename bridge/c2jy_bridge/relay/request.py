"""A bridge request: one tool call wanted by somebody else, from the wish to its end."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Final, Literal

from c2jy_bridge.core.events import Problem
from c2jy_bridge.relay.canonical import fingerprint

Intake = Literal["http", "mailbox", "workflow"]
"""The way by which a request came in."""

Relay = Literal["bot", "direct", "chat"]
"""How it is run: through a Bot chat of ours, without a Bot, or in a Bot chat that the workflow has begun."""

TAKE_UP: Final = "take_up_chat"
"""What stands for a tool where the whole chat is to be taken up (`relay` is `chat`)."""


class State(StrEnum):
    """Where a request is."""

    QUEUED = "queued"
    RELAYING = "relaying"
    """The Bot has been asked and has not called yet."""
    RUNNING = "running"
    """The tool is at work."""
    NEEDS_LOGIN = "needs_login"
    """Coze does not take the token: it rests, and its time with it, until Coze takes one."""
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    CANCELLED = "cancelled"


ENDED: Final = frozenset({State.SUCCEEDED, State.FAILED, State.CANCELLED})


@dataclass(frozen=True, slots=True)
class Wanted:
    """What somebody asks for. `requester` says whose idempotency keys they are, within one intake."""

    tool: str
    arguments: dict[str, Any]
    source: Intake
    requester: str = ""
    idempotency_key: str = ""
    relay: Relay = "bot"
    timeout_s: float = 900.0
    wanted_at: float | None = None
    """Unix seconds from which the time runs, when it was asked for earlier than it arrived here."""
    reply_to: str = ""
    """The key of whoever waits for the answer, when it is not this wish's own: it is asked for again."""

    @property
    def fingerprint(self) -> str:
        """What must be the same for two wishes under one key to be one."""
        return fingerprint(self.tool, self.arguments)

    @property
    def arguments_json(self) -> str:
        """The arguments as they are kept and run."""
        return json.dumps(self.arguments, ensure_ascii=False)


@dataclass(frozen=True, slots=True)
class ChatRef:
    """A Bot chat in which a request was relayed."""

    turn_id: str
    conversation_id: str
    chat_id: str
    is_open: bool = True
    """No end of it was seen."""


@dataclass(frozen=True, slots=True)
class BridgeRequest:
    """One request as it is kept; times are Unix seconds."""

    seq: int
    """Its place in the order of acceptance."""
    request_id: str
    tool: str
    arguments: str
    """A JSON object as text."""
    source: Intake
    requester: str
    idempotency_key: str
    relay: Relay
    state: State
    accepted_at: float
    expires_at: float
    changed_at: float
    finished_at: float | None = None
    attempts: int = 0
    """How often the Bot was asked."""
    chats: tuple[ChatRef, ...] = ()
    call_id: str = ""
    """The tool call in the inspector, once there is one."""
    result: str = ""
    """What the tool gave back: a JSON object as text."""
    problem: Problem | None = None
    """Why it failed; of an open request, what went wrong last."""
    cancel_wanted: bool = False
    reply_to: str = ""
    """See `Wanted.reply_to`."""

    @property
    def rid(self) -> str:
        """The key under which its requester looks for the answer; empty when nobody does."""
        return self.idempotency_key or self.reply_to

    @property
    def ended(self) -> bool:
        """Whether nothing can change any more."""
        return self.state in ENDED


@dataclass(frozen=True, slots=True)
class Ending:
    """How a request ends."""

    state: Literal[State.SUCCEEDED, State.FAILED, State.CANCELLED]
    result: str = ""
    problem: Problem | None = None


@dataclass(frozen=True, slots=True)
class Change:
    """A request came to a state; `seq` grows with every change of any request."""

    seq: int
    request_id: str
    state: State
    attempts: int
    at: float


@dataclass(frozen=True, slots=True)
class Lease:
    """The right to work on a request for a while. Whoever claims it later has a higher `claim`."""

    request: BridgeRequest
    claim: int
    takeovers: int = 0
    """How often it was taken up after a worker had left it in the middle."""
    handle_digest: str = field(default="", repr=False)
    """SHA-256 of the handle that the Bot was given last."""
    handle_used_by: str = ""
    """The Coze call that used the handle: `chat_id/tool_call_id`."""
