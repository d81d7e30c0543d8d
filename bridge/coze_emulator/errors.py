"""Coze's error codes, their messages and HTTP statuses."""

from __future__ import annotations

from typing import Final

PARAMETER: Final = 4000
RATE_LIMITED: Final = 4013
OCCUPIED: Final = 4016
UNAUTHENTICATED: Final = 4100
FORBIDDEN: Final = 4101
NOT_CANCELLABLE: Final = 4104
NOT_FOUND: Final = 4200
INTERNAL: Final = 5000

_OCCUPIED_TEXT: Final = (  # verbatim from Coze
    "Conversation occupied: Another chat is currently active. Please wait for the ongoing chat to complete "
    "or create a new conversation to start a separate chat. Ensure only one chat runs at a time within the "
    "same conversation."
)
MESSAGES: Final[dict[int, str]] = {
    PARAMETER: "Request parameter error",
    RATE_LIMITED: "The request frequency exceeds the limit. Please try again later.",
    OCCUPIED: _OCCUPIED_TEXT,
    UNAUTHENTICATED: "authentication is invalid",
    FORBIDDEN: "You do not have permission to access this resource.",
    NOT_CANCELLABLE: "The chat cannot be cancelled in its current status.",
    NOT_FOUND: "The requested resource does not exist or is not published.",
    INTERNAL: "internal server error",
}
STATUSES: Final[dict[int, int]] = {RATE_LIMITED: 429, UNAUTHENTICATED: 401, FORBIDDEN: 403}
"""HTTP statuses by code; 200 for the others (what live Coze sends is not documented)."""


class CozeError(Exception):
    """A refusal in Coze's own form, `{code, msg, detail: {logid}}`."""

    def __init__(self, code: int, msg: str = "", status: int | None = None) -> None:
        self.code = code
        self.msg = msg or MESSAGES.get(code, "unknown error")
        self.status = STATUSES.get(code, 200) if status is None else status
        super().__init__(f"{self.code}: {self.msg}")


def bad_parameter(what: str) -> CozeError:
    """A 4000 that names the parameter."""
    return CozeError(PARAMETER, f"{MESSAGES[PARAMETER]}: {what}")
