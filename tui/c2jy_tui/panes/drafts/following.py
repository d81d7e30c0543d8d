"""The list that follows the drafts folder, with a look into each draft: its tracks, its faults, its place."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Final

from textual import on, work
from textual.notifications import SeverityLevel
from textual.timer import Timer

from c2jy_bridge.core.events import DraftChanged, DraftWritten, Event, Issue
from c2jy_bridge.core.ports import DraftsPort, EnginePort
from c2jy_bridge.core.safety import visible
from c2jy_tui import desktop
from c2jy_tui.panes.drafts import labels
from c2jy_tui.panes.drafts.draft_list import DraftList
from c2jy_tui.panes.drafts.labels import say
from c2jy_tui.widgets.row_list import RowList

if TYPE_CHECKING:
    # The screen is imported when it opens: the first paint must not wait for it.
    from c2jy_tui.screens.draft_detail import DraftDetailScreen

SETTLE_S: Final = 0.25
"""Seconds to let a burst of changes on disk end before the folder is read again."""


class FollowingList(DraftList):
    """Drafts as they are on disk now; it looks, and changes nothing."""

    def __init__(
        self, clock: Callable[[], float], *, id: str | None = None, classes: str | None = None
    ) -> None:
        super().__init__(clock, id=id, classes=classes)
        self._drafts: DraftsPort | None = None
        self._settling: Timer | None = None
        self._detail: DraftDetailScreen | None = None
        self._to_reveal = ""

    def show(self, event: Event) -> None:
        """Take in one event; those that are not about drafts change nothing."""
        match event:
            case DraftWritten(name=name, issues=issues):
                self.mark_new(name, issues)
            case DraftChanged(names=names):
                for name in names:
                    self._forget(name)
            case _:
                return
        if self._settling is None:
            self._settling = self.set_timer(SETTLE_S, self._settled)

    def mark_new(self, name: str, issues: Sequence[Issue]) -> None:
        """A draft was written, with what could not be done as asked."""
        self.new.add(name)
        self.written[name] = issues
        self._forget(name)

    def _forget(self, name: str) -> None:
        """What was found out about a draft before it changed."""
        self.checked.pop(name, None)
        self.packed.pop(name, None)

    async def load(self, engine: EnginePort) -> None:
        """Fill from the drafts folder and follow it from now on."""
        self._drafts = engine.drafts
        self.fill(await engine.drafts.list())

    def _settled(self) -> None:
        self._settling = None
        self.read_again()

    @work(group="drafts-read", exclusive=True, exit_on_error=False)
    async def read_again(self, cursor: str = "") -> None:
        """Look at the folder; the cursor goes to the draft `cursor` when one is named."""
        if self._drafts is None:
            return
        # Another look may overtake this one; the cursor goes there all the same.
        self._to_reveal = cursor or self._to_reveal
        try:
            self.fill(await self._drafts.list())
        except Exception as error:
            self.failed("read.failed", error)
            return
        if self._to_reveal:
            self.reveal(self._to_reveal)
            self._to_reveal = ""
        if self._detail is not None:
            await self._reopen(self._detail)

    async def _reopen(self, screen: DraftDetailScreen) -> None:
        """Show in an open detail what its draft is now; close it when the draft is gone."""
        name = screen.detail.view.name
        try:
            detail = await self._drafts.open(name) if self._drafts else None
        except Exception as error:
            self.failed("open.failed", error, name=visible(name, newlines=False))
            detail = None
        if self._detail is not screen:
            return
        if detail is not None:
            screen.detail = detail
        elif screen.is_current:
            screen.dismiss(None)

    @on(RowList.Opened)
    def _open(self, event: RowList.Opened) -> None:
        event.stop()
        if (view := self.current) is not None:
            self.open_draft(view.name)

    @work(group="drafts-open", exclusive=True, exit_on_error=False)
    async def open_draft(self, name: str) -> None:
        """Open the detail of a draft."""
        from c2jy_tui.screens.draft_detail import DraftDetailScreen

        if self._drafts is None:
            return
        try:
            detail = await self._drafts.open(name)
        except Exception as error:
            self.failed("open.failed", error, name=visible(name, newlines=False))
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
        if self._drafts is None:
            return None
        try:
            issues = await self._drafts.check(name)
        except Exception as error:
            self.failed("check.failed", error, name=visible(name, newlines=False))
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
            lines = "\n".join(labels.issue_lines(issue) for issue in issues[:3])
            self.tell("check.faults", "warning", name=name, count=len(issues), lines=lines)
        elif issues is not None:
            self.tell("check.whole", name=name)

    def action_open_folder(self) -> None:
        """Show the folder of the draft under the cursor in the file manager."""
        if (view := self.current) is not None:
            self._open_folder(view.path)

    @work(group="drafts-folder", exit_on_error=False)
    async def _open_folder(self, path: str) -> None:
        command = desktop.folder_command(path)
        if command is None:
            shown = visible(path, newlines=False)
            self.app.copy_to_clipboard(shown)
            self.tell("folder.copied", path=shown)
            return
        try:
            await desktop.open_folder(command, path)
        except OSError as error:
            self.failed("folder.failed", error, path=visible(path))

    def action_copy_path(self) -> None:
        """Copy the path of the draft under the cursor."""
        if (view := self.current) is not None:
            self.app.copy_to_clipboard(visible(view.path, newlines=False))

    def failed(self, key: str, error: Exception, **values: object) -> None:
        """Whatever the engine could not do, the maker reads it."""
        self.tell(key, "error", error=labels.reason(error), **values)

    def tell(self, key: str, severity: SeverityLevel = "information", **values: object) -> None:
        """Say something in a notice."""
        self.notify(say(key, **values), severity=severity, markup=False)
