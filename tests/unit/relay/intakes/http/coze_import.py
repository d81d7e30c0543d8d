"""The rules of Coze's plugin import, as a checker that says why a document would not be taken.

From coze-studio's importer (2026-03) and docs.coze.cn/guides/import: see each rule.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit


def objections(document: dict[str, Any]) -> list[str]:
    """Every rule that is broken, with the place; empty when the document would be imported."""
    return [*_head(document), *_operations(document)]


def _head(document: dict[str, Any]) -> Iterator[str]:
    if not str(document.get("openapi", "")).startswith("3."):
        yield "openapi: must begin with 3."
    info = document.get("info", {})
    for name in ("title", "description"):
        if not info.get(name):
            yield f"info.{name}: missing"
    servers = document.get("servers", [])
    if len(servers) != 1:
        yield f"servers: exactly one, not {len(servers)}"
        return
    url = servers[0].get("url", "")
    host = urlsplit(url).hostname or ""
    if len(url) > 512:
        yield "servers[0].url: longer than 512"
    if not url.startswith("https://") or host.replace(".", "").isdigit() or ":" in host or "." not in host:
        yield f"servers[0].url: must be https and a domain, not {url}"


def _operations(document: dict[str, Any]) -> Iterator[str]:
    seen: set[str] = set()
    for path, item in document.get("paths", {}).items():
        for method, operation in item.items():
            where = f"{method.upper()} {path}"
            for name in ("operationId", "summary"):
                if not operation.get(name):
                    yield f"{where}: {name} missing"
            if operation.get("operationId") in seen:
                yield f"{where}: operationId twice"
            seen.add(operation.get("operationId"))
            for parameter in operation.get("parameters", []):
                yield from _schema(parameter.get("schema", {}), f"{where}: parameter {parameter.get('name')}")
            if "requestBody" in operation:
                content = operation["requestBody"].get("content", {})
                if len(content) != 1:
                    yield f"{where}: requestBody: exactly one media type"
                for media in content.values():
                    if media.get("schema", {}).get("type") != "object":
                        yield f"{where}: requestBody: type must be object"
                    yield from _schema(media.get("schema", {}), f"{where}: requestBody")
            yield from _answers(operation.get("responses", {}), where)


def _answers(responses: dict[str, Any], where: str) -> Iterator[str]:
    for status in responses:
        if status not in ("200", "default"):
            yield f"{where}: responses: only 200 (and default), not {status}"
    content = responses.get("200", {}).get("content", {})
    if list(content) != ["application/json"]:
        yield f"{where}: responses.200: exactly application/json"
    for media in content.values():
        yield from _schema(media.get("schema", {}), f"{where}: responses.200")


def _schema(schema: dict[str, Any], where: str) -> Iterator[str]:
    for word in ("anyOf", "oneOf", "allOf", "$ref"):
        if word in schema:
            yield f"{where}: {word} is not understood"
    if not isinstance(schema.get("type"), str):
        yield f"{where}: exactly one type"
    for name, inner in schema.get("properties", {}).items():
        yield from _schema(inner, f"{where}.{name}")
    if schema.get("type") == "array":
        if "items" not in schema:
            yield f"{where}: an array needs items"
        else:
            yield from _schema(schema["items"], f"{where}[]")
