"""Lists things to choose one by its name: Bots, workflows, themes."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Vertical
from textual.content import Content
from textual.widgets import Input, OptionList, Static
from textual.widgets.option_list import Option
from typing_extensions import override

from c2jy_bridge.core.safety import one_line
from c2jy_tui.labels import say
from c2jy_tui.widgets.bindings import BaseDialog, binding


@dataclass(frozen=True, slots=True)
class Choice:
    """One line: its id, its name, its workspace and what it is for."""

    id: str
    name: str
    workspace: str
    about: str


class ChoiceInput(Input):
    """Words that narrow the list; its keys also move through the list."""

    BINDINGS: ClassVar[list[BindingType]] = [
        binding("tui", "choice.up", "up", "screen.step(-1)", show=False),
        binding("tui", "choice.down", "down", "screen.step(1)", show=False),
    ]


class ChoiceScreen(BaseDialog[str]):
    """A list that typing narrows; the answer is the id of the chosen line."""

    CSS_PATH = "conversations.tcss"
    INPUT: type[ChoiceInput] = ChoiceInput

    def __init__(
        self,
        title: str,
        choices: Sequence[Choice],
        current: str = "",
        *,
        preview: Callable[[str], None] | None = None,
    ) -> None:
        """The cursor starts at the line whose id is `current`; `preview` is called where it goes."""
        super().__init__()
        self._heading = title
        self._choices = choices
        self._current = current
        self._preview = preview
        self._list = OptionList(markup=False, compact=True, id="list")

    @override
    def compose(self) -> ComposeResult:
        with Vertical(id="dialog") as dialog:
            dialog.border_title = self._heading
            yield self.INPUT(placeholder=say("choice.filter"), compact=True)
            yield Static(say("choice.none"), id="none", markup=False)
            yield self._list

    def on_mount(self) -> None:
        self._list.can_focus = False
        self._show("")

    @property
    def highlighted(self) -> str:
        """The id of the line under the cursor."""
        option = self._list.highlighted_option
        return (option.id or "") if option else ""

    def set_choices(self, choices: Sequence[Choice], at: str = "") -> None:
        """List other lines; the cursor goes to the one whose id is `at`."""
        self._choices = choices
        self._show(self.query_one(Input).value.strip())
        if at in (ids := [option.id for option in self._list.options]):
            self._list.highlighted = ids.index(at)

    def chosen(self, name: str) -> None:
        """The user chose the line of this id."""
        self.dismiss(name)

    def _show(self, words: str) -> None:
        found = [one for one in self._choices if words.lower() in f"{one.name} {one.about} {one.id}".lower()]
        self._list.set_options(Option(self._line(one), id=one.id) for one in found)
        ids = [one.id for one in found]
        self._list.display, self.query_one("#none").display = bool(ids), not ids
        self._list.highlighted = ids.index(self._current) if self._current in ids else (0 if ids else None)

    def _line(self, one: Choice) -> Content:
        mark = "● " if one.id == self._current else "  "
        pieces = [piece for piece in (one.workspace, one.id, one.about) if piece and piece != one.name]
        where = "  ".join(one_line(piece) for piece in pieces)
        return Content.assemble((mark, "$text-success"), (one_line(one.name), "bold"), (f"  {where}", "dim"))

    def on_input_changed(self, event: Input.Changed) -> None:
        event.stop()
        self._show(event.value.strip())

    def on_input_submitted(self, event: Input.Submitted) -> None:
        event.stop()
        if self._list.highlighted is not None:
            self._list.action_select()

    def on_option_list_option_selected(self, event: OptionList.OptionSelected) -> None:
        event.stop()
        self.chosen(event.option.id or "")

    def on_option_list_option_highlighted(self, event: OptionList.OptionHighlighted) -> None:
        event.stop()
        if self._preview is not None and event.option_id:
            self._preview(event.option_id)

    def action_step(self, step: int) -> None:
        if self._list.highlighted is not None:
            self._list.highlighted = (self._list.highlighted + step) % self._list.option_count
