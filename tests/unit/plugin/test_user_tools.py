"""The user's own tools: one that cannot be loaded is named, the others work."""

from __future__ import annotations

import json
import sys
from importlib.metadata import EntryPoint
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING

import pytest

from c2jy_bridge.core.events import Outcome
from c2jy_bridge.plugin import ToolRegistry, tool
from c2jy_bridge.plugin.user_tools import load_entry_points, load_folder

if TYPE_CHECKING:
    from unit.plugin.conftest import Bench

GREET = '''
"""My tools."""
from __future__ import annotations
from dataclasses import dataclass
from c2jy_bridge.plugin import ToolContext, tool

@dataclass
class Greeting:
    text: str
    times: int

@tool
def greet(name: str, context: ToolContext, times: int = 1) -> Greeting:
    """Greet a person.

    Args:
        name: Who.
    """
    return Greeting(f"hello {name}", times)
'''


@tool
def probe_media(urls: list[str]) -> None:
    """The built-in one."""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "tools"
    made.mkdir()
    return made


async def test_a_function_in_the_tools_folder_can_be_called_after_a_yes(bench: Bench, folder: Path) -> None:
    (folder / "greet.py").write_text(GREET, encoding="utf-8")
    assert load_folder(bench.registry, folder) == []
    (view,) = bench.registry.views()
    assert (view.name, view.policy, view.origin) == ("greet", "ask", str(folder / "greet.py"))
    finished = await bench.finish("greet", {"name": "li"})
    assert len(bench.person.asked) == 1
    assert finished.outcome is Outcome.OK
    assert json.loads(finished.output) == {"status": "success", "text": "hello li", "times": 1}


def test_what_does_not_load_is_named_with_file_and_line_and_the_rest_go_on(folder: Path) -> None:
    broken = {
        "a_syntax.py": "from c2jy_bridge.plugin import tool\n\ndef broken(:\n    pass\n",
        "b_raises.py": "import sys\n\nraise RuntimeError('no licence')\n",
        "c_exits.py": "import sys\n\n\nsys.exit(2)\n",
        "c_interrupts.py": "raise KeyboardInterrupt\n",
        "c_speechless.py": "class E(Exception):\n    def __str__(self): raise SystemExit\nraise E\n",
        "d_import.py": "import no_such_package_at_all\n",
        "e_hint.py": "from c2jy_bridge.plugin import tool\n\n@tool\ndef bad(x):\n    '''Bad.'''\n\n"
        "@tool\ndef good(x: int) -> None:\n    '''Good.'''\n",
        "f_clash.py": "from c2jy_bridge.plugin import tool\n\n\n"
        "@tool\ndef probe_media() -> None:\n    '''Mine.'''\n",
        "g_empty.py": "x = 1\n",
        "h_greet.py": GREET,
        "i_bytes.py": "# \x00\n",
    }
    for name, text in broken.items():
        (folder / name).write_text(text, encoding="utf-8")
    (folder / "_shared.py").write_text("raise SystemExit", encoding="utf-8")
    (folder / "notes.txt").write_text("not python", encoding="utf-8")
    registry = ToolRegistry()
    registry.register(probe_media)
    issues = load_folder(registry, folder)
    places = {issue.path.removeprefix(f"{folder}/"): issue.code for issue in issues}
    assert {path: code for path, code in places.items() if not path.startswith("i_bytes")} == {
        "a_syntax.py:3": "user_tool.syntax",
        "b_raises.py:3": "user_tool.crashed",
        "c_exits.py:4": "user_tool.crashed",
        "c_interrupts.py:1": "user_tool.crashed",
        "c_speechless.py:3": "user_tool.crashed",
        "d_import.py:1": "user_tool.crashed",
        "e_hint.py:3": "user_tool.refused",
        "f_clash.py:4": "user_tool.refused",
        "g_empty.py": "user_tool.empty",
    }
    assert any(path.startswith("i_bytes.py") for path in places)
    assert all(issue.message and issue.fix for issue in issues)
    assert next(i for i in issues if "b_raises" in i.path).message.endswith("RuntimeError: no licence")
    assert [one.name for one in registry] == ["probe_media", "good", "greet"]


def test_a_user_tool_cannot_stand_in_for_a_built_in_one(folder: Path) -> None:
    registry = ToolRegistry()
    registry.register(probe_media)
    (folder / "mine.py").write_text(
        "from c2jy_bridge.plugin import tool\n@tool(name='probe_media')\ndef x() -> None:\n    '''X.'''\n",
        encoding="utf-8",
    )
    (issue,) = load_folder(registry, folder)
    assert "probe_media" in issue.message
    assert [str(one.origin) for one in registry] == ["built-in"]


def test_an_imported_tool_is_not_registered_a_second_time(folder: Path) -> None:
    (folder / "a.py").write_text(GREET, encoding="utf-8")
    (folder / "b.py").write_text(
        "from c2jy_user_tools.a import greet\n" + GREET.replace("def greet", "def wave"), encoding="utf-8"
    )
    registry = ToolRegistry()
    issues = load_folder(registry, folder)
    assert [one.name for one in registry if one.name == "greet"] == ["greet"]
    assert all(issue.code != "user_tool.refused" for issue in issues)


def test_no_folder_means_no_tools(tmp_path: Path) -> None:
    assert load_folder(ToolRegistry(), tmp_path / "nowhere") == []


def test_a_file_where_the_folder_should_be_is_named(tmp_path: Path) -> None:
    (tmp_path / "tools").write_text("", encoding="utf-8")
    (issue,) = load_folder(ToolRegistry(), tmp_path / "tools")
    assert issue.code == "user_tool.unreadable"


def test_what_a_tool_file_prints_while_it_loads_stays_out_of_stdout(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (folder / "loud.py").write_text(
        "print('hello from the file')\n" + GREET.replace("from __future__", "# "), "utf-8"
    )
    load_folder(ToolRegistry(), folder)
    out, err = capsys.readouterr()
    assert out == ""
    assert "hello from the file" in err


@pytest.fixture
def package(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """An installed package with tools, as far as importlib can tell."""
    module = ModuleType("some_package")
    source = (
        "from c2jy_bridge.plugin import tool\n"
        "@tool(policy='allow')\ndef shout(text: str) -> str:\n    '''Shout.'''\n    return text.upper()\n"
        "class Kit:\n"
        "    @tool\n    def whisper(self, text: str) -> str:\n        '''Whisper.'''\n        return text\n"
        "kit = Kit()\nnothing = 3\n"
    )
    monkeypatch.setitem(sys.modules, "some_package", module)
    exec(source, vars(module))
    return module


def test_entry_points_may_name_a_function_a_module_or_an_object(package: ModuleType) -> None:
    for value, names in (
        ("some_package:shout", ["shout"]), ("some_package", ["shout"]), ("some_package:kit", ["whisper"]),
    ):  # fmt: skip
        registry = ToolRegistry()
        assert load_entry_points(registry, [EntryPoint("mine", value, "c2jy.tools")]) == []
        assert [(one.name, one.policy, str(one.origin)) for one in registry] == [
            (name, "ask", "entry point mine") for name in names
        ]


def test_entry_points_that_do_not_load_are_named_and_the_rest_go_on(package: ModuleType) -> None:
    registry = ToolRegistry()
    found = [
        EntryPoint("a", "no_such_package:tool", "c2jy.tools"),
        EntryPoint("b", "some_package:missing", "c2jy.tools"),
        EntryPoint("c", "some_package:nothing", "c2jy.tools"),
        EntryPoint("d", "some_package:shout", "c2jy.tools"),
    ]
    issues = load_entry_points(registry, found)
    assert [issue.path.split(" ")[0] for issue in issues] == ["a", "b", "c"]
    assert [one.name for one in registry] == ["shout"]


def test_the_installed_packages_of_this_environment_are_looked_through() -> None:
    assert load_entry_points(ToolRegistry()) == []
