"""Watches a batch: its progress, a line a row, and the report at the end."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import ClassVar, Final, Literal

from textual import on, work
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Vertical
from textual.content import Content
from textual.timer import Timer
from textual.widgets import Static
from typing_extensions import override

from c2jy_bridge.core.draft_views import BatchRow
from c2jy_bridge.core.places import expanded
from c2jy_bridge.core.safety import one_line, visible
from c2jy_tui import desktop, formatting
from c2jy_tui.formatting import Clock
from c2jy_tui.panes.drafts import batch_run, labels
from c2jy_tui.panes.drafts.batch_run import BatchRun
from c2jy_tui.panes.drafts.labels import say
from c2jy_tui.widgets.bindings import BaseDialog, binding
from c2jy_tui.widgets.key_bar import KeyBar
from c2jy_tui.widgets.row_list import Row, RowList

REDRAW_S: Final = 0.1
"""Seconds between two looks at a batch that runs."""
Intent = tuple[Literal["again", "show"], str]
"""Run it again, or show a draft of this name in the list."""


class BatchWatchScreen(BaseDialog[Intent]):
    """A batch that runs or has run; leaving it does not stop the batch."""

    CSS_PATH = "batch.tcss"
    VERTICAL_BREAKPOINTS = [(0, "-low"), (30, "-tall")]  # noqa: RUF012  # so in Textual
    HELP = "drafts_pane:help.batch_watch"
    BINDINGS: ClassVar[list[BindingType]] = [
        binding("drafts_pane", "batch.stop", "X", "stop"),
        binding("drafts_pane", "batch.again", "r", "again"),
        binding("drafts_pane", "batch.only_failed", "f", "only_failed"),
        binding("drafts_pane", "batch.copy_report", "y", "copy_report"),
        binding("drafts_pane", "batch.write_report", "w", "write_report"),
        binding("drafts_pane", "batch.back", "q", "back", show=False),
    ]

    def __init__(self, run: BatchRun, *, stop: Callable[[], object], clock: Clock) -> None:
        super().__init__()
        self.run = run
        self._stop = stop
        self._clock = clock
        self._only_failed = False
        self._moved = False
        self._drawn = -1
        self._timer: Timer | None = None
        self._rows = RowList(batch_run.COLUMNS, self._row, lambda name: say(f"batch.head_{name}"))

    @override
    def compose(self) -> ComposeResult:
        with Vertical(id="dialog", classes="watch") as dialog:
            dialog.border_title = say("batch.title", name=one_line(self.run.template))
            yield Static(id="progress", markup=False)
            yield self._rows
            yield Static(id="about", markup=False)
            yield KeyBar(compact=True, show_command_palette=False)

    def on_mount(self) -> None:
        self._rows.hint = say("batch.begins")
        self._rows.focus()
        self._timer = self.set_interval(REDRAW_S, self._look)
        self._look()

    @property
    def _shown(self) -> list[BatchRow]:
        rows = self.run.rows
        return [row for row in rows if row.state == "failed"] if self._only_failed else rows

    def _look(self) -> None:
        """Draw what has changed; once it has ended there is nothing more to look at."""
        ended = self.run.state != "running"
        if len(self.run.rows) != self._drawn:
            self._drawn = len(self.run.rows)
            self._list()
        self._draw_progress()
        if ended and self._timer is not None:
            self._timer.stop()
            self._timer = None
            self.run.seen = True
            self._show_first_failure()
            self._draw_about()
            self.refresh_bindings()

    def _list(self) -> None:
        count = len(self._shown)
        self._rows.reset(count, None if self._moved else max(0, count - 1))
        self._draw_about()

    def _show_first_failure(self) -> None:
        """The report begins with what failed, unless the user reads something else."""
        failed = next((n for n, row in enumerate(self._shown) if row.state == "failed"), None)
        if failed is not None and not self._moved:
            self._rows.reset(len(self._shown), failed)

    def _draw_progress(self) -> None:
        run, width = self.run, max(10, self.query_one("#progress").content_size.width)
        state = say(f"batch.state_{run.state}")
        head = f"{one_line(run.options.table)}  →  {one_line(run.options.pattern)}"
        line = f"{run.progress()} · {run.elapsed(self._clock())}"
        bar = run.bar(max(4, min(40, width - len(line) - 3)))
        text = [Content.styled(head, "dim"), Content.assemble((bar, "$success"), "  ", line)]
        if run.state != "running":
            tone = "$text-success" if run.state == "done" and not run.counts["failed"] else "$text-warning"
            text.append(Content.assemble((state, f"bold {tone}"), "  ", run.summary()))
        self.query_one("#progress", Static).update(Content("\n").join(text))

    def _draw_about(self) -> None:
        """Why the row under the cursor failed and what to do, else where its draft lies."""
        shown, at = self._shown, self._rows.cursor
        lines: list[Content] = []
        if self.run.issues:
            lines += [
                Content.styled(labels.issue_lines(issue), "$text-error") for issue in self.run.issues[:3]
            ]
        elif at < len(shown):
            row = shown[at]
            lines += [Content(labels.issue_lines(issue)) for issue in row.issues[:3]]
            if row.path:
                lines.append(Content.styled(one_line(row.path), "dim"))
        if self.run.state != "running":
            again = self.run.state != "done" or self.run.counts["failed"]
            lines.append(Content.styled(say("batch.then_again" if again else "batch.then_done"), "bold"))
        self.query_one("#about", Static).update(Content("\n").join(lines))

    def _row(self, index: int) -> Row:
        return batch_run.cells(self._shown[index])

    @on(RowList.Moved)
    def _cursor_moved(self, event: RowList.Moved) -> None:
        event.stop()
        if event.by_user:
            self._moved = not event.to_end
        self._draw_about()

    @on(RowList.Opened)
    def _opened(self, event: RowList.Opened) -> None:
        """Show the row's draft in the list."""
        event.stop()
        if (row := self._shown[event.index]).path:
            self.dismiss(("show", row.name))

    @override
    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        match action:
            case "stop":
                return self.run.state == "running"
            case "again":
                return self.run.state != "running"
            case _:
                return True

    def action_stop(self) -> None:
        self._stop()

    def action_again(self) -> None:
        """Run it once more: what was made is found, what failed is tried again."""
        self.dismiss(("again", ""))

    def action_only_failed(self) -> None:
        self._only_failed = not self._only_failed
        self._moved = True
        self._rows.hint = say("batch.none_failed")
        self._rows.reset(len(self._shown), 0)
        self._draw_about()

    def action_copy_report(self) -> None:
        self.app.copy_to_clipboard(visible(self.run.report()))

    @work(exit_on_error=False)
    async def action_write_report(self) -> None:
        """Write the report beside the table, as a table that spreadsheets open."""
        folder = expanded(Path(self.run.options.table)).parent
        # Excel takes UTF-8 for the system's code page without this mark.
        text = "\ufeff" + self.run.report()
        write = desktop.write_new_file
        try:
            path = await asyncio.to_thread(write, folder, "c2jy-batch", "csv", text, self._clock())
        except OSError as error:
            reason = formatting.error_reason(error)
            failed = say("batch.not_written", folder=visible(str(folder)), error=reason)
            self.notify(failed, severity="error", markup=False)
        else:
            self.notify(say("batch.written", path=visible(str(path))), markup=False)
