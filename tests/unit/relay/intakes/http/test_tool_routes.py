"""The API says truly what it does, in 3.1 for people and in 3.0 for Coze's import."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable
from typing import Any

import pytest

from c2jy_bridge.compat.coze2jianying import step_tools
from c2jy_bridge.plugin import ToolRegistry
from c2jy_bridge.relay.intakes.http.tool_routes import description
from c2jy_bridge.tools import built_in_tools
from unit.relay.intakes.http.coze_import import objections

Call = Callable[..., Any]
DOMAIN = "https://bridge.example.com"


def validate(document: Any, version: str) -> None:
    import openapi_spec_validator  # 3 s, which every worker of the tests would spend while it collects

    openapi_spec_validator.validate(
        document, cls=getattr(openapi_spec_validator, f"OpenAPIV{version}SpecValidator")
    )


async def test_the_api_describes_itself_as_valid_openapi_3_1(call: Call) -> None:
    http = await call()
    document = (await http.get("/openapi.json")).json()
    assert document["openapi"].startswith("3.1")
    validate(document, "31")
    assert document["servers"] == [{"url": str(http.base_url).rstrip("/")}]
    assert "/v1/requests/{request_id}/events" in document["paths"]


async def test_every_operation_documents_the_answers_that_the_guard_gives(call: Call) -> None:
    http = await call()
    document = (await http.get("/openapi.json")).json()
    for path, item in document["paths"].items():
        for method, operation in item.items():
            wanted = {"401", "403", "421", "429", "500", "503"}
            wanted |= {"408", "413", "415"} if "requestBody" in operation else set()
            assert wanted <= set(operation["responses"]), (method, path)
            assert operation["summary"]
            assert operation["description"]


async def test_the_facade_passes_cozes_import(call: Call) -> None:
    http = await call(public_url=DOMAIN)
    document = (await http.get("/openapi-coze.json")).json()
    validate(document, "30")
    assert objections(document) == []
    assert set(document["paths"]) == {
        "/coze/note",
        "/coze/wait",
        "/coze/fail",
        "/coze/asks",
        "/coze/bridge_request_status",
    }


def test_the_facade_of_the_real_tools_passes_cozes_import() -> None:
    registry = ToolRegistry()
    # Only their signatures are read.
    nothing: Any = None
    built_in_tools(
        registry,
        builder=nothing,
        library=nothing,
        packer=nothing,
        previewer=nothing,
        step_tools=step_tools(nothing, nothing),
        folders=[],
        upload=nothing,
    )
    document = description(registry, DOMAIN)
    validate(document, "30")
    assert objections(document) == []
    assert len(document["paths"]) == len(registry) + 1


@pytest.mark.parametrize(
    ("change", "word"),
    [
        (lambda d: d["servers"].append({"url": DOMAIN}), "exactly one"),
        (lambda d: d["servers"][0].update(url="http://127.0.0.1:8765"), "domain"),
        (lambda d: d["info"].pop("description"), "info.description"),
        (lambda d: _post(d).pop("summary"), "summary missing"),
        (lambda d: _post(d)["responses"].update({"202": {"description": ""}}), "only 200"),
        (lambda d: _body(d).pop("type"), "type must be object"),
        (lambda d: _body(d)["properties"].update(x={"anyOf": [{"type": "string"}]}), "anyOf"),
        (lambda d: _body(d)["properties"].update(x={"type": ["string", "null"]}), "exactly one type"),
        (lambda d: _body(d)["properties"].update(x={"type": "array"}), "needs items"),
    ],
)
def test_the_checker_says_why_a_document_would_not_be_taken(
    change: Callable[[dict[str, Any]], object], word: str
) -> None:
    from relay_harness import BenchTools

    registry = ToolRegistry()
    registry.register(BenchTools())
    document = copy.deepcopy(description(registry, DOMAIN))
    change(document)
    assert any(word in objection for objection in objections(document)), objections(document)


def _post(document: dict[str, Any]) -> dict[str, Any]:
    return document["paths"]["/coze/note"]["post"]


def _body(document: dict[str, Any]) -> dict[str, Any]:
    return _post(document)["requestBody"]["content"]["application/json"]["schema"]


async def test_the_api_s_own_description_would_not_be_taken_which_is_why_there_is_a_facade(
    call: Call,
) -> None:
    http = await call()
    assert objections((await http.get("/openapi.json")).json())


async def test_a_tool_called_by_coze_answers_200_with_the_state_in_the_body(call: Call) -> None:
    http = await call()
    done = (await http.post("/coze/note", json={"text": "a"})).json()
    assert (done["status"], done["output"]["noted"]) == ("done", "a")
    assert json.loads(done["result"]) == done["output"]
    failed = (await http.post("/coze/fail", json={})).json()
    assert failed["status"] == "failed"
    assert "no disk today" in failed["message"]
    unknown = (await http.post("/coze/nothing_such", json={})).json()
    assert unknown["status"] == "failed"
    wrong = (await http.post("/coze/note", json={"text": 1})).json()
    assert (wrong["status"], wrong["request_id"]) == ("failed", "")
    assert "text: must be text, not a number" in wrong["message"]


async def test_a_slow_tool_is_asked_for_again_by_coze(call: Call, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("c2jy_bridge.relay.intakes.http.tool_routes.FACADE_WAIT_S", 0.2)
    http = await call()
    http.harness.tools.go_on.clear()
    running = (await http.post("/coze/wait", json={"text": "a"})).json()
    assert running["status"] == "running"
    http.harness.tools.go_on.set()
    await http.harness.result(running["request_id"])
    asked = {"request_id": running["request_id"]}
    assert (await http.post("/coze/bridge_request_status", json=asked)).json()["status"] == "done"
    unknown = (await http.post("/coze/bridge_request_status", json={"request_id": "x"})).json()
    assert unknown["status"] == "failed"
