"""From a function to a tool: name, description and arguments, read from its signature and docstring."""

from __future__ import annotations

import inspect
import re
import types
import typing
from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated, Any, Final, Literal, TypeVar, overload

from docstring_parser import DocstringStyle, parse
from pydantic import BaseModel, ConfigDict, Field, create_model
from pydantic.errors import PydanticUserError
from pydantic.fields import FieldInfo

from c2jy_bridge.i18n import catalogue
from c2jy_bridge.plugin.context import ToolContext
from c2jy_bridge.plugin.schema import JsonSchema, plain_schema
from c2jy_bridge.settings import Policy

Concurrency = Literal["parallel", "serial", "exclusive"]
"""parallel: any number at once; serial: one at a time per tool; exclusive: alone."""

Function = TypeVar("Function", bound=Callable[..., Any])

say: Final = catalogue("plugin")
_MARK: Final = "__c2jy_tool__"
# What function calling takes as a name (OpenAI's rule; Coze shows the same in its form).
_NAME: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,63}")


class DefinitionError(TypeError):
    """A function cannot be a tool; the message names the function, the parameter and what to do."""


@dataclass(frozen=True, slots=True)
class Options:
    """What the decorator was told; None is "what is usual here"."""

    policy: Policy | None = None
    timeout_s: float | None = None
    concurrency: Concurrency = "parallel"
    name: str | None = None


@dataclass(frozen=True, slots=True)
class Tool:
    """A tool that can be called.

    `policy` is its own default; `timeout_s` None means the setting's; `origin` is `built-in`, a file or an
    entry point.
    """

    name: str
    description: str
    policy: Policy
    timeout_s: float | None
    concurrency: Concurrency
    origin: str
    parameters: JsonSchema
    function: Callable[..., Any]
    arguments: type[BaseModel]
    names: tuple[str, ...]
    """The parameters in order; field `a<i>` of `arguments` is the i-th."""
    null_means_default: frozenset[str]
    """Parameters with a default that take no null: models write null for what they leave out."""
    context_name: str | None
    """The parameter that takes the ToolContext."""

    @property
    def is_async(self) -> bool:
        """Whether it runs on the loop; everything else runs in a thread."""
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
) -> Callable[[Function], Function]: ...
def tool(
    function: Callable[..., Any] | None = None,
    /,
    *,
    policy: Policy | None = None,
    timeout_s: float | None = None,
    concurrency: Concurrency = "parallel",
    name: str | None = None,
) -> Any:
    """Mark a function or method as a tool that the Bot can call; it stays the function it was.

    The parameters need type hints; the docstring's first lines are the description, its `Args:` section
    describes the parameters (Google style). A parameter annotated `ToolContext` is filled in by the runner.

    Args:
        policy: allow, ask or deny where the settings say nothing. None: allow for built-in tools, else ask.
        timeout_s: Seconds the tool may run. None: `tools.timeout_s` of the settings.
        concurrency: parallel (any number at once), serial (one at a time) or exclusive (no other tool
            meanwhile).
        name: What the Bot calls it. None: the function's name.
    """

    def mark(marked: Function) -> Function:
        setattr(marked, _MARK, Options(policy, timeout_s, concurrency, name))
        return marked

    return mark if function is None else mark(function)


def options_of(candidate: object) -> Options | None:
    """What `@tool` said of a function or bound method; None when it is not a tool."""
    found = getattr(candidate, _MARK, None)
    return found if isinstance(found, Options) and callable(candidate) else None


def define(function: Callable[..., Any], *, origin: str, policy: Policy) -> Tool:
    """Read a decorated function or bound method.

    Args:
        function: What `@tool` marked.
        origin: Where it comes from, for the list of tools.
        policy: Its policy, already decided.

    Raises:
        DefinitionError: A parameter has no type hint, a type has no JSON form, or the name cannot be used.
    """
    options = options_of(function) or Options()
    name = options.name or str(getattr(function, "__name__", ""))
    if not _NAME.fullmatch(name):
        raise DefinitionError(say("tool.bad_name", name=name))
    if options.timeout_s is not None and not options.timeout_s > 0:
        raise DefinitionError(say("tool.bad_timeout", name=name))
    hints = _hints(function, name)
    context_name: str | None = None
    fields: dict[str, Any] = {}
    names: list[str] = []
    left_out: set[str] = set()
    described = parse(inspect.getdoc(function) or "", DocstringStyle.GOOGLE)
    texts = {p.arg_name: " ".join((p.description or "").split()) for p in described.params}
    for parameter in inspect.signature(function).parameters.values():
        if parameter.kind not in (parameter.POSITIONAL_OR_KEYWORD, parameter.KEYWORD_ONLY):
            raise DefinitionError(say("tool.bad_parameter", name=name, parameter=str(parameter)))
        if parameter.name not in hints:
            raise DefinitionError(say("tool.no_hint", name=name, parameter=parameter.name))
        hint = hints[parameter.name]
        if _is_context(hint):
            context_name = parameter.name
            continue
        default = ... if parameter.default is parameter.empty else parameter.default
        # Fields are a0, a1 ... behind an alias, so that no parameter name can clash with BaseModel's own.
        fields[f"a{len(names)}"] = (_described(hint, default, texts.get(parameter.name, "")), default)
        names.append(parameter.name)
        if default is not ... and not _takes_null(hint):
            left_out.add(parameter.name)
    config = ConfigDict(extra="forbid", strict=True, alias_generator=lambda field: names[int(field[1:])])
    try:
        model = create_model(f"{name}_arguments", __config__=config, **fields)
        parameters = plain_schema(model)
    except (PydanticUserError, TypeError) as error:
        raise DefinitionError(say("tool.bad_type", name=name, reason=str(error).splitlines()[0])) from None
    return Tool(
        name=name,
        description="\n\n".join(filter(None, (described.short_description, described.long_description))),
        policy=policy,
        timeout_s=options.timeout_s,
        concurrency=options.concurrency,
        origin=origin,
        parameters=parameters,
        function=function,
        arguments=model,
        names=tuple(names),
        null_means_default=frozenset(left_out),
        context_name=context_name,
    )


def _hints(function: Callable[..., Any], name: str) -> dict[str, Any]:
    try:
        return typing.get_type_hints(getattr(function, "__func__", function), include_extras=True)
    except (NameError, TypeError, SyntaxError, AttributeError) as error:
        raise DefinitionError(say("tool.bad_type", name=name, reason=str(error))) from None


def _is_context(hint: Any) -> bool:
    if typing.get_origin(hint) in (typing.Union, types.UnionType):
        return any(_is_context(part) for part in typing.get_args(hint))
    return isinstance(hint, type) and issubclass(hint, ToolContext)


def _takes_null(hint: Any) -> bool:
    if typing.get_origin(hint) is Annotated:
        return _takes_null(typing.get_args(hint)[0])
    if typing.get_origin(hint) in (typing.Union, types.UnionType):
        return any(_takes_null(part) for part in typing.get_args(hint))
    return hint in (Any, None, types.NoneType)


def _described(hint: Any, default: Any, text: str) -> Any:
    """The hint with the docstring's words for it, unless a `Field` says something itself."""
    own = [part for part in (*getattr(hint, "__metadata__", ()), default) if isinstance(part, FieldInfo)]
    if not text or any(field.description for field in own):
        return hint
    return Annotated[hint, Field(description=text)]
