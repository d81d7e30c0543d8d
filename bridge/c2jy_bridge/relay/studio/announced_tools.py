"""The tools that the machines of a studio announce, as a gateway lists and checks them."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from dataclasses import replace
from typing import Any, Final

from jsonschema import Draft202012Validator
from jsonschema.exceptions import ValidationError
from pydantic import BaseModel

from c2jy_bridge.core.nearest import nearest
from c2jy_bridge.core.strict_json import format_path
from c2jy_bridge.plugin import Tool, ToolRegistry
from c2jy_bridge.plugin.definition import Origin
from c2jy_bridge.plugin.schema import Parameters
from c2jy_bridge.relay.calls import BRIDGE_EXECUTE
from c2jy_bridge.relay.request import RequestRefused, Submission, bridge_problem, say

_MOST_FAULTS: Final = 10


class AnnouncedTools(ToolRegistry):
    """Replaced as a whole by `announce`; a tool here has no function that could be called."""

    def __init__(self) -> None:
        super().__init__()
        self._variants: dict[str, list[dict[str, Any]]] = {}
        """Every announced form of a tool; machines of two versions differ while a studio is upgraded."""

    def announce(self, toolsets: Iterable[list[dict[str, Any]]]) -> None:
        """Take what the machines announce; the same as before changes nothing."""
        variants: dict[str, list[dict[str, Any]]] = {}
        for described in (tool for toolset in toolsets for tool in toolset):
            known = variants.setdefault(str(described["name"]), [])
            if described not in known:
                known.append(described)
        if variants != self._variants:
            self._variants = variants
            self._tools = {name: _tool(found[0]) for name, found in sorted(variants.items())}

    def check(self, submission: Submission) -> None:
        """Raise RequestRefused for a call that no machine can carry out.

        Stricter errors are left to the machine: it also takes text that holds a value of the right type.
        """
        name = submission.tool
        variants = self._variants.get(name, [])
        if not variants or name == BRIDGE_EXECUTE:
            known = [one for one in self._variants if one != BRIDGE_EXECUTE]
            close = nearest(name, known)
            key = "unknown_tool_near" if close else "unknown_tool"
            problem = bridge_problem(key, tool=name, nearest=close, names=", ".join(known))
            raise RequestRefused(replace(problem, kind="unknown_tool"))
        allowed = [one for one in variants if one["policy"] != "deny"]
        if not allowed:
            raise RequestRefused(bridge_problem("tool_denied", tool=name, why=say("denied.settings")))
        faults: tuple[str, ...] = ()
        for one in allowed:
            faults = tuple(_faults(one["parameters"], submission.arguments))
            if not faults:
                return
        why = "; ".join(faults)
        raise RequestRefused(bridge_problem("bad_arguments", tool=name, why=why), faults[:_MOST_FAULTS])


def _tool(described: dict[str, Any]) -> Tool:
    return Tool(
        name=described["name"],
        description=described["description"],
        policy=described["policy"],
        timeout_s=None,
        concurrency="parallel",
        origin=Origin("file", "studio"),
        function=_elsewhere,
        takes=Parameters((), BaseModel, described["parameters"], frozenset(), None),
    )


def _elsewhere() -> dict[str, Any]:
    """Runs on a machine of the studio."""
    raise NotImplementedError


def _faults(schema: dict[str, Any], arguments: dict[str, Any]) -> Iterator[str]:
    for error in Draft202012Validator(schema).iter_errors(arguments):
        if not _may_be_meant(error):
            yield f"{format_path(tuple(error.absolute_path))}: {error.message[:300]}"


def _may_be_meant(error: ValidationError) -> bool:
    """Whether a machine could still take the value: null for a default, or JSON in a text."""
    if error.validator not in ("type", "anyOf", "oneOf"):
        return False
    if error.instance is None:
        return True
    if not isinstance(error.instance, str):
        return isinstance(error.instance, float) and error.instance.is_integer()
    try:
        return not isinstance(json.loads(error.instance), str)
    except ValueError:
        return False
