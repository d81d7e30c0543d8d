"""Encodes and decodes the messages of a mailbox. Pure: text in, text out.

    a request   meta c2jy=req rid=R           {"tool": T, "arguments": {...}, "timeout_s": N?}
    a chat      meta c2jy=chat rid=R          {"conversation_id": C, "chat_id": H}
    an answer   meta c2jy=res rid=R state=S   {"rid": R, "state": S, "result": {...}, "problem": {...}}
                     request=Q part=N parts=M

R is chosen by the workflow and makes a repetition the same request. A node that cannot set meta_data puts the
same two fields into the content. An answer too long for one letter comes as `part` 1 to `parts`, to join.
A request that the user has retried is another Q under the same R; its answer is the newer one.
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
from c2jy_bridge.relay.request import NotPlainJson, bridge_problem, read_object, say

MARK: Final = "c2jy"
PART_CHARS: Final = 8000
"""Characters of an answer in one letter; Coze's limit is undocumented, this is far below any observed."""
MOST_PARTS: Final = 24
"""Letters for one answer; what is longer is uploaded as a file."""
_RID: Final = re.compile(r"[A-Za-z0-9._:/-]{1,128}")
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
    """A letter for the bridge that cannot be decoded."""

    rid: str
    problem: Problem


Decoded = ToolRequest | ChatAnnouncement | Answered | Unreadable | None


def decode(letter: Letter) -> Decoded:
    """Decode a letter; None when it is not for the bridge."""
    meta: Mapping[str, Any] = letter.meta
    try:
        body = read_object(letter.content)
    except NotPlainJson as error:
        body, fault = {}, say(f"json.{error.reason}")
    else:
        fault = ""
    kind = meta.get(MARK) or body.get(MARK)
    rid = str(meta.get("rid") or body.get("rid") or "")
    if kind == "res":
        about = {name: str(meta.get(name, "")) for name in ("request", "refused")}
        return Answered(rid, _part_number(meta.get("part")), **about)
    if kind not in ("req", "chat") or not _RID.fullmatch(rid):
        return None
    if not fault:
        announced = _tool(rid, body) if kind == "req" else _chat(rid, body)
        if announced is not None:
            return announced
        fault = say("letter.req" if kind == "req" else "letter.chat")
    return Unreadable(rid, bridge_problem("letter", rid=rid, why=fault))


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
            arguments = read_object(arguments)
        except NotPlainJson:
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
