"""The registry of all tools, by name."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final

from c2jy_bridge.core.events import Issue
from c2jy_bridge.core.i18n import catalogue
from c2jy_bridge.core.nearest import nearest
from c2jy_bridge.core.settings import Policy
from c2jy_bridge.core.views import ToolView
from c2jy_bridge.plugin.approval import policy_of
from c2jy_bridge.plugin.definition import BUILT_IN, Origin, Tool, define, options_of
from c2jy_bridge.plugin.schema import DefinitionError

say: Final = catalogue("plugin")


class NameTaken(DefinitionError):
    """The name is already registered; tools cannot be overridden."""


class ToolRegistry:
    """Every tool the Bot can call, in order of registration."""

    def __init__(self) -> None:
        self._tools: dict[str, Tool] = {}

    def register(self, candidate: object, origin: Origin = BUILT_IN) -> None:
        """Add a decorated function or bound method, or every decorated method of an object.

        Raises:
            NameTaken: There is a tool of this name.
            DefinitionError: It cannot be a tool.
        """
        functions = [candidate] if callable(candidate) and options_of(candidate) else _methods(candidate)
        if not functions:
            raise DefinitionError(say("tool.none", what=type(candidate).__name__))
        defined = [define(f, origin=origin, policy=_default_policy(f, origin)) for f in functions]
        for one in defined:
            if one.name in self._tools:
                raise NameTaken(say("tool.taken", name=one.name, origin=self._tools[one.name].origin))
        self._tools.update((one.name, one) for one in defined)

    def get(self, name: str) -> Tool | None:
        """The tool of this name, if any."""
        return self._tools.get(name)

    def __iter__(self) -> Iterator[Tool]:
        return iter(self._tools.values())

    def __len__(self) -> int:
        return len(self._tools)

    def views(self, policy: Mapping[str, Policy] | None = None) -> list[ToolView]:
        """The tools for a UI, with the effective policies of these settings."""
        return [
            ToolView(
                name=one.name,
                description=one.description,
                policy=policy_of(one, policy or {}),
                parameters=one.takes.schema,
                origin=str(one.origin),
                timeout_s=one.timeout_s or 0.0,
                about=one.about(),
            )
            for one in self
        ]

    def policy_issues(self, policy: Mapping[str, Policy]) -> list[Issue]:
        """An Issue for every policy in the settings that names no tool, such as a typo."""
        names = list(self._tools)
        return [
            Issue(
                code="policy.unknown",
                path=f"tools.policy.{name}",
                severity="warning",
                message=say("policy.unknown", name=name),
                fix=say("policy.unknown.fix", nearest=nearest(name, names) or ", ".join(names)),
            )
            for name in policy
            if name not in self._tools
        ]


def _methods(owner: object) -> list[Callable[..., Any]]:
    # Looked up on the class, so that no property of the object is evaluated.
    of_classes = (name for cls in reversed(type(owner).__mro__) for name in vars(cls))
    names = [n for n in dict.fromkeys(of_classes) if options_of(inspect.getattr_static(type(owner), n))]
    return [getattr(owner, name) for name in names]


def _default_policy(function: object, origin: Origin) -> Policy:
    """By default built-in tools are allowed and others ask; an installed package cannot declare `allow`."""
    options = options_of(function)
    declared = options.policy if options else None
    if declared == "allow" and origin.kind == "entry point":
        return "ask"
    return declared or ("allow" if origin == BUILT_IN else "ask")
