"""Lists the conversations, to open, rename, delete and export them, and searches all of them."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import ClassVar, Final, Literal

from textual import on, work
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Vertical
from textual.content import Content
from textual.widgets import Input, OptionList, Static
from textual.widgets.option_list import Option
from typing_extensions import override

from c2jy_bridge.core.safety import one_line
from c2jy_bridge.core.views import ConversationView, FoundMessage
from c2jy_tui.formatting import Clock, clock_time
from c2jy_tui.labels import say
from c2jy_tui.widgets.bindings import BaseDialog, binding
from c2jy_tui.widgets.key_bar import KeyBar

SEARCH_S: Final = 0.2
"""Seconds without a key after which the words are searched for."""

Intent = Literal["rename", "delete", "export"]


@dataclass(frozen=True, slots=True)
class Choice:
    """The conversation to open, and the words that were searched for."""

    conversation_id: str
    words: str = ""


class ConversationList(OptionList):
    """Conversations or found messages, two lines each."""

    BINDINGS: ClassVar[list[BindingType]] = [
        binding("tui", "sessions.open", "enter", "select"),
        binding("tui", "sessions.down", "j", "cursor_down", show=False),
        binding("tui", "sessions.up", "k", "cursor_up", show=False),
    ]


class SearchInput(Input):
    """The words to search for; Down goes to the list."""

    BINDINGS: ClassVar[list[BindingType]] = [
        binding("tui", "sessions.to_list", "down", "screen.to_list", show=False)
    ]


class ConversationsScreen(BaseDialog[Choice]):
    """All conversations, newest first; the answer is the one to open."""

    CSS_PATH = "conversations.tcss"
    HELP = "tui:help.sessions"
    BINDINGS: ClassVar[list[BindingType]] = [
        binding("tui", "sessions.search", "slash", "search"),
        binding("tui", "sessions.rename", "e", "act('rename')"),
        binding("tui", "sessions.delete", "delete", "act('delete')"),
        binding("tui", "sessions.bring_back", "U", "undo"),
        binding("tui", "sessions.export", "x", "act('export')"),
    ]

    def __init__(
        self,
        conversations: Sequence[ConversationView],
        *,
        current: Callable[[], str],
        clock: Clock,
        read: Callable[[], Awaitable[Sequence[ConversationView]]],
        search: Callable[[str], Awaitable[Sequence[FoundMessage]]],
        act: Callable[[Intent, ConversationView], Awaitable[None]],
        undo: Callable[[], Awaitable[None]],
    ) -> None:
        """`read` reads the list again; the cursor starts at the open one, whose id is `current`."""
        super().__init__()
        self._conversations = conversations
        self._found: Sequence[FoundMessage] = ()
        self._words = ""
        self._current = current
        self._clock = clock
        self._read = read
        self._search = search
        self._act = act
        self._undo = undo
        self._list = ConversationList(markup=False, compact=True, id="list")

    @override
    def compose(self) -> ComposeResult:
        with Vertical(id="dialog") as dialog:
            dialog.border_title = say("sessions.title")
            yield SearchInput(placeholder=say("sessions.placeholder"), compact=True)
            yield Static(id="none", markup=False)
            yield self._list
            yield KeyBar(compact=True, show_command_palette=False)

    def on_mount(self) -> None:
        self.query_one(SearchInput).display = False
        self._show(self._current())
        self._list.focus()

    @property
    def chosen(self) -> ConversationView | None:
        """The conversation under the cursor."""
        at = self._list.highlighted
        if at is None:
            return None
        if not self._words:
            return self._conversations[at]
        wanted = self._found[at].conversation_id
        return next((one for one in self._conversations if one.conversation_id == wanted), None)

    def _show(self, cursor: str = "") -> None:
        """Draw the list: the found messages while there are words, else the conversations."""
        if self._words:
            options = [Option(self._found_lines(one)) for one in self._found]
            ids = [one.conversation_id for one in self._found]
        else:
            options = [Option(self._lines(one)) for one in self._conversations]
            ids = [one.conversation_id for one in self._conversations]
        self._list.set_options(options)
        self._list.display = bool(options)
        self._list.highlighted = ids.index(cursor) if cursor in ids else (0 if ids else None)
        none = self.query_one("#none", Static)
        none.display = not options
        none.update(say("sessions.not_found") if self._words else say("sessions.none"))
        self.refresh_bindings()

    def _when(self, at: float) -> str:
        """The time of day for today, else the date with the time: two of one day differ by it."""
        return clock_time(at, self._clock())[0].rpartition(":")[0] if at else ""

    def _lines(self, one: ConversationView) -> Content:
        """Its title and, where the title says less, its first and its last question."""
        mark = "● " if one.conversation_id == self._current() else "  "
        title = one_line(one.title) or say("sessions.untitled")
        turns = say("sessions.turns", n=one.turns)
        head = Content.assemble(
            (mark, "$text-success"), (title, "bold"), (f"  {self._when(one.updated_at)} · {turns}", "dim")
        )
        first, last = one_line(one.first_question), one_line(one.last_question)
        words = [] if first.startswith(one_line(one.title)) and len(first) <= len(title) else [first]
        if last != first:
            words.append(f"→ {last}")
        return Content("\n").join([head, Content.styled("  " + " ".join(words), "dim")]) if words else head

    def _found_lines(self, one: FoundMessage) -> Content:
        who = say("sessions.you") if one.kind == "question" else "Bot"
        head = Content.assemble(
            "  ",
            (one_line(one.title) or say("sessions.untitled"), "bold"),
            (f"  {self._when(one.at)} · {who}", "dim"),
        )
        text = Content(f"  {one_line(one.text)}")
        at = text.plain.lower().find(self._words.lower())
        if at >= 0:
            text = text.stylize("$text-warning reverse", at, at + len(self._words))
        return Content("\n").join([head, text])

    @override
    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        if action in ("act", "undo") and isinstance(self.focused, Input):
            return False
        return self._list.highlighted is not None if action == "act" else True

    @on(OptionList.OptionSelected)
    def _selected(self, event: OptionList.OptionSelected) -> None:
        event.stop()
        if (one := self.chosen) is not None:
            self.dismiss(Choice(one.conversation_id, self._words))

    def action_search(self) -> None:
        """Search the messages of all conversations."""
        field = self.query_one(SearchInput)
        field.display = True
        field.focus()

    def action_to_list(self) -> None:
        if self._list.display:
            self._list.focus()

    @override
    def action_back(self) -> None:
        """Leave the search, then the dialog."""
        field = self.query_one(SearchInput)
        if not field.display:
            self.dismiss(None)
            return
        field.clear()
        field.display = False
        self._words = ""
        self._show(self._current())
        self._list.focus()

    @on(Input.Changed)
    def _typed(self, event: Input.Changed) -> None:
        event.stop()
        self._look_for(event.value.strip())

    @on(Input.Submitted)
    def _submitted(self, event: Input.Submitted) -> None:
        event.stop()
        self.action_to_list()

    @work(group="search", exclusive=True, exit_on_error=False)
    async def _look_for(self, words: str) -> None:
        await asyncio.sleep(SEARCH_S)
        self._found = await self._search(words) if words else ()
        self._words = words
        self._show()

    def action_act(self, intent: Intent) -> None:
        """Rename, delete or export the conversation under the cursor."""
        if (one := self.chosen) is not None:
            self._do(self._act(intent, one), one.conversation_id)

    def action_undo(self) -> None:
        """Bring back the conversation deleted last."""
        self._do(self._undo(), "")

    @work(group="sessions", exit_on_error=False)
    async def _do(self, doing: Awaitable[None], cursor: str) -> None:
        at = self._list.highlighted or 0
        await doing
        self._conversations = await self._read()
        if self._words:
            self._found = await self._search(self._words)
        self._show(cursor)
        if cursor and self.chosen and self.chosen.conversation_id != cursor and self._list.option_count:
            self._list.highlighted = min(at, self._list.option_count - 1)
