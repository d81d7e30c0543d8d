"""What goes wrong, in words: by Coze's code, in both languages, and never with a secret in it."""

from __future__ import annotations

import asyncio
import re
from pathlib import Path

import pytest
from babel.messages.pofile import read_po

import c2jy_bridge
from c2jy_bridge.core import i18n
from c2jy_bridge.core.events import TurnFailed
from c2jy_bridge.core.settings import CozeSettings
from c2jy_bridge.coze import CozeProblem, errors, missing
from c2jy_bridge.coze.reaching import quiet_cozepy
from faults.wire_fixtures import answer, collect, last

ROOM = Path(c2jy_bridge.__file__).parent
TOKEN = "pat_canary_4711"


@pytest.mark.parametrize("language", ["en", "zh"])
@pytest.mark.parametrize(
    "code", [4000, 4013, 4015, 4016, 4028, 402, 4100, 4101, 4104, 4200, 5000, 6003, 429, 401, 503, 98765, 0]
)
def test_every_code_has_a_sentence_and_a_hint_in_both_languages(code, language):
    i18n.use(language)
    problem = errors.refused(code, "what Coze says", "LOG")
    for words in (problem.message, problem.hint):
        assert words
        assert not words.startswith(("error.", "hint."))
        assert "{" not in words
        assert (language == "zh") == bool(re.search("[\u4e00-\u9fff]", words))
    assert (problem.code, problem.logid) == (code, "LOG")


@pytest.mark.parametrize(
    ("code", "msg"),
    [(4028, "used all"), (402, "-"), (98765, "Your credits are insufficient"), (98765, "资源点不足")],
)
def test_a_quota_that_is_used_up_is_called_that_and_not_to_be_sent_again(code, msg):
    i18n.use("en")
    problem = errors.refused(code, msg)
    assert problem.kind == "quota"
    assert "quota" in problem.message
    assert "Send it again" not in problem.hint


def test_a_code_that_is_not_in_the_table_is_told_as_unknown():
    i18n.use("en")
    problem = errors.refused(98765, "odd")
    assert (problem.kind, "not known" in problem.message, "98765" in problem.message) == ("coze", True, True)
    assert "Send it again" not in problem.hint


def test_a_forbidden_token_may_be_of_the_other_site():
    i18n.use("en")
    hint = errors.refused(4101, "The token you entered is incorrect").hint
    assert "coze.cn" in hint
    assert "coze.com" in hint


def test_a_workflows_bad_request_speaks_of_the_workflow():
    i18n.use("en")
    assert "Bot" in errors.refused(4000, "bad").hint
    hint = errors.refused(4000, "bad", workflow=True).hint
    assert "start node" in hint
    assert "Bot" not in hint


def test_cozes_own_words_are_kept_but_not_without_end():
    problem = errors.refused(4000, "bad " * 1000, None)
    assert "bad bad" in problem.message
    assert len(problem.message) < 700
    assert errors.refused(4000, "{braces} and\nlines", "").message.endswith("{braces} and lines")


def catalogue(language: str) -> dict[str, str]:
    with (ROOM / f"locale/{language}/LC_MESSAGES/coze.po").open("rb") as source:
        return {str(m.id): str(m.string) for m in read_po(source) if m.id}


def test_both_catalogues_have_the_same_keys_and_fields():
    english, chinese = catalogue("en"), catalogue("zh")
    assert english.keys() == chinese.keys()
    for key, text in english.items():
        assert text
        assert set(re.findall(r"{\w+}", text)) == set(re.findall(r"{\w+}", chinese[key])), key


def test_every_key_that_the_room_says_stands_in_the_catalogue():
    source = "".join(path.read_text(encoding="utf-8") for path in (ROOM / "coze").glob("*.py"))
    said = set(re.findall(r'"((?:error|hint|notice|output)\.\w+)"', source))
    kinds = set(errors._KINDS.values()) | {"coze"} | set(re.findall(r'of_ours\("(\w+)"', source))
    kinds |= set(re.findall(r'of_ours\("\w+", "(\w+)"', source)) - {"host"}
    keys = catalogue("en")
    assert said <= keys.keys()
    for kind in kinds - {"network", "stream_dropped"}:  # these two say what exactly under another key
        assert f"error.{kind}" in keys
        assert f"hint.{kind}" in keys


@pytest.mark.parametrize("site", ["coze.cn", "coze.com"])
def test_a_missing_token_says_where_to_get_one(site):
    problem = missing(CozeSettings(api_base=f"https://api.{site}"))
    assert problem is not None
    assert problem.kind == "token_missing"
    assert f"https://www.{site}/" in problem.hint
    assert "COZE_API_TOKEN" in problem.hint
    assert "--demo" in problem.hint


def test_a_missing_bot_says_where_its_id_stands():
    problem = missing(CozeSettings(token=TOKEN))
    assert problem is not None
    assert problem.kind == "bot_missing"
    assert missing(CozeSettings(token=TOKEN, bot_id="7")) is None


@pytest.mark.parametrize("token", ["pat_“x”", "pat x", "pat\nx", " \n"])
def test_a_token_that_cannot_be_one_is_said_without_showing_it(wire, token):
    from c2jy_bridge.coze import connect

    with pytest.raises(CozeProblem) as caught:
        connect(CozeSettings(token=token, bot_id="7"))
    assert caught.value.problem.kind in ("token_malformed", "token_missing")
    assert token.strip() == "" or token not in str(caught.value) + repr(caught.value.problem)


@pytest.mark.parametrize("address", ["", "api.coze.cn", "ftp://x", "https://"])
def test_an_address_that_is_none_is_named(address):
    from c2jy_bridge.coze import connect

    with pytest.raises(CozeProblem) as caught:
        connect(CozeSettings(token=TOKEN, api_base=address))
    assert caught.value.problem.kind == "bad_address"
    assert "COZE_API_BASE" in caught.value.problem.hint


async def problem_at(talk, address, **settings):
    return last(await collect(talk(address, **settings).send("hello")), TurnFailed).problem


async def test_a_host_that_does_not_exist_is_told_from_one_that_refuses(talk):
    problem = await problem_at(talk, "http://no-such-host.invalid")
    assert problem.kind == "network"
    assert "no-such-host.invalid" in problem.message
    assert problem.message == errors.say("error.dns", host="no-such-host.invalid")


async def test_a_port_without_a_server_refuses(talk):
    problem = await problem_at(talk, "http://127.0.0.1:9")
    assert problem.message == errors.say("error.refused", host="127.0.0.1")


async def test_a_server_without_tls_is_no_safe_connection(talk, raw):
    problem = await problem_at(talk, raw.base_url.replace("http:", "https:"))
    assert problem.message == errors.say("error.tls_plain", host="127.0.0.1")


PAGE = answer(b"<!DOCTYPE html><html>Welcome to Hotel Wi-Fi</html>", kind="text/html")
SENT_ON = b"HTTP/1.1 302 Found\r\nlocation: http://login.hotel.example/?x=1\r\ncontent-length: 0\r\n\r\n"


@pytest.mark.parametrize(
    ("reply", "key"),
    [
        (PAGE, "web_page"),
        (PAGE.replace(b"text/html", b"application/json"), "web_page"),
        (PAGE.replace(b"200", b"511"), "web_page"),
        (SENT_ON, "redirected"),
    ],
    ids=["page", "page as json", "511", "redirect"],
)
async def test_a_login_page_of_the_network_is_named(talk, wire, raw, reply, key):
    raw.on("/v3/chat", reply)
    raw.on("/v1/users/me", reply)
    problem = await problem_at(talk, raw.base_url)
    assert problem == await wire(raw.base_url).check()
    assert problem.kind == "network"
    assert problem.message == errors.say(f"error.{key}", host="127.0.0.1", target="login.hotel.example")
    assert "log in" in problem.hint


@pytest.mark.parametrize(
    ("proxy", "key"),
    [
        ("http://me:secret@127.0.0.1:9", "proxy_unreachable"),
        ("http://no-such-proxy.invalid:80", "proxy_unreachable"),
        ("https://me:secret@{raw}", "proxy_plain"),
        ("http://{asks}", "proxy_login"),
    ],
)
async def test_a_proxy_that_does_not_work_is_named_and_not_coze(talk, raw, proxy, key, monkeypatch):
    async def ask_for_login(reader, writer):
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 407 Proxy Authentication Required\r\ncontent-length: 0\r\n\r\n")
        await writer.drain()
        writer.close()

    async with await asyncio.start_server(ask_for_login, "127.0.0.1", 0) as asking:
        asks = f"127.0.0.1:{asking.sockets[0].getsockname()[1]}"
        proxy = proxy.format(raw=raw.base_url.removeprefix("http://"), asks=asks)
        monkeypatch.setenv("HTTPS_PROXY", proxy)
        monkeypatch.delenv("NO_PROXY", raising=False)
        monkeypatch.delenv("no_proxy", raising=False)
        problem = await problem_at(talk, "https://api.coze.example")
    place = proxy.rpartition("/")[2].rpartition("@")[2]
    assert problem.message == errors.say(f"error.{key}", host="api.coze.example", proxy=place)
    assert "HTTPS_PROXY" in problem.hint
    assert "secret" not in repr(problem)


async def test_errors_beside_a_turn_come_as_problems(wire, raw):
    raw.on("/v1/users/me", answer({"code": 4100, "msg": "authentication is invalid"}))
    client = wire(raw.base_url)
    with pytest.raises(CozeProblem) as caught:
        await client.whoami()
    assert (caught.value.problem.kind, caught.value.problem.logid) == ("unauthorized", "LOG1")
    problem = await client.check()
    assert problem == caught.value.problem


async def test_an_exception_nobody_foresaw_shows_none_of_its_text():
    quiet_cozepy()
    problem = errors.problem_of(RuntimeError(f"header Authorization: Bearer {TOKEN}"), "api.coze.cn")
    assert problem.kind == "bad_answer"
    assert TOKEN not in repr(problem)
