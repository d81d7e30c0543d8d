"""Loads the tools that the user wrote or installed; one that fails becomes an Issue, the others go on."""

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

from c2jy_bridge.core.events import Issue, Severity
from c2jy_bridge.core.i18n import catalogue
from c2jy_bridge.plugin.definition import Origin, options_of
from c2jy_bridge.plugin.registry import ToolRegistry
from c2jy_bridge.plugin.schema import DefinitionError

GROUP: Final = "c2jy.tools"
"""The entry point group: a decorated function, a module with some, or an object with decorated methods."""
_PACKAGE: Final = "c2jy_user_tools"

say: Final = catalogue("plugin")


def load_folder(registry: ToolRegistry, folder: Path) -> list[Issue]:
    """Register what `@tool` marks in `folder/*.py`, in the order of file names.

    Files whose name begins with `_` or `.` are left alone. A folder that does not exist has no tools.
    """
    try:
        files = sorted(p for p in folder.iterdir() if p.suffix == ".py" and p.name[0] not in "_.")
    except FileNotFoundError:
        return []
    except OSError as error:
        return [_issue("unreadable", str(folder), reason=error.strerror or type(error).__name__)]
    return [issue for file in files for issue in _load_file(registry, file)]


def load_entry_points(registry: ToolRegistry, found: Iterable[EntryPoint] | None = None) -> list[Issue]:
    """Register what installed packages offer under `c2jy.tools`."""
    issues: list[Issue] = []
    for entry in sorted(found if found is not None else entry_points(group=GROUP), key=lambda e: e.name):
        path = f"{entry.name} = {entry.value}"
        try:
            with contextlib.redirect_stdout(sys.stderr):
                loaded = entry.load()
        except (Exception, SystemExit) as error:  # anything may happen in somebody else's import
            issues.append(_issue("crashed", path, reason=_reason(error)))
            continue
        offered = _marked(loaded) if isinstance(loaded, ModuleType) else [loaded]
        if not offered:
            issues.append(_issue("empty", path))
        issues += _register(registry, offered, origin=Origin("entry point", entry.name), path=path)
    return issues


def _load_file(registry: ToolRegistry, file: Path) -> list[Issue]:
    name = f"{_PACKAGE}.{file.stem}"
    spec = importlib.util.spec_from_file_location(name, file)
    if spec is None or spec.loader is None:
        return [_issue("unreadable", str(file), reason="?")]
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module  # dataclasses and pydantic look their module up while it is made
    try:
        # stdout belongs to the screen or to `--json`; a print at import must not land there.
        with contextlib.redirect_stdout(sys.stderr):
            spec.loader.exec_module(module)
    except SyntaxError as error:
        del sys.modules[name]
        return [_issue("syntax", f"{error.filename or file}:{error.lineno or 1}", reason=error.msg)]
    except (Exception, SystemExit) as error:  # the user's code may fail in any way
        del sys.modules[name]
        return [_issue("crashed", f"{file}:{_line_in(file, error)}", reason=_reason(error))]
    marked = _marked(module)
    if not marked:
        return [_issue("empty", str(file))]
    return _register(registry, marked, origin=Origin("file", str(file)), path=str(file))


def _marked(module: ModuleType) -> list[Any]:
    """The tools that a module defines itself, not those it imported."""
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


def _line_in(file: Path, error: BaseException) -> int:
    """The last line of the file that the error went through."""
    lines = [f.lineno for f in traceback.extract_tb(error.__traceback__) if f.filename == str(file)]
    return (lines[-1] if lines else None) or 1


def _reason(error: BaseException) -> str:
    return f"{type(error).__name__}: {error}".removesuffix(": ")[:500]


def _issue(code: str, path: str, **values: object) -> Issue:
    severity: Severity = "warning" if code == "empty" else "error"
    return Issue(
        code=f"user_tool.{code}",
        path=path,
        severity=severity,
        message=say(f"user_tool.{code}", **values),
        fix=say(f"user_tool.{code}.fix"),
    )
