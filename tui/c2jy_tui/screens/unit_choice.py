"""In which time unit the numbers of an export shall be read."""

from __future__ import annotations

import math
from typing import ClassVar, Final

from textual import on
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Vertical
from textual.content import Content
from textual.widgets import OptionList, Static
from textual.widgets.option_list import Option

from c2jy_bridge.core.draft_views import OriginView, TimeUnitName
from c2jy_bridge.core.safety import visible
from c2jy_bridge.core.views import DraftView
from c2jy_tui import formatting
from c2jy_tui.panes.drafts import labels
from c2jy_tui.panes.drafts.labels import say
from c2jy_tui.widgets.base_screens import BaseDialog
from c2jy_tui.widgets.bindings import binding
from c2jy_tui.widgets.key_bar import KeyBar

UNITS: Final[tuple[TimeUnitName, ...]] = ("us", "ms", "s")

_USUAL_US: Final = 60_000_000
"""A minute: what comes out of workflows is seldom shorter than seconds or longer than an hour."""


class UnitList(OptionList):
    """The units; the one under the cursor is taken."""

    BINDINGS: ClassVar[list[BindingType]] = [
        binding("drafts_pane", "unit.choose", "enter", "select"),
        binding("rows", "unit.down", "j", "cursor_down", show=False),
        binding("rows", "unit.up", "k", "cursor_up", show=False),
    ]


class UnitChoice(BaseDialog[TimeUnitName]):
    """The three units with the length that the draft has in each, and what the present one was decided by."""

    CSS_PATH = "unit_choice.tcss"
    HELP = "drafts_pane:help.unit"

    def __init__(self, draft: DraftView, origin: OriginView) -> None:
        """Args:
        draft: What is built again.
        origin: The unit it was read in, and what for.
        """
        super().__init__()
        self._draft = draft
        self._origin = origin

    def compose(self) -> ComposeResult:
        """Evidence, units, keys."""
        with Vertical(id="dialog") as dialog:
            dialog.border_title = say("unit.title", name=visible(self._draft.name, newlines=False))
            evidence = self._origin.evidence
            yield Static(labels.issue_lines(evidence) if evidence else "", classes="evidence", markup=False)
            yield UnitList(*map(self._option, UNITS), compact=True)
            resaved = say("unit.resaved") if self._origin.resaved else ""
            yield Static(" ".join(filter(None, (say("unit.beside"), resaved))), classes="hint", markup=False)
            yield KeyBar(compact=True, show_command_palette=False)

    def on_mount(self) -> None:
        """The cursor is on the likeliest of the others."""
        options = self.query_one(UnitList)
        options.focus()
        options.highlighted = UNITS.index(self._likeliest())

    def _likeliest(self) -> TimeUnitName:
        """Of the other units, the one in which the draft is most like a video that people make."""
        lengths = self._origin.lengths_us
        others = [unit for unit in UNITS if unit != self._origin.unit]
        return min(others, key=lambda unit: abs(math.log(max(1, lengths.get(unit, 0)) / _USUAL_US)))

    def _option(self, unit: TimeUnitName) -> Option:
        now = unit == self._origin.unit
        length = formatting.length(self._origin.lengths_us.get(unit, 0))
        mark = f"  ← {say('unit.now')}" if now else ""
        return Option(Content.assemble((say(f"unit.{unit}"), "bold"), f"  {length}", (mark, "dim")))

    @on(OptionList.OptionSelected)
    def _chosen(self, event: OptionList.OptionSelected) -> None:
        self.dismiss(UNITS[event.option_index])
