"""What can go wrong with a bridge request, as problems for people; the words stand in the catalogue."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from c2jy_bridge.core import i18n
from c2jy_bridge.core.events import Outcome, Problem
from c2jy_bridge.relay.request import Ending, State

say = i18n.catalogue("relay")

LONGEST_WORDS: Final = 500
"""Characters of a Bot's answer that a problem quotes."""

PASSING: Final = frozenset({"network", "rate_limited", "server", "conversation_busy", "stream_dropped"})
"""Kinds of problems that another try, later or in another conversation, may not meet."""

LOGIN: Final = frozenset({"unauthorized", "token_missing", "token_malformed"})
"""Kinds of problems that end when Coze gets a token that it takes, and with nothing else."""


def ours(kind: str, **values: object) -> Problem:
    """A problem of the bridge's own; its words stand under `problem.<kind>` and `hint.<kind>`."""
    return Problem(kind=kind, message=say(f"problem.{kind}", **values), hint=say(f"hint.{kind}", **values))


def needs_login(why: Problem) -> Problem:
    """Coze does not take the token, as `why` says."""
    return replace(ours("needs_login", why=why.message), code=why.code, logid=why.logid)


def not_called(tool: str, words: str) -> Problem:
    """The Bot was asked, asked again, and never called the tool; `words` is what it said instead."""
    told = " ".join(words.split())[:LONGEST_WORDS] or say("problem.nothing_said")
    return ours("tool_not_called", tool=tool, words=told)


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
    return Ending(State.FAILED, output, ours(kind, tool=tool, why=error))
