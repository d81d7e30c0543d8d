"""Answers with what a request has made: a whole file or a part of it, so that a cut download can go on."""

from __future__ import annotations

import hashlib
import re
from collections.abc import AsyncIterator, Mapping
from typing import Annotated, Any, Final
from urllib.parse import quote

from fastapi import Path, Response
from fastapi.responses import StreamingResponse

from c2jy_bridge.core.bridge_requests import Artifact, BridgeRequest
from c2jy_bridge.core.safety import one_line
from c2jy_bridge.relay.artifacts import ArtifactGone
from c2jy_bridge.relay.intakes.http.http_problems import HttpProblem, documented
from c2jy_bridge.relay.request_queue import RequestService

RESULT: Final = "result.json"
ArtifactName = Annotated[
    str, Path(min_length=1, max_length=255, description="One of the request's `artifacts`, or `result.json`.")
]
_RANGE: Final = re.compile(r"\s*bytes\s*=\s*(\d{0,18})\s*-\s*(\d{0,18})\s*")
_BINARY: Final[dict[str, Any]] = {
    "content": {
        "application/zip": {"schema": {"type": "string", "format": "binary"}},
        "application/json": {"schema": {"type": "object"}},
    },
    "headers": {
        "ETag": {"schema": {"type": "string"}},
        "Content-Disposition": {"schema": {"type": "string"}},
        "Accept-Ranges": {"schema": {"type": "string"}},
    },
}
ARTIFACT_ANSWERS: Final[dict[int | str, dict[str, Any]]] = {
    200: {"description": "The file.", **_BINARY},
    206: {"description": "The part of it that `Range` names.", **_BINARY},
    304: {"description": "It is the one of `If-None-Match`."},
    **documented("unknown_request", "unknown_artifact", "artifact_gone", "range", "invalid"),
}
ARTIFACT_HEADERS: Final = [
    {"name": name, "in": "header", "required": False, "description": text, "schema": {"type": "string"}}
    for name, text in (
        ("Range", "`bytes=N-` or `bytes=N-M`: a part of the file."),
        ("If-Range", "Send the part only if this is still the file's ETag, else the whole file."),
        ("If-None-Match", "Send nothing if this is still the file's ETag."),
    )
]


async def artifact_response(
    service: RequestService, request: BridgeRequest, name: str, headers: Mapping[str, str]
) -> Response:
    """Answer with one artifact of a request; raises HttpProblem."""
    found = next((one for one in request.artifacts if one.name == name), None)
    result = b""
    if found is None:
        if name != RESULT or not request.ended or not request.result:
            raise HttpProblem("unknown_artifact")
        result = request.result.encode("utf-8", "replace")
        found = Artifact(RESULT, "application/json", len(result), hashlib.sha256(result).hexdigest())
    etag = f'"{found.sha256}"'
    answer = {
        "ETag": etag,
        "Accept-Ranges": "bytes",
        "Cache-Control": "private, no-cache",
        "Content-Disposition": _disposition(found.name),
        "X-Content-Type-Options": "nosniff",
    }
    known = headers.get("if-none-match", "")
    if known.strip() == "*" or etag in [one.strip().removeprefix("W/") for one in known.split(",")]:
        return Response(status_code=304, headers=answer)
    part = None
    if headers.get("if-range", etag).strip() == etag:
        part = _part(headers.get("range", ""), found.size_bytes)
    begin, end = part or (0, found.size_bytes)
    answer["Content-Length"] = str(end - begin)
    if part is not None:
        answer["Content-Range"] = f"bytes {begin}-{end - 1}/{found.size_bytes}"
    if result:
        return Response(result[begin:end], 206 if part else 200, answer, found.media_type)
    pieces = service.read(request, found, begin)
    try:
        first = await anext(pieces, b"")  # before the status is sent
    except ArtifactGone:
        raise HttpProblem("artifact_gone") from None
    body = _limited(first, pieces, end - begin)
    return StreamingResponse(body, 206 if part else 200, answer, found.media_type)


def _part(header: str, size: int) -> tuple[int, int] | None:
    """The bytes that a Range header names, as begin and end; None for all of them.

    A header that is not understood, or names several ranges, means all (RFC 9110, 14.2).
    """
    match = _RANGE.fullmatch(header)
    if match is None or match[1] == match[2] == "":
        return None
    if not match[1]:  # the last so many bytes
        begin, end = max(0, size - int(match[2])), size
    else:
        begin, end = int(match[1]), min(size, int(match[2]) + 1) if match[2] else size
        if match[2] and int(match[2]) < begin:
            return None
    if begin >= end:
        raise HttpProblem("range", headers={"Content-Range": f"bytes */{size}"})
    return begin, end


async def _limited(first: bytes, pieces: AsyncIterator[bytes], size: int) -> AsyncIterator[bytes]:
    """Exactly `size` bytes, or an error that cuts the connection."""
    piece = first
    while size > 0:
        if not piece:
            raise EOFError("the artifact is shorter than its request says")
        yield piece[:size]
        size -= len(piece)
        if size > 0:
            piece = await anext(pieces, b"")


def _disposition(name: str) -> str:
    """`attachment` with the name twice: in ASCII for old clients, and as it is (RFC 6266)."""
    name = one_line(name)
    plain = "".join(c if c.isascii() and c.isprintable() and c not in '"\\%' else "_" for c in name)
    return f"attachment; filename=\"{plain}\"; filename*=UTF-8''{quote(name, safe='')}"
