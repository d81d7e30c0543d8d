"""The drafts pane: the keys for the draft under the cursor, and what they bring up."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import ClassVar

from textual.binding import BindingType
from typing_extensions import override

from c2jy_bridge.core.ports import EnginePort
from c2jy_bridge.core.views import DraftView
from c2jy_tui.controllers import draft_jobs, trash
from c2jy_tui.panes.drafts.following import FollowingList
from c2jy_tui.widgets.bindings import binding


class DraftsPane(FollowingList):
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
        self._jobs = draft_jobs.DraftJobs(self)
        self._trash = trash.TrashController(self, clock)

    async def load(self, engine: EnginePort) -> None:
        """Fill from the drafts folder and keep the engine for what the maker asks of it."""
        self._jobs.attach_engine(engine.drafts)
        self._trash.attach_engine(engine.drafts, engine.connection.drafts_root)
        await super().load(engine)

    @override
    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        match action:
            case "check" | "open_folder" | "copy_path" | "trash" | "pack" | "rebuild" | "retime":
                return self.current is not None
            case "undo":
                return self._trash.undoable
            case "cancel":
                return bool(self.doing)
            case "unfilter":
                return bool(self.filter_text)
            case _:
                return True

    def action_sort(self) -> None:
        """Sort by the next order: newest, name, length, size, state."""
        self.sort_on()

    def action_pack(self) -> None:
        """Pack the draft under the cursor for another machine."""
        self._move(self._jobs.pack)

    def action_rebuild(self) -> None:
        """Build the draft under the cursor anew from its own document, beside it."""
        self._move(self._jobs.rebuild)

    def action_retime(self) -> None:
        """Build the draft under the cursor again with another time unit."""
        self._move(self._jobs.retime)

    def action_trash(self) -> None:
        """Move the draft under the cursor to the trash."""
        self._move(self._trash.trash)

    def _move(self, move: Callable[[DraftView], object]) -> None:
        if (view := self.current) is not None:
            move(view)

    def action_undo(self) -> None:
        """Bring the draft back that was moved to the trash last."""
        self._trash.undo()

    def action_trash_view(self) -> None:
        """Show what is in the trash."""
        self._trash.open()

    def action_cancel(self) -> None:
        """Stop what takes long."""
        self._jobs.cancel()

    # Handled by name: the controllers import this room's labels, and so are not known yet at this place.

    def on_draft_jobs_progressed(self, event: draft_jobs.DraftJobs.Progressed) -> None:
        """Show how far the job is."""
        event.stop()
        self.say_doing(event.line)

    def on_draft_jobs_zip_written(self, event: draft_jobs.DraftJobs.ZipWritten) -> None:
        """Remember the zip of a draft."""
        event.stop()
        self.packed[event.name] = event.path
        self.relist()

    def on_draft_jobs_built(self, event: draft_jobs.DraftJobs.Built) -> None:
        """Mark the new drafts and go to the first."""
        event.stop()
        drafts = event.report.drafts
        for made in drafts:
            self.mark_new(made.name, made.issues)
        self.read_again(drafts[0].name if drafts else "")

    def on_trash_controller_changed(self, event: trash.TrashController.Changed) -> None:
        """Read the folder again."""
        event.stop()
        self.refresh_bindings()
        self.read_again(event.reveal)
