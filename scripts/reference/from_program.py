"""Tools and the HTTP API, asked from the running program: its manifest and its OpenAPI document."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any, Final

import yaml

from c2jy_bridge.core.i18n import Language
from reference.pages import cell, code, described, plain, table, value, words

_PATIENCE_S: Final = 60.0
_EVERY_RESULT: Final = ("status", "message")


@contextmanager
def _home() -> Iterator[dict[str, str]]:
    """Variables of a new, empty home."""
    ours = ("COZE_", "C2JY_", "XDG_")
    clean = {name: value for name, value in os.environ.items() if not name.startswith(ours)}
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as home:
        paths = {"XDG_CONFIG_HOME": f"{home}/config", "XDG_DATA_HOME": f"{home}/data"}
        yield {**clean, "HOME": home, "NO_PROXY": "127.0.0.1", **paths}


def _program(*arguments: str) -> list[str]:
    return [sys.executable, "-m", "c2jy_tui", *arguments]


def _run(home: dict[str, str], *arguments: str) -> str:
    done = subprocess.run(
        _program(*arguments), env=home, capture_output=True, text=True, encoding="utf-8", check=True
    )
    return done.stdout


@cache
def _tools() -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """The manifest's paths, and the views of the tools with their policies."""
    with _home() as home:
        _run(home, "tools", "manifest", "--out", f"{home['HOME']}/out")
        document = yaml.safe_load(Path(home["HOME"], "out", "plugin.yaml").read_text(encoding="utf-8"))
        return document["paths"], json.loads(_run(home, "--lang", "en", "tools", "--json"))


def tools(language: Language) -> str:
    """Every tool with its policy, parameters and results."""
    say = words(language)
    paths, views = _tools()
    policies = {view["name"]: view for view in views}
    parts = [f"# {say('tools')}\n\n{say('tools.about')}\n"]
    for path, item in paths.items():
        name, operation = path.strip("/"), item["post"]
        takes = operation["requestBody"]["content"]["application/json"]["schema"]
        answers = operation["responses"]["200"]["content"]["application/json"]["schema"]
        policy = policies.get(name, {}).get("policy", "allow")
        about = _about(name, language)
        parts.append(f"## {name}\n\n{about}{say('policy')}: {say('policy.' + policy)}\n")
        parts.append(f"```text\n{operation['summary'].strip()}\n```\n")
        parts.append(
            f"{say('takes')}\n\n{_properties(takes, language)}"
            if takes.get("properties")
            else say("takes.nothing")
        )
        answers["properties"] = {k: v for k, v in answers["properties"].items() if k not in _EVERY_RESULT}
        if answers["properties"]:
            parts.append(f"{say('answers')}\n\n{_properties(answers, language)}")
    return "\n".join(parts)


def _about(name: str, language: Language) -> str:
    from c2jy_bridge.core.i18n import catalogue

    line = catalogue("tools", fixed=language)(f"about.{name}")
    return "" if line.startswith("about.") else f"{plain(line)}\n\n"


def _properties(schema: dict[str, Any], language: Language) -> str:
    say = words(language)
    rows = list(_fields(schema, "", language))
    return table((say("field"), say("type"), say("default"), say("meaning")), rows)


def _fields(schema: dict[str, Any], before: str, language: Language) -> Iterator[tuple[str, ...]]:
    """The fields of an object, and those of objects inside it one level deep; deeper ones are in the spec."""
    for name, field in schema.get("properties", {}).items():
        inside = field.get("items", field)
        kind = f"[{inside.get('type', 'any')}]" if "items" in field else field.get("type", "any")
        if name == "issues":
            kind = "[[Issue](events.md#issue)]"
        choices = " ".join(code(choice) for choice in field.get("enum", ()))
        needed = "—" if name in schema.get("required", ()) else value(field.get("default"))
        meaning = plain(described(field.get("description", ""), language))
        yield code(before + name), choices or kind, needed, cell(meaning)
        if not before and name != "issues":
            yield from _fields(inside, f"{name}{'[]' if 'items' in field else ''}.", language)


@cache
def _openapi() -> dict[str, Any]:
    with _home() as home:
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        token = _run(home, "--demo", "bridge", "token").strip()
        command = _program("bridge", "serve", "--demo", "--relay", "direct", "--port", str(port))
        # Its output is not read: a full pipe would stop it.
        server = subprocess.Popen(command, env=home, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        try:
            return _fetched(f"http://127.0.0.1:{port}/openapi.json", token, server)
        finally:
            server.terminate()
            server.wait()


def _fetched(url: str, token: str, server: subprocess.Popen[bytes]) -> dict[str, Any]:
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    request = urllib.request.Request(url, headers={"Authorization": f"Bearer {token}"})
    end = time.monotonic() + _PATIENCE_S
    while True:
        try:
            with opener.open(request) as answer:
                document: dict[str, Any] = json.load(answer)
                return document
        except OSError:
            if server.poll() is not None or time.monotonic() > end:
                raise
            time.sleep(0.1)


def http(language: Language) -> str:
    """Every route with its parameters and answers."""
    say = words(language)
    document = _openapi()
    parts = [f"# {say('http')}\n\n{say('http.about')}\n"]
    for path, item in document["paths"].items():
        tool = path.removeprefix("/v1/tools/")
        if tool != path and "{" not in tool:
            continue  # one for each tool; the page about tools has their arguments
        for method, operation in item.items():
            parts.append(f"## {method.upper()} {plain(path)}\n\n{plain(operation.get('summary', ''))}\n")
            if about := operation.get("description"):
                parts.append(f"{plain(about)}\n")
            rows = [
                (code(one["name"]), one["in"], _kind(one["schema"]), plain(one.get("description", "")))
                for one in operation.get("parameters", ())
            ]
            if rows:
                parts.append(table((say("field"), say("where"), say("type"), say("meaning")), rows))
            answers = [
                (code(status), plain(one["description"])) for status, one in operation["responses"].items()
            ]
            parts.append(table((say("status"), say("meaning")), answers))
    parts.append(f"## {say('schemas')}\n")
    for name, schema in document["components"]["schemas"].items():
        parts.append(f"### {name}\n\n{plain(schema.get('description', ''))}\n")
        if choices := schema.get("enum"):
            parts.append(" ".join(code(choice) for choice in choices) + "\n")
        if schema.get("properties"):
            parts.append(_properties(_flat(schema), language))
    return "\n".join(parts)


def _flat(schema: dict[str, Any]) -> dict[str, Any]:
    """A schema whose fields each have one type."""
    fields = {
        name: {"type": _kind(field)} | {key: field[key] for key in ("description", "default") if key in field}
        for name, field in schema["properties"].items()
    }
    return {"properties": fields, "required": schema.get("required", ())}


def _kind(schema: dict[str, Any]) -> str:
    """A schema's type in words: its choices, its items, or the name of the schema that it refers to."""
    if "enum" in schema:
        return " ".join(code(choice) for choice in schema["enum"])
    if "items" in schema:
        return f"[{_kind(schema['items'])}]"
    for key in ("anyOf", "allOf", "oneOf"):
        if key in schema:
            kinds = (_kind(one) for one in schema[key])
            return " / ".join(kind for kind in kinds if kind != "null")
    return str(schema.get("type") or schema.get("$ref", "any").rpartition("/")[2])
