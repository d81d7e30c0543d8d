"""The words of the face: nothing missing, the same in both languages, none of them in the code."""

from __future__ import annotations

import ast
import re
from pathlib import Path
from string import Formatter
from typing import Any, get_args

import pytest
from babel.messages.pofile import read_po

import c2jy_tui
from c2jy_bridge.core import i18n
from c2jy_bridge.core.bridge_requests import SOURCES
from c2jy_bridge.core.events import Outcome
from c2jy_bridge.core.settings_file import all_settings
from c2jy_tui import themes
from c2jy_tui.labels import LOCALE, label
from c2jy_tui.panes.chat.entries import RunState
from c2jy_tui.panes.chat.suggestions import EXAMPLES
from c2jy_tui.widgets.workspace import PANES

FACE = Path(c2jy_tui.__file__).parent
DOMAINS = sorted(po.stem for po in (LOCALE / "en" / "LC_MESSAGES").glob("*.po"))


def messages(language: str, domain: str) -> dict[str, str]:
    with (LOCALE / language / "LC_MESSAGES" / f"{domain}.po").open("rb") as file:
        return {str(m.id): str(m.string) for m in read_po(file) if m.id}


def fields(text: str) -> set[str]:
    return {name for _, name, _, _ in Formatter().parse(text) if name}


@pytest.mark.parametrize("domain", DOMAINS)
def test_both_languages_have_the_same_words_with_the_same_fields(domain: str) -> None:
    english, chinese = messages("en", domain), messages("zh", domain)
    assert english.keys() == chinese.keys()
    for key, text in english.items():
        assert text
        assert chinese[key]
        assert fields(text) == fields(chinese[key]), key


def used(tree: ast.AST, *, ours: bool) -> set[str]:
    """Keys that are written out in code: `say("...")` where `say` is ours, and the names of bindings."""
    keys: set[str] = set()
    for node in ast.walk(tree):
        if not isinstance(node, ast.Call) or not isinstance(node.func, ast.Name) or not node.args:
            continue
        strings = [a.value for a in node.args if isinstance(a, ast.Constant) and isinstance(a.value, str)]
        if ours and node.func.id == "say" and strings:
            keys.add(strings[0])
        if node.func.id == "binding" and strings[0] == "tui":
            name = f"key.{strings[1].partition('.')[2]}"
            keys |= {name, f"{name}.tip"}
    return keys


def imports_say(tree: ast.AST) -> bool:
    """Whether `say` is that of the face's own catalogue there."""
    imports = [n for n in ast.walk(tree) if isinstance(n, ast.ImportFrom) and n.module == "c2jy_tui.labels"]
    return any(alias.name == "say" for one in imports for alias in one.names)


def asked_for() -> set[str]:
    """Every key that the face asks its own catalogue for."""
    from c2jy_tui.controllers.activity import Doing

    asked: set[str] = set()
    for path in FACE.rglob("*.py"):
        source = path.read_text(encoding="utf-8")
        tree = ast.parse(source)
        asked |= used(tree, ours=imports_say(tree))
        asked |= set(re.findall(r'"tui:([a-z_.]+)"', source))
    # Those that are made from a name.
    asked |= {f"doing.{doing}" for doing in Doing} | {f"call.{outcome}" for outcome in Outcome}
    asked |= {f"source.{source}" for source in ("chat", "bridge", "user")}
    asked |= {f"notice.recovered_{reason}" for reason in ("dropped", "no_done", "stalled", "restart", "owed")}
    asked |= {f"header.bridge_switching_{way}" for way in ("on", "off")}
    asked |= {f"run.{state}" for state in get_args(RunState)} | {"notice.journal_resumed"}
    asked |= {f"quit.{what}" for what in ("turn", "call", "workflow")}
    asked |= {key for source in SOURCES for key in (f"intake.{source}", f"approval.always_{source}")}
    groups = {one.key.rpartition(".")[0] or "general" for one in all_settings()}
    asked |= {f"settings.group.{group}" for group in groups}
    asked |= {f"theme.{about}" for about in themes.ABOUT.values()}
    asked |= (
        {"notice.cancelled", "notice.forked", "notice.uploading"}
        | {f"pane.{pane}" for pane in PANES}
        | set(EXAMPLES)
        | {"key.palette", "key.palette.tip"}
    )
    return asked


def test_every_word_that_the_code_asks_for_exists_and_no_other() -> None:
    known = messages("en", "tui")
    asked = asked_for()
    assert asked - known.keys() == set()
    unused = {key for key in known.keys() - asked if not key.startswith("command.")}
    assert unused == set()


async def test_every_command_of_the_palette_has_words(stage: Any) -> None:
    async with stage() as on:
        for command in on.app.get_system_commands(on.main):
            assert not command.title.startswith("command.")
            assert not command.help.startswith("command.")


def test_no_chinese_words_stand_in_the_code() -> None:
    for path in FACE.rglob("*.py"):
        tree = ast.parse(path.read_text(encoding="utf-8"))
        docstrings = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
        for node in ast.walk(tree):
            if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in docstrings:
                assert not re.search("[\u4e00-\u9fff]", node.value), f"{path}:{node.lineno}"


def test_a_label_follows_the_language_and_other_text_stays() -> None:
    assert label("tui:key.send") == "Send"
    i18n.use("zh")
    assert label("tui:key.send") == "发送"
    assert label("Any text: stays") == "Any text: stays"
