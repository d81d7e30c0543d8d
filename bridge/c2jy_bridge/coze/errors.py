"""Turns errors into a `Problem` for people: by Coze's body code, never by the HTTP status alone.

No text of an exception goes into a Problem except Coze's own `msg`: an exception may quote a header.
"""

from __future__ import annotations

import json
import socket
import ssl
from collections.abc import Iterator
from dataclasses import replace
from typing import TYPE_CHECKING, Final

from c2jy_bridge.core import i18n
from c2jy_bridge.core.events import Problem

if TYPE_CHECKING:
    pass

say = i18n.catalogue("coze")

# Sources: 4000, 4104, 4200, 5000 and 6003 Coze's API pages; 4013, 4100 and 4101 coze-js error.ts; 4016
# coze-java's tests; 4015 and 700012006 as users report them. Below 1000 it is an HTTP status: cozepy makes
# one the code when the body is not JSON.
_KINDS: Final = {
    4000: "bad_request",
    4013: "rate_limited",
    4015: "not_published",
    4016: "conversation_busy",
    4100: "unauthorized",
    4101: "forbidden",
    4104: "not_cancellable",
    4200: "not_found",
    5000: "server",
    6003: "paid",
    700012006: "unauthorized",
    400: "bad_request",
    401: "unauthorized",
    403: "forbidden",
    404: "not_found",
    429: "rate_limited",
}
RATE_LIMITED: Final = frozenset({4013, 429})
CONVERSATION_BUSY: Final = 4016
_LONGEST_WORDS: Final = 500


class CozeProblem(Exception):
    """An error of Coze or of the way to it; `problem` describes it."""

    def __init__(self, problem: Problem) -> None:
        super().__init__(problem.message)
        self.problem = problem


def kind_of(code: int) -> str:
    """The stable name of a body code; `coze` when nothing is known about it."""
    return _KINDS.get(code) or ("server" if 500 <= code < 600 or 5000 < code < 6000 else "coze")


def refused(code: int, msg: str, logid: str | None = "") -> Problem:
    """A Problem from what Coze answered."""
    kind = kind_of(code)
    words = " ".join(str(msg or "").split())[:_LONGEST_WORDS] or say("error.no_words")
    return Problem(
        kind=kind,
        message=say(f"error.{kind}", code=code, msg=words),
        hint=say(f"hint.{kind}"),
        code=code,
        logid=logid or "",
    )


def local_problem(kind: str, key: str = "", **values: object) -> Problem:
    """A Problem without a Coze code; the words stand under `error.<key>` and `hint.<key>`."""
    key = key or kind
    return Problem(kind=kind, message=say(f"error.{key}", **values), hint=say(f"hint.{key}", **values))


def problem_of(error: BaseException, host: str) -> Problem:
    """Classify whatever cozepy, httpx or the guard raised.

    Args:
        error: The exception.
        host: Where the request went, for the sentence.
    """
    if isinstance(error, CozeProblem):
        return error.problem
    code = refusal_code(error)
    if code is not None:
        return refused(code, getattr(error, "msg", ""), getattr(error, "logid", ""))
    if is_network(error):
        return local_problem("network", _network_key(error), host=host)
    return local_problem("bad_answer", host=host)


def outputs_refused(error: BaseException, host: str) -> Problem:
    """A Problem for tool outputs that Coze does not accept."""
    problem = problem_of(error, host)
    code = refusal_code(error)
    if code is None:
        return problem
    words = getattr(error, "msg", "") or say("error.no_words")
    return replace(problem, message=say("error.not_taken", code=code, msg=words), hint=say("hint.not_taken"))


def refusal_code(error: BaseException) -> int | None:
    """Coze's code when the error is an answer of Coze; None when it is something else."""
    from cozepy import CozeAPIError

    from c2jy_bridge.coze.frames import StreamRefused

    if isinstance(error, StreamRefused | CozeAPIError):
        return int(error.code or 0)
    return None


def is_network(error: BaseException) -> bool:
    """The connection failed, or a stream broke off."""
    import httpx

    from c2jy_bridge.coze.guard import StreamDropped

    return isinstance(error, httpx.TransportError | StreamDropped)


def was_never_sent(error: BaseException) -> bool:
    """No request can have reached Coze, so sending it again cannot do anything twice."""
    import httpx

    never = httpx.ConnectError | httpx.ConnectTimeout | httpx.PoolTimeout | httpx.ProxyError
    return isinstance(error, never | httpx.UnsupportedProtocol | httpx.LocalProtocolError)


def is_transient(error: BaseException) -> bool:
    """Worth another try of something that may be done twice."""
    code = refusal_code(error)
    if code is None:
        return is_network(error)
    return code in RATE_LIMITED or kind_of(code) == "server"


def recovery_reason(error: BaseException | None) -> str:
    """The word for StreamRecovered: what broke."""
    import httpx

    from c2jy_bridge.coze.guard import StreamDropped

    if error is None or isinstance(error, StreamDropped):
        return "no_done"
    return "stalled" if isinstance(error, httpx.TimeoutException) else "dropped"


def bot_missing(host: str) -> Problem:
    """No Bot is chosen."""
    return local_problem("bot_missing", site=site_of(host))


def error_output(key: str) -> str:
    """An error output for Coze in the form that the tools use, with the words under `key`."""
    return json.dumps({"status": "error", "message": say(key)}, ensure_ascii=False)


def site_of(address: str) -> str:
    """The Coze site that an API address belongs to."""
    return "coze.com" if "coze.com" in address else "coze.cn"


def _network_key(error: BaseException) -> str:
    import httpx

    for cause in _causes(error):
        if isinstance(cause, ssl.SSLError):
            return "tls"
        if isinstance(cause, socket.gaierror):
            return "dns"
        if isinstance(cause, ConnectionRefusedError):
            return "refused"
        if isinstance(cause, httpx.ProxyError):
            return "proxy"
        if isinstance(cause, httpx.ConnectTimeout | httpx.ConnectError):
            return "unreachable"
        if isinstance(cause, httpx.TimeoutException):
            return "stalled"
    return "dropped"


def _causes(error: BaseException) -> Iterator[BaseException]:
    # The deepest first: httpx wraps httpcore's, which wraps the system's.
    chain: list[BaseException] = []
    at: BaseException | None = error
    while at is not None and at not in chain:
        chain.append(at)
        at = at.__cause__ or at.__context__
    return reversed(chain)
