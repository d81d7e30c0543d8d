"""The command palette: every command of the app and its panes, each with its key."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any, Final

from rich.cells import cell_len
from textual.app import App
from textual.binding import Binding
from textual.command import CommandPalette, DiscoveryHit, Hit, Hits, Provider
from textual.content import Content
from textual.screen import Screen
from textual.widget import Widget
from typing_extensions import override

from c2jy_tui.labels import label, say

if TYPE_CHECKING:
    from c2jy_tui.screens.main import MainScreen
    from c2jy_tui.widgets.workspace import PaneName

_KEY_CELLS: Final = 9
"""Cells of the column of keys."""
_MOVES: Final = re.compile(
    r"(up|down|page_up|page_down|scroll_up|scroll_down|first|last|top|bottom|oldest|newest|to_end|previous|next"
    r"|next_tab|previous_tab|open|later|back|send|new_line|suggestions|pick|unfilter|palette|help|quit)"
)
"""Actions of a list, a text or a dialog: useless from the palette, or commands of the app anyway."""


@dataclass(frozen=True, slots=True)
class Command:
    """A command."""

    title: str
    tip: str
    key: str
    run: Callable[[], Any]
    enabled: bool = True
    """False for a pane's action that does not apply to the row under its cursor."""

    def shown(self, title: Content | str) -> Content:
        """One line: its key, name and description."""
        key = self.key + " " * max(1, _KEY_CELLS - cell_len(self.key))
        return Content.assemble((key, "$text-accent not bold"), title, (f"  {self.tip}", "dim not bold"))


class Commands(Provider):
    """Finds the commands; without a question, those that are possible now, in their order."""

    @override
    async def discover(self) -> Hits:
        """All commands that are possible now."""
        for command in commands(self.app, self.screen):
            if command.enabled:
                yield DiscoveryHit(command.shown(command.title), command.run, command.title)

    @override
    async def search(self, query: str) -> Hits:
        """Commands whose name or description matches; also those not possible now, to show their keys."""
        matcher = self.matcher(query)
        for command in commands(self.app, self.screen):
            score = max(matcher.match(command.title), 0.8 * matcher.match(command.tip))
            if score > 0:
                yield Hit(
                    score if command.enabled else 0.5 * score,
                    command.shown(matcher.highlight(command.title)),
                    command.run,
                    command.title,
                )


ACTIONS: Final = {
    "new": "screen.new_conversation",
    "sessions": "screen.sessions",
    "export": "screen.export",
    "find": "screen.find",
    "retry": "screen.retry",
    "edit": "screen.edit",
    "fork": "screen.fork",
    "bot": "screen.choose_bot",
    "workflow": "screen.run_workflow",
    "workflows": "screen.choose_workflow",
    "bridge": "screen.toggle_bridge",
    "stop": "screen.stop",
    "copy_answer": "screen.copy_answer",
    "copy_code": "screen.copy_code",
    "chat": "screen.go('chat')",
    "inspector": "screen.go('inspector')",
    "drafts": "screen.go('drafts')",
    "requests": "screen.go('bridge')",
    "zoom": "screen.zoom",
    "edge_left": "screen.move_edge(-1, 0)",
    "edge_right": "screen.move_edge(1, 0)",
    "edge_up": "screen.move_edge(0, -1)",
    "edge_down": "screen.move_edge(0, 1)",
    "jump": "app.jump",
    "help": "app.help",
    "settings": "app.settings",
    "keys": "app.settings('keys')",
    "theme": "app.change_theme",
    "language": "app.other_language",
    "screenshot": "app.screenshot",
    "quit": "app.quit",
}
"""The app's own commands in their order: text key, action."""


def commands(app: App[Any], screen: Screen[object]) -> Iterator[Command]:
    """The app's commands, then those of each pane; on other screens, the screen's own first."""
    main = _main(screen)
    bound = [active.binding for active in screen.active_bindings.values()]
    keys = {_action_name(binding.action): app.get_key_display(binding) for binding in reversed(bound)}
    if main is None:
        yield from _of_dialog(app, screen)
    for name, action, run in app_commands(app, screen):
        key = keys.get(_action_name(action), "")
        yield Command(say(f"command.{name}"), say(f"command.{name}.tip"), key, run)
    if main is not None:
        for pane_name, pane in main.workspace.panes.items():
            if pane_name == "chat":  # its copying is a command of the app
                continue
            yield from _of_pane(main, pane_name, pane, keys.get(f"go('{pane_name}')", ""))


def app_commands(app: App[Any], screen: Screen[object]) -> Iterator[tuple[str, str, Callable[[], Any]]]:
    """The app's commands on a screen: text key, action, and a function that runs it."""
    for name, action in ACTIONS.items():
        if _main(screen) is not None or action.startswith("app."):
            yield name, action, partial(app.run_action, action, default_namespace=screen)


def _main(screen: Screen[object]) -> MainScreen | None:
    from c2jy_tui.screens.main import MainScreen

    return screen if isinstance(screen, MainScreen) else None


def _of_dialog(app: App[Any], screen: Screen[object]) -> Iterable[Command]:
    for active in screen.active_bindings.values():
        binding = active.binding
        if _is_listed(binding) and active.node is not app:
            run = partial(app.run_action, binding.action, default_namespace=active.node)
            key = app.get_key_display(binding)
            yield Command(binding.description, label(active.tooltip), key, run, active.enabled)


def _of_pane(main: MainScreen, name: PaneName, pane: Widget, pane_key: str) -> Iterable[Command]:
    """The actions of a pane, which comes to the front for them. `pane_key` is the key that focuses it."""
    for _, binding in pane._bindings:  # Textual has no public pane_key to the bindings of one widget
        if not _is_listed(binding):
            continue

        async def run(binding: Binding = binding) -> None:
            main.action_go(name)
            if _is_enabled(pane, binding):
                await main.app.run_action(binding.action, default_namespace=pane)
            else:
                main.notify(say("palette.not_now"), severity="warning")

        key = f"{pane_key} {main.app.get_key_display(binding)}".strip()
        title = f"{say(f'pane.{name}')} · {label(binding.description)}"
        yield Command(title, label(binding.tooltip), key, run, _is_enabled(pane, binding))


def _is_listed(binding: Binding) -> bool:
    return bool(binding.id) and not _MOVES.fullmatch((binding.id or "").rpartition(".")[2])


def _is_enabled(pane: Widget, binding: Binding) -> bool:
    name, _, rest = binding.action.partition("(")
    parameters = (rest.rstrip(")").strip("'\""),) if rest else ()
    return bool(pane.check_action(name, parameters))


def _action_name(action: str) -> str:
    return action.removeprefix("app.").removeprefix("screen.")


def command_palette() -> CommandPalette:
    """Ctrl+P."""
    return CommandPalette([Commands], placeholder=say("palette.search"), id="--command-palette")
