"""Signing in to Coze: a token that was pasted, or one of the OAuth device login that is renewed in time.

Kept in the vault (keyring, else a file of mode 0600) and sent to no host but the one that issued it.
"""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Awaitable, Callable
from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlsplit

from c2jy_bridge.core.settings import Settings
from c2jy_bridge.core.vault import Vault, system_keyring
from c2jy_bridge.coze.errors import CozeProblem, is_network, local_problem, problem_of, site_of
from c2jy_bridge.coze.reaching import proxy_or_problem, quiet_cozepy

if TYPE_CHECKING:
    from cozepy import DeviceOAuthApp, OAuthToken
    from cozepy.auth import Auth

NAME: Final = "coze-login"
_EARLY_S: Final = 60.0
"""Seconds before its end at which a token is renewed: clocks differ, requests take time."""
_SLOWER_S: Final = 5.0
_SLOWEST_S: Final = 30.0
"""slow_down: 5 s more between two polls (RFC 8628, 3.5), up to 30 as in cozepy 0.20."""


@dataclass(frozen=True, slots=True)
class Kept:
    """What the vault holds; the OAuth fields are empty for a pasted token."""

    token: str
    api_base: str
    refresh_token: str = ""
    expires_at: float = 0.0
    """Unix seconds; 0: never."""
    client_id: str = ""


@dataclass(frozen=True, slots=True)
class DeviceCode:
    """A device login that waits for its user."""

    user_code: str
    url: str
    """The page to open, with the code in it."""
    device_code: str
    interval_s: float
    expires_at: float
    """Unix seconds."""


class Login:
    """The stored login of one data folder, for one Coze address; shared by all of its processes."""

    def __init__(self, vault: Vault, api_base: str, clock: Callable[[], float] = time.time) -> None:
        self._vault = vault
        self._api_base = api_base.rstrip("/")
        self._clock = clock

    def kept(self) -> Kept | None:
        """The login, unless there is none for this address; reads the disk or the keyring.

        Raises:
            OSError: It cannot be read.
        """
        return self._read(self._vault.get(NAME))

    def keep_token(self, token: str) -> None:
        """Store a personal access token; raises OSError when it cannot be written."""
        self._write(Kept(token.strip(), self._api_base))

    def forget(self) -> bool:
        """Remove the login, for whatever address; False when there was none.

        Coze documents no way to revoke a token by a request: it ends by itself or on Coze's page.
        """
        if not self._vault.get(NAME):
            return False
        self._vault.update(NAME, lambda _: "")
        return True

    # --- the OAuth device login: each call sends one request, in a thread ---------------------------

    async def begin(self, client_id: str) -> DeviceCode:
        """Ask for a code that the user enters on Coze's page.

        Args:
            client_id: The client id of the user's OAuth app, of the kind for devices.

        Raises:
            CozeProblem: Coze refuses it, or cannot be reached.
        """
        app = await self._translated(asyncio.to_thread(device_app, client_id, self._api_base))
        code = await self._translated(asyncio.to_thread(app.get_device_code))
        url = code.verification_url or code.verification_uri
        ends = self._clock() + code.expires_in
        return DeviceCode(code.user_code, url, code.device_code, float(code.interval or 5), ends)

    async def wait(
        self,
        client_id: str,
        code: DeviceCode,
        sleep: Callable[[float], Awaitable[object]] = asyncio.sleep,
    ) -> None:
        """Poll until the user has answered on Coze's page, and store the token.

        cozepy's own polling sleeps in the event loop and does not end with the code.

        Raises:
            CozeProblem: The user refused, the code has expired, or Coze answers something else.
            OSError: The token cannot be written.
        """
        from cozepy.exception import CozePKCEAuthError, CozePKCEAuthErrorType

        app = await self._translated(asyncio.to_thread(device_app, client_id, self._api_base))
        interval = code.interval_s
        while self._clock() < code.expires_at:
            await sleep(interval)
            try:
                token = await asyncio.to_thread(app.get_access_token, code.device_code)
            except CozePKCEAuthError as error:
                match error.error:
                    case CozePKCEAuthErrorType.AUTHORIZATION_PENDING:
                        continue
                    case CozePKCEAuthErrorType.SLOW_DOWN:
                        interval = min(interval + _SLOWER_S, _SLOWEST_S)
                        continue
                    case CozePKCEAuthErrorType.ACCESS_DENIED:
                        raise CozeProblem(local_problem("unauthorized", "login_denied")) from None
                    case _:
                        break
            except Exception as error:
                if is_network(error):  # the user may need minutes: one lost request does not end it
                    continue
                raise CozeProblem(problem_of(error, self._host)) from error
            await asyncio.to_thread(self._write, _kept(token, client_id, self._api_base))
            return
        raise CozeProblem(local_problem("unauthorized", "login_expired_code"))

    # --- use ---------------------------------------------------------------------------------------

    def auth(self) -> Auth:
        """The login as cozepy takes it: renewed before it ends, and read again when it changed."""
        from cozepy.auth import AsyncAuth

        login = self

        class StoredAuth(AsyncAuth):
            """Reads the token at each request."""

            def __init__(self) -> None:
                self._one = asyncio.Lock()
                self._current: Kept | None = None
                self._stamp: object = None

            @property
            def token_type(self) -> str:
                return "Bearer"

            @property
            async def atoken(self) -> str:
                async with self._one:  # requests of one process share a renewal
                    stamp = login._vault.stamp(NAME)
                    if self._current is None or stamp != self._stamp or login._is_ending(self._current):
                        self._current = await asyncio.to_thread(login.fresh)
                        self._stamp = login._vault.stamp(NAME)
                    return self._current.token

        return StoredAuth()

    def fresh(self) -> Kept:
        """The login with a valid token. A token that ends is renewed by one process, which the others await.

        Raises:
            CozeProblem: There is none, or it cannot be renewed.
        """
        try:
            kept = self.kept()
            if kept is not None and self._is_ending(kept):
                kept = self._read(self._vault.update(NAME, self._renewed))
        except OSError as error:
            raise CozeProblem(local_problem("token_missing", "login_unreadable", why=error)) from error
        if kept is None:
            raise CozeProblem(local_problem("token_missing", site=site_of(self._api_base)))
        return kept

    def _renewed(self, stored: str) -> str:
        """Under the vault's lock: another process may have renewed it, and a refresh token counts once."""
        kept = self._read(stored)
        if kept is None or not self._is_ending(kept):
            return stored
        try:
            token = device_app(kept.client_id, self._api_base).refresh_access_token(kept.refresh_token)
        except Exception as error:
            if is_network(error):
                raise CozeProblem(problem_of(error, self._host)) from error
            raise CozeProblem(local_problem("unauthorized", "login_ended")) from error
        renewed = _kept(token, kept.client_id, self._api_base)
        return _text(replace(renewed, refresh_token=renewed.refresh_token or kept.refresh_token))

    def _is_ending(self, kept: Kept) -> bool:
        return bool(kept.expires_at) and self._clock() > kept.expires_at - _EARLY_S

    def _read(self, text: str) -> Kept | None:
        try:
            kept = Kept(**json.loads(text)) if text else None
        except (ValueError, TypeError):  # not ours, or of a later version
            return None
        return kept if kept is not None and kept.api_base == self._api_base else None

    def _write(self, kept: Kept) -> None:
        self._vault.update(NAME, lambda _: _text(kept))

    @property
    def _host(self) -> str:
        return urlsplit(self._api_base).hostname or self._api_base

    async def _translated(self, call: Awaitable[Any]) -> Any:
        try:
            return await call
        except CozeProblem:
            raise
        except Exception as error:
            raise CozeProblem(problem_of(error, self._host)) from error


def login_of(settings: Settings) -> Login:
    """The stored login of the settings' data folder, for their Coze address."""
    return Login(Vault(settings.data_dir / "secrets", system_keyring), settings.coze.api_base)


def _kept(token: OAuthToken, client_id: str, api_base: str) -> Kept:
    return Kept(token.access_token, api_base, token.refresh_token, float(token.expires_in), client_id)


def _text(kept: Kept) -> str:
    return json.dumps(asdict(kept))


def device_app(client_id: str, api_base: str) -> DeviceOAuthApp:
    """cozepy's DeviceOAuthApp over our proxy settings; imports cozepy: call it in a thread.

    Raises:
        CozeProblem: The address or the proxy's address is malformed.
    """
    quiet_cozepy()
    import httpx
    from cozepy import DeviceOAuthApp
    from cozepy.request import Requester, SyncHTTPClient

    class DocumentedErrors(httpx.HTTPTransport):
        """Coze's docs name the field `error`, cozepy 0.20 reads `error_code`: the answer gets both."""

        def handle_request(self, request: httpx.Request) -> httpx.Response:
            response = super().handle_request(request)
            content = response.read()
            try:
                body = json.loads(content)
            except ValueError:
                return response
            if isinstance(body, dict) and isinstance(body.get("error"), str):
                body.setdefault("error_code", body["error"])
                body.setdefault("error_message", body.get("error_description") or body["error"])
                content = json.dumps(body).encode()
            headers = {"content-type": response.headers.get("content-type", "application/json")}
            return httpx.Response(response.status_code, headers=headers, content=content, request=request)

    transport = DocumentedErrors(proxy=proxy_or_problem(api_base))
    app = DeviceOAuthApp(client_id, base_url=api_base)
    http = SyncHTTPClient(transport=transport, trust_env=False)  # type: ignore[no-untyped-call]
    app._requester = Requester(sync_client=http)  # the constructor takes none
    return app
