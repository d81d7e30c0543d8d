"""What is forgotten most easily when something is added; CONTRIBUTING.md names these tests."""

from __future__ import annotations

import argparse
import ast
import importlib
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from pydantic import BaseModel

from c2jy_bridge.core import events, i18n
from c2jy_bridge.core.bridge_requests import INTAKES
from c2jy_bridge.core.settings import Settings
from c2jy_bridge.core.settings_file import Setting, all_settings
from c2jy_tui import cli
from c2jy_tui.screens.main import MainScreen
from c2jy_tui.widgets.workspace import PANES

ROOT = Path(__file__).resolve().parents[3]
ENGINE, SCREEN = ROOT / "bridge/c2jy_bridge", ROOT / "tui/c2jy_tui"


@cache
def nodes(folder: Path, *without: str) -> tuple[ast.AST, ...]:
    """All syntax nodes of a folder's modules."""
    return tuple(
        node
        for path in sorted(folder.rglob("*.py"))
        if path.relative_to(folder).as_posix() not in without
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
    )


def setting_fields(model: type[BaseModel] = Settings, path: str = "") -> Iterator[tuple[str, Any]]:
    for name, field in model.model_fields.items():
        yield f"{path}{name}", field
        if isinstance(field.annotation, type) and issubclass(field.annotation, BaseModel):
            yield from setting_fields(field.annotation, f"{name}.")


@pytest.mark.parametrize(("path", "field"), setting_fields())
def test_a_setting_has_a_description_with_its_unit_and_is_read_somewhere(path: str, field: Any) -> None:
    assert field.description, "a docstring below the field is missing"
    if path.endswith("_s"):
        assert "second" in field.description.lower()
    names = {node.attr for node in nodes(ENGINE, "core/settings.py") if isinstance(node, ast.Attribute)}
    names |= {node.attr for node in nodes(SCREEN) if isinstance(node, ast.Attribute)}
    names |= {str(node.value) for node in nodes(SCREEN) if isinstance(node, ast.Constant)}
    assert path.rpartition(".")[2] in names, "nothing reads it"


@pytest.mark.parametrize("one", all_settings(), ids=lambda one: one.key)
def test_a_setting_is_explained_in_chinese(one: Setting) -> None:
    i18n.use("zh")
    about = one.about
    i18n.use("en")
    assert any("\u4e00" <= letter <= "\u9fff" for letter in about), "a line in setting_help.po (zh)"


EVENTS = [
    kind
    for kind in vars(events).values()
    if isinstance(kind, type) and issubclass(kind, events.Event) and not kind.__subclasses__()
]


@pytest.mark.parametrize("event", EVENTS)
def test_an_event_is_emitted_by_the_engine_and_handled_by_the_screen(event: type) -> None:
    calls = (node.func for node in nodes(ENGINE, "core/events.py") if isinstance(node, ast.Call))
    assert event.__name__ in {call.id for call in calls if isinstance(call, ast.Name)}, "never emitted"
    handled = {node.id for node in nodes(SCREEN) if isinstance(node, ast.Name)}
    handled |= {node.attr for node in nodes(SCREEN) if isinstance(node, ast.Attribute)}
    assert event.__name__ in handled, "the screen does not know it"


def commands(parser: argparse.ArgumentParser) -> Iterator[argparse.ArgumentParser]:
    yield parser
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            for child in action.choices.values():
                yield from commands(child)


@pytest.mark.parametrize(("language", "readme"), [("en", "README.md"), ("zh", "README.zh-CN.md")])
def test_a_command_has_its_function_its_words_and_its_place_in_the_readme(language: Any, readme: str) -> None:
    i18n.use(language)
    lines = (ROOT / readme).read_text(encoding="utf-8").splitlines()
    for parser in commands(cli._parser()):
        module, _, function = parser.get_default("run").partition(":")
        assert callable(getattr(importlib.import_module(f"c2jy_tui.commands.{module}"), function or "run"))
        words = [parser.description or "", *(action.help or "-" for action in parser._actions)]
        assert not [text for text in words if re.fullmatch(r"(command|option)\.\w+|", text)]
        first, last = (parser.prog.split()[1:] or [""])[0], parser.prog.split()[-1]
        assert any("c2jy-tui" in line and first in line and last in line for line in lines), parser.prog


def test_a_pane_has_its_folder_and_a_key_on_the_main_screen() -> None:
    actions = {getattr(binding, "action", "") for binding in MainScreen.BINDINGS}
    for pane in PANES:
        assert (SCREEN / "panes" / pane / "__init__.py").is_file()
        assert f"go('{pane}')" in actions


@pytest.mark.parametrize("page", ["bridge.md", "bridge.zh-CN.md"])
def test_an_intake_is_in_the_documentation(page: str) -> None:
    text = (ROOT / "docs" / page).read_text(encoding="utf-8")
    assert [name for name in INTAKES if f'"{name}"' not in text and f"`{name}`" not in text] == []


def test_the_files_that_contributing_names_exist() -> None:
    text = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
    named = {name for name in re.findall(r"`([\w./*-]+\.(?:py|po|md))`", text) if "<" not in name}
    assert len(named) > 15
    assert [
        name
        for name in named
        if not any(ROOT.glob(f"[!.]*/**/{name.lstrip('.')}")) and not (ROOT / name).exists()
    ] == []


def test_the_tests_that_the_reliability_page_names_exist() -> None:
    text = (ROOT / "docs" / "reliability.md").read_text(encoding="utf-8")
    named = re.findall(r"`([\w/]*test_\w+\.py)(?:::(\w+))?`", text)
    assert len(named) > 50
    missing = []
    for file, test in named:
        path = ROOT / file if file.startswith("tests/") else ROOT / "tests" / "unit" / file
        if not path.is_file() or (test and f"def {test}(" not in path.read_text(encoding="utf-8")):
            missing.append(f"{file}::{test}")
    assert missing == []
    assert [int(number) for number in re.findall(r"^\| (\d+)\. ", text, re.MULTILINE)] == [*range(1, 31)]
