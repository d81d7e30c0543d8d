"""What is entered on Coze's pages says the same as the registry, in words that Coze's importer takes."""

from __future__ import annotations

import ast
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from c2jy_bridge.compat.coze2jianying import step_tools
from c2jy_bridge.core import i18n
from c2jy_bridge.drafts import DraftBuilder, DraftPacker, Library
from c2jy_bridge.drafts.preview.previewer import Previewer
from c2jy_bridge.plugin import ToolRegistry, tool
from c2jy_bridge.plugin.manifest import openapi, write_manifests
from c2jy_bridge.tools.built_in import built_in_tools


async def _no_upload(path: Path) -> str:
    return "1"


@pytest.fixture
async def registry(builder: DraftBuilder, library: Library) -> ToolRegistry:
    made = ToolRegistry()
    built_in_tools(
        made,
        builder=builder,
        library=library,
        packer=DraftPacker(library, library.root.parent / "exports"),
        previewer=Previewer(library, library.root.parent / "exports"),
        step_tools=step_tools(builder, library.root.parent / "unfinished"),
        folders=[],
        upload=_no_upload,
    )
    return made


@pytest.fixture
async def document(registry: ToolRegistry, tmp_path: Path) -> dict[str, Any]:
    write_manifests(registry, tmp_path / "out")
    loaded = yaml.safe_load((tmp_path / "out" / "plugin.yaml").read_text(encoding="utf-8"))
    assert isinstance(loaded, dict)
    return loaded


def schemas(node: Any) -> Iterator[dict[str, Any]]:
    """Every schema in a document."""
    if isinstance(node, dict):
        if "schema" in node:
            yield from schema_and_below(node["schema"])
        for value in node.values():
            yield from schemas(value)
    elif isinstance(node, list):
        for value in node:
            yield from schemas(value)


def schema_and_below(schema: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield schema
    for item in schema.get("properties", {}).values():
        yield from schema_and_below(item)
    if "items" in schema:
        yield from schema_and_below(schema["items"])


async def test_every_tool_is_one_operation_with_its_own_name_text_and_parameters(
    registry: ToolRegistry, document: dict[str, Any]
) -> None:
    assert list(document["paths"]) == [f"/{one.name}" for one in registry]
    for one in registry:
        operation = document["paths"][f"/{one.name}"]["post"]
        assert operation["operationId"] == operation["x-functionName"] == one.name
        assert operation["summary"] == one.description
        body = operation["requestBody"]["content"]["application/json"]["schema"]
        assert list(body["properties"]) == list(one.takes.names)
        assert body.get("required", []) == one.takes.schema.get("required", [])
        for name in one.takes.names:
            said = one.takes.schema["properties"][name].get("description")
            assert body["properties"][name].get("description") == said


async def test_it_keeps_to_the_rules_of_the_importer(document: dict[str, Any]) -> None:
    assert document["openapi"] == "3.0.1"
    assert document["info"]["title"]
    assert document["info"]["description"]
    for path in document["paths"].values():
        assert set(path["post"]["responses"]) == {"200", "default"}
        (content,) = path["post"]["requestBody"]["content"].values()
        assert content["schema"]["type"] == "object"
    known = {"string", "integer", "number", "boolean", "array", "object"}
    found = list(schemas(document))
    assert len(found) > 50
    for schema in found:
        assert schema["type"] in known
        assert not {"anyOf", "oneOf", "allOf", "$ref", "const", "additionalProperties"} & set(schema)
        assert ("items" in schema) == (schema["type"] == "array")


async def test_answers_are_declared_so_that_coze_passes_them_on(document: dict[str, Any]) -> None:
    def answer(name: str) -> dict[str, Any]:
        response = document["paths"][f"/{name}"]["post"]["responses"]["200"]
        properties = response["content"]["application/json"]["schema"]["properties"]
        assert isinstance(properties, dict)
        return properties

    assert list(answer("generate_draft")) == ["status", "message", "complete", "drafts", "issues"]
    assert "duration_s" in answer("generate_draft")["drafts"]["items"]["properties"]
    results = answer("probe_media")["results"]["items"]
    assert {"url", "duration_s", "error"} <= set(results["properties"])
    assert results["required"] == ["url"]
    image = answer("screenshot")["image"]
    assert (image["type"], image["format"], image["x-assist-type"]) == ("string", "image_url", "image")
    assert image["description"] == "The same id; Coze makes an address of it."


async def test_the_card_is_that_of_a_local_plugin(registry: ToolRegistry, tmp_path: Path) -> None:
    write_manifests(registry, tmp_path)
    card = json.loads((tmp_path / "plugin.json").read_text(encoding="utf-8"))
    assert card["api"]["type"] == "localplugin"
    assert card["name_for_human"] == "剪映草稿（本机）"


async def test_the_prompts_name_every_tool_each_in_its_language(
    registry: ToolRegistry, tmp_path: Path
) -> None:
    files = write_manifests(registry, tmp_path)
    assert [file.name for file in files] == ["plugin.json", "plugin.yaml", "prompt.zh.md", "prompt.en.md"]
    chinese, english = (file.read_text(encoding="utf-8") for file in files[2:])
    for one in registry:
        assert f"- {one.name}: " in chinese
        assert f"- {one.name}: " in english
    assert "- generate_draft: 用一份文档生成剪映草稿" in chinese
    assert "时间直接写数字时单位是秒" in chinese
    assert "A bare number of time is seconds" in english


def test_every_tool_has_a_line_for_people_in_their_language(registry: ToolRegistry) -> None:
    lines = {}
    for language in ("en", "zh"):
        i18n.use(language)
        lines[language] = {view.name: view.about for view in registry.views()}
    assert all(re.search("[\u4e00-\u9fff]", line) for line in lines["zh"].values()), lines["zh"]
    assert not any(re.search("[\u4e00-\u9fff]", line) for line in lines["en"].values())
    assert not any(line.startswith("about.") for line in lines["en"].values())


def test_odd_types_of_the_users_own_tools_become_plain_ones() -> None:
    registry = ToolRegistry()

    @tool
    def odd(
        either: int | bool,
        pair: tuple[int, str],
        free: list[Any],
        more: dict[str, int],
        above: float | None = None,
    ) -> list[int]:
        """Odd."""
        return []

    registry.register(odd)
    operation = openapi(registry)["paths"]["/odd"]["post"]
    properties = operation["requestBody"]["content"]["application/json"]["schema"]["properties"]
    assert properties["either"]["type"] == "integer"
    assert properties["pair"]["items"] == {"type": "integer"}
    assert properties["free"] == {"type": "array", "items": {"type": "string"}}
    assert properties["more"] == {"type": "object", "properties": {}}
    assert properties["above"] == {"type": "number"}
    answer = operation["responses"]["200"]["content"]["application/json"]["schema"]
    assert list(answer["properties"]) == ["status", "message"]


def test_every_function_marked_as_a_tool_is_registered(registry: ToolRegistry) -> None:
    folder = Path(built_in_tools.__code__.co_filename).parent
    marked = {
        node.name
        for path in folder.glob("*.py")
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        for decorator in node.decorator_list
        if "tool" in {part.id for part in ast.walk(decorator) if isinstance(part, ast.Name)}
    }
    assert len(marked) > 10
    assert marked - {one.name for one in registry} == set()
