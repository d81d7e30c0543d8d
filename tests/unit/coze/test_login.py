"""The device login against the emulator, its renewal by one process at a time, and where its token goes."""

from __future__ import annotations

import asyncio
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from pydantic import SecretStr

from c2jy_bridge.core.settings import CozeSettings
from c2jy_bridge.core.vault import Vault
from c2jy_bridge.coze import CozeProblem, Login, connect
from coze_emulator import Emulator

NOW = 1_700_000_000.0


class Clock:
    """Seconds that pass in sleeps."""

    def __init__(self) -> None:
        self.at = NOW
        self.slept: list[float] = []

    def __call__(self) -> float:
        return self.at

    async def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.at += seconds


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def emulator(clock: Clock) -> Iterator[Emulator]:
    with Emulator(clock=clock, token="only-by-login", device_polls=2) as started:
        yield started


def login_to(emulator: Emulator, folder: Path, clock: Clock) -> Login:
    return Login(Vault(folder), emulator.base_url, clock)


async def logged_in(emulator: Emulator, folder: Path, clock: Clock) -> Login:
    login = login_to(emulator, folder, clock)
    await login.wait("app", await login.begin("app"), clock.sleep)
    return login


async def test_a_device_login_polls_at_the_interval_and_its_token_is_let_in(
    emulator: Emulator, clock: Clock, tmp_path: Path
) -> None:
    login = await logged_in(emulator, tmp_path, clock)
    assert clock.slept == [5, 5, 5]
    client = connect(CozeSettings(api_base=emulator.base_url), login)
    assert await client.whoami() == "emulator"
    await client.aclose()
    assert stat.S_IMODE((tmp_path / "coze-login").stat().st_mode) == 0o600


async def test_slow_down_makes_the_polls_slower(emulator: Emulator, clock: Clock, tmp_path: Path) -> None:
    login = login_to(emulator, tmp_path, clock)

    async def impatient(seconds: float) -> None:
        clock.slept.append(seconds)
        clock.at += 1 if len(clock.slept) < 3 else seconds

    await login.wait("app", await login.begin("app"), impatient)
    assert clock.slept == [5, 5, 10]


@pytest.mark.parametrize("answer", ["deny", "never"])
async def test_a_login_that_is_denied_or_never_answered_ends_with_a_sentence(
    clock: Clock, tmp_path: Path, answer: str
) -> None:
    with Emulator(clock=clock, device_polls=10**6) as emulator:
        login = login_to(emulator, tmp_path, clock)
        code = await login.begin("app")
        assert code.user_code in code.url
        if answer == "deny":
            await asyncio.to_thread(httpx.get, f"{code.url}&answer=deny", trust_env=False)
        with pytest.raises(CozeProblem) as ended:
            await login.wait("app", code, clock.sleep)
    assert ("denied" if answer == "deny" else "expired") in ended.value.problem.message
    assert ended.value.problem.hint
    assert login.kept() is None


async def test_a_token_that_ends_is_renewed_once_however_many_ask(
    emulator: Emulator, clock: Clock, tmp_path: Path
) -> None:
    """A refresh token counts once: a second renewal with it would end the login."""
    first = await logged_in(emulator, tmp_path, clock)
    old = first.kept()
    clients = [
        connect(CozeSettings(api_base=emulator.base_url), login_to(emulator, tmp_path, clock))
        for _ in range(4)  # as four processes have it: each with a login of its own
    ]
    clock.at += 15 * 60
    names = await asyncio.gather(*(client.whoami() for client in clients for _ in range(3)))
    for client in clients:
        await client.aclose()
    assert names == ["emulator"] * 12
    renewals = [
        request
        for request in emulator.requests
        if request.path.endswith("/oauth2/token") and request.body.get("grant_type") == "refresh_token"
    ]
    assert len(renewals) == 1
    assert first.kept() != old


async def test_a_login_that_cannot_be_renewed_says_to_log_in_again(
    emulator: Emulator, clock: Clock, tmp_path: Path
) -> None:
    login = await logged_in(emulator, tmp_path, clock)
    kept = login.kept()
    assert kept is not None
    Vault(tmp_path).update("coze-login", lambda text: text.replace(kept.refresh_token, "used-elsewhere"))
    clock.at += 15 * 60
    with pytest.raises(CozeProblem) as ended:
        connect(CozeSettings(api_base=emulator.base_url), login)
    assert ended.value.problem.kind == "unauthorized"
    assert "c2jy-tui login" in ended.value.problem.hint


def test_a_token_is_sent_to_no_other_address(emulator: Emulator, clock: Clock, tmp_path: Path) -> None:
    login_to(emulator, tmp_path, clock).keep_token("pat_secret")
    elsewhere = Login(Vault(tmp_path), "https://api.coze.com", clock)
    assert elsewhere.kept() is None
    with pytest.raises(CozeProblem) as missing:
        connect(CozeSettings(api_base="https://api.coze.com"), elsewhere)
    assert missing.value.problem.kind == "token_missing"


def test_a_token_in_the_settings_goes_before_the_stored_one(
    emulator: Emulator, clock: Clock, tmp_path: Path
) -> None:
    login = login_to(emulator, tmp_path, clock)
    login.keep_token("only-by-login")

    async def who(settings: CozeSettings) -> Any:
        client = connect(settings, login)
        try:
            return await client.whoami()
        finally:
            await client.aclose()

    assert asyncio.run(who(CozeSettings(api_base=emulator.base_url))) == "emulator"
    with pytest.raises(CozeProblem, match="token"):
        asyncio.run(who(CozeSettings(api_base=emulator.base_url, token=SecretStr("wrong"))))


async def test_logging_out_is_seen_by_a_client_that_runs(
    emulator: Emulator, clock: Clock, tmp_path: Path
) -> None:
    login = await logged_in(emulator, tmp_path, clock)
    client = connect(CozeSettings(api_base=emulator.base_url), login)
    assert await client.whoami() == "emulator"
    assert login_to(emulator, tmp_path, clock).forget()
    with pytest.raises(CozeProblem) as out:
        await client.whoami()
    await client.aclose()
    assert out.value.problem.kind == "token_missing"
    assert not login.forget()
