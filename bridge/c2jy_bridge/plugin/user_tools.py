"""Loads the tools that the user wrote or installed; one that fails becomes an Issue."""

from __future__ import annotations

import contextlib
import importlib.util
import inspect
import sys
import traceback
from collections.abc import Iterable
from importlib.metadata import EntryPoint, entry_points
from pathlib import Path
from types import ModuleType
from typing import Any, Final

from c2jy_bridge.core.disk_space import os_reason
from c2jy_bridge.core.events import Issue, Severity
from c2jy_bridge.core.i18n import catalogue
from c2jy_bridge.core.safety import words_of
from c2jy_bridge.plugin.definition import Origin, options_of
from c2jy_bridge.plugin.registry import ToolRegistry
from c2jy_bridge.plugin.schema import DefinitionError

GROUP: Final = "c2jy.tools"
"""Entry points of this group: a decorated function, a module of some, or an object with decorated methods."""
_PACKAGE: Final = "c2jy_user_tools"

say: Final = catalogue("plugin")


def load_folder(registry: ToolRegistry, folder: Path) -> list[Issue]:
    """Register the tools in `folder/*.py` by file name, except `_*` and `.*`; the folder need not exist."""
    try:
        files = sorted(p for p in folder.iterdir() if p.suffix == ".py" and p.name[0] not in "_.")
    except FileNotFoundError:
        return []
    except OSError as error:
        return [_issue("unreadable", str(folder), reason=os_reason(error))]
    return [issue for file in files for issue in load_file(registry, file)]


def load_entry_points(registry: ToolRegistry, found: Iterable[EntryPoint] | None = None) -> list[Issue]:
    """Register the tools of installed packages."""
    issues: list[Issue] = []
    for entry in sorted(found if found is not None else entry_points(group=GROUP), key=lambda e: e.name):
        path = f"{entry.name} = {entry.value}"
        try:
            with contextlib.redirect_stdout(sys.stderr):
                loaded = entry.load()
        except BaseException as error:  # another package's import may raise anything, KeyboardInterrupt too
            issues.append(_issue("crashed", path, reason=_reason(error)))
            continue
        candidates = _marked(loaded) if isinstance(loaded, ModuleType) else [loaded]
        if not candidates:
            issues.append(_issue("empty", path))
        issues += _register(registry, candidates, origin=Origin("entry point", entry.name), path=path)
    return issues


def load_file(registry: ToolRegistry, file: Path) -> list[Issue]:
    """Register the tools of one file."""
    name = f"{_PACKAGE}.{file.stem}"
    spec = importlib.util.spec_from_file_location(name, file)
    if spec is None or spec.loader is None:
        return [_issue("unreadable", str(file), reason="?")]
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module  # dataclasses and pydantic look up their module during its import
    try:
        # stdout is for the screen or `--json`.
        with contextlib.redirect_stdout(sys.stderr):
            spec.loader.exec_module(module)
    except SyntaxError as error:
        del sys.modules[name]
        return [_issue("syntax", f"{error.filename or file}:{error.lineno or 1}", reason=error.msg)]
    except BaseException as error:  # the user's code may raise anything, KeyboardInterrupt too
        del sys.modules[name]
        lines = [f.lineno for f in traceback.extract_tb(error.__traceback__) if f.filename == str(file)]
        line = (lines[-1] if lines else None) or 1
        return [_issue("crashed", f"{file}:{line}", reason=_reason(error))]
    marked = _marked(module)
    if not marked:
        return [_issue("empty", str(file))]
    return _register(registry, marked, origin=Origin("file", str(file)), path=str(file))


def _marked(module: ModuleType) -> list[Any]:
    """The tools that a module defines, without those it imports."""
    return [
        member
        for member in vars(module).values()
        if inspect.isfunction(member) and options_of(member) and member.__module__ == module.__name__
    ]


def _register(
    registry: ToolRegistry, candidates: Iterable[object], *, origin: Origin, path: str
) -> list[Issue]:
    issues: list[Issue] = []
    for candidate in candidates:
        try:
            registry.register(candidate, origin)
        except DefinitionError as error:
            code = getattr(candidate, "__code__", None)
            line = f":{code.co_firstlineno}" if code is not None else ""
            issues.append(_issue("refused", f"{path}{line}", reason=str(error)))
    return issues


def _reason(error: BaseException) -> str:
    return f"{type(error).__name__}: {words_of(error)}".removesuffix(": ")[:500]


def _issue(code: str, path: str, **values: object) -> Issue:
    severity: Severity = "warning" if code == "empty" else "error"
    return Issue(
        code=f"user_tool.{code}",
        path=path,
        severity=severity,
        message=say(f"user_tool.{code}", **values),
        fix=say(f"user_tool.{code}.fix"),
    )
