"""Moves drafts to the trash and back, and takes the last change of the list back: a removal or a renaming."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, NamedTuple

from textual.message import Message

from c2jy_bridge.core.draft_views import DraftError
from c2jy_bridge.core.safety import one_line
from c2jy_bridge.core.views import DraftView
from c2jy_tui.formatting import Clock, error_reason
from c2jy_tui.panes.drafts import labels
from c2jy_tui.panes.drafts.labels import say
from c2jy_tui.widgets.list_pane import ListPane

if TYPE_CHECKING:
    from c2jy_bridge.engine import Drafts


NAMED: Final = 6
"""Drafts that a question or a report about several names."""


class _Trashed(NamedTuple):
    ticket: str
    name: str


class _Renamed(NamedTuple):
    was: str
    name: str


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
        self._done: list[list[_Trashed] | _Renamed] = []
        """What was done since the app started, the last at the end; drafts that went together, together."""
        self._confirming = ""

    def attach_engine(self, drafts: Drafts, drafts_root: str) -> None:
        """Use the engine's drafts from now on; `drafts_root` is shown to the user."""
        self._drafts, self._drafts_root = drafts, drafts_root

    @property
    def undoable(self) -> bool:
        """Whether a draft was moved to the trash or renamed since the app started."""
        return bool(self._done)

    def renamed(self, was: str, name: str) -> None:
        """A draft was renamed, which `undo` takes back."""
        self._done.append(_Renamed(was, name))
        self._host.refresh_bindings()

    def trash(self, views: Sequence[DraftView]) -> None:
        """Move drafts to the trash; several, and one that was not made here, only when confirmed."""
        if self._drafts is None:
            return
        view = views[0]
        if len(views) > 1 or view.ours or self._confirming == view.name:
            job = (
                self._trash_all(self._drafts, views)
                if len(views) > 1
                else self._trash(self._drafts, view.name)
            )
            self._host.run_worker(job, group="drafts-trash", exit_on_error=False)
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
        self._done.append([_Trashed(ticket, name)])
        self._confirming = ""
        self._host.notify_text("trash.done", name=one_line(name))
        self._host.post_message(self.Changed())

    async def _trash_all(self, drafts: Drafts, views: Sequence[DraftView]) -> None:
        from c2jy_tui.screens.dialogs import ConfirmScreen

        text = say("trash.many_sure", count=len(views), names=named(views))
        if theirs := [view for view in views if not view.ours]:
            text += "\n" + say("trash.many_theirs", count=len(theirs), names=named(theirs))
        title = say("trash.many_title")
        if not await self._host.app.push_screen_wait(ConfirmScreen(title, text)):
            return
        gone: list[_Trashed] = []
        failed: list[str] = []
        for view in views:
            try:
                gone.append(_Trashed(await drafts.trash(view.name), view.name))
            except Exception as error:
                failed.append(f"{one_line(view.name)}: {error_reason(error)}")
        if gone:
            self._done.append(gone)
        report(self._host, say("trash.many_done", count=len(gone)), failed)
        self._host.post_message(self.Changed())

    def undo(self) -> None:
        """Take back what was done last: restore what went to the trash, or give a draft its former name."""
        self._host.run_worker(self._undo(), group="drafts-trash", exit_on_error=False)

    async def _undo(self) -> None:
        if self._drafts is None or not self._done:
            return
        match self._done[-1]:
            case _Renamed(was, name) as done:
                try:
                    await self._drafts.rename(name, was)
                except DraftError as error:
                    self._refused(error)
                else:
                    self._host.notify_text("undo.renamed", name=one_line(name), was=one_line(was))
                    self._host.post_message(self.Changed(was))
                self._done.remove(done)
            case [*together]:
                for trashed in together:
                    await self._restore(self._drafts, *trashed)

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
        for done in self._done:
            if isinstance(done, list):
                done[:] = [kept for kept in done if kept.ticket != ticket]
        self._done = [done for done in self._done if done]


def named(views: Sequence[DraftView]) -> str:
    """The names of drafts, the first of many."""
    names = ", ".join(one_line(view.name) for view in views[:NAMED])
    return f"{names} …" if len(views) > NAMED else names


def report(host: ListPane, done: str, failed: Sequence[str]) -> None:
    """One notice about several drafts: what was done, and why some are left out."""
    shown = [*failed[:NAMED], *(["…"] if len(failed) > NAMED else [])]
    host.notify("\n".join([done, *shown]), severity="warning" if failed else "information", markup=False)
