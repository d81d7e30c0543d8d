"""The drafts pane: the drafts folder as a live list, and the actions on the draft under the cursor."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, ClassVar, Final

from textual import on, work
from textual.binding import BindingType
from textual.events import Resize
from textual.geometry import Size
from textual.timer import Timer
from typing_extensions import override

from c2jy_bridge.core.events import DraftChanged, DraftWritten, Event, Issue
from c2jy_bridge.core.safety import one_line, visible
from c2jy_bridge.core.views import DraftView
from c2jy_tui import desktop
from c2jy_tui.controllers import draft_edits, draft_jobs, trash
from c2jy_tui.formatting import Clock
from c2jy_tui.panes.drafts import labels
from c2jy_tui.panes.drafts.draft_list import DraftList
from c2jy_tui.panes.drafts.glance import Glance
from c2jy_tui.panes.drafts.labels import say
from c2jy_tui.widgets.bindings import binding
from c2jy_tui.widgets.list_pane import ListPane
from c2jy_tui.widgets.row_list import Row, RowList

if TYPE_CHECKING:
    from c2jy_bridge.engine import Drafts, Engine

    # The screen is imported when it opens: the first paint must not wait for it.
    from c2jy_tui.screens.draft_detail import DraftDetailScreen

DEBOUNCE_S: Final = 0.25
"""Seconds to let a burst of changes on disk end before the folder is read again."""
AGING_S: Final = 30.0
"""Seconds between two redraws of the drafts' ages, whose smallest step is a minute."""


class DraftsPane(ListPane):
    """The drafts folder as rows, sorted and filtered, and what can be done with each draft."""

    HELP = "drafts_pane:help"
    BINDINGS: ClassVar[list[BindingType]] = [
        binding("drafts_pane", "drafts.cancel", "escape", "cancel"),
        binding("drafts_pane", "drafts.unmark", "escape", "unmark", show=False),
        binding("drafts_pane", "drafts.check", "v", "check"),
        binding("drafts_pane", "drafts.pack", "z", "pack"),
        binding("drafts_pane", "drafts.export", "x", "export", show=False),
        binding("drafts_pane", "drafts.batch", "b", "batch"),
        binding("drafts_pane", "drafts.duplicate", "Y", "duplicate", show=False),
        binding("drafts_pane", "drafts.rename", "e", "rename"),
        binding("drafts_pane", "drafts.tag", "number_sign", "tag"),
        binding("drafts_pane", "drafts.undo", "U", "undo"),
        binding("drafts_pane", "drafts.trash", "delete", "trash"),
        binding("drafts_pane", "drafts.mark", "space", "mark"),
        binding("drafts_pane", "drafts.mark_all", "asterisk", "mark_all", show=False),
        binding("drafts_pane", "drafts.picture", "p", "picture", show=False),
        binding("drafts_pane", "drafts.open_folder", "o", "open_folder"),
        binding("drafts_pane", "drafts.rebuild", "R", "rebuild"),
        binding("drafts_pane", "drafts.retime", "u", "retime"),
        binding("drafts_pane", "drafts.copy_path", "y", "copy_path"),
        binding("drafts_pane", "drafts.filter", "slash", "filter"),
        binding("drafts_pane", "drafts.unfilter", "escape", "unfilter", show=False),
        binding("drafts_pane", "drafts.sort", "s", "sort"),
        binding("drafts_pane", "drafts.trash_view", "t", "trash_view"),
    ]

    def __init__(self, *, clock: Clock, id: str | None = None) -> None:
        super().__init__(labels.COLUMNS, say, clock=clock, id=id)
        self._list = DraftList()
        self._name = ""
        self._moved_by_user = False
        self.job_line = ""
        """The job that runs, shown in place of the line about all drafts."""
        self._to_reveal = ""
        self._glance = Glance()
        self._debounce: Timer | None = None
        self._detail: DraftDetailScreen | None = None
        self._drafts: Drafts | None = None
        self._jobs = draft_jobs.DraftJobs(self, clock)
        self._trash = trash.TrashController(self, clock)
        self._edits = draft_edits.DraftEdits(self, self._trash.renamed)

    def on_mount(self) -> None:
        self.mount(self._glance, after=self.rows)
        self.set_interval(AGING_S, self.rows.refresh)
        self._relist()

    @property
    def current(self) -> DraftView | None:
        """The draft under the cursor."""
        return next((view for view in self._list.shown if view.name == self._name), None)

    async def load(self, engine: Engine) -> None:
        """Fill from the drafts folder, and keep the engine for the actions."""
        self._jobs.attach_engine(engine.drafts)
        self._edits.attach_engine(engine.drafts)
        self._glance.attach_engine(engine.drafts)
        self._trash.attach_engine(engine.drafts, engine.connection.drafts_root)
        self._drafts = engine.drafts
        self._fill(await engine.drafts.list())

    def show(self, event: Event) -> None:
        """Apply one event; those that are not about drafts change nothing."""
        match event:
            case DraftWritten(name=name, issues=issues):
                self._list.mark_new(name, issues)
            case DraftChanged(names=names):
                for name in names:
                    self._list.forget_findings(name)
            case _:
                return
        if self._debounce is None:
            self._debounce = self.set_timer(DEBOUNCE_S, self._debounced)

    def _debounced(self) -> None:
        self._debounce = None
        self._read_again()

    @work(group="drafts-read", exclusive=True, exit_on_error=False)
    async def _read_again(self, cursor: str = "") -> None:
        """Read the folder; the cursor goes to the draft `cursor` when one is named."""
        if self._drafts is None:
            return
        # Another read may overtake this one; the cursor goes there all the same.
        self._to_reveal = cursor or self._to_reveal
        try:
            self._fill(await self._drafts.list())
        except Exception as error:
            self.notify_error("read.failed", error)
            return
        if self._to_reveal:
            self.reveal(self._to_reveal)
            self._to_reveal = ""
        if self._detail is not None:
            await self._reopen(self._detail)

    def _fill(self, drafts: Sequence[DraftView]) -> None:
        self._list.fill(drafts)
        self._relist()

    async def _reopen(self, screen: DraftDetailScreen) -> None:
        """Show in an open detail what its draft is now; close it when the draft is gone."""
        name = screen.detail.view.name
        try:
            detail = await self._drafts.open(name) if self._drafts else None
        except Exception as error:
            self.notify_error("open.failed", error, name=one_line(name))
            detail = None
        if self._detail is not screen:
            return
        if detail is not None:
            screen.detail = detail
        elif screen.is_current:
            screen.dismiss(None)

    def reveal(self, name: str) -> None:
        """Put the cursor on a draft, dropping the filter when it hides the draft."""
        if all(view.name != name for view in self._list.shown):
            self.action_unfilter()
        self._name, self._moved_by_user = name, True
        self._relist()

    @override
    def apply_filter(self, text: str) -> None:
        self._relist()

    def _relist(self) -> None:
        """Sort, filter and draw; the cursor stays on its draft, or on the first row until it is moved."""
        self._list.arrange(self.filter_text)
        names = [view.name for view in self._list.shown]
        cursor = names.index(self._name) if self._name in names else None
        if not self._moved_by_user:
            cursor = 0
        self.rows.hint = say("empty.filter") if self.filter_text else say("empty")
        self.rows.reset(len(names), cursor)
        self._describe_cursor()

    def _describe_cursor(self) -> None:
        """Describe the row under the cursor, and all rows together."""
        drafts, at = self._list, self.rows.cursor
        view = drafts.shown[at] if at < len(drafts.shown) else None
        self._name = view.name if view else ""
        self._glance.show(view)
        self._fit_glance()
        about = drafts.describe(view, max(0, self.content_size.width - 2)) if view else ""
        state = labels.state(
            len(drafts.all),
            len(drafts.shown),
            len(drafts.new),
            len(drafts.marked),
            order=drafts.order,
            filter_text=self.filter_text,
        )
        self.describe(
            about,
            self.job_line or state,
            (view is None, self.filter_text, bool(self.job_line), bool(drafts.marked)),
        )

    def _fit_glance(self) -> None:
        below = 2 + bool(self.filter_text)
        left = self.content_size.height - len(self._list.shown) - 1 - below
        self._glance.fit(Size(self.content_size.width, max(0, left)))

    @override
    def row(self, index: int) -> Row:
        view = self._list.shown[index]
        return labels.row(
            view, self._clock(), new=view.name in self._list.new, marked=view.name in self._list.marked
        )

    @on(RowList.Moved)
    def _moved(self, event: RowList.Moved) -> None:
        event.stop()
        self._moved_by_user |= event.by_user
        self._describe_cursor()

    def on_resize(self, event: Resize) -> None:
        """Redraw: a path is cut to the new width."""
        self._describe_cursor()

    # --- actions ------------------------------------------------------------------------------------

    @override
    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        match action:
            case "check" | "open_folder" | "copy_path" | "trash" | "pack" | "export":
                return self.current is not None
            case "rebuild" | "retime" | "batch" | "duplicate" | "rename" | "tag" | "mark":
                return self.current is not None
            case "unmark":
                return bool(self._list.marked) and not self.job_line
            case "undo":
                return self._trash.undoable
            case "cancel":
                return bool(self.job_line)
            case _:
                return super().check_action(action, parameters)

    @on(RowList.Opened)
    def _open(self, event: RowList.Opened) -> None:
        event.stop()
        if (view := self.current) is not None:
            self._open_draft(view.name)

    @work(group="drafts-open", exclusive=True, exit_on_error=False)
    async def _open_draft(self, name: str) -> None:
        """Open the detail of a draft."""
        from c2jy_tui.screens.draft_detail import DraftDetailScreen

        if self._drafts is None:
            return
        try:
            detail = await self._drafts.open(name)
        except Exception as error:
            self.notify_error("open.failed", error, name=one_line(name))
            return
        self._list.new.discard(name)
        self._relist()

        def closed(_answer: None) -> None:
            self._detail = None

        self._detail = DraftDetailScreen(
            detail,
            notes=self._list.written.get(name, ()),
            check=lambda: self._verify(name),
            open_folder=lambda: self._open_folder(detail.view.path),
            frame=lambda at_us: self._frame(name, at_us),
            play=lambda: self._jobs.play(detail.view),
            clock=self._clock,
            pictures=self._glance.pictures,
        )
        self.app.push_screen(self._detail, closed)

    async def _frame(self, name: str, at_us: int) -> bytes:
        assert self._drafts is not None  # a detail is open
        return await self._drafts.frame(name, at_us)

    async def _verify(self, name: str) -> Sequence[Issue] | None:
        """The issues a check of a draft finds; None when it could not be checked."""
        if self._drafts is None:
            return None
        try:
            issues = await self._drafts.check(name)
        except Exception as error:
            self.notify_error("check.failed", error, name=one_line(name))
            return None
        self._list.checked[name] = issues
        self._relist()
        return issues

    @work(group="drafts-check", exit_on_error=False)
    async def action_check(self) -> None:
        """Check the draft under the cursor, or the marked ones."""
        chosen = self._list.chosen(self.current)
        if len(chosen) > 1:
            await self._check_all(chosen)
            return
        if not chosen:
            return
        (view,) = chosen
        name = one_line(view.name)
        issues = await self._verify(view.name)
        if issues:
            lines = "\n".join(labels.issue_lines(issue) for issue in issues[:3])
            self.notify_text("check.faults", "warning", name=name, count=len(issues), lines=lines)
        elif issues is not None:
            self.notify_text("check.whole", name=name)

    async def _check_all(self, chosen: Sequence[DraftView]) -> None:
        faulty = []
        for view in chosen:
            if found := await self._verify(view.name):
                faulty.append(f"{one_line(view.name)}: {labels.issue_line(found[0])}")
        trash.report(self, say("check.many", count=len(chosen), whole=len(chosen) - len(faulty)), faulty)

    def action_open_folder(self) -> None:
        if (view := self.current) is not None:
            self._open_folder(view.path)

    @work(group="drafts-folder", exit_on_error=False)
    async def _open_folder(self, path: str) -> None:
        command = desktop.folder_command(path)
        if command is None:
            shown = one_line(path)
            self.app.copy_to_clipboard(shown)
            self.notify_text("folder.copied", path=shown)
            return
        try:
            await desktop.open_folder(command, path)
        except OSError as error:
            self.notify_error("folder.failed", error, path=visible(path))

    def action_copy_path(self) -> None:
        if (view := self.current) is not None:
            self.app.copy_to_clipboard(one_line(view.path))

    def action_picture(self) -> None:
        """Draw a frame of the draft under the cursor below the list, or no more."""
        self._glance.switch_pictures()

    @on(Glance.Refused)
    def _refused(self, event: Glance.Refused) -> None:
        event.stop()
        self.notify(event.text, severity="warning", markup=False)

    def action_sort(self) -> None:
        """Sort by the next order: newest, name, length, size, state."""
        self._list.next_order()
        self._relist()

    def action_mark(self) -> None:
        """Mark the draft under the cursor, or remove its mark, and go on to the next."""
        if (view := self.current) is not None:
            self._list.marked ^= {view.name}
            self.rows.refresh()
            self.rows.action_move(1)
            self._describe_cursor()

    def action_mark_all(self) -> None:
        """Mark all drafts that are listed, or none when all of them are marked."""
        shown = {view.name for view in self._list.shown}
        self._list.marked = (
            self._list.marked - shown if shown <= self._list.marked else self._list.marked | shown
        )
        self._relist()

    def action_unmark(self) -> None:
        """Remove all marks."""
        self._list.marked.clear()
        self._relist()

    def action_rename(self) -> None:
        self._with_current(self._edits.rename)

    def action_tag(self) -> None:
        self._with_chosen(self._edits.tag)

    def action_pack(self) -> None:
        self._with_chosen(self._jobs.pack)

    def action_export(self) -> None:
        """Write the draft under the cursor as a timeline for other editing programs."""
        self._with_current(self._jobs.export)

    def action_rebuild(self) -> None:
        """Rebuild the draft under the cursor from its own document, beside it."""
        self._with_current(self._jobs.rebuild)

    def action_retime(self) -> None:
        """Rebuild the draft under the cursor with another time unit."""
        self._with_current(self._jobs.retime)

    def action_batch(self) -> None:
        """Make drafts from the one under the cursor, one per row of a table."""
        self._with_current(self._jobs.batch)

    def action_duplicate(self) -> None:
        """Copy the draft under the cursor, beside it."""
        self._with_current(self._jobs.duplicate)

    def action_trash(self) -> None:
        self._with_chosen(self._trash.trash)

    def _with_chosen(self, action: Callable[[Sequence[DraftView]], object]) -> None:
        if chosen := self._list.chosen(self.current):
            action(chosen)

    def _with_current(self, action: Callable[[DraftView], object]) -> None:
        if (view := self.current) is not None:
            action(view)

    def action_undo(self) -> None:
        self._trash.undo()

    def action_trash_view(self) -> None:
        self._trash.open()

    def action_cancel(self) -> None:
        self._jobs.cancel()

    # Handled by name: the controllers import this package's labels, and may not be loaded yet here.

    def on_draft_jobs_progressed(self, event: draft_jobs.DraftJobs.Progressed) -> None:
        event.stop()
        self.job_line = event.line
        self._describe_cursor()

    def on_draft_jobs_zip_written(self, event: draft_jobs.DraftJobs.ZipWritten) -> None:
        event.stop()
        self._list.packed[event.name] = event.path
        self._relist()

    def on_draft_jobs_built(self, event: draft_jobs.DraftJobs.Built) -> None:
        event.stop()
        drafts = event.report.drafts
        for made in drafts:
            self._list.mark_new(made.name, made.issues)
        self._read_again(drafts[0].name if drafts else "")

    def on_draft_jobs_batch_ended(self, event: draft_jobs.DraftJobs.BatchEnded) -> None:
        event.stop()
        for row in event.run.rows:
            if row.state == "made":
                self._list.mark_new(row.name, row.issues)
        self._read_again()

    def on_draft_jobs_show_requested(self, event: draft_jobs.DraftJobs.ShowRequested) -> None:
        event.stop()
        self._read_again(event.name)

    def on_draft_edits_edited(self, event: draft_edits.DraftEdits.Edited) -> None:
        event.stop()
        self._read_again(event.reveal)

    def on_trash_controller_changed(self, event: trash.TrashController.Changed) -> None:
        event.stop()
        self.refresh_bindings()
        self._read_again(event.reveal)
