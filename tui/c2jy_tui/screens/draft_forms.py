"""Dialogs that ask how a draft is packed or exported, and in which time unit it is rebuilt."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import ClassVar, Final, get_args

from textual import on
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Vertical
from textual.content import Content
from textual.widgets import Input, OptionList, Static
from textual.widgets.input import Selection
from textual.widgets.option_list import Option
from typing_extensions import override

from c2jy_bridge.core.draft_views import OriginView, PackingView, PlaceView, TimelineFormat, TimeUnitName
from c2jy_bridge.core.events import Issue
from c2jy_bridge.core.safety import one_line
from c2jy_bridge.core.views import DraftView
from c2jy_tui import formatting
from c2jy_tui.panes.drafts import labels
from c2jy_tui.panes.drafts.labels import say
from c2jy_tui.widgets.bindings import BaseDialog, binding
from c2jy_tui.widgets.key_bar import KeyBar

ACCOUNT: Final = "<name>"
"""In a suggested folder: the account on the other machine, which only the user knows."""


@dataclass(frozen=True, slots=True)
class PackOptions:
    """The answer of the dialog; empty fields leave it to the engine."""

    target_root: str = ""
    out: str = ""
    replace_zip: bool = False
    """The user was warned that a zip of this name exists, and packs again."""


class PackForm(BaseDialog[PackOptions]):
    """Asks for both; Enter packs at once, with the paths as they are and the zip in its usual folder."""

    CSS_PATH = "draft_forms.tcss"
    HELP = "drafts_pane:help.pack"
    BINDINGS: ClassVar[list[BindingType]] = [
        binding("drafts_pane", "pack.pack", "ctrl+r", "pack"),
        binding("drafts_pane", "pack.next", "down", "next", show=False),
        binding("drafts_pane", "pack.previous", "up", "previous", show=False),
    ]

    def __init__(
        self, draft: DraftView, offer: PackingView, options: PackOptions, issues: Sequence[Issue] = ()
    ) -> None:
        """`options` is the initial text of the fields; `issues` say why the last answer was refused."""
        super().__init__()
        self._draft = draft
        self._offer = offer
        self._options = options
        self._issues = issues
        hint = say("pack.target_hint")
        # Not selected on focus: what is marked in a field is meant to be typed over.
        self._target = Input(options.target_root, hint, compact=True, select_on_focus=False)
        self._out = Input(options.out or offer.out, compact=True, select_on_focus=False)
        self._first = self._answer()

    @override
    def compose(self) -> ComposeResult:
        with Vertical(id="dialog") as dialog:
            dialog.border_title = say("pack.title", name=one_line(self._draft.name))
            dialog.border_subtitle = say("pack.enter")
            yield Static(say("pack.target"), classes="label", markup=False)
            yield self._target
            now = say("pack.now", root=one_line(self._offer.spelled_for) or say("pack.now_unknown"))
            if self._offer.media_paths == "portable":
                now = say("pack.now_portable")
            yield Static(now, classes="hint", markup=False)
            yield OptionList(*map(_option, self._offer.places), id="places", compact=True)
            yield Static(say("pack.out"), classes="label", markup=False)
            yield self._out
            yield Static(id="problem", markup=False)
            yield KeyBar(compact=True, show_command_palette=False)

    def on_mount(self) -> None:
        """Focus the field that has to be corrected."""
        self._show_problem(labels.refusal([replace(issue, path="") for issue in self._issues]))
        wrong = self._issues[0].code if self._issues else ""
        (self._out if wrong.startswith("pack_") else self._target).focus()

    @on(OptionList.OptionSelected)
    def _chosen(self, event: OptionList.OptionSelected) -> None:
        """Use the chosen folder; the placeholder that only the user can fill is selected for typing."""
        self._target.value = self._offer.places[event.option_index].path
        self._mark_account()

    @on(Input.Changed)
    def _changed(self) -> None:
        """Hide the error while the field is edited; the event also comes when a field is first filled."""
        if self._answer() != self._first:
            self._show_problem("")

    @on(Input.Submitted)
    def _entered(self) -> None:
        self.action_pack()

    def action_pack(self) -> None:
        """Take the answer, unless a placeholder is still in it."""
        target, out = self._answer()
        if ACCOUNT in target:
            self._show_problem(say("pack.account", account=ACCOUNT))
            self._mark_account()
            return
        again = self._options.replace_zip and out == self._first[1]
        self.dismiss(PackOptions(target, "" if out == self._offer.out else out, again))

    def _answer(self) -> tuple[str, str]:
        return self._target.value.strip(), self._out.value.strip()

    def _mark_account(self) -> None:
        """Select the placeholder that only the user can fill, else move to the end of the path."""
        self._target.focus()
        path = self._target.value
        at, end = path.find(ACCOUNT), len(path)
        self._target.selection = Selection(at, at + len(ACCOUNT)) if at >= 0 else Selection(end, end)

    def action_next(self) -> None:
        self.focus_next()

    def action_previous(self) -> None:
        self.focus_previous()

    def _show_problem(self, text: str) -> None:
        line = self.query_one("#problem", Static)
        line.update(Content(text))
        line.display = bool(text)


def _option(place: PlaceView) -> Option:
    name = say(f"place.{place.system}", app=say(f"app.{place.app}"))
    return Option(Content.assemble((name, "bold"), "  ", one_line(place.path)))


UNITS: Final[tuple[TimeUnitName, ...]] = ("us", "ms", "s")

_TYPICAL_US: Final = 60_000_000
"""A minute: videos from workflows are seldom shorter than seconds or longer than an hour."""


class UnitList(OptionList):
    """The units to choose from; Enter takes the one under the cursor."""

    BINDINGS: ClassVar[list[BindingType]] = [
        binding("drafts_pane", "unit.choose", "enter", "select"),
        binding("rows", "unit.down", "j", "cursor_down", show=False),
        binding("rows", "unit.up", "k", "cursor_up", show=False),
    ]


class UnitChoice(BaseDialog[TimeUnitName]):
    """The three units, the draft's length in each, and what the present one was decided by."""

    CSS_PATH = "draft_forms.tcss"
    HELP = "drafts_pane:help.unit"

    def __init__(self, draft: DraftView, origin: OriginView) -> None:
        super().__init__()
        self._draft = draft
        self._origin = origin

    @override
    def compose(self) -> ComposeResult:
        with Vertical(id="dialog") as dialog:
            dialog.border_title = say("unit.title", name=one_line(self._draft.name))
            evidence = self._origin.evidence
            yield Static(labels.issue_lines(evidence) if evidence else "", classes="evidence", markup=False)
            yield UnitList(*map(self._option, UNITS), compact=True)
            resaved = say("unit.resaved") if self._origin.resaved else ""
            yield Static(" ".join(filter(None, (say("unit.beside"), resaved))), classes="hint", markup=False)
            yield KeyBar(compact=True, show_command_palette=False)

    def on_mount(self) -> None:
        """The cursor starts on the likeliest of the others."""
        options = self.query_one(UnitList)
        options.focus()
        options.highlighted = UNITS.index(self._likeliest())

    def _likeliest(self) -> TimeUnitName:
        """Of the other units, the one that gives the draft the most plausible length."""
        lengths = self._origin.lengths_us
        others = [unit for unit in UNITS if unit != self._origin.unit]
        return min(others, key=lambda unit: abs(math.log(max(1, lengths.get(unit, 0)) / _TYPICAL_US)))

    def _option(self, unit: TimeUnitName) -> Option:
        now = unit == self._origin.unit
        length = formatting.length(self._origin.lengths_us.get(unit, 0))
        mark = f"  ← {say('unit.now')}" if now else ""
        return Option(Content.assemble((say(f"unit.{unit}"), "bold"), f"  {length}", (mark, "dim")))

    @on(OptionList.OptionSelected)
    def _chosen(self, event: OptionList.OptionSelected) -> None:
        self.dismiss(UNITS[event.option_index])


class ExportChoice(BaseDialog[TimelineFormat]):
    """The formats of other editing programs, each with what it holds; Enter writes the file."""

    CSS_PATH = "draft_forms.tcss"
    HELP = "drafts_pane:help.export"

    def __init__(self, draft: DraftView) -> None:
        super().__init__()
        self._draft = draft
        self._formats: tuple[TimelineFormat, ...] = get_args(TimelineFormat)

    @override
    def compose(self) -> ComposeResult:
        with Vertical(id="dialog") as dialog:
            dialog.border_title = say("export.title", name=one_line(self._draft.name))
            options = (
                Option(Content.assemble((form.upper(), "bold"), f"  {say(f'export.{form}')}"))
                for form in self._formats
            )
            yield UnitList(*options, compact=True)
            yield Static(say("export.hint"), classes="hint", markup=False)
            yield KeyBar(compact=True, show_command_palette=False)

    def on_mount(self) -> None:
        self.query_one(UnitList).focus()

    @on(OptionList.OptionSelected)
    def _chosen(self, event: OptionList.OptionSelected) -> None:
        self.dismiss(self._formats[event.option_index])
