"""Writes the local plugin's description for Coze: plugin.json, plugin.yaml and a prompt for the Bot.

The files follow Coze's local plugin example (coze-cookbook, examples/local_plugin), the schemas the rules of
coze-studio's importer: OpenAPI 3.0, one type each, an object at the root, `200` only.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any, Final

import yaml

from c2jy_bridge.core import i18n
from c2jy_bridge.plugin.definition import Tool
from c2jy_bridge.plugin.schema import JsonSchema, read_output

NAME: Final = "c2jy"
_LANGUAGES: Final[tuple[i18n.Language, ...]] = ("zh", "en")
_LIMITS: Final = ("maxItems", "maxLength", "maximum", "minItems", "minLength", "minimum")
_KEPT: Final = ("description", "enum", "format", *_LIMITS, "pattern", "x-assist-type")


class _Dumper(yaml.SafeDumper):
    """Writes texts of several lines in block style."""


def _text(dumper: yaml.SafeDumper, text: str) -> yaml.ScalarNode:
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style="|" if "\n" in text else None)


_Dumper.add_representer(str, _text)


def write_manifests(tools: Iterable[Tool], folder: Path) -> list[Path]:
    """Write the files that are entered on Coze's pages into `folder`, which is created when missing.

    Returns:
        The files: plugin.json, plugin.yaml, prompt.zh.md, prompt.en.md.
    """
    known = list(tools)
    texts = {
        "plugin.json": json.dumps(plugin_json(), ensure_ascii=False, indent=2) + "\n",
        "plugin.yaml": yaml.dump(openapi(known), Dumper=_Dumper, allow_unicode=True, sort_keys=False),
        **{f"prompt.{language}.md": bot_prompt(known, language) for language in _LANGUAGES},
    }
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in texts.items():
        (folder / name).write_text(text, encoding="utf-8")
    return [folder / name for name in texts]


def plugin_json() -> dict[str, Any]:
    """The plugin's metadata."""
    say = i18n.catalogue("plugin", fixed="zh")
    return {
        "schema_version": "v1",
        "name_for_model": NAME,
        "name_for_human": say("manifest.title"),
        "description_for_model": say("manifest.about"),
        "description_for_human": say("manifest.about"),
        "auth": {"type": "none", "service_token": "", "sub_type": "", "payload": ""},
        "logo_url": "plugin_icon/default_icon.png",
        "contact_email": "",
        "legal_info_url": "",
        "api": {"type": "localplugin", "url": "http://localhost/plugin.yaml"},
        "common_params": {"body": [], "header": [], "path": [], "query": []},
        "select_mode": None,
        "api_extend": None,
        "description_for_claude3": "",
    }


def openapi(tools: Iterable[Tool]) -> dict[str, Any]:
    """The tools as operations of an OpenAPI 3.0.1 document."""
    say = i18n.catalogue("plugin", fixed="zh")
    return {
        "openapi": "3.0.1",
        "info": {"title": say("manifest.title"), "description": say("manifest.about"), "version": "v1"},
        "paths": {f"/{tool.name}": {"post": _operation(tool)} for tool in tools},
    }


def bot_prompt(tools: Iterable[Tool], language: i18n.Language) -> str:
    """A prompt for the Bot: its role, its tools and the rules for their use."""
    say = i18n.catalogue("plugin", fixed=language)
    lines = "\n".join(f"- {tool.name}: {tool.about(language)}" for tool in tools)
    return "\n\n".join((say("prompt.role"), say("prompt.tools"), lines, say("prompt.rules"))) + "\n"


def _operation(tool: Tool) -> dict[str, Any]:
    output = read_output(tool.function)
    common = {"status": {"type": "string", "enum": ["success", "error"]}, "message": {"type": "string"}}
    properties = {**common, **_single(output)["properties"]}
    return {
        "operationId": tool.name,
        "x-functionName": tool.name,
        # The importer shows the summary to the model.
        "summary": tool.description,
        "requestBody": {"content": {"application/json": {"schema": _single(tool.takes.schema)}}},
        "responses": {
            "200": {
                "description": "OK",
                "content": {"application/json": {"schema": {"type": "object", "properties": properties}}},
            },
            "default": {"description": ""},
        },
    }


def _single(schema: JsonSchema) -> JsonSchema:
    """A schema in OpenAPI 3.0 with exactly one type."""
    choices = schema.get("anyOf") or schema.get("oneOf")
    if choices:
        return _single(
            {**_one_of(choices), **{k: v for k, v in schema.items() if k not in ("anyOf", "oneOf")}}
        )
    kind = schema.get("type", "string")
    result: JsonSchema = {"type": kind, **{key: schema[key] for key in _KEPT if key in schema}}
    if "const" in schema:
        result["enum"] = [schema["const"]]
    for limit, exclusive in (("minimum", "exclusiveMinimum"), ("maximum", "exclusiveMaximum")):
        if exclusive in schema:
            result |= {limit: schema[exclusive], exclusive: True}
    if not isinstance(schema.get("default", {}), dict | list):
        result["default"] = schema["default"]
    if kind == "array":
        result["items"] = _single(schema.get("items") or next(iter(schema.get("prefixItems", ())), {}))
    if kind == "object":
        result["properties"] = {name: _single(item) for name, item in schema.get("properties", {}).items()}
        if required := [name for name in schema.get("required", ()) if name in result["properties"]]:
            result["required"] = required
    return result


def _one_of(choices: list[JsonSchema]) -> JsonSchema:
    """One type for several: text if it is among them, since it can hold JSON; objects are merged."""
    text = next((choice for choice in choices if choice.get("type") == "string"), None)
    objects = [choice for choice in choices if choice.get("type") == "object"]
    if text is not None or len(objects) < len(choices):
        return text or choices[0]
    properties = {name: item for choice in objects for name, item in choice.get("properties", {}).items()}
    required = [name for name in properties if all(name in choice.get("required", ()) for choice in objects)]
    return {"type": "object", "properties": properties, "required": required}
