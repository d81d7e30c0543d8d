"""Compatibility with Coze2JianYing: reads its exports, and offers its step-by-step tools.

Must not know Coze, the relay or a screen. Only the engine knows this room, and plugs it in.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from c2jy_bridge.compat.coze2jianying.step_tools import step_tools

if TYPE_CHECKING:
    from c2jy_bridge.core.settings import TimeUnit
    from c2jy_bridge.drafts.spec.input import ReadDocument

__all__ = ["read_document", "step_tools"]


def read_document(document: object, time_unit: TimeUnit) -> ReadDocument:
    """Read our own schema or any export of Coze2JianYing (a `DocumentReader`)."""
    # imported with the first document: `exports` loads the models of the spec
    from c2jy_bridge.compat.coze2jianying import exports

    return exports.read_document(document, time_unit)
