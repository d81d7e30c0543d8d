"""Who is let in: any client's settings do for a first try, what is clearly wrong is refused as on Coze."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import httpx
import pytest
from pydantic import SecretStr

from c2jy_bridge.core.settings import CozeSettings
from c2jy_bridge.coze import connect
from coze_emulator import Emulator, Script

STRICT = "account: {tokens: 'demo|pat_.*', only_listed_bots: true}\nfallback: [{say: hi}]"


def code(wire: Any, token: str, path: str = "/v1/users/me") -> int:
    answer = wire.http.get(path, headers={"Authorization": f"Bearer {token}"}).json()
    return int(answer["code"])


@pytest.mark.parametrize(
    ("token", "expected"),
    [("demo", 0), ("pat_x", 0), ("anything", 0), ("pat_expired", 4100), ("wrong", 4100)],
)
def test_any_token_is_let_in_but_a_clearly_wrong_one(built_in: Any, token: str, expected: int) -> None:
    assert code(built_in, token) == expected


def test_a_token_without_permissions_knows_its_user_and_nothing_else(built_in: Any) -> None:
    assert code(built_in, "pat_readonly") == 0
    assert code(built_in, "pat_readonly", "/v1/conversations") == 4101


def test_a_mistyped_bot_id_is_refused_before_a_chat_begins(built_in: Any) -> None:
    mistyped = f"{int(built_in.emulator.bot_id) + 1000:019}"
    refused = built_in.begin("hi", bot_id=mistyped)
    assert (refused.json()["code"], refused.headers["content-type"]) == (4200, "application/json")
    assert mistyped in refused.json()["msg"]
    assert built_in.ask("hi", bot_id="bot id")[-1][0] == "done"  # as in cozepy's examples


def test_every_listed_bot_can_be_asked(built_in: Any) -> None:
    listed = built_in.http.get("/v1/bots", params={"page_size": 50}).json()["data"]
    ids = [item["id"] for item in listed["items"]]
    assert (len(ids), ids[0]) == (listed["total"], built_in.emulator.bot_id)
    assert len(ids) == 5
    page = built_in.http.get("/v1/bots", params={"page_num": 2, "page_size": 2}).json()["data"]["items"]
    assert [item["id"] for item in page] == ids[2:4]
    for bot_id in ids:
        assert built_in.ask("hi", bot_id=bot_id)[-1][0] == "done"
        assert built_in.http.get(f"/v1/bots/{bot_id}").json()["data"]["bot_id"] == bot_id


def test_a_script_may_be_strict(playing: Callable[[str], Any]) -> None:
    wire = playing(STRICT)
    assert [code(wire, token) for token in ("demo", "pat_1", "other")] == [0, 0, 4100]
    assert wire.begin("hi", bot_id="bot id").json()["code"] == 4200
    assert wire.ask("hi")[-1][0] == "done"


def test_a_token_that_was_given_by_name_is_let_in_whatever_it_says() -> None:
    with Emulator(token="wrong", script=Script()) as emulator:
        answer = httpx.get(
            f"{emulator.base_url}/v1/users/me", headers={"Authorization": "Bearer wrong"}, trust_env=False
        )
        assert answer.json()["code"] == 0


@pytest.mark.parametrize("host", ["evil.example", "evil.example:80", "127.0.0.1.evil.example", "[", ""])
def test_a_web_page_with_a_name_of_its_own_is_not_let_in(built_in: Any, host: str) -> None:
    path = "/v1/workflow/run"
    refused = built_in.http.post(path, json={"workflow_id": "7397395079142350013"}, headers={"Host": host})
    assert refused.json()["code"] == 4101
    for own in ("localhost:1", "127.0.0.1", "[::1]:9"):
        assert built_in.http.get("/v1/users/me", headers={"Host": own}).json()["code"] == 0


async def test_a_client_lists_the_bots_of_every_workspace_by_name() -> None:
    with Emulator() as emulator:
        client = connect(CozeSettings(api_base=emulator.base_url, token=SecretStr("demo")))
        bots = await client.bots()
        await client.aclose()
    assert [bot.workspace for bot in bots] == ["emulator"] * 5
    assert (bots[0].bot_id, bots[0].name) == (emulator.bot_id, "剪映草稿助手")
