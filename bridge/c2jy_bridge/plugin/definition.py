"""Tools: the `@tool` decorator, their definitions, and which of them may run concurrently."""

from __future__ import annotations

import asyncio
import inspect
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final, Literal, TypeVar, overload

from c2jy_bridge.core.i18n import Language, catalogue
from c2jy_bridge.core.settings import Policy
from c2jy_bridge.plugin.schema import DefinitionError, Parameters, read_docstring, read_parameters

Concurrency = Literal["parallel", "serial", "exclusive"]
"""parallel: any number at once; serial: one at a time per tool; exclusive: alone."""

Function = TypeVar("Function", bound=Callable[..., Any])

say: Final = catalogue("plugin")
_MARK: Final = "__c2jy_tool__"
# OpenAI's rule for names of functions, also in Coze's form.
_NAME: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,63}")


@dataclass(frozen=True, slots=True)
class Origin:
    """Where a tool comes from; `name` is the file or the entry point."""

    kind: Literal["built-in", "file", "entry point"]
    name: str = ""

    def __str__(self) -> str:
        return f"{self.kind} {self.name}" if self.kind == "entry point" else self.name or self.kind


BUILT_IN: Final = Origin("built-in")


@dataclass(frozen=True, slots=True)
class Options:
    """The decorator's arguments; None is the default."""

    policy: Policy | None = None
    timeout_s: float | None = None
    concurrency: Concurrency = "parallel"
    name: str | None = None
    isolated: bool = False


@dataclass(frozen=True, slots=True)
class Tool:
    """A tool; `policy` is its default, `timeout_s` None means the setting's."""

    name: str
    description: str
    policy: Policy
    timeout_s: float | None
    concurrency: Concurrency
    origin: Origin
    function: Callable[..., Any]
    takes: Parameters
    isolated: bool = False
    """Runs in a process of its own."""

    def about(self, language: Language | None = None) -> str:
        """A line for the user: `about.<name>` in the catalogue `tools`, else the docstring's first."""
        key = f"about.{self.name}"
        line = catalogue("tools", fixed=language)(key) if self.origin == BUILT_IN else key
        return self.description.strip().partition("\n")[0] if line == key else line

    @property
    def is_async(self) -> bool:
        """Whether it runs on the loop; other tools run in a thread."""
        return inspect.iscoroutinefunction(self.function)


@overload
def tool(function: Function, /) -> Function: ...
@overload
def tool(
    *,
    policy: Policy | None = None,
    timeout_s: float | None = None,
    concurrency: Concurrency = "parallel",
    name: str | None = None,
    isolated: bool = False,
) -> Callable[[Function], Function]: ...
def tool(
    function: Callable[..., Any] | None = None,
    /,
    *,
    policy: Policy | None = None,
    timeout_s: float | None = None,
    concurrency: Concurrency = "parallel",
    name: str | None = None,
    isolated: bool = False,
) -> Any:
    """Mark a function or method as a tool that the Bot can call; the function itself is unchanged.

    The parameters need type hints; the docstring's first lines are the description, its `Args:` section
    describes the parameters (Google style). A parameter annotated `ToolContext` is filled in by the runner.

    Args:
        policy: allow, ask or deny where the settings say nothing. None: allow for built-in tools, else ask.
        timeout_s: Seconds the tool may run. None: `tools.timeout_s` of the settings.
        concurrency: parallel (any number at once), serial (one at a time) or exclusive (no other tool
            meanwhile).
        name: The tool's name. None: the function's name.
        isolated: Run in a process of its own, which is killed at the deadline or on cancel, and which may
            crash; such a tool shares no state with the app and cannot publish events. For a tool that may
            hang or use native code that may crash. Not for built-in tools.
    """

    def mark(marked: Function) -> Function:
        setattr(marked, _MARK, Options(policy, timeout_s, concurrency, name, isolated))
        return marked

    return mark if function is None else mark(function)


def options_of(candidate: object) -> Options | None:
    """The decorator's arguments for a function or bound method; None when it is not a tool."""
    found = getattr(candidate, _MARK, None)
    return found if isinstance(found, Options) and callable(candidate) else None


def define(function: Callable[..., Any], *, origin: Origin, policy: Policy) -> Tool:
    """Build the tool of a decorated function or bound method.

    Raises:
        DefinitionError: A parameter has no type hint, a type has no JSON form, or the name is invalid.
    """
    options = options_of(function) or Options()
    name = options.name or str(getattr(function, "__name__", ""))
    if not _NAME.fullmatch(name):
        raise DefinitionError(say("tool.bad_name", name=name))
    if options.timeout_s is not None and not options.timeout_s > 0:
        raise DefinitionError(say("tool.bad_timeout", name=name))
    if options.isolated and origin == BUILT_IN:
        raise DefinitionError(say("tool.not_isolated", tool=name))
    described = read_docstring(function)
    return Tool(
        name=name,
        description="\n\n".join(filter(None, (described.short_description, described.long_description))),
        policy=policy,
        timeout_s=options.timeout_s,
        concurrency=options.concurrency,
        origin=origin,
        function=function,
        takes=read_parameters(function, name),
        isolated=options.isolated,
    )


class LaneBlocked(RuntimeError):
    """The call would wait for a tool that was cancelled and is still running; `tool` is its name."""

    def __init__(self, tool: str) -> None:
        super().__init__(tool)
        self.tool = tool


class Ticket:
    """A place in the lanes, from `Lanes.enter` to `Lanes.leave`."""

    __slots__ = ("admitted", "overdue", "tool")

    def __init__(self, tool: Tool, admitted: asyncio.Future[None]) -> None:
        self.tool = tool
        self.admitted = admitted
        self.overdue = False

    def excludes(self, other: Ticket) -> bool:
        """Whether the two must not run at the same time."""
        if "exclusive" in (self.tool.concurrency, other.tool.concurrency):
            return True
        return self.tool.concurrency == "serial" and self.tool.name == other.tool.name


class Lanes:
    """First come, first served: a call starts when no earlier one excludes it.

    A thread that does not stop keeps its place; calls that would wait for it fail at once.
    """

    def __init__(self) -> None:
        self._places: list[Ticket] = []

    async def enter(self, tool: Tool) -> Ticket:
        """Wait for a place; raises LaneBlocked when a cancelled call that does not end holds it."""
        ticket = Ticket(tool, asyncio.get_running_loop().create_future())
        self._places.append(ticket)
        self._admit()
        try:
            await ticket.admitted
        except BaseException:
            self.leave(ticket)
            raise
        return ticket

    def leave(self, ticket: Ticket) -> None:
        """Release the place; idempotent."""
        if ticket in self._places:
            self._places.remove(ticket)
            self._admit()

    def overstay(self, ticket: Ticket) -> None:
        """Mark a call as ended although its thread still runs."""
        ticket.overdue = True
        self._admit()

    def _admit(self) -> None:
        for index, ticket in enumerate(list(self._places)):
            if ticket.admitted.done():
                continue
            before = [other for other in self._places[:index] if ticket.excludes(other)]
            stuck = next((other for other in before if other.overdue), None)
            if stuck is not None:
                ticket.admitted.set_exception(LaneBlocked(stuck.tool.name))
            elif not before:
                ticket.admitted.set_result(None)
