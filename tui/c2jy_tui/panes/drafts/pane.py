"""The drafts pane: the list that follows the folder, and the keys for the draft under the cursor."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, ClassVar, Final

from textual import on, work
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.notifications import SeverityLevel
from textual.timer import Timer

from c2jy_bridge.events import DraftChanged, DraftWritten, Event, Issue
from c2jy_bridge.ports import EnginePort
from c2jy_bridge.safety import visible
from c2jy_bridge.views import DraftView
from c2jy_tui.bindings import binding
from c2jy_tui.panes.drafts import folder, words
from c2jy_tui.panes.drafts.draft_list import DraftList
from c2jy_tui.panes.drafts.moves import Moves
from c2jy_tui.panes.drafts.trashing import Trashing
from c2jy_tui.panes.drafts.words import say
from c2jy_tui.rows import RowList

if TYPE_CHECKING:
    # The screen is imported when it opens: the first paint must not wait for it.
    from c2jy_tui.screens.draft_detail import DraftDetailScreen

SETTLE_S: Final = 0.25
"""Seconds to let a burst of changes on disk end before the folder is read again."""


class DraftsPane(DraftList):
    """The drafts folder and what can be done with each draft in it."""

    HELP = "drafts_pane:help"
    BINDINGS: ClassVar[list[BindingType]] = [
        binding("drafts_pane", "drafts.cancel", "escape", "cancel"),
        binding("drafts_pane", "drafts.check", "v", "check"),
        binding("drafts_pane", "drafts.pack", "z", "pack"),
        binding("drafts_pane", "drafts.undo", "U,ctrl+z", "undo"),
        binding("drafts_pane", "drafts.trash", "delete", "trash"),
        binding("drafts_pane", "drafts.open_folder", "o", "open_folder"),
        binding("drafts_pane", "drafts.rebuild", "R", "rebuild"),
        binding("drafts_pane", "drafts.retime", "u", "retime"),
        binding("drafts_pane", "drafts.copy_path", "y", "copy_path"),
        binding("drafts_pane", "drafts.filter", "slash", "filter"),
        binding("drafts_pane", "drafts.unfilter", "escape", "unfilter", show=False),
        binding("drafts_pane", "drafts.sort", "s", "sort"),
        binding("drafts_pane", "drafts.trash_view", "t", "trash_view"),
    ]

    def __init__(
        self, *, clock: Callable[[], float] = time.time, id: str | None = None, classes: str | None = None
    ) -> None:
        """An empty list.

        Args:
            clock: Unix seconds; ages are counted by it.
            id: The widget's id.
            classes: The widget's classes.
        """
        super().__init__(clock, id=id, classes=classes)
        self._engine: EnginePort | None = None
        self._settling: Timer | None = None
        self._moves = Moves()
        self._trashing = Trashing(clock)
        self._detail: DraftDetailScreen | None = None

    def compose(self) -> ComposeResult:
        """The list, and what brings up its dialogs."""
        yield from super().compose()
        yield self._moves
        yield self._trashing

    def show(self, event: Event) -> None:
        """Take in one event; those that are not about drafts change nothing."""
        match event:
            case DraftWritten(name=name, issues=issues):
                self._mark_new(name, issues)
            case DraftChanged(names=names):
                for name in names:
                    self._forget(name)
            case _:
                return
        if self._settling is None:
            self._settling = self.set_timer(SETTLE_S, self._settled)

    def _mark_new(self, name: str, issues: Sequence[Issue]) -> None:
        self.new.add(name)
        self.written[name] = issues
        self._forget(name)

    def _forget(self, name: str) -> None:
        """What was found out about a draft before it changed."""
        self.checked.pop(name, None)
        self.packed.pop(name, None)

    async def load(self, engine: EnginePort) -> None:
        """Fill from the drafts folder and keep the engine for what the maker asks of it."""
        self._engine = engine
        self._moves.meet(engine.drafts)
        self._trashing.meet(engine.drafts, engine.connection.drafts_root)
        self.fill(await engine.drafts.list())

    def _settled(self) -> None:
        self._settling = None
        self._read_again()

    @work(group="drafts-read", exclusive=True, exit_on_error=False)
    async def _read_again(self, cursor: str = "") -> None:
        if self._engine is None:
            return
        try:
            self.fill(await self._engine.drafts.list())
        except Exception as error:
            self._failed("read.failed", error)
            return
        if cursor:
            self.reveal(cursor)
        if self._detail is not None:
            await self._reopen(self._detail)

    async def _reopen(self, screen: DraftDetailScreen) -> None:
        """Show in an open detail what its draft is now; close it when the draft is gone."""
        name = screen.detail.view.name
        try:
            detail = await self._engine.drafts.open(name) if self._engine else None
        except Exception as error:
            self._failed("open.failed", error, name=visible(name, newlines=False))
            detail = None
        if self._detail is not screen:
            return
        if detail is not None:
            screen.detail = detail
        elif screen.is_current:
            screen.dismiss(None)

    # --- what the maker asks for --------------------------------------------------------------------

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Only what makes sense now is offered."""
        match action:
            case "check" | "open_folder" | "copy_path" | "trash" | "pack" | "rebuild" | "retime":
                return self.current is not None
            case "undo":
                return self._trashing.undoable
            case "cancel":
                return bool(self.doing)
            case "unfilter":
                return bool(self.sifting)
            case _:
                return True

    @on(RowList.Opened)
    def _open(self, event: RowList.Opened) -> None:
        event.stop()
        if (view := self.current) is not None:
            self.open_draft(view.name)

    @work(group="drafts-open", exclusive=True, exit_on_error=False)
    async def open_draft(self, name: str) -> None:
        """Open the detail of a draft."""
        from c2jy_tui.screens.draft_detail import DraftDetailScreen

        if self._engine is None:
            return
        try:
            detail = await self._engine.drafts.open(name)
        except Exception as error:
            self._failed("open.failed", error, name=visible(name, newlines=False))
            return
        self.new.discard(name)
        self.relist()

        def closed(_answer: None) -> None:
            self._detail = None

        self._detail = DraftDetailScreen(
            detail,
            notes=self.written.get(name, ()),
            check=lambda: self._verify(name),
            open_folder=lambda: self._open_folder(detail.view.path),
            clock=self.now,
        )
        self.app.push_screen(self._detail, closed)

    async def _verify(self, name: str) -> Sequence[Issue] | None:
        """What a check of a draft finds; None when it could not be checked."""
        if self._engine is None:
            return None
        try:
            issues = await self._engine.drafts.check(name)
        except Exception as error:
            self._failed("check.failed", error, name=visible(name, newlines=False))
            return None
        self.checked[name] = issues
        self.relist()
        return issues

    @work(group="drafts-check", exit_on_error=False)
    async def action_check(self) -> None:
        """Verify the draft under the cursor now."""
        if (view := self.current) is None:
            return
        name = visible(view.name, newlines=False)
        issues = await self._verify(view.name)
        if issues:
            lines = "\n".join(words.issue_lines(issue) for issue in issues[:3])
            self._tell("check.faults", "warning", name=name, count=len(issues), lines=lines)
        elif issues is not None:
            self._tell("check.whole", name=name)

    def action_open_folder(self) -> None:
        """Show the folder of the draft under the cursor in the file manager."""
        if (view := self.current) is not None:
            self._open_folder(view.path)

    @work(group="drafts-folder", exit_on_error=False)
    async def _open_folder(self, path: str) -> None:
        command = folder.opener(path)
        if command is None:
            shown = visible(path, newlines=False)
            self.app.copy_to_clipboard(shown)
            self._tell("folder.copied", path=shown)
            return
        try:
            await folder.run(command, path)
        except OSError as error:
            self._failed("folder.failed", error, path=visible(path))

    def action_copy_path(self) -> None:
        """Copy the path of the draft under the cursor."""
        if (view := self.current) is not None:
            self.app.copy_to_clipboard(visible(view.path, newlines=False))

    def action_sort(self) -> None:
        """Sort by the next order: newest, name, length, size, state."""
        self.sort_on()

    def action_pack(self) -> None:
        """Pack the draft under the cursor for another machine."""
        self._move(self._moves.pack)

    def action_rebuild(self) -> None:
        """Build the draft under the cursor anew from its own document, beside it."""
        self._move(self._moves.rebuild)

    def action_retime(self) -> None:
        """Build the draft under the cursor again with another time unit."""
        self._move(self._moves.retime)

    def action_trash(self) -> None:
        """Move the draft under the cursor to the trash."""
        self._move(self._trashing.trash)

    def _move(self, move: Callable[[DraftView], object]) -> None:
        if (view := self.current) is not None:
            move(view)

    def action_undo(self) -> None:
        """Bring the draft back that was moved to the trash last."""
        self._trashing.undo()

    def action_trash_view(self) -> None:
        """Show what is in the trash."""
        self._trashing.look()

    def action_cancel(self) -> None:
        """Stop what takes long."""
        self._moves.cancel()

    @on(Moves.Doing)
    def _doing(self, event: Moves.Doing) -> None:
        event.stop()
        self.say_doing(event.line)

    @on(Moves.ZipWritten)
    def _zip_written(self, event: Moves.ZipWritten) -> None:
        event.stop()
        self.packed[event.name] = event.path
        self.relist()

    @on(Moves.Built)
    def _built(self, event: Moves.Built) -> None:
        event.stop()
        drafts = event.report.drafts
        for made in drafts:
            self._mark_new(made.name, made.issues)
        self._read_again(drafts[0].name if drafts else "")

    @on(Trashing.Changed)
    def _trash_changed(self, event: Trashing.Changed) -> None:
        event.stop()
        self.refresh_bindings()
        self._read_again(event.reveal)

    def _failed(self, key: str, error: Exception, **values: object) -> None:
        """Whatever the engine could not do, the maker reads it."""
        self._tell(key, "error", error=words.reason(error), **values)

    def _tell(self, key: str, severity: SeverityLevel = "information", **values: object) -> None:
        self.notify(say(key, **values), severity=severity, markup=False)
