"""Renames drafts, and gives one or several their tags."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from textual.message import Message
from textual.notifications import SeverityLevel

from c2jy_bridge.core.draft_views import DraftError
from c2jy_bridge.core.safety import one_line
from c2jy_bridge.core.views import DraftView
from c2jy_tui.panes.drafts import labels
from c2jy_tui.panes.drafts.labels import say
from c2jy_tui.widgets.list_pane import ListPane

if TYPE_CHECKING:
    from c2jy_bridge.engine import Drafts


class DraftEdits:
    """Asks for a name or for tags until they can be given; posts `Edited` to the host."""

    @dataclass
    class Edited(Message):
        """Drafts have another name or other tags."""

        reveal: str = ""
        """The draft under the cursor, by its new name."""

    def __init__(self, host: ListPane, renamed: Callable[[str, str], None]) -> None:
        """`renamed` gets the names before and after, to take it back."""
        self._host = host
        self._renamed = renamed
        self._drafts: Drafts | None = None

    def attach_engine(self, drafts: Drafts) -> None:
        """Use the engine's drafts from now on."""
        self._drafts = drafts

    def rename(self, view: DraftView) -> None:
        """Ask for another name of a draft."""
        if self._drafts is not None:
            self._host.run_worker(self._rename(self._drafts, view), group="draft-edit", exit_on_error=False)

    async def _rename(self, drafts: Drafts, view: DraftView) -> None:
        from c2jy_tui.screens.dialogs import LineScreen

        wanted, about = view.name, say("rename.about")
        while True:
            dialog = LineScreen(say("rename.title", name=one_line(view.name)), wanted, about)
            answer = await self._host.app.push_screen_wait(dialog)
            if answer is None or answer == view.name:
                return
            try:
                made = await drafts.rename(view.name, answer)
            except DraftError as error:
                wanted, about = answer, labels.refusal(error.issues)
                continue
            break
        self._renamed(made.was, made.name)
        lines = [say("rename.done", was=one_line(made.was), name=one_line(made.name))]
        lines += [labels.issue_line(issue) for issue in made.issues]
        severity: SeverityLevel = "warning" if made.issues else "information"
        self._host.notify("\n".join(lines), severity=severity, markup=False)
        self._host.post_message(self.Edited(made.name))

    def tag(self, views: Sequence[DraftView]) -> None:
        """Ask for the tags of drafts; of several, for those that all of them have."""
        if self._drafts is not None:
            self._host.run_worker(self._tag(self._drafts, views), group="draft-edit", exit_on_error=False)

    async def _tag(self, drafts: Drafts, views: Sequence[DraftView]) -> None:
        from c2jy_tui.screens.dialogs import LineScreen

        common = [tag for tag in views[0].tags if all(tag in view.tags for view in views)]
        title = (
            say("tag.title", name=one_line(views[0].name))
            if len(views) == 1
            else say("tag.title_many", count=len(views))
        )
        wanted, about = " ".join(f"#{tag}" for tag in common), say("tag.about")
        while True:
            dialog = LineScreen(title, wanted, about, may_be_blank=True)
            answer = await self._host.app.push_screen_wait(dialog)
            if answer is None:
                return
            tags = [word.removeprefix("#") for word in answer.split()]
            removed = [tag for tag in common if tag not in tags]
            try:
                for view in views:
                    await drafts.tag(view.name, tags, removed)
            except DraftError as error:
                wanted, about = answer, labels.refusal(error.issues)
                continue
            break
        if len(views) > 1:
            self._host.notify_text("tag.done", count=len(views))
        self._host.post_message(self.Edited())
