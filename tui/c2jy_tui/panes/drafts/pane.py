"""The drafts pane: the keys for the draft under the cursor, and what they bring up."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import BindingType
from typing_extensions import override

from c2jy_bridge.core.ports import EnginePort
from c2jy_bridge.core.views import DraftView
from c2jy_tui.panes.drafts.following import FollowingList
from c2jy_tui.panes.drafts.moves import Moves
from c2jy_tui.panes.drafts.trashing import Trashing
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
        self._moves = Moves()
        self._trashing = Trashing(clock)

    async def load(self, engine: EnginePort) -> None:
        """Fill from the drafts folder and keep the engine for what the maker asks of it."""
        self._moves.attach_engine(engine.drafts)
        self._trashing.attach_engine(engine.drafts, engine.connection.drafts_root)
        await super().load(engine)

    @override
    def compose(self) -> ComposeResult:
        yield from super().compose()
        yield self._moves
        yield self._trashing

    @override
    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        match action:
            case "check" | "open_folder" | "copy_path" | "trash" | "pack" | "rebuild" | "retime":
                return self.current is not None
            case "undo":
                return self._trashing.undoable
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
            self.mark_new(made.name, made.issues)
        self.read_again(drafts[0].name if drafts else "")

    @on(Trashing.Changed)
    def _trash_changed(self, event: Trashing.Changed) -> None:
        event.stop()
        self.refresh_bindings()
        self.read_again(event.reveal)
