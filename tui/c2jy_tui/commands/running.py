"""Shared by the commands: makes settings and an engine from the options, writes JSON and diagnostics.

The app imports it before its first paint: settings and events are imported when they are needed.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from dataclasses import asdict, is_dataclass
from typing import TYPE_CHECKING, Any, Final

from c2jy_bridge.core import i18n
from c2jy_bridge.core.safety import one_line, visible
from c2jy_tui.commands import say
from c2jy_tui.commands.ending import Ending
from c2jy_tui.commands.streams import claim_stdout, fitting
from c2jy_tui.formatting import escape_unsafe

if TYPE_CHECKING:
    from c2jy_bridge.core.events import Issue, ToolCallFinished
    from c2jy_bridge.core.settings import Settings
    from c2jy_bridge.engine import Engine, Progress

INTERRUPTED: Final = 130
"""Exit status of a command stopped by Ctrl+C."""

# --- settings and engine --------------------------------------------------------------------------


@contextmanager
def settings_of(options: argparse.Namespace) -> Iterator[Settings]:
    """The settings for one command; with `--demo`, those of an emulator that runs until the end.

    Raises:
        SettingsError: The settings are wrong.
    """
    from c2jy_bridge.core.settings import load

    given = vars(options)
    overrides: dict[str, Any] = {}
    if "data_dir" in given:
        overrides["data_dir"] = given["data_dir"]
    if "drafts_root" in given:
        overrides["drafts"] = {"root": given["drafts_root"]}
    bridge = {name: given[name] for name in ("host", "port", "relay") if given.get(name) is not None}
    if given.get("intake"):
        bridge["intakes"] = given["intake"].split(",")
    if bridge and given["run"] in ("bridge:serve", "studio:gateway"):
        overrides["bridge"] = bridge
    options_of_studio = {"name": "studio", "labels": "label"}
    studio = {
        name: given[option]
        for name in ("queue", "name", "machine", "labels", "credentials")
        if given.get(option := options_of_studio.get(name, name)) is not None
    }
    if studio and given["run"].partition(":")[0] in ("bridge", "studio"):
        overrides["studio"] = studio
    config, profile = given.get("config"), given.get("profile")
    if given.get("demo"):
        from c2jy_tui.commands.emulator import demo

        with demo(config, profile, overrides) as settings:
            yield settings
        return
    settings = load(config, profile=profile, overrides=overrides)
    if "lang" not in given and settings.screen.lang != "auto":
        i18n.use(settings.screen.lang)
    yield settings


@asynccontextmanager
async def engine_of(
    options: argparse.Namespace, settings: Settings, *, start: bool, asks: bool, issues: bool
) -> AsyncIterator[Engine]:
    """An engine without a screen: an approval is `--yes` or denied, unless the command `asks` itself.

    What is wrong with the journal is always reported, other issues with `start` or `issues`.
    """
    from c2jy_bridge.core.events import Decision
    from c2jy_bridge.engine import Engine, prints_go_to_stderr

    claim_stdout()
    unattended = Decision.ONCE if getattr(options, "yes", False) else Decision.DENY
    demo = getattr(options, "demo", False)
    engine = Engine(settings, demo=demo, unattended=None if asks else unattended)
    try:
        await (engine.start() if start else engine.check_journal())
        found = engine.issues()
        print_issues(*(one for one in found if start or issues or one.code.startswith("journal.")))
        with prints_go_to_stderr():
            yield engine
    finally:
        await engine.close()


def with_settings(options: argparse.Namespace, work: Callable[[Settings], int]) -> int:
    """Run `work` with the settings and return its status; 2 when the settings are wrong."""
    from c2jy_bridge.core.settings import SettingsError

    try:
        with settings_of(options) as settings:
            return work(settings)
    except SettingsError as error:
        print_stderr(str(error))
        return 2


def with_engine(
    options: argparse.Namespace,
    work: Callable[[Engine], Awaitable[int]],
    *,
    start: bool = False,
    asks: bool = False,
    issues: bool = False,
    interrupt: Callable[[Engine], object] | None = None,
    stops: Callable[[], bool] | None = None,
) -> int:
    """Run `work` with an engine and return its status; 2 when the settings are wrong.

    Args:
        options: The command line.
        work: What to do; its task is cancelled by a signal, and the engine is closed.
        start: Whether the engine takes up what an earlier process left.
        asks: Whether `work` answers the approval questions.
        issues: Whether to report what is wrong with tools, which `start` does too.
        interrupt: What the first signal does instead, so that `work` returns by itself.
        stops: Called in a thread by Ctrl+C; True when it stops something instead of the command.
    """

    async def run(settings: Settings, ending: Ending) -> int:
        task = asyncio.current_task()
        assert task is not None
        ending.closing(task.cancel)
        if stops is not None:
            ending.stops = stops
        try:
            async with engine_of(options, settings, start=start, asks=asks, issues=issues) as engine:
                if interrupt is not None:
                    ending.closing(lambda: interrupt(engine))
                status = await work(engine)
                if ending.signal and status == INTERRUPTED:
                    status = ending.status
                ending.closing(lambda: None)
        except asyncio.CancelledError:
            if not ending.signal:
                raise
            status = ending.status
        sys.stdout.flush()
        ending.end_by_deadline(status)
        return status

    def run_until_signal(settings: Settings) -> int:
        with Ending() as ending:
            return asyncio.run(run(settings, ending))

    return with_settings(options, run_until_signal)


def json_object(text: str) -> dict[str, Any] | None:
    """The JSON object of an argument; None, after a diagnostic, when it is not one."""
    try:
        value = json.loads(text)
    except (ValueError, RecursionError) as error:
        print_stderr(say("tools.not_json", why=error))
        return None
    if not isinstance(value, dict):
        print_stderr(say("tools.not_object"))
        return None
    return value


# --- output ---------------------------------------------------------------------------------------


def as_json(value: Any, *, indent: int | None = None) -> str:
    """JSON with unescaped Chinese and without characters that a terminal would interpret."""
    text = json.dumps(value, ensure_ascii=False, indent=indent, default=_plain)
    return fitting(escape_unsafe(text))


def _plain(value: Any) -> Any:
    return asdict(value) if is_dataclass(value) and not isinstance(value, type) else str(value)


def print_stderr(*parts: str) -> None:
    """One line of diagnostics: the parts that are not empty."""
    # A Chinese full stop has its own space.
    line = visible(" ".join(filter(None, parts))).replace("。 ", "。")
    print(line, file=sys.stderr, flush=True)


def print_issues(*issues: Issue) -> None:
    """One line per issue: what, where, what to do."""
    for issue in issues:
        where = f"{issue.path}: " if issue.path else ""
        fix = f" → {issue.fix}" if issue.fix else ""
        text = say("labelled", name=say(f"severity.{issue.severity}"), text=f"{where}{issue.message}{fix}")
        # A line break from outside could look like another diagnostic.
        print_stderr(one_line(text))


def print_refusal(issues: Sequence[Issue], *, as_json_too: bool) -> int:
    """Print why a command did nothing; returns its exit status."""
    if as_json_too:
        print(as_json({"status": "error", "issues": issues}, indent=2))
    print_issues(*issues)
    return 1


def print_call(event: ToolCallFinished, error: str = "") -> None:
    """One line for a tool call that has ended."""
    line = f"· {event.tool}: {say(f'outcome.{event.outcome}')} ({event.elapsed_s:.1f} s) {error}".rstrip()
    print_stderr(one_line(line))


def show_progress(progress: Progress) -> None:
    """One line on a terminal that is overwritten with each update."""
    if sys.stderr.isatty():
        total = f"/{progress.total}" if progress.total else ""
        text = f"{one_line(progress.message)} {progress.done}{total}"
        print(f"\r\x1b[K{text}", end="", file=sys.stderr, flush=True)


def clear_progress() -> None:
    """Erase the line."""
    if sys.stderr.isatty():
        print("\r\x1b[K", end="", file=sys.stderr, flush=True)
