"""Shows the transcript through a scrolling window of widgets over all entries."""

from __future__ import annotations

from collections.abc import Awaitable, Iterable, Sequence
from inspect import isawaitable
from typing import ClassVar, Final

from textual.containers import VerticalScroll
from textual.content import Content
from textual.message import Message
from textual.reactive import var
from textual.widget import Widget
from textual.widgets import Static
from typing_extensions import override

from c2jy_tui.labels import say
from c2jy_tui.panes.chat.cards import CallCard, Now, RunCard
from c2jy_tui.panes.chat.entries import AnyEntry, Call, Draft
from c2jy_tui.panes.chat.entry_widgets import AnyView, ThinkingView, view_of
from c2jy_tui.widgets.bindings import binding

FIRST: Final = 60
"""Entries mounted as widgets when a conversation is opened."""
MORE: Final = 40
"""Entries mounted when the top is reached."""
MOST: Final = 160
"""Widgets beyond which the oldest are removed while the end is in view."""


class Earlier(Static, can_focus=True):
    """The line above the oldest entry that is shown."""

    BINDINGS: ClassVar = [binding("tui", "chat.earlier", "enter", "load")]

    class Requested(Message):
        """Request earlier entries."""

    def action_load(self) -> None:
        """Request earlier entries."""
        self.post_message(self.Requested())

    def on_click(self) -> None:
        """Request earlier entries."""
        self.post_message(self.Requested())


class TranscriptView(VerticalScroll, can_focus=True):
    """A scrolling window over the entries; sticks to the end until the user scrolls up."""

    BINDINGS: ClassVar = [
        binding("tui", "chat.scroll_up", "k", "scroll_up", show=False),
        binding("tui", "chat.scroll_down", "j", "scroll_down", show=False),
        binding("tui", "chat.newest", "end,G", "newest"),
        binding("tui", "chat.oldest", "home,g", "oldest", show=False),
    ]

    at_end: var[bool] = var(True)
    """Whether the newest line is in view, or will be once it is drawn."""

    class Moved(Message):
        """The end came into view or left it."""

    def __init__(self, now: Now) -> None:
        super().__init__()
        self._now = now
        self._views: dict[AnyEntry, AnyView] = {}
        self._hidden: list[AnyEntry] = []
        """Entries older than the window, oldest first."""
        self._earlier = Earlier(markup=False)
        self._loading = False
        self._tall = False
        self._greeting = False
        """Whether the conversation is empty: what is shown in its place is read from the top."""

    async def fill(self, entries: Sequence[AnyEntry], before: Widget | None = None) -> None:
        """Show another conversation: its newest entries first, the rest on request.

        Args:
            entries: All of them, oldest first.
            before: Shown when there are none.
        """
        self._views.clear()
        await self.remove_children()
        self._hidden = list(entries[:-FIRST])
        self._greeting = not entries
        shown = [self._made(entry) for entry in entries[-FIRST:]]
        head: list[Widget] = [self._earlier] if self._hidden else []
        if not shown and before is not None:
            head.append(before)
        self._count_hidden()
        await self.mount_all([*head, *shown])
        await self._redraw(shown)
        self.call_after_refresh(self._stick, anew=True)

    def watch_virtual_size(self) -> None:
        """Stick to the end when the text grew or was cleared."""
        self._stick()

    def on_resize(self) -> None:
        """Stick to the end in another size."""
        self._stick()

    def _stick(self, *, anew: bool = False) -> None:
        """Anchor to the end once there is more than fits; Textual would align a short text to the bottom."""
        tall = self.virtual_size.height > self.scrollable_content_region.height and not self._greeting
        if tall != self._tall or anew:
            self._tall = tall
            self.anchor(tall)
            if not tall:
                self.scroll_to(y=0, animate=False, immediate=True)

    async def update(self, entries: Iterable[AnyEntry]) -> None:
        """Mount new entries, redraw changed ones."""
        changed: list[AnyView] = []
        new: list[AnyView] = []
        for entry in entries:
            view = self._views.get(entry)
            if view is None:
                # An entry outside the window is drawn when it is mounted again.
                if entry in self._hidden:
                    continue
                new.append(view := self._made(entry))
            changed.append(view)
        if new:
            self._greeting = False
            await self.mount_all(new)
            await self._prune()
        await self._redraw(changed)

    def tick(self) -> None:
        """Redraw whatever shows a running time."""
        for view in self._views.values():
            if isinstance(view, CallCard | RunCard | ThinkingView) and view.live:
                view.redraw()

    async def forget(self, entry: AnyEntry) -> None:
        """Remove the widget of an entry."""
        if (view := self._views.pop(entry, None)) is not None:
            await view.remove()

    def view(self, entry: AnyEntry) -> AnyView | None:
        """The widget of an entry, if it is in the window."""
        return self._views.get(entry)

    @override
    def watch_scroll_y(self, old_value: float, new_value: float) -> None:
        super().watch_scroll_y(old_value, new_value)
        self.at_end = new_value >= self.max_scroll_y - 1
        if new_value <= 0 and old_value > 0 and self._hidden:
            self.run_worker(self.load_earlier(), group="earlier", exclusive=True)

    def watch_at_end(self) -> None:
        """Notify the pane, which hints at newer entries below."""
        self.post_message(self.Moved())

    async def load_earlier(self) -> None:
        """Mount the entries before the oldest one shown, without moving what is in view."""
        if self._loading or not self._hidden:
            return
        self._loading = True
        try:
            entries, self._hidden = self._hidden[-MORE:], self._hidden[:-MORE]
            newer, self._views = self._views, {}
            views = [self._made(entry) for entry in entries]
            self._views |= newer  # oldest first: pruning counts on it
            height = self.virtual_size.height
            await self.mount_all(views, after=self._earlier)
            await self._redraw(views)
            self._count_hidden()
            self.call_after_refresh(self._keep_place, height)
        finally:
            self._loading = False

    def _keep_place(self, height_before: int) -> None:
        grown = self.virtual_size.height - height_before
        if grown > 0 and not self.at_end:
            self.scroll_to(y=self.scroll_y + grown, animate=False, immediate=True)

    async def on_earlier_requested(self) -> None:
        """Load earlier entries."""
        await self.load_earlier()

    def action_newest(self) -> None:
        """Go to the end and stick to it."""
        self._stick(anew=True)

    def action_oldest(self) -> None:
        """Go to the top."""
        self.scroll_home(animate=False)

    def _made(self, entry: AnyEntry) -> AnyView:
        above = next(reversed(self._views), None)
        view = self._views[entry] = view_of(entry, self._now)
        # Calls and their drafts have no gaps between them, only one above the first.
        view.set_class(not isinstance(above, Call | Draft), "-first")
        return view

    async def _redraw(self, views: Iterable[AnyView]) -> None:
        for view in views:
            if not view.is_mounted:
                continue  # the app is closing and mounts nothing more
            done = view.redraw()
            if isawaitable(done):
                await _finish(done)

    async def _prune(self) -> None:
        if len(self._views) <= MOST or not self.at_end:
            return
        oldest = list(self._views)[: len(self._views) - MOST // 2]
        self._hidden.extend(oldest)
        views = [self._views.pop(entry) for entry in oldest]
        with self.app.batch_update():
            await self.remove_children(views)
            if self._earlier.parent is None:
                await self.mount(self._earlier, before=0)
        self._count_hidden()

    def _count_hidden(self) -> None:
        self._earlier.display = bool(self._hidden)
        self._earlier.update(Content("↑ " + say("chat.earlier", n=len(self._hidden))))


async def _finish(done: Awaitable[None]) -> None:
    await done
