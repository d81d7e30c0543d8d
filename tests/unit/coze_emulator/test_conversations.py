"""Conversations, messages, files, the account, the device login."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest

from coze_emulator import Emulator


@pytest.fixture
def made(wire: Any) -> str:
    """A conversation."""
    return str(wire.http.post("/v1/conversation/create", json={}).json()["data"]["id"])


def insert(wire: Any, conversation_id: str, content: str, **more: Any) -> dict[str, Any]:
    """Put one message into a conversation."""
    answer: dict[str, Any] = wire.http.post(
        "/v1/conversation/message/create",
        params={"conversation_id": conversation_id},
        json={"role": "user", "content": content, "content_type": "text", "meta_data": None, **more},
    ).json()
    return answer


def listed(wire: Any, conversation_id: str, **body: Any) -> dict[str, Any]:
    """One page of messages."""
    answer: dict[str, Any] = wire.http.post(
        "/v1/conversation/message/list", params={"conversation_id": conversation_id}, json=body
    ).json()
    return answer


def test_a_conversation_is_created_renamed_cleared_and_deleted(wire: Any) -> None:
    body = {
        "bot_id": "1",
        "name": "One",
        "meta_data": {"a": "b"},
        "messages": [{"role": "user", "content": "x"}],
    }
    made = wire.http.post("/v1/conversation/create", json=body).json()["data"]
    assert (made["name"], made["meta_data"], made["connector_id"]) == ("One", {"a": "b"}, "1024")
    path = f"/v1/conversations/{made['id']}"
    assert wire.http.put(path, json={"name": "Two"}).json()["data"]["name"] == "Two"
    cleared = wire.http.post(f"{path}/clear").json()["data"]
    assert cleared["conversation_id"] == made["id"]
    ask = {"params": {"conversation_id": made["id"]}}
    assert (
        wire.http.get("/v1/conversation/retrieve", **ask).json()["data"]["last_section_id"] == cleared["id"]
    )
    assert [m["content"] for m in listed(wire, made["id"])["data"]] == ["x"]
    gone = wire.http.delete(path).json()
    assert (gone["code"], "data" in gone) == (0, False)
    assert wire.http.get("/v1/conversation/retrieve", **ask).json()["code"] == 4000


def test_an_empty_conversation_has_an_object_for_meta_data(wire: Any, made: str) -> None:
    found = wire.http.get("/v1/conversation/retrieve", params={"conversation_id": made}).json()["data"]
    assert found["meta_data"] == {}


def test_conversations_are_listed_newest_first_in_pages(wire: Any) -> None:
    ids = [
        wire.http.post("/v1/conversation/create", json={"bot_id": "1"}).json()["data"]["id"] for _ in range(5)
    ]
    wire.http.post("/v1/conversation/create", json={"bot_id": "2"})

    def page(number: int, order: str = "DESC") -> tuple[list[str], bool]:
        query = {"bot_id": "1", "page_num": number, "page_size": 2, "sort_order": order}
        data = wire.http.get("/v1/conversations", params=query).json()["data"]
        return [item["id"] for item in data["conversations"]], data["has_more"]

    assert [page(1), page(2), page(3)] == [
        ([ids[4], ids[3]], True),
        ([ids[2], ids[1]], True),
        ([ids[0]], False),
    ]
    assert page(1, "ASC") == (ids[:2], True)


def test_an_inserted_message_comes_back_word_for_word(wire: Any, made: str) -> None:
    data = insert(wire, made, "请求 1", meta_data={"c2jy": "req", "rid": "42"})["data"]
    assert (data["bot_id"], data["chat_id"], data["type"]) == ("", "", "")
    assert data["meta_data"] == {"c2jy": "req", "rid": "42"}
    ids = {"conversation_id": made, "message_id": data["id"]}
    assert wire.http.get("/v1/conversation/message/retrieve", params=ids).json()["data"] == data
    changed = wire.http.post("/v1/conversation/message/modify", params=ids, json={"content": "2"}).json()
    assert (changed["message"]["content"], "data" in changed) == ("2", False)
    assert changed["message"]["meta_data"] == data["meta_data"]
    assert wire.http.post("/v1/conversation/message/delete", params=ids).json()["data"]["id"] == data["id"]
    assert wire.http.get("/v1/conversation/message/retrieve", params=ids).json()["code"] == 4000


@pytest.mark.parametrize(
    "meta", [{"": "x"}, {"k" * 65: "x"}, {"k": ""}, {"k": "x" * 513}, {f"k{i}": "x" for i in range(17)}]
)
def test_meta_data_has_cozes_limits(wire: Any, made: str, meta: dict[str, str]) -> None:
    assert insert(wire, made, "x", meta_data=meta)["code"] == 4000


def test_meta_data_at_the_limits_is_taken(wire: Any, made: str) -> None:
    meta = {f"{i:064}": "x" * 512 for i in range(16)}
    assert insert(wire, made, "x", meta_data=meta)["data"]["meta_data"] == meta


def test_messages_are_paged_relative_to_the_order_asked_for(wire: Any, made: str) -> None:
    ids = [insert(wire, made, str(number))["data"]["id"] for number in range(5)]

    def page(**body: Any) -> tuple[list[str], bool]:
        answer = listed(wire, made, **body)
        contents = [message["content"] for message in answer["data"]]
        if contents:
            assert answer["first_id"] == ids[int(contents[0])]
            assert answer["last_id"] == ids[int(contents[-1])]
        return contents, answer["has_more"]

    assert page(limit=2) == (["4", "3"], True)
    assert page(limit=2, after_id=ids[3]) == (["2", "1"], True)
    assert page(limit=2, after_id=ids[1]) == (["0"], False)
    assert page(limit=2, before_id=ids[2]) == (["4", "3"], False)
    assert page(limit=2, before_id=ids[0]) == (["2", "1"], True)
    assert page(order="asc", limit=3) == (["0", "1", "2"], True)
    assert page(order="asc", limit=3, after_id=ids[2]) == (["3", "4"], False)
    assert page(order="asc", after_id=ids[4]) == ([], False)
    assert listed(wire, made, after_id="1")["code"] == 4000
    assert listed(wire, made, limit=51)["code"] == 4000


def test_calls_without_a_body_have_the_defaults(wire: Any) -> None:
    made = wire.http.post("/v1/conversation/create").json()["data"]["id"]
    insert(wire, made, "x")
    found = wire.http.post("/v1/conversation/message/list", params={"conversation_id": made}).json()
    assert [message["content"] for message in found["data"]] == ["x"]


def test_an_empty_page_has_its_keys_at_the_top(wire: Any, made: str) -> None:
    answer = listed(wire, made)
    assert {key: answer[key] for key in ("data", "first_id", "last_id", "has_more")} == {
        "data": [],
        "first_id": "",
        "last_id": "",
        "has_more": False,
    }


def test_a_conversation_keeps_questions_and_answers_and_no_middle_messages(wire: Any) -> None:
    chat = wire.ask("call")[-2][1]
    wire.submit(chat, {"status": "success", "name": "x"})
    found = listed(wire, chat["conversation_id"], order="asc")["data"]
    assert [(m["type"], m["content"]) for m in found] == [
        ("question", "call"),
        ("answer", "One moment."),
        ("answer", "Done: x"),
    ]
    assert listed(wire, chat["conversation_id"], chat_id="1")["data"] == []
    wire.ask("not kept", conversation_id=chat["conversation_id"], auto_save_history=False)
    assert len(listed(wire, chat["conversation_id"])["data"]) == 3


def test_a_file_is_uploaded_and_found(wire: Any) -> None:
    stored = wire.http.post("/v1/files/upload", files={"file": ("片.png", b"\x89PNG")}).json()["data"]
    assert (stored["bytes"], stored["file_name"]) == (4, "片.png")
    found = wire.http.get("/v1/files/retrieve", params={"file_id": stored["id"]}).json()["data"]
    assert found == stored


def test_the_bot_is_in_both_versions_of_the_list(wire: Any) -> None:
    first = wire.http.get("/v1/space/published_bots_list", params={"space_id": "1", "page_index": 1}).json()[
        "data"
    ]
    second = wire.http.get("/v1/bots", params={"workspace_id": "1", "page_num": 1}).json()["data"]
    assert first["space_bots"][0]["bot_id"] == second["items"][0]["id"] == wire.emulator.bot_id
    assert (first["total"], second["total"]) == (1, 1)
    for path in (
        f"/v1/bot/get_online_info?bot_id={wire.emulator.bot_id}",
        f"/v1/bots/{wire.emulator.bot_id}",
    ):
        assert wire.http.get(path).json()["data"]["bot_id"] == wire.emulator.bot_id


def test_an_unknown_conversation_can_be_taken_on_for_the_demo(wire: Any) -> None:
    with Emulator(adopt_conversations=True) as emulator:
        other = type(wire)(emulator)
        events = other.ask("hi", conversation_id="7000000000000000001")
        assert events[0][1]["conversation_id"] == "7000000000000000001"
        own = {"bot_id": emulator.bot_id}
        conversations = other.http.get("/v1/conversations", params=own).json()["data"]["conversations"]
        assert [item["id"] for item in conversations] == ["7000000000000000001"]


def test_a_chat_of_an_emulator_that_is_gone_has_failed_and_says_so(wire: Any) -> None:
    ids = {"conversation_id": "7000000000000000001", "chat_id": "7000000000000000002"}
    with Emulator(adopt_conversations=True) as emulator:
        chat = type(wire)(emulator).http.get("/v3/chat/retrieve", params=ids).json()["data"]
    assert chat["status"] == "failed"
    assert "ask again" in chat["last_error"]["msg"]
    assert wire.http.get("/v3/chat/retrieve", params=ids).json()["code"] == 4000


GRANT = "urn:ietf:params:oauth:grant-type:device_code"


def test_a_device_login_is_pending_until_it_is_allowed_in_the_browser() -> None:
    with Emulator(token="pat", device_polls=99) as emulator:
        client = httpx.Client(base_url=emulator.base_url, trust_env=False)
        code = client.post("/api/permission/oauth2/device/code", json={"client_id": "app"}).json()
        assert (code["interval"], code["expires_in"]) == (5, 300)
        ask = {"client_id": "app", "grant_type": GRANT, "device_code": code["device_code"]}
        pending = client.post("/api/permission/oauth2/token", json=ask).json()
        assert pending["error_code"] == "authorization_pending"
        page = client.get(code["verification_uri"], params={"user_code": code["user_code"]})
        assert page.status_code == 200
        token = client.post("/api/permission/oauth2/token", json=ask).json()
        assert token["token_type"] == "Bearer"
        allowed = {"Authorization": f"Bearer {token['access_token']}"}
        assert client.get("/v1/users/me", headers=allowed).json()["code"] == 0
        again = client.post("/api/permission/oauth2/token", json=ask).json()
        assert again["error_code"] == "invalid_request"
        refresh = {"client_id": "app", "grant_type": "refresh_token", "refresh_token": token["refresh_token"]}
        newer = client.post("/api/permission/oauth2/token", json=refresh).json()
        assert newer["access_token"] not in ("", token["access_token"])
        assert urlsplit(code["verification_uri"]).netloc == urlsplit(emulator.base_url).netloc


def test_a_device_that_polls_too_soon_or_is_denied_is_told_so_in_the_documented_words() -> None:
    with Emulator(device_polls=99) as emulator:
        client = httpx.Client(base_url=emulator.base_url, trust_env=False)
        code = client.post("/api/permission/oauth2/device/code", json={"client_id": "app"}).json()
        ask = {"client_id": "app", "grant_type": GRANT, "device_code": code["device_code"]}
        errors = [client.post("/api/permission/oauth2/token", json=ask).json()["error"] for _ in range(2)]
        assert errors == ["authorization_pending", "slow_down"]
        client.get(code["verification_uri"], params={"user_code": code["user_code"], "answer": "deny"})
        denied = client.post("/api/permission/oauth2/token", json=ask).json()
        assert (denied["error"], denied["error_code"]) == ("access_denied", "access_denied")


def test_a_device_code_expires() -> None:
    now = [1_700_000_000.0]
    with Emulator(clock=lambda: now[0], device_polls=0) as emulator:
        client = httpx.Client(base_url=emulator.base_url, trust_env=False)
        code = client.post("/api/permission/oauth2/device/code", json={"client_id": "app"}).json()
        now[0] += 301
        ask = {"client_id": "app", "grant_type": GRANT, "device_code": code["device_code"]}
        assert client.post("/api/permission/oauth2/token", json=ask).json()["error_code"] == "expired_token"
        assert client.get("/api/permission/oauth2/device?user_code=NO").status_code == 404
