"""Routes of the OAuth device login (Coze docs, oauth_device_code).

Opening the `verification_url` allows a code at once, with `&answer=deny` it denies it; otherwise it is
allowed after `device_polls` polls.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import Final, Literal

from fastapi import APIRouter, Response
from pydantic import BaseModel
from starlette.responses import HTMLResponse, JSONResponse

from coze_emulator.server_state import ServerState

_GRANT: Final = "urn:ietf:params:oauth:grant-type:device_code"
_LIFETIME_S: Final = 300
_INTERVAL_S: Final = 5
_TOKEN_LIFETIME_S: Final = 15 * 60
"""An OAuth token of Coze lasts 15 minutes, its refresh token 30 days (Coze docs, oauth_device_code)."""


@dataclass(slots=True)
class _Device:
    client_id: str
    device_code: str
    user_code: str
    ends_at: float
    polls: int = 0
    polled_at: float = 0.0
    answer: str = ""
    """`allow` or `deny`; empty: the user has not answered yet."""


class CodeBody(BaseModel):
    """POST /api/permission/oauth2/device/code."""

    client_id: str = ""


class TokenBody(BaseModel):
    """POST /api/permission/oauth2/token."""

    client_id: str = ""
    grant_type: str = ""
    device_code: str = ""
    refresh_token: str = ""


def routes(state: ServerState) -> APIRouter:
    """The routes of the device flow; they have no envelope."""
    router = APIRouter(prefix="/api/permission/oauth2")
    devices: dict[str, _Device] = {}
    refresh_tokens: set[str] = set()

    def secret(purpose: str) -> str:
        return hashlib.sha256(f"{purpose} {state.ids.next()}".encode()).hexdigest()

    def grant() -> JSONResponse:
        token, refresh = f"czu_{secret('access')[:48]}", secret("refresh")
        state.issued_tokens.add(token)
        refresh_tokens.add(refresh)
        return JSONResponse(
            {
                "access_token": token,
                "expires_in": state.now() + _TOKEN_LIFETIME_S,
                "refresh_token": refresh,
                "token_type": "Bearer",
            }
        )

    def refuse(code: str, message: str) -> JSONResponse:
        # The docs name the fields error and error_description; cozepy 0.20 reads the two others.
        body = {"error": code, "error_description": message, "error_code": code, "error_message": message}
        return JSONResponse(body, status_code=400)

    @router.post("/device/code")
    @router.post("/workspace_id/{workspace_id}/device/code")
    async def code(body: CodeBody, workspace_id: str = "") -> Response:
        if not body.client_id:
            return refuse("invalid_request", "client_id is required")
        device = _Device(
            client_id=body.client_id,
            device_code=secret("device"),
            user_code=secret("user")[:8].upper(),
            ends_at=state.clock() + _LIFETIME_S,
        )
        devices[device.device_code] = device
        return JSONResponse(
            {
                "device_code": device.device_code,
                "user_code": device.user_code,
                "verification_uri": f"{state.origin}/api/permission/oauth2/device",
                "expires_in": _LIFETIME_S,
                "interval": _INTERVAL_S,
            }
        )

    @router.get("/device")
    async def page(user_code: str = "", answer: Literal["allow", "deny"] = "allow") -> Response:
        for device in devices.values():
            if device.user_code == user_code:
                device.answer = answer
                done = "Allowed" if answer == "allow" else "Denied"
                return HTMLResponse(
                    f"<!doctype html><title>{done}</title><p>{done}. Go back to your terminal.</p>"
                )
        return HTMLResponse(
            "<!doctype html><title>Unknown</title><p>There is no such code.</p>", status_code=404
        )

    @router.post("/token")
    async def token(body: TokenBody) -> Response:
        if body.grant_type == "refresh_token":
            if body.refresh_token not in refresh_tokens:
                return refuse("invalid_request", "the refresh token is not valid")
            refresh_tokens.remove(body.refresh_token)
            return grant()
        if body.grant_type != _GRANT:
            return refuse("unsupported_grant_type", f"this emulator grants {_GRANT} and refresh_token")
        device = devices.get(body.device_code)
        if device is None or device.client_id != body.client_id:
            return refuse("invalid_request", "the device code is not valid")
        if state.clock() > device.ends_at:
            return refuse("expired_token", "the device code has expired")
        if device.answer == "deny":
            return refuse("access_denied", "the user has denied the request")
        device.polls += 1
        soon, device.polled_at = state.clock() - device.polled_at < _INTERVAL_S, state.clock()
        if not device.answer and device.polls <= state.device_polls:
            if soon:
                return refuse("slow_down", f"poll every {_INTERVAL_S} seconds at most")
            return refuse("authorization_pending", "the user has not allowed it yet")
        del devices[body.device_code]
        return grant()

    return router
