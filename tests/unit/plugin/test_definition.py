"""From a function to a tool."""

from __future__ import annotations

import json
from typing import Annotated, Literal

import pytest
from pydantic import BaseModel, Field

from c2jy_bridge.plugin import DefinitionError, NameTaken, ToolContext, ToolRegistry, tool
from c2jy_bridge.plugin.definition import BUILT_IN, Origin


class Scene(BaseModel):
    """One scene."""

    image: str
    seconds: float = 3.0


class Folder(BaseModel):
    """A folder may hold folders."""

    name: str
    folders: list[Folder] = []


@tool
def build(
    scenes: list[Scene],
    context: ToolContext,
    kind: Literal["short", "long"] = "short",
    limit: Annotated[int, Field(ge=1, description="from the annotation")] = 3,
    title: str | None = None,
) -> dict[str, int]:
    """Build something.

    It takes a while.

    Args:
        scenes: What is seen,
            in order.
        context: Not for the Bot.
        limit: from the docstring
        title: Its name.
    """
    return {"n": len(scenes)}


def registered(*candidates: object, origin: Origin = BUILT_IN) -> ToolRegistry:
    registry = ToolRegistry()
    for candidate in candidates:
        registry.register(candidate, origin)
    return registry


def test_a_tool_is_described_by_its_docstring_and_type_hints() -> None:
    (view,) = registered(build).views()
    assert view.name == "build"
    assert view.description == "Build something.\n\nIt takes a while."
    properties = view.parameters["properties"]
    assert isinstance(properties, dict)
    assert properties["scenes"]["description"] == "What is seen, in order."
    assert properties["limit"] == {
        "type": "integer", "minimum": 1, "default": 3, "description": "from the annotation",
    }  # fmt: skip
    assert properties["kind"] == {"type": "string", "enum": ["short", "long"], "default": "short"}
    assert view.parameters["required"] == ["scenes"]


def test_the_context_is_filled_in_and_never_in_the_schema() -> None:
    (view,) = registered(build).views()
    assert "context" not in json.dumps(view.parameters)


def test_schemas_hold_no_references_titles_or_null_branches() -> None:
    @tool
    def tree(top: Folder, other: Scene | None = None) -> None:
        """A tree."""

    for view in registered(build, tree).views():
        text = json.dumps(view.parameters)
        for surprise in ("$ref", "$defs", '"title": "', "null", "anyOf"):
            assert surprise not in text.replace('"title": {', ""), surprise


def test_parameter_names_that_pydantic_uses_itself_are_allowed() -> None:
    @tool
    def odd(copy: str, json: int = 1, model_config: str = "", schema: bool = False) -> None:
        """Odd names."""

    (view,) = registered(odd).views()
    assert list(view.parameters["properties"]) == ["copy", "json", "model_config", "schema"]  # type: ignore[call-overload]  # a JSON Schema


def test_a_default_may_be_a_field() -> None:
    @tool
    def cut(
        seconds: float = Field(2.5, gt=0),
        names: list[str] = Field(default_factory=list),  # noqa: B008  (the case under test)
    ) -> None:
        """Cut."""

    properties = registered(cut).views()[0].parameters["properties"]
    assert properties["seconds"] == {"type": "number", "exclusiveMinimum": 0, "default": 2.5}  # a JSON Schema


def test_every_decorated_method_of_an_object_becomes_a_tool_in_the_order_written() -> None:
    class Base:
        @tool
        def first(self) -> None:
            """1."""

    class Tools(Base):
        @property
        def trap(self) -> str:
            raise AssertionError("this must not be read to look for tools")

        @tool
        async def second(self) -> None:
            """2."""

        def no_tool(self) -> None: ...

        @tool(name="third_by_name")
        def third(self) -> None:
            """3."""

    assert [one.name for one in registered(Tools())] == ["first", "second", "third_by_name"]


def _no_hint(value) -> None:  # that is the case under test
    """No hint."""


def _many(*values: str) -> None:
    """Many."""


def _unknown_type(value: "Nonsense") -> None:  # type: ignore[name-defined]  # noqa: F821, UP037  (the case under test)
    """Unknown type."""


def _no_json(value: ToolRegistry) -> None:
    """A type without a JSON form."""


@pytest.mark.parametrize("function", [_no_hint, _many, _unknown_type, _no_json])
def test_a_function_that_cannot_be_a_tool_is_refused_by_name(function: object) -> None:
    with pytest.raises(DefinitionError, match=function.__name__):  # type: ignore[attr-defined]  # a function
        registered(tool(function))  # type: ignore[call-overload]  # a function


@pytest.mark.parametrize("name", ["", "1st", "two words", "名字", "a" * 65])
def test_a_name_that_function_calling_does_not_take_is_refused(name: str) -> None:
    def made() -> None:
        """Made."""

    made.__name__ = "<lambda>"
    with pytest.raises(DefinitionError):
        registered(tool(name=name)(made))


def test_an_object_without_tools_is_refused() -> None:
    with pytest.raises(DefinitionError):
        registered(object())


def test_a_second_tool_of_the_same_name_is_refused_and_the_first_stays() -> None:
    registry = registered(build)

    @tool(name="build")
    def impostor() -> None:
        """Impostor."""

    with pytest.raises(NameTaken, match="built-in"):
        registry.register(impostor, Origin("file", "mine.py"))
    assert [str(one.origin) for one in registry] == ["built-in"]


@pytest.mark.parametrize(
    ("origin", "declared", "policy"),
    [
        (BUILT_IN, None, "allow"),
        (BUILT_IN, "ask", "ask"),
        (Origin("file", "mine.py"), None, "ask"),
        (Origin("file", "mine.py"), "allow", "allow"),
        (Origin("file", "mine.py"), "deny", "deny"),
        (Origin("entry point", "x"), None, "ask"),
        (Origin("entry point", "x"), "allow", "ask"),
        (Origin("entry point", "x"), "deny", "deny"),
    ],
)
def test_the_default_policy_depends_on_who_wrote_the_tool(
    origin: Origin, declared: Literal["allow", "ask", "deny"] | None, policy: str
) -> None:
    @tool(policy=declared)
    def mine() -> None:
        """Mine."""

    assert registered(mine, origin=origin).views()[0].policy == policy


def test_a_policy_for_a_tool_that_is_not_there_is_an_issue_with_the_nearest_name() -> None:
    (issue,) = registered(build).policy_issues({"build": "deny", "biuld": "deny"})
    assert (issue.path, issue.severity) == ("tools.policy.biuld", "warning")
    assert issue.fix.endswith("build")


def test_the_settings_word_on_a_tool_is_shown_in_its_view() -> None:
    assert registered(build).views({"build": "deny"})[0].policy == "deny"
