"""Encodes and decodes the messages of a mailbox. Pure: text in, text out.

    a request   meta c2jy=req rid=R           {"tool": T, "arguments": {...}, "timeout_s": N?}
    a chat      meta c2jy=chat rid=R          {"conversation_id": C, "chat_id": H}
    an answer   meta c2jy=res rid=R state=S   {"rid": R, "state": S, "result": {...}, "problem": {...}}
                     request=Q part=N parts=M

R is chosen by the workflow (up to 128 printable characters) and makes a repetition the same request. A node
that cannot set meta_data puts the same two fields into the content. An answer too long for one letter comes
as `part` 1 to `parts`, to join. A request that the user has retried is another Q under the same R; its answer
is the newer one.

A message that is marked as a request but cannot be one is refused, under its message id when it has no R. A
message of role assistant is never a request.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from c2jy_bridge.core.bridge_requests import BridgeRequest
from c2jy_bridge.core.events import Problem
from c2jy_bridge.coze.mailbox import Letter
from c2jy_bridge.plugin.arguments import ArgumentsError, read
from c2jy_bridge.relay.request import NotPlainJson, bridge_problem, read_object, say

MARK: Final = "c2jy"
PART_CHARS: Final = 8000
"""Characters of an answer in one letter; Coze's limit is undocumented, this is far below any observed."""
MOST_PARTS: Final = 24
"""Letters for one answer; what is longer is uploaded as a file."""
_LONGEST_RID: Final = 128
_LONGEST_META: Final = 512
"""Characters of a value in meta_data (Coze docs, create_message)."""
_FENCE: Final = re.compile(r"\s*```\w*\s*\n(.*?)\n?\s*```\s*", re.S)
_MARKED: Final = re.compile(r'"c2jy\\*"\s*:\s*\\*"(?:req|chat)\\*"')
"""The mark of a request in text that is no request: broken, or further inside, where quotes are escaped."""
_RID_IN_TEXT: Final = re.compile(r'"rid\\*"\s*:\s*\\*"([^"\\]{1,128})\\*"')
_TOOL: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,63}")


@dataclass(frozen=True, slots=True)
class ToolRequest:
    """A letter that asks for a tool call."""

    rid: str
    tool: str
    arguments: dict[str, Any]
    timeout_s: float | None = None


@dataclass(frozen=True, slots=True)
class ChatAnnouncement:
    """A letter that announces a chat whose calls are to be answered."""

    rid: str
    conversation_id: str
    chat_id: str


@dataclass(frozen=True, slots=True)
class Answered:
    """An answer that the bridge has posted, or a part of one."""

    rid: str
    part: int
    request: str = ""
    """The request that it answers, if any."""
    refused: str = ""
    """The letter that it refuses, if any."""


@dataclass(frozen=True, slots=True)
class Unreadable:
    """A letter for the bridge that cannot be decoded; `rid` is empty when it must not be answered."""

    rid: str
    problem: Problem


Decoded = ToolRequest | ChatAnnouncement | Answered | Unreadable | None


def decode(letter: Letter) -> Decoded:
    """Decode a letter; None when it is not for the bridge."""
    meta: Mapping[str, Any] = letter.meta
    body, fault = _body(letter.content)
    kind = meta.get(MARK) or body.get(MARK)
    rid = str(meta.get("rid") or body.get("rid") or "")
    if kind == "res":
        about = {name: str(meta.get(name, "")) for name in ("request", "refused")}
        return Answered(rid, _part_number(meta.get("part")), **about)
    if kind not in ("req", "chat"):
        return _unmarked(letter, body, fault)
    if letter.role == "assistant":
        return _not_answered(letter, "letter.assistant")
    if not rid:
        return _unreadable(letter, "", say("letter.no_rid"))
    if len(rid) > _LONGEST_RID or not rid.isprintable():
        return _unreadable(letter, rid, say("letter.rid", limit=_LONGEST_RID))
    if not fault:
        announced = _tool(rid, body) if kind == "req" else _chat(rid, body)
        if announced is not None:
            return announced
        fault = say("letter.req" if kind == "req" else "letter.chat")
    return _unreadable(letter, rid, fault)


def _body(content: str) -> tuple[dict[str, Any], str]:
    """The object that a letter holds, and why it holds none; one in a code fence or encoded twice counts."""
    fenced = _FENCE.fullmatch(content)
    text = fenced[1] if fenced else content
    try:
        return read_object(text), ""
    except NotPlainJson as error:
        fault = say(f"json.{error.reason}")
    try:
        inner = json.loads(text)
        return (read_object(inner), "") if isinstance(inner, str) else ({}, fault)
    except (ValueError, RecursionError):
        return {}, fault


def _unmarked(letter: Letter, body: Mapping[str, Any], fault: str) -> Unreadable | None:
    """What looks like a request although the mark is not where it belongs."""
    if letter.role == "assistant":
        return None  # a Bot that quotes a request
    if _MARKED.search(letter.content):
        found = _RID_IN_TEXT.search(letter.content)
        return _unreadable(letter, found[1] if found else "", fault or say("letter.nested"))
    return _not_answered(letter, "letter.no_mark") if "tool" in body and "arguments" in body else None


def _unreadable(letter: Letter, rid: str, why: str) -> Unreadable:
    """A letter to refuse, under its message id where its rid cannot be one."""
    addressable = 0 < len(rid) <= _LONGEST_META and rid.isprintable()
    rid = rid if addressable else letter.message_id
    return Unreadable(rid, bridge_problem("letter", rid=rid, why=why))


def _not_answered(letter: Letter, key: str) -> Unreadable:
    return Unreadable("", bridge_problem("letter", rid=letter.message_id, why=say(key)))


@dataclass(frozen=True, slots=True)
class Reply:
    """A letter to be posted."""

    content: str
    meta: dict[str, str] = field(default_factory=dict)


def replies(request: BridgeRequest) -> list[Reply]:
    """The answer to an ended request, in as many letters as needed; the cuts are deterministic."""
    text = answer_text(request)
    pieces = [text[at : at + PART_CHARS] for at in range(0, len(text), PART_CHARS)]
    parts = str(len(pieces))
    return [
        Reply(piece, {**_meta_of(request), "part": str(number), "parts": parts})
        for number, piece in enumerate(pieces, 1)
    ]


def file_reply(request: BridgeRequest, file_id: str) -> Reply:
    """An answer that was uploaded as a file."""
    body = {"rid": request.rid, "state": request.state, "file_id": file_id}
    return Reply(json.dumps(body), {**_meta_of(request), "part": "1", "parts": "1", "file_id": file_id})


def refusal(rid: str, message_id: str, problem: Problem) -> Reply:
    """The answer to a letter that did not become a request."""
    body = {"rid": rid, "state": "refused", "problem": _problem_json(problem)}
    meta = {MARK: "res", "rid": rid, "state": "refused", "refused": message_id, "part": "1", "parts": "1"}
    return Reply(json.dumps(body, ensure_ascii=False), meta)


def answer_text(request: BridgeRequest) -> str:
    """An answer as one JSON text."""
    body: dict[str, Any] = {"rid": request.rid, "state": request.state}
    if request.result:
        body["result"] = json.loads(request.result)
    if request.problem is not None:
        body["problem"] = _problem_json(request.problem)
    return json.dumps(body, ensure_ascii=False)


def _meta_of(request: BridgeRequest) -> dict[str, str]:
    return {MARK: "res", "rid": request.rid, "state": str(request.state), "request": request.request_id}


def _problem_json(problem: Problem) -> dict[str, Any]:
    fields = {"kind": problem.kind, "message": problem.message, "hint": problem.hint}
    return {**fields, **({"code": problem.code, "logid": problem.logid} if problem.code else {})}


def _tool(rid: str, body: Mapping[str, Any]) -> ToolRequest | None:
    tool, arguments, timeout_s = body.get("tool"), body.get("arguments", {}), body.get("timeout_s")
    if isinstance(arguments, str):  # an HTTP node can only put text into text
        try:
            arguments = read(arguments)
        except ArgumentsError:
            return None
    # To Python, true is a number too.
    is_number = isinstance(timeout_s, int | float) and not isinstance(timeout_s, bool)
    in_time = timeout_s is None or (is_number and timeout_s > 0)
    if not (isinstance(tool, str) and _TOOL.fullmatch(tool) and isinstance(arguments, dict) and in_time):
        return None
    return ToolRequest(rid, tool, arguments, timeout_s)


def _chat(rid: str, body: Mapping[str, Any]) -> ChatAnnouncement | None:
    conversation_id, chat_id = (str(body.get(name, "")) for name in ("conversation_id", "chat_id"))
    if not (conversation_id.isdigit() and chat_id.isdigit()):
        return None
    return ChatAnnouncement(rid, conversation_id, chat_id)


def _part_number(value: object) -> int:
    return int(str(value)) if str(value).isdigit() else 1
