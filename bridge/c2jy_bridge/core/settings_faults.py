"""Describes invalid settings: their location, the valid type, the nearest valid name.

Values are never quoted: one of them may be a token.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final, get_args

from pydantic import BaseModel, ValidationError

from c2jy_bridge.core.i18n import catalogue
from c2jy_bridge.core.nearest import nearest

say: Final = catalogue("settings")

ADDRESS: Final = "address"
"""Our own kind: not an address of the web."""
COZE_NAMES: Final = {
    "COZE_API_BASE": "api_base",
    "COZE_API_TOKEN": "token",
    "COZE_BOT_ID": "bot_id",
    "COZE_DEVICE_OAUTH_CLIENT_ID": "client_id",
    "COZE_WORKFLOW_ID": "workflow_id",
}
"""What users of cozepy and coze-js export already (cozepy examples, 0.20.0), and the field under `coze`."""

_NEEDS: Final = {
    "string_type": "text",
    "path_type": "text",
    "bool_type": "yes_no",
    "bool_parsing": "yes_no",
    "int_type": "whole",
    "int_parsing": "whole",
    "int_from_float": "whole",
    "float_type": "number",
    "float_parsing": "number",
    "list_type": "list",
    "dict_type": "table",
    "model_type": "table",
    ADDRESS: "address",
    "model_attributes_type": "table",
}
"""What a setting must be, by pydantic's error type (pydantic 2, errors)."""
_LIMITS: Final = {
    "greater_than": ("above", "gt"),
    "greater_than_equal": ("at_least", "ge"),
    "less_than": ("below", "lt"),
    "less_than_equal": ("at_most", "le"),
}
"""The limit that a number is beyond: our word for it, and its name in the error's context."""


def describe_faults(
    error: ValidationError, model: type[BaseModel], path: Path, environment: Mapping[str, str] = os.environ
) -> str:
    """One line per invalid setting of `model`, with the file `path` or the variable that it comes from."""
    lines: list[str] = []
    for fault in error.errors(include_input=False, include_url=False):
        steps = [str(step) for step in fault["loc"]]
        variable = "C2JY_" + "__".join(steps).upper()
        if variable not in environment and steps[0] == "coze":
            variable = next((name for name, field in COZE_NAMES.items() if steps[1:] == [field]), variable)
        where = variable if variable in environment else f"{path}: {'.'.join(steps)}"
        what = _what(fault["type"], fault["msg"], fault.get("ctx", {}), model, steps)
        lines.append(f"{where}: {what}")
    return "\n".join(lines)


def _what(
    kind: str, message: str, context: Mapping[str, Any], model: type[BaseModel], steps: Sequence[str]
) -> str:
    if kind == "extra_forbidden":
        near = nearest(steps[-1], _fields(model, steps[:-1]))
        return say("unknown_near", nearest=near) if near else say("unknown")
    if kind == "literal_error":
        return say("one_of", choices=context.get("expected", "").replace(" or ", ", "))
    if kind in _LIMITS:
        word, name = _LIMITS[kind]
        return say(word, n=context.get(name, ""))
    need = _NEEDS.get(kind)
    return say(f"needs_{need}") if need else message


def _fields(model: type[BaseModel], steps: Sequence[str]) -> list[str]:
    """Names of the settings in a table; empty for an unknown one."""
    for step in steps:
        field = model.model_fields.get(step)
        kinds = [] if field is None else [field.annotation, *get_args(field.annotation)]
        inner = next((k for k in kinds if isinstance(k, type) and issubclass(k, BaseModel)), None)
        if inner is None:
            return []
        model = inner
    return list(model.model_fields)
