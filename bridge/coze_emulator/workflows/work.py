"""Nodes that do something: real HTTP requests, what is taken out of their answers, and loops of the two."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Mapping
from typing import Any, Final

import httpx

from coze_emulator.template import fill, look_up, render
from coze_emulator.workflows.nodes import Http, Loop, Pick

RETRY_S: Final = 1.0
"""Seconds between two tries of an HTTP node."""
_AGAIN: Final = frozenset({429, 500, 502, 503, 504})


class NodeFailed(Exception):
    """A node could not do its work; the run ends with these words."""


async def work(node: Http | Pick | Loop, scope: dict[str, Any], beat: Callable[[], None]) -> None:
    """Do what one node says.

    Args:
        node: The node.
        scope: What templates see; the node's answer goes into it.
        beat: Called while a loop waits, so that the run's listener hears that it lives.

    Raises:
        NodeFailed: Nobody answered an HTTP node.
    """
    # The proxies of this computer's user are not the cloud's.
    async with httpx.AsyncClient(trust_env=False) as client:
        if isinstance(node, Loop):
            await _looped(node, scope, client, beat)
        else:
            await _done(node, scope, client)


async def _looped(
    node: Loop, scope: dict[str, Any], client: httpx.AsyncClient, beat: Callable[[], None]
) -> None:
    for turn in range(node.times):
        if all(wanted.holds(look_up(path, scope)) for path, wanted in node.until.items()):
            return
        if turn:
            beat()
            await asyncio.sleep(node.pause)
        for inner in node.loop:
            await _done(inner, scope, client)


async def _done(node: Http | Pick, scope: dict[str, Any], client: httpx.AsyncClient) -> None:
    if isinstance(node, Pick):
        _pick(node, scope)
        return
    for tries_left in range(node.retries, -1, -1):
        try:
            answer = await _requested(node, scope, client)
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            if not tries_left or isinstance(error, httpx.InvalidURL | httpx.UnsupportedProtocol):
                raise NodeFailed(f"{node.title}: {str(error) or type(error).__name__}") from error
        else:
            if not tries_left or answer["status"] not in _AGAIN:
                scope[node.into] = answer
                return
        await asyncio.sleep(RETRY_S)


async def _requested(node: Http, scope: Mapping[str, Any], client: httpx.AsyncClient) -> dict[str, Any]:
    method, _, url = render(node.http, scope).partition(" ")
    response = await client.request(
        method,
        url.strip(),
        params=_texts(node.query, scope) or None,
        headers=_texts(node.headers, scope),
        json=None if node.body is None else fill(node.body, scope),
        timeout=node.timeout,
    )
    return {
        "status": response.status_code,
        "body": _parsed(response.text),
        "headers": dict(response.headers),
    }


def _texts(values: Mapping[str, Any], scope: Mapping[str, Any]) -> dict[str, str]:
    return {name: render(str(value), scope) for name, value in values.items()}


def _pick(node: Pick, scope: dict[str, Any]) -> None:
    listed = look_up(node.pick, scope)
    wanted = {path: str(value) for path, value in fill(node.where, scope).items()}
    found = [
        item
        for item in (listed if isinstance(listed, list) else [])
        if all(str(look_up(path, item)) == value for path, value in wanted.items())
    ]
    if node.by:
        found.sort(key=lambda item: _number(look_up(node.by, item)))
    if not found or (node.of and len(found) < _number(look_up(node.of, found[0]))):
        return
    if node.take:
        scope[node.into] = _parsed("".join(str(look_up(node.take, item) or "") for item in found))
    else:
        scope[node.into] = found


def _number(value: Any) -> int:
    text = str(value)
    return int(text) if text.isdecimal() else 0


def _parsed(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        return text
