"""The model of a bridge request: what the queue keeps, the HTTP body serialises and the screen shows."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Final, Literal, get_args

if TYPE_CHECKING:
    from c2jy_bridge.core.events import Problem

IntakeName = Literal["http", "mailbox"]
"""Intakes of bridge mode, as the settings name them."""
INTAKES: Final[tuple[IntakeName, ...]] = get_args(IntakeName)
RequestSource = Literal[IntakeName, "workflow"]
"""Where a tool call of the bridge comes from: an intake, or a cloud workflow that is run from here."""
SOURCES: Final[tuple[str, ...]] = get_args(RequestSource)

RelayMode = Literal["bot", "direct", "chat"]
"""How it is run: through a Bot chat of ours, without a Bot, or in a Bot chat that the workflow has begun."""
RELAY_MODES: Final[tuple[str, ...]] = get_args(RelayMode)


class State(StrEnum):
    """State of a bridge request."""

    QUEUED = "queued"
    RELAYING = "relaying"
    """The Bot has been asked and has not called the tool yet."""
    RUNNING = "running"
    """The tool is running."""
    NEEDS_LOGIN = "needs_login"
    """Coze rejects the token: the request is parked, and its timeout with it, until Coze accepts one."""
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    CANCELLED = "cancelled"


ENDED: Final = frozenset({State.SUCCEEDED, State.FAILED, State.CANCELLED})


@dataclass(frozen=True, slots=True)
class ChatRef:
    """A Bot chat in which a request was relayed."""

    turn_id: str
    conversation_id: str
    chat_id: str
    is_open: bool = True
    """No end of it was seen."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BridgeRequest:
    """One bridge request; times are Unix seconds."""

    seq: int = 0
    """Its position in the order of acceptance."""
    request_id: str
    tool: str
    arguments: str
    """A JSON object as text."""
    source: RequestSource
    requester: str = ""
    """Whose idempotency keys they are, within one intake."""
    idempotency_key: str = ""
    relay: RelayMode
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
    """The tool's output: a JSON object as text."""
    problem: Problem | None = None
    """Why it failed; of an open request, what went wrong last."""
    cancel_wanted: bool = False
    reply_to: str = ""
    """The key of the earlier request whose requester waits for the answer, when this one repeats it."""

    @property
    def rid(self) -> str:
        """The key under which its requester looks for the answer; empty when nobody does."""
        return self.idempotency_key or self.reply_to

    @property
    def ended(self) -> bool:
        """Whether nothing can change any more."""
        return self.state in ENDED
