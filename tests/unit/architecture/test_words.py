"""Every word of the screen is there in both languages, and none is there for nothing."""

from __future__ import annotations

import ast
import importlib
import inspect
import re
import string
from pathlib import Path

import pytest
from babel.messages.pofile import read_po

ROOT = Path(__file__).resolve().parents[3]
LOCALES = [ROOT / "bridge/c2jy_bridge/locale", ROOT / "tui/c2jy_tui/locale"]
DOMAINS = [
    pytest.param(locale, po.stem, id=f"{locale.parent.name}-{po.stem}")
    for locale in LOCALES
    for po in sorted(locale.glob("en/LC_MESSAGES/*.po"))
]


def texts(locale: Path, language: str, domain: str) -> dict[str, str]:
    with (locale / language / "LC_MESSAGES" / f"{domain}.po").open("rb") as file:
        return {str(m.id): str(m.string) for m in read_po(file) if m.id}


def fields(text: str) -> set[str]:
    return {name for _, name, _, _ in string.Formatter().parse(text) if name}


@pytest.mark.parametrize(("locale", "domain"), DOMAINS)
def test_both_languages_say_the_same_things(locale: Path, domain: str) -> None:
    english, chinese = texts(locale, "en", domain), texts(locale, "zh", domain)
    assert english.keys() == chinese.keys()
    for key, text in english.items():
        assert text, key
        assert chinese[key], key
        assert fields(text) == fields(chinese[key]), key


@pytest.mark.parametrize(("locale", "domain"), DOMAINS)
def test_a_space_stands_between_chinese_and_latin_letters(locale: Path, domain: str) -> None:
    side_by_side = re.compile("[\u3400-\u9fff][A-Za-z0-9]|[A-Za-z0-9][\u3400-\u9fff]")
    for key, text in texts(locale, "zh", domain).items():
        # Markdown's marks are not seen.
        assert not side_by_side.search(re.sub("[*`]", "", text)), key


class Code:
    """The strings in the product's code, and the fixed parts of its f-strings."""

    def __init__(self) -> None:
        self.texts: set[str] = set()
        self.frames: set[re.Pattern[str]] = set()
        for folder in ("bridge/c2jy_bridge", "tui/c2jy_tui"):
            for path in (ROOT / folder).rglob("*.py"):
                self._read(ast.parse(path.read_text(encoding="utf-8")))

    def _read(self, tree: ast.Module) -> None:
        nodes = list(ast.walk(tree))
        docstrings = {id(n.value) for n in nodes if isinstance(n, ast.Expr)}
        parts = {id(part) for n in nodes if isinstance(n, ast.JoinedStr) for part in n.values}
        for node in nodes:
            match node:
                case ast.Constant(value=str(text)) if id(node) not in docstrings | parts:
                    self.texts.add(text)
                case ast.JoinedStr(values=values):
                    self._frame(values)
                case ast.Call(
                    func=ast.Name(id="binding"),
                    args=[ast.Constant(value=str(domain)), ast.Constant(value=str(id_)), *_],
                ):
                    key = f"{domain}:key.{id_.partition('.')[2]}"
                    self.texts |= {key, f"{key}.tip"}
                case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name):
                    self.texts.add(name)  # a tool is called as its function

    def _frame(self, values: list[ast.expr]) -> None:
        fixed = [str(v.value) if isinstance(v, ast.Constant) else None for v in values]
        if re.fullmatch(r"([a-z_]+:)?[a-z_]+[._][a-z_.]*\0[a-z_.]*", "".join(part or "\0" for part in fixed)):
            written = (re.escape(part) if part else r"([a-z0-9_]+(?:\.[a-z0-9_]+)?)" for part in fixed)
            self.frames.add(re.compile("".join(written)))

    def says(self, key: str, domain: str) -> bool:
        """Whether `key` is a string in the code, or an f-string (`f"issue.{code}"`) around one ("empty")."""
        if key in self.texts or f"{domain}:{key}" in self.texts:
            return True
        made = (frame.fullmatch(text) for frame in self.frames for text in (key, f"{domain}:{key}"))
        return any(self.says(match[1], domain) for match in made if match and match[1] != key)


@pytest.fixture(scope="module")
def code() -> Code:
    return Code()


@pytest.mark.parametrize(("locale", "domain"), DOMAINS)
def test_no_text_is_kept_that_nothing_says(locale: Path, domain: str, code: Code) -> None:
    assert [key for key in texts(locale, "en", domain) if not code.says(key, domain)] == []


@pytest.mark.parametrize(
    "key", ["nothing", "issue.nothing_says_this", "key.nothing", "command.nothing.tip", "help."]
)
def test_a_text_that_nothing_says_is_found(key: str, code: Code) -> None:
    assert not code.says(key, "tui")


MODULES = [
    path.relative_to(ROOT / folder)
    for folder, package in (("bridge", "c2jy_bridge"), ("tui", "c2jy_tui"))
    for path in sorted((ROOT / folder / package).rglob("*.py"))
    if "say(" in path.read_text(encoding="utf-8")
]


def test_every_text_that_a_module_names_is_in_its_catalogue() -> None:
    missing = []
    for module in MODULES:
        loaded = importlib.import_module(".".join(module.with_suffix("").parts).removesuffix(".__init__"))
        if not hasattr(loaded, "say"):
            continue
        where = inspect.getclosurevars(loaded.say).nonlocals
        known = texts(where["folder"], "en", where["domain"])
        for node in ast.walk(ast.parse(Path(str(loaded.__file__)).read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and getattr(node.func, "id", "") == "say" and node.args:
                keys = [str(part.value) for part in ast.walk(node.args[0]) if isinstance(part, ast.Constant)]
                simple = isinstance(node.args[0], ast.Constant | ast.IfExp)
                missing += [f"{module}: {key}" for key in keys if simple and "." in key and key not in known]
    assert len(MODULES) > 50
    assert missing == []
