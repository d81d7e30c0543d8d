"""Errors of bridge mode and its requests, as problems for people; the texts are in the catalogue."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from c2jy_bridge.core import i18n
from c2jy_bridge.core.bridge_requests import State
from c2jy_bridge.core.events import Outcome, Problem
from c2jy_bridge.relay.request import Ending

say = i18n.catalogue("relay")

LONGEST_WORDS: Final = 500
"""Characters of a Bot's answer that a problem quotes."""

TRANSIENT: Final = frozenset({"network", "rate_limited", "server", "conversation_busy", "stream_dropped"})
"""Kinds of problems that another try, later or in another conversation, may not meet."""

LOGIN: Final = frozenset({"unauthorized", "token_missing", "token_malformed"})
"""Kinds of problems that end when Coze gets a token that it takes, and with nothing else."""


def bridge_problem(kind: str, **values: object) -> Problem:
    """A problem of the bridge itself; its texts are under `problem.<kind>` and `hint.<kind>`."""
    return Problem(kind=kind, message=say(f"problem.{kind}", **values), hint=say(f"hint.{kind}", **values))


def needs_login(why: Problem) -> Problem:
    """Coze does not take the token, as `why` says."""
    return replace(bridge_problem("needs_login", why=why.message), code=why.code, logid=why.logid)


class BridgeProblem(Exception):
    """Bridge mode cannot start; `problem` says why and what to do."""

    def __init__(self, problem: Problem) -> None:
        super().__init__(problem.message)
        self.problem = problem


def tool_not_called(tool: str, words: str) -> Problem:
    """The Bot was asked, asked again, and never called the tool; `words` is what it answered instead."""
    told = " ".join(words.split())[:LONGEST_WORDS] or say("problem.nothing_said")
    return bridge_problem("tool_not_called", tool=tool, words=told)


def ending_of(tool: str, outcome: Outcome, output: str, error: str) -> Ending:
    """The end of a request whose tool came to this end."""
    match outcome:
        case Outcome.OK:
            return Ending(State.SUCCEEDED, output)
        case Outcome.CANCELLED:
            return Ending(State.CANCELLED, output)
        case Outcome.DENIED:
            kind = "tool_denied"
        case Outcome.TIMED_OUT:
            kind = "tool_timed_out"
        case Outcome.ERROR:
            kind = "tool_failed"
    return Ending(State.FAILED, output, bridge_problem(kind, tool=tool, why=error))
