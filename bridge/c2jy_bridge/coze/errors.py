"""Translates errors into a `Problem` for the user: by Coze's body code, never by the HTTP status alone.

Of an exception's text only Coze's `msg` goes into a Problem: other text may quote a header.
"""

from __future__ import annotations

import json
import re
import socket
import ssl
from dataclasses import replace
from typing import Final

from c2jy_bridge.core import i18n
from c2jy_bridge.core.events import Problem

say = i18n.catalogue("coze")

_KINDS: Final = {
    4000: "bad_request",  # Coze's API pages
    4013: "rate_limited",  # coze-js, error.ts
    4015: "not_published",  # users' reports
    4016: "conversation_busy",  # coze-java's tests
    4028: "quota",  # users' reports
    4100: "unauthorized",  # coze-js, error.ts
    4101: "forbidden",  # coze-js, error.ts; also "token is incorrect" for a token of the other site
    4104: "not_cancellable",  # Coze's API pages
    4200: "not_found",  # Coze's API pages
    5000: "server",  # Coze's API pages
    6003: "paid",  # Coze's API pages
    700012006: "unauthorized",  # users' reports
    # Below 1000: an HTTP status, from a body without Coze's code.
    400: "bad_request",
    401: "unauthorized",
    402: "quota",
    403: "forbidden",
    404: "not_found",
    429: "rate_limited",
}
# Coze publishes no whole list of codes: one that is not in the table is a quota's by its words.
_QUOTA_WORDS: Final = re.compile(
    r"quota|insufficient (?:balance|credit)|credits? (?:is|are) (?:insufficient|used up|exhausted)"
    r"|额度(?:不足|已|用)|余额不足|资源点(?:不足|已)|积分不足|欠费",
    re.IGNORECASE,
)
RATE_LIMITED: Final = frozenset({4013, 429})
CONVERSATION_BUSY: Final = 4016
_MAX_MSG_LENGTH: Final = 500


class CozeProblem(Exception):
    """An error of Coze or of the connection to it; `problem` describes it."""

    def __init__(self, problem: Problem) -> None:
        super().__init__(problem.message)
        self.problem = problem


def kind_of(code: int) -> str:
    """The stable name of a body code; `coze` when the code is unknown."""
    return _KINDS.get(code) or ("server" if 500 <= code < 600 or 5000 < code < 6000 else "coze")


def refused(code: int, msg: str, logid: str | None = "", *, workflow: bool = False) -> Problem:
    """A Problem from Coze's error answer; `workflow`: to a run of a workflow, without Bot or conversation."""
    kind = kind_of(code)
    msg = " ".join(str(msg or "").split())[:_MAX_MSG_LENGTH] or say("error.no_words")
    if kind == "coze" and _QUOTA_WORDS.search(msg):
        kind = "quota"
    message, hint = say(f"error.{kind}", code=code, msg=msg), say(f"hint.{kind}")
    if workflow and kind == "bad_request":
        hint = say("hint.workflow_request")
    return Problem(kind=kind, message=message, hint=hint, code=code, logid=logid or "")


def local_problem(kind: str, key: str = "", **values: object) -> Problem:
    """A Problem without a Coze code, with the texts `error.<key>` and `hint.<key>`."""
    key = key or kind
    return Problem(kind=kind, message=say(f"error.{key}", **values), hint=say(f"hint.{key}", **values))


def problem_of(error: BaseException, host: str) -> Problem:
    """Classify an exception of cozepy, httpx or the guard; `host` is named in the message."""
    if isinstance(error, CozeProblem):
        return error.problem
    code = refusal_code(error)
    if code is not None:
        return refused(code, getattr(error, "msg", ""), getattr(error, "logid", ""))
    if is_network(error):
        names = {"proxy": getattr(error, "proxy", ""), "target": getattr(error, "target", "")}
        return local_problem("network", _network_key(error), host=host, **names)
    return local_problem("bad_answer", host=host)


def outputs_refused(error: BaseException, host: str) -> Problem:
    """A Problem for tool outputs that Coze does not accept."""
    problem = problem_of(error, host)
    code = refusal_code(error)
    if code is None:
        return problem
    msg = getattr(error, "msg", "") or say("error.no_words")
    return replace(problem, message=say("error.not_taken", code=code, msg=msg), hint=say("hint.not_taken"))


def outputs_owed(error: BaseException, host: str) -> Problem:
    """A Problem for tool outputs that could not be delivered and are kept."""
    problem = problem_of(error, host)
    message = say("error.owed", reason=problem.message)
    return replace(problem, kind="owed", message=message, hint=say("hint.owed"))


def may_have_arrived(error: BaseException) -> bool:
    """Whether Coze may have taken a request although it answered nothing of its own.

    A code below 1000 is an HTTP status with a body that is not Coze's: a gateway's page.
    """
    code = refusal_code(error)
    if code is None:
        return is_network(error) and not was_never_sent(error)
    return 500 <= code < 600


def refusal_code(error: BaseException | None) -> int | None:
    """Coze's code when the error is an answer of Coze, else None."""
    from cozepy import CozeAPIError

    from c2jy_bridge.coze.frames import StreamRefused

    return int(error.code or 0) if isinstance(error, StreamRefused | CozeAPIError) else None


def is_network(error: BaseException) -> bool:
    """Whether the connection failed, a stream broke off, or another server answered for Coze."""
    import httpx

    from c2jy_bridge.coze.guard import NotCoze, StreamDropped

    return isinstance(error, httpx.TransportError | StreamDropped | NotCoze)


def was_never_sent(error: BaseException) -> bool:
    """Whether no request can have reached Coze, so that repeating it has no effect twice."""
    import httpx

    from c2jy_bridge.coze.guard import NotCoze

    never = httpx.ConnectError | httpx.ConnectTimeout | httpx.PoolTimeout | httpx.ProxyError | NotCoze
    return isinstance(error, never | httpx.UnsupportedProtocol | httpx.LocalProtocolError)


def is_transient(error: BaseException) -> bool:
    """Whether an idempotent request is worth repeating."""
    code = refusal_code(error)
    return is_network(error) if code is None else code in RATE_LIMITED or kind_of(code) == "server"


def recovery_reason(error: BaseException | None) -> str:
    """The reason that StreamRecovered carries."""
    import httpx

    from c2jy_bridge.coze.guard import StreamDropped

    if error is None or isinstance(error, StreamDropped):
        return "no_done"
    return "stalled" if isinstance(error, httpx.TimeoutException) else "dropped"


def error_output(key: str, **values: object) -> str:
    """An error output for Coze in the tools' format, with the text `key`."""
    return json.dumps({"status": "error", "message": say(key, **values)}, ensure_ascii=False)


def site_of(address: str) -> str:
    """The Coze site of an API address."""
    return "coze.com" if "coze.com" in address else "coze.cn"


def _network_key(error: BaseException) -> str:
    import httpx

    from c2jy_bridge.coze.guard import NotCoze, ProxyUnreachable

    if isinstance(error, NotCoze):
        return "redirected" if error.target else "web_page"
    if isinstance(error, ProxyUnreachable):
        return "proxy_plain" if error.plain else "proxy_unreachable"
    if isinstance(error, httpx.ProxyError) and str(error).startswith("407"):
        return "proxy_login"
    kinds: tuple[tuple[type[BaseException], str], ...] = (
        (ssl.SSLCertVerificationError, "tls"),
        (ssl.SSLError, "tls_plain"),
        (socket.gaierror, "dns"),
        (ConnectionRefusedError, "refused"),
        (httpx.ProxyError, "proxy"),
        (httpx.ConnectTimeout, "unreachable"),
        (httpx.ConnectError, "unreachable"),
        (httpx.TimeoutException, "stalled"),
    )
    causes: list[BaseException] = []
    cause: BaseException | None = error
    while cause is not None and cause not in causes:
        causes.append(cause)
        cause = cause.__cause__ or cause.__context__
    # The deepest first: httpx wraps httpcore's exceptions, which wrap the system's.
    return next((key for at in reversed(causes) for kind, key in kinds if isinstance(at, kind)), "dropped")
