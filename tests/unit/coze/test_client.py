"""The client: what it costs to have, what it says to the world, and what it keeps to itself."""

from __future__ import annotations

import logging
import subprocess
import sys
from pathlib import Path

import pytest
from pydantic import SecretStr

from c2jy_bridge.core.settings import CozeSettings
from c2jy_bridge.coze import CozeProblem, connect
from c2jy_bridge.coze.reaching import is_loopback, proxy_for
from faults.wire_fixtures import CHAT, DONE, chat, collect, message, stream


def python(code: str, *options: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, *options, "-c", code], capture_output=True, text=True, timeout=60)


def test_importing_the_room_imports_neither_cozepy_nor_httpx():
    run = python(
        "import sys, c2jy_bridge.coze; print(sorted({'cozepy', 'httpx', 'authlib'} & set(sys.modules)))"
    )
    assert run.stdout.strip() == "[]"


@pytest.mark.parametrize("options", [(), ("-Wdefault",), ("-Walways",)])
def test_importing_cozepy_says_nothing_on_the_screen(options):
    run = python(
        "import warnings, logging\n"
        "from c2jy_bridge.coze.reaching import quiet_cozepy\n"
        "before = warnings.filters[:]\n"
        "cozepy = quiet_cozepy(); quiet_cozepy()\n"
        "cozepy.chat.MessageType('of_tomorrow')\n"
        "cozepy.log.log_warning('request failed')\n"
        "new = [f for f in warnings.filters if f not in before and 'Authlib' not in str(f[2])]\n"
        "assert all(f[3] is not None and 'cozepy' in f[3].pattern for f in new), new\n"
        "assert [type(h) for h in logging.getLogger('cozepy').handlers] == [logging.NullHandler]\n",
        *options,
    )
    assert (run.returncode, run.stdout, run.stderr) == (0, "", "")


def test_warnings_of_other_code_still_show():
    run = python(
        "from c2jy_bridge.coze.reaching import quiet_cozepy\n"
        "quiet_cozepy()\n"
        "import warnings\n"
        "warnings.warn('Unknown thing value: mine')\n"
        "warnings.warn('old', DeprecationWarning)\n",
        "-Wdefault",
    )
    assert "Unknown thing value: mine" in run.stderr
    assert "DeprecationWarning: old" in run.stderr


async def test_a_token_is_in_the_header_and_nowhere_else(talk, emulator, caplog):
    caplog.set_level(logging.DEBUG)
    logging.getLogger("cozepy").setLevel(logging.DEBUG)
    try:
        emulator.add_fault("refuse", code=4100)
        session = talk(emulator.base_url)
        events = await collect(session.send("a secret question"))
        events += await collect(session.send("a secret question"))
    finally:
        logging.getLogger("cozepy").setLevel(logging.WARNING)
    assert emulator.requests_to("/v3/chat")[0].headers["authorization"] == "Bearer pat_test"
    assert "pat_test" not in caplog.text
    assert "secret question" not in caplog.text
    assert "pat_test" not in repr(events)
    assert "4100" in caplog.text


async def test_bot_account_and_check(wire, emulator):
    client = wire(emulator.base_url)
    assert await client.bot_name(emulator.bot_id) == "c2jy emulator"
    assert await client.whoami()
    assert await client.check(emulator.bot_id) is None
    emulator.add_fault("refuse", on="account", code=4101)
    problem = await client.check()
    assert problem is not None
    assert problem.kind == "forbidden"


async def test_a_file_is_uploaded_under_its_own_name(wire, emulator, tmp_path):
    picture = tmp_path / "截图.png"
    picture.write_bytes(b"\x89PNG")
    file_id = await wire(emulator.base_url).upload(picture)
    assert file_id
    sent = emulator.requests_to("/v1/files/upload")[0].body
    assert b"\x89PNG" in sent
    with pytest.raises(FileNotFoundError):
        await wire(emulator.base_url).upload(Path("/no/such/file"))


async def test_a_closed_client_sends_nothing_more(wire, raw):
    client = wire(raw.base_url)
    await client.aclose()
    with pytest.raises(CozeProblem):
        await client.whoami()
    assert raw.asked == []


async def test_questions_carry_what_tools_need(talk, raw):
    raw.on("/v3/chat", stream(chat("created"), message("Hi"), chat("completed"), DONE))
    session = talk(raw.base_url, conversation_id=CHAT["conversation_id"])
    await collect(session.send("hello"))
    asked = raw.asked[0]
    assert asked.query == {"conversation_id": CHAT["conversation_id"]}
    assert asked.body["auto_save_history"] is True
    assert asked.body["stream"] is True
    assert asked.body["user_id"] == "user"
    assert asked.body["additional_messages"][0]["content"] == "hello"


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1", "::1", "demo.localhost", "127.9.9.9"])
def test_a_proxy_never_swallows_this_machine(host, monkeypatch):
    monkeypatch.setenv("HTTP_PROXY", "http://proxy.test:3128")
    monkeypatch.setenv("ALL_PROXY", "http://proxy.test:3128")
    monkeypatch.delenv("NO_PROXY", raising=False)
    monkeypatch.delenv("no_proxy", raising=False)
    assert is_loopback(host)
    assert proxy_for("http", host) is None


def test_other_hosts_go_through_the_proxy_that_the_environment_names(monkeypatch):
    monkeypatch.setenv("https_proxy", "proxy.test:3128")
    monkeypatch.setenv("no_proxy", "api.coze.com")
    assert proxy_for("https", "api.coze.cn") == "http://proxy.test:3128"
    assert proxy_for("https", "api.coze.com") is None
    monkeypatch.setenv("https_proxy", "http://other.test:1")
    assert proxy_for("https", "api.coze.cn") == "http://other.test:1"


async def test_a_turn_on_loopback_ignores_the_proxy(talk, emulator, monkeypatch):
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    monkeypatch.delenv("NO_PROXY", raising=False)
    monkeypatch.delenv("no_proxy", raising=False)
    events = await collect(talk(emulator.base_url).send("hello"))
    assert type(events[-1]).__name__ == "TurnCompleted"


@pytest.mark.parametrize(
    ("written", "used"),
    [
        ("http://user:pa#ss@127.0.0.1:9107", "http://user:pa%23ss@127.0.0.1:9107"),
        ("http://user:a/b?c@d@127.0.0.1:9107/", "http://user:a%2Fb%3Fc%40d@127.0.0.1:9107/"),
        ("http://user:pa%23ss@127.0.0.1:9107", "http://user:pa%23ss@127.0.0.1:9107"),
        ("user:x@proxy.test:1", "http://user:x@proxy.test:1"),
        ("socks://127.0.0.1:7891/", "socks5://127.0.0.1:7891/"),
        ("SOCKS5://127.0.0.1:7891", "socks5://127.0.0.1:7891"),
        ("socks5h://[::1]:7891", "socks5h://[::1]:7891"),
    ],
)
def test_a_proxy_is_taken_as_people_and_their_programs_write_it(written, used, monkeypatch):
    monkeypatch.setenv("all_proxy", written)
    for name in ("no_proxy", "NO_PROXY", "https_proxy", "HTTPS_PROXY"):
        monkeypatch.delenv(name, raising=False)
    assert proxy_for("https", "api.coze.cn") == used
    connect(CozeSettings(token=SecretStr("pat_x")))


@pytest.mark.parametrize(
    "address", ["http://p:99999", "http://p:x", "http://[::1", "socks4://p:1", "http://"]
)
def test_a_proxy_address_that_is_none_is_named_without_its_password(address, monkeypatch):
    monkeypatch.setenv("https_proxy", address.replace("//p", "//me:hidden@p"))
    monkeypatch.delenv("no_proxy", raising=False)
    monkeypatch.delenv("NO_PROXY", raising=False)
    with pytest.raises(CozeProblem) as caught:
        connect(CozeSettings(token=SecretStr("pat_x")))
    assert "NO_PROXY" in caught.value.problem.hint
    assert "hidden" not in str(caught.value.problem)


def test_a_proxy_that_cannot_be_used_is_a_problem(monkeypatch):
    monkeypatch.setenv("https_proxy", "gopher://proxy.test:70")
    monkeypatch.delenv("no_proxy", raising=False)
    monkeypatch.delenv("NO_PROXY", raising=False)
    with pytest.raises(CozeProblem) as caught:
        connect(CozeSettings(token="t", api_base="https://api.coze.cn"))
    assert "NO_PROXY" in caught.value.problem.hint


async def test_the_demo_does_not_trust_a_redirect_to_another_scheme(wire, raw):
    raw.on(
        "/v1/users/me",
        b"HTTP/1.1 307 X\r\nlocation: https://127.0.0.1:9/v1/users/me\r\ncontent-length: 0\r\n\r\n",
    )
    with pytest.raises(CozeProblem) as caught:
        await wire(raw.base_url).whoami()
    assert caught.value.problem.kind == "network"
