"""The fakes of the engine have the public methods of the real classes, with the same parameters."""

from __future__ import annotations

import inspect
from typing import Any

import pytest

from c2jy_bridge.engine import Conversations, Drafts, Engine, Workflows
from pane_host import PaneDrafts


def public(kind: type[Any]) -> dict[str, object]:
    return {name: getattr(kind, name) for name in dir(kind) if not name.startswith("_")}


def parameters(function: Any) -> list[tuple[str, Any, Any]]:
    found = inspect.signature(function).parameters.values()
    return [(parameter.name, parameter.kind, parameter.default) for parameter in found]


@pytest.mark.parametrize("real", [Engine, Drafts, Workflows, Conversations])
def test_a_fake_has_the_methods_of_what_it_replaces(real: type[Any], engine: Any) -> None:
    fakes = {
        Engine: [engine],
        Drafts: [engine.drafts, PaneDrafts()],
        Workflows: [engine.workflows],
        Conversations: [engine.conversations],
    }[real]
    for fake in fakes:
        for name, member in public(real).items():
            assert hasattr(fake, name), f"{type(fake).__name__} lacks {name}"
            if inspect.isfunction(member):
                assert parameters(getattr(type(fake), name)) == parameters(member), name
