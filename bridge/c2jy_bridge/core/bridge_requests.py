"""The model of a bridge request, shared by the queue, the HTTP bodies and the UI."""

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
"""Origin of a bridge request: an intake, or a cloud workflow run by this app."""
SOURCES: Final[tuple[str, ...]] = get_args(RequestSource)

RelayMode = Literal["bot", "direct", "chat"]
"""How it is run: in a Bot chat of ours, without a Bot, or in a Bot chat that the workflow started."""
RELAY_MODES: Final[tuple[str, ...]] = get_args(RelayMode)


class State(StrEnum):
    """State of a bridge request."""

    QUEUED = "queued"
    RELAYING = "relaying"
    """The Bot has not called the tool yet."""
    RUNNING = "running"
    NEEDS_LOGIN = "needs_login"
    """Coze rejects the token: the request and its timeout are suspended until Coze accepts one."""
    NEEDS_QUOTA = "needs_quota"
    """The account's quota is used up: the request and its timeout are suspended until there is some."""
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    CANCELLED = "cancelled"


Delivery = Literal["", "zip"]
"""What the requester gets besides the result: nothing, or the drafts made, packed."""


@dataclass(frozen=True, slots=True)
class Artifact:
    """A file that a request has made, kept for its requester."""

    name: str
    """Unique among the request's artifacts, for people; no path."""
    media_type: str
    size_bytes: int
    sha256: str
    """Of the file, as hexadecimal digits."""


ENDED: Final = frozenset({State.SUCCEEDED, State.FAILED, State.CANCELLED})
PARKED: Final = frozenset({State.NEEDS_LOGIN, State.NEEDS_QUOTA})


@dataclass(frozen=True, slots=True)
class ChatRef:
    """A Bot chat in which a request was relayed."""

    turn_id: str
    conversation_id: str
    chat_id: str
    is_open: bool = True
    """Whether it has not been seen to end."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BridgeRequest:
    """One bridge request; times are Unix seconds."""

    seq: int = 0
    """Position in the order of acceptance."""
    request_id: str
    tool: str
    arguments: str
    """A JSON object as text."""
    source: RequestSource
    requester: str = ""
    """Owner of the idempotency key, within one intake."""
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
    """The id of the tool call, once there is one."""
    result: str = ""
    """The tool's output: a JSON object as text."""
    problem: Problem | None = None
    """Why it failed; of an open request, its last error."""
    cancel_wanted: bool = False
    reply_to: str = ""
    """The key of the earlier request that this one repeats for the same requester."""
    deliver: Delivery = ""
    artifacts: tuple[Artifact, ...] = ()
    """What was delivered; kept for a while."""
    machine: str = ""
    """In a studio, the machine that has it or had it last."""

    @property
    def rid(self) -> str:
        """The key under which its requester looks for the answer, or empty."""
        return self.idempotency_key or self.reply_to

    @property
    def ended(self) -> bool:
        """Whether its state is final."""
        return self.state in ENDED
