"""Moves drafts to the trash and back: the last one directly, any of them from the trash screen."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from textual.message import Message

from c2jy_bridge.core.draft_views import DraftError
from c2jy_bridge.core.safety import one_line
from c2jy_bridge.core.views import DraftView
from c2jy_tui.formatting import Clock
from c2jy_tui.panes.drafts import labels
from c2jy_tui.widgets.list_pane import ListPane

if TYPE_CHECKING:
    from c2jy_bridge.engine import Drafts


class TrashController:
    """Remembers what can be undone; posts `Changed` to the host."""

    @dataclass
    class Changed(Message):
        """The trash has changed, and with it the drafts folder."""

        reveal: str = ""
        """The restored draft."""

    def __init__(self, host: ListPane, clock: Clock) -> None:
        self._host = host
        self._clock = clock
        self._drafts: Drafts | None = None
        self._drafts_root = ""
        self._trashed: list[tuple[str, str]] = []
        self._confirming = ""

    def attach_engine(self, drafts: Drafts, drafts_root: str) -> None:
        """Use the engine's drafts from now on; `drafts_root` is shown to the user."""
        self._drafts, self._drafts_root = drafts, drafts_root

    @property
    def undoable(self) -> bool:
        """Whether a draft was moved to the trash since the app started."""
        return bool(self._trashed)

    def trash(self, view: DraftView) -> None:
        """Move a draft to the trash; one that was not made here only when confirmed."""
        if self._drafts is None:
            return
        if view.ours or self._confirming == view.name:
            trashing = self._trash(self._drafts, view.name)
            self._host.run_worker(trashing, group="drafts-trash", exit_on_error=False)
        else:
            self._confirming = view.name
            self._host.notify_text("trash.sure", "warning", name=one_line(view.name))

    async def _trash(self, drafts: Drafts, name: str) -> None:
        try:
            ticket = await drafts.trash(name)
        except DraftError as error:
            self._refused(error)
            return
        except Exception as error:
            self._host.notify_error("trash.failed", error, name=one_line(name))
            return
        self._trashed.append((ticket, name))
        self._confirming = ""
        self._host.notify_text("trash.done", name=one_line(name))
        self._host.post_message(self.Changed())

    def undo(self) -> None:
        """Restore the draft that was last moved to the trash."""
        self._host.run_worker(self._undo(), group="drafts-trash", exit_on_error=False)

    async def _undo(self) -> None:
        if self._drafts is not None and self._trashed:
            await self._restore(self._drafts, *self._trashed[-1])

    def open(self) -> None:
        """Show what is in the trash, to restore a draft or delete it for good."""
        self._host.run_worker(self._open(), group="drafts-trash-view", exclusive=True, exit_on_error=False)

    async def _open(self) -> None:
        # Imported when it opens: the first paint must not wait for it.
        from c2jy_tui.screens.trash import TrashScreen

        drafts = self._drafts
        if drafts is None:
            return
        try:
            entries = await drafts.trashed()
        except Exception as error:
            self._host.notify_error("trash.unread", error)
            return
        screen = TrashScreen(
            entries,
            drafts_root=self._drafts_root,
            read=drafts.trashed,
            restore=lambda ticket, name: self._restore(drafts, ticket, name),
            delete=lambda ticket, name: self._delete(drafts, ticket, name),
            clock=self._clock,
        )
        await self._host.app.push_screen_wait(screen)

    async def _restore(self, drafts: Drafts, ticket: str, name: str) -> None:
        try:
            back = await drafts.restore(ticket)
        except DraftError as error:
            self._refused(error)
            return
        except Exception as error:
            self._host.notify_error("undo.failed", error, name=one_line(name))
            return
        self._forget(ticket)
        self._host.notify_text("undo.done", name=one_line(back))
        self._host.post_message(self.Changed(back))

    async def _delete(self, drafts: Drafts, ticket: str, name: str) -> None:
        try:
            await drafts.delete(ticket)
        except DraftError as error:
            self._refused(error)
        except Exception as error:
            self._host.notify_error("delete.failed", error, name=one_line(name))
        else:
            self._forget(ticket)
            self._host.notify_text("delete.done", name=one_line(name))
            self._host.post_message(self.Changed())

    def _refused(self, error: DraftError) -> None:
        self._host.notify(labels.refusal(error.issues), severity="error", markup=False)

    def _forget(self, ticket: str) -> None:
        self._trashed = [kept for kept in self._trashed if kept[0] != ticket]
