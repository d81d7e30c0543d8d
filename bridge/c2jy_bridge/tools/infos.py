"""The type of the `*_infos` arguments, as users of Coze2JianYing's plugin have them in their prompts."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import WithJsonSchema

Infos = Annotated[
    list[str | dict[str, Any]] | str | dict[str, Any],
    WithJsonSchema({"type": "array", "items": {"type": "string"}}),
]
"""A list of JSON texts, as their tools are described; a list of objects or one JSON text is taken too."""
