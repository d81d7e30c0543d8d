"""Asks for the table of a batch and the names of its drafts; shows what the table fills before it begins."""

from __future__ import annotations

import os
from collections.abc import Awaitable, Callable, Sequence
from typing import ClassVar, Final

from textual import on, work
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Vertical
from textual.content import Content
from textual.widgets import Input, OptionList, Static
from textual.widgets.option_list import Option
from typing_extensions import override

from c2jy_bridge.core.draft_views import BatchPlan, DraftError, TemplateView
from c2jy_bridge.core.events import Issue
from c2jy_bridge.core.safety import one_line
from c2jy_tui import formatting
from c2jy_tui.panes.drafts import labels
from c2jy_tui.panes.drafts.batch_run import BatchOptions, plan_lines
from c2jy_tui.panes.drafts.labels import say
from c2jy_tui.widgets.bindings import BaseDialog, binding
from c2jy_tui.widgets.key_bar import KeyBar

DEBOUNCE_S: Final = 0.15
"""Seconds without a key until the table is read for the preview."""
_SLOTS_SHOWN: Final = 12


class TableInput(Input):
    """The path of the table; Tab completes it as far as it is certain."""

    BINDINGS: ClassVar[list[BindingType]] = [binding("drafts_pane", "batch.complete", "tab", "complete")]

    def __init__(self, path: str, complete: Callable[[], bool]) -> None:
        """`complete` extends the path and tells whether it could."""
        super().__init__(path, say("batch.table_hint"), compact=True, select_on_focus=False)
        self._complete = complete

    def action_complete(self) -> None:
        if not self._complete():
            self.screen.focus_next()


class BatchForm(BaseDialog[BatchOptions]):
    """A table, a pattern of names, and a preview of the first rows; Enter begins when both are right."""

    CSS_PATH = "batch.tcss"
    VERTICAL_BREAKPOINTS = [(0, "-low"), (30, "-tall")]  # noqa: RUF012  # so in Textual
    HELP = "drafts_pane:help.batch"
    BINDINGS: ClassVar[list[BindingType]] = [
        binding("drafts_pane", "batch.start", "ctrl+r", "start"),
        binding("drafts_pane", "batch.next", "down", "next", show=False),
        binding("drafts_pane", "batch.previous", "up", "previous", show=False),
    ]

    def __init__(
        self,
        name: str,
        options: BatchOptions,
        *,
        template: Callable[[], Awaitable[TemplateView]],
        plan: Callable[[str, str], Awaitable[BatchPlan]],
        tables_like: Callable[[str], Awaitable[Sequence[str]]],
    ) -> None:
        """Begin with `options`.

        Args:
            name: Of the draft.
            options: The initial texts of the fields.
            template: Reads the draft's slots; raises DraftError when it is no template.
            plan: Previews a table with a pattern; raises DraftError when it cannot be read.
            tables_like: Completes a path.
        """
        super().__init__()
        self._draft = name
        self._template = template
        self._plan_of = plan
        self._tables_like = tables_like
        self._found: Sequence[str] = ()
        self._is_whole = False
        """What is typed is a table, though longer names may begin with it."""
        self._table = TableInput(options.table, self._completed)
        self._pattern = Input(options.pattern, say("batch.pattern_hint"), compact=True, select_on_focus=False)
        self._own_pattern = bool(options.pattern)
        """The user wrote the pattern; another is replaced by a suggestion for each table."""
        self._plan: BatchPlan | None = None
        self._width = 0

    @override
    def compose(self) -> ComposeResult:
        with Vertical(id="dialog") as dialog:
            dialog.border_title = say("batch.title", name=one_line(self._draft))
            dialog.border_subtitle = say("batch.enter")
            yield Static(id="slots", classes="hint", markup=False)
            yield Static(say("batch.table"), classes="label", markup=False)
            yield self._table
            yield OptionList(id="tables", compact=True, markup=False)
            yield Static(say("batch.pattern"), classes="label", markup=False)
            yield self._pattern
            yield Static(id="plan", markup=False)
            yield Static(id="problem", markup=False)
            yield KeyBar(compact=True, show_command_palette=False)

    @work(group="slots", exit_on_error=False)
    async def _read_slots(self) -> None:
        """Say what can be filled; the form is there before the draft is read, as keys are on their way."""
        try:
            names = [slot.slot for slot in (await self._template()).slots]
        except DraftError as error:
            self._show_problem(error.issues)
            return
        more = f" … +{len(names) - _SLOTS_SHOWN}" if len(names) > _SLOTS_SHOWN else ""
        slots = ", ".join(names[:_SLOTS_SHOWN]) + more
        self.query_one("#slots", Static).update(Content(say("batch.slots", slots=slots)))

    def on_mount(self) -> None:
        self._table.cursor_position = len(self._table.value)
        self._table.focus()
        self._show_problem(())
        self._read_slots()
        self._complete()
        if self._table.value:
            self._preview()

    def on_resize(self) -> None:
        if self._plan is not None:
            self._show_plan(self._plan)

    # --- completing -----------------------------------------------------------------------------------

    @work(group="complete", exclusive=True, exit_on_error=False)
    async def _complete(self) -> None:
        typed = self._table.value
        like = await self._tables_like(typed)
        self._is_whole = typed in like
        self._found = found = [path for path in like if path != typed]
        options = self.query_one("#tables", OptionList)
        options.clear_options()
        options.add_options(Option(Content(one_line(path))) for path in found)
        options.display = bool(found)

    def _completed(self) -> bool:
        """Extend the path by what all completions have in common."""
        typed = self._table.value
        folded = [path for path in self._found if path.startswith(typed)] or list(self._found)
        common = os.path.commonprefix(folded)  # noqa: RUF071  # letters, not whole names, are completed
        if len(common) <= len(typed):
            return False
        self._fill_table(common)
        return True

    def _fill_table(self, path: str) -> None:
        self._table.value = path
        self._table.cursor_position = len(path)

    @on(OptionList.OptionSelected)
    def _chosen(self, event: OptionList.OptionSelected) -> None:
        path = self._found[event.option_index]
        self._fill_table(path)
        (self._table if path.endswith(("/", os.sep)) else self._pattern).focus()

    # --- preview --------------------------------------------------------------------------------------

    @on(Input.Changed)
    def _changed(self, event: Input.Changed) -> None:
        if event.input is self._table:
            self._complete()
        elif self._plan is None or event.value != self._plan.pattern:
            self._own_pattern = bool(event.value)
        self._preview()

    @work(group="plan", exclusive=True, exit_on_error=False)
    async def _preview(self) -> None:
        """Read the table once the user pauses; a new key takes the place of this."""
        import asyncio

        await asyncio.sleep(DEBOUNCE_S)
        await self._read_plan()

    async def _read_plan(self) -> BatchPlan | None:
        """The plan of what is in the fields now, shown; None when there is none."""
        table, pattern = self._table.value.strip(), self._pattern.value.strip() if self._own_pattern else ""
        self._plan = None
        # No error is due yet for a path that is still being typed.
        if not table or table.endswith(("/", os.sep)) or (self._found and not self._is_whole):
            self.query_one("#plan", Static).update("")
            self._show_problem(())
            return None
        try:
            plan = await self._plan_of(table, pattern)
        except DraftError as error:
            self.query_one("#plan", Static).update("")
            self._show_problem(error.issues)
            return None
        except Exception as error:
            self._show_text(formatting.error_reason(error))
            return None
        self._plan = plan
        if not self._own_pattern and self._pattern.value != plan.pattern:
            self._pattern.value = plan.pattern
            self._pattern.cursor_position = len(plan.pattern)
        self._show_plan(plan)
        self._show_problem(plan.issues)
        return plan

    def _show_plan(self, plan: BatchPlan) -> None:
        width = self.query_one("#dialog").content_size.width
        if width > 0:
            self.query_one("#plan", Static).update(plan_lines(plan, width))

    def _show_problem(self, issues: Sequence[Issue]) -> None:
        self._show_text(labels.refusal(issues))

    def _show_text(self, text: str) -> None:
        line = self.query_one("#problem", Static)
        line.update(Content(text))
        line.display = bool(text)

    # --- answering ------------------------------------------------------------------------------------

    @on(Input.Submitted)
    def _entered(self, event: Input.Submitted) -> None:
        if event.input is self._table and len(self._found) == 1 and self._plan is None:
            self._fill_table(self._found[0])
            return
        if event.input is self._table and self._found and self._plan is None:
            self.query_one("#tables").focus()
            return
        self.action_start()

    @work(group="start", exclusive=True, exit_on_error=False)
    async def action_start(self) -> None:
        """Begin, unless something is still wrong."""
        plan = await self._read_plan()
        if plan is None:
            if not self.query_one("#problem").display:
                self._show_text(say("batch.no_table"))
            self._table.focus()
        elif not plan.issues:
            self.dismiss(BatchOptions(self._table.value.strip(), plan.pattern, plan.total))
        else:
            (self._table if plan.names else self._pattern).focus()

    def action_next(self) -> None:
        self.focus_next()

    def action_previous(self) -> None:
        self.focus_previous()
