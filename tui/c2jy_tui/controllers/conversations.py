"""Lists, opens, renames, deletes, exports and forks conversations for the user."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from textual.notifications import SeverityLevel
from textual.widget import Widget

from c2jy_bridge.core.ports import Busy
from c2jy_bridge.core.safety import one_line, visible
from c2jy_bridge.core.views import ConversationView
from c2jy_tui import desktop
from c2jy_tui.controllers.chat import ChatController
from c2jy_tui.formatting import Clock, error_reason
from c2jy_tui.labels import say
from c2jy_tui.panes.chat import ChatPane

if TYPE_CHECKING:
    from c2jy_bridge.engine import Engine
    from c2jy_tui.screens.conversations import Intent


class ConversationController:
    """Opens the dialogs over the host screen; the chat controller shows the conversation that was chosen."""

    def __init__(
        self, host: Widget, chat: ChatController, pane: ChatPane, clock: Clock, folder: Path | None
    ) -> None:
        """`folder` is where exports are proposed to go; the home folder when None."""
        self._host = host
        self._chat = chat
        self._pane = pane
        self._clock = clock
        self._folder = folder
        self._engine: Engine | None = None

    def attach_engine(self, engine: Engine) -> None:
        """Use `engine` from now on."""
        self._engine = engine

    async def choose(self, then: Callable[[str], None]) -> None:
        """Let the user choose a conversation; `then` gets the words that were searched for."""
        if (engine := self._engine) is None or self._chat.turn_runs():
            return
        from c2jy_tui.screens.conversations import Choice, ConversationsScreen

        async def chosen(choice: Choice | None) -> None:
            if choice is not None and await self._chat.open(choice.conversation_id):
                then(choice.words)

        conversations = engine.conversations
        screen = ConversationsScreen(
            await conversations.list(),
            current=lambda: engine.conversation_id,
            clock=self._clock,
            read=conversations.list,
            search=conversations.search,
            act=self._act,
            undo=self._undo,
        )
        await self._host.app.push_screen(screen, chosen)

    async def _act(self, intent: Intent, one: ConversationView) -> None:
        match intent:
            case "rename":
                await self.rename(one)
            case "delete":
                await self._delete(one)
            case "export":
                await self.export(one)

    async def rename(self, one: ConversationView) -> None:
        """Ask for another title."""
        from c2jy_tui.screens.dialogs import LineScreen

        assert self._engine is not None
        title = await self._host.app.push_screen_wait(LineScreen(say("sessions.new_title"), one.title))
        if title is None or title == one.title:
            return
        problem = await self._engine.conversations.rename(one.conversation_id, title)
        if problem is not None:
            self._notify(say("sessions.renamed_here", why=visible(problem.message)), "warning")

    async def _delete(self, one: ConversationView) -> None:
        assert self._engine is not None
        is_open = one.conversation_id == self._engine.conversation_id
        try:
            await self._engine.conversations.delete(one.conversation_id, is_open=is_open)
        except Busy:
            self._notify(say("sessions.in_use"), "warning")
            return
        self._notify(say("sessions.deleted", title=one_line(one.title)))
        if is_open:
            await self._chat.new_conversation()

    async def _undo(self) -> None:
        assert self._engine is not None
        restored = await self._engine.conversations.undo_delete()
        if not restored:
            self._notify(say("sessions.nothing_deleted"))

    async def choose_question(self) -> None:
        """Let the user choose an earlier question to go back to."""
        engine = self._engine
        if engine is None or self._chat.turn_runs():
            return
        from c2jy_tui.screens.rewind import RewindScreen

        messages = await engine.messages(engine.conversation_id) if engine.conversation_id else ()
        questions = [message for message in messages if message.kind == "question"]
        if not questions:
            self._notify(say("rewind.none"), "warning")
            return
        turn_id = await self._host.app.push_screen_wait(RewindScreen(questions, now=self._clock()))
        if turn_id:
            await self.fork(turn_id)

    async def fork(self, turn_id: str) -> None:
        """Go on from before a turn, in a new conversation; its question is put into the composer."""
        engine = self._engine
        if engine is None or self._chat.turn_runs():
            return
        try:
            fork = await engine.conversations.fork(engine.conversation_id, turn_id)
        except Exception as error:  # CozeProblem; a face does not import Coze's errors
            self._notify(say("rewind.failed", why=error_reason(error)), "error")
            return
        if not fork.conversation_id:
            await self._chat.new_conversation()
            self._notify(say("rewind.anew"))
        elif await self._chat.open(fork.conversation_id):
            self._notify(say("rewind.forked", n=fork.copied, earlier=fork.earlier))
        self._pane.composer.write(fork.question)
        self._pane.focus_composer()

    async def choose_bot(self) -> None:
        """Let the user choose one of the account's Bots, and begin a conversation with it."""
        if (engine := self._engine) is None:
            self._notify(say("run.no_engine"), "warning")
            return
        if self._chat.turn_runs():
            return
        from c2jy_tui.screens.choice import Choice, ChoiceScreen

        try:
            bots = await engine.bots()
        except Exception as error:  # CozeProblem, whose text is for the user
            self._notify(say("choice.failed", why=error_reason(error)), "error")
            return
        choices = [Choice(one.bot_id, one.name, one.workspace, one.about) for one in bots]
        current = engine.connection.bot_id
        bot_id = await self._host.app.push_screen_wait(ChoiceScreen(say("choice.bots"), choices, current))
        if bot_id is None or bot_id == current or self._chat.turn_runs():
            return
        await engine.use_bot(bot_id)
        await self._chat.show_other()
        name = next(one.name for one in bots if one.bot_id == bot_id)
        self._notify(say("choice.bot_chosen", name=one_line(name), id=bot_id))

    async def export_open(self, path: str = "") -> None:
        """Export the open conversation; asks for the file unless `path` is given."""
        engine = self._engine
        if engine is None or not engine.conversation_id:
            self._notify(say("sessions.none_open"), "warning")
            return
        views = await engine.conversations.list()
        one = next((v for v in views if v.conversation_id == engine.conversation_id), None)
        if one is not None:
            await self.export(one, path)

    async def export(self, one: ConversationView, path: str = "") -> None:
        """Write a conversation as Markdown into a new file of the user's choice."""
        from c2jy_tui.screens.dialogs import LineScreen

        assert self._engine is not None
        proposed = str((self._folder or Path.home()) / f"{_file_name(one.title)}.md")
        chosen: str | None = path
        while True:
            if not path:
                dialog = LineScreen(say("sessions.export_to"), proposed, say("sessions.export_about"))
                chosen = await self._host.app.push_screen_wait(dialog)
            if not chosen:
                return
            text = await self._engine.conversations.markdown(one.conversation_id)
            file = _expanded(chosen)
            try:
                await asyncio.to_thread(desktop.create_file, file, visible(text))
            except FileExistsError:
                self._notify(say("sessions.exists", path=one_line(str(file))), "error")
            except OSError as error:
                why = error_reason(error)
                self._notify(say("sessions.not_written", path=one_line(str(file)), why=why), "error")
            else:
                self._notify(say("detail.written", path=one_line(str(file))))
                return
            if path:
                return
            proposed = chosen

    def _notify(self, text: str, severity: SeverityLevel = "information") -> None:
        self._host.notify(text, severity=severity, timeout=10, markup=False)


def _file_name(title: str) -> str:
    """A title as the name of a file on any system."""
    kept = "".join(c if c.isalnum() or c in " -_" else " " for c in one_line(title))
    return " ".join(kept.split())[:40] or "conversation"


def _expanded(path: str) -> Path:
    return Path(path).expanduser()
