"""Holds the conversation for the maker: asks, lets one question wait, stops, goes to other conversations."""

from __future__ import annotations

from collections.abc import Callable

from textual.reactive import var
from textual.widget import Widget

from c2jy_bridge.core.events import Event, TurnCompleted, TurnEnded
from c2jy_bridge.core.ports import Busy, EnginePort
from c2jy_tui import activity as activities
from c2jy_tui.activity import Activity
from c2jy_tui.labels import say
from c2jy_tui.panes.chat import ChatPane


class Conversing(Widget):
    """Invisible: it has a place in the main screen; what goes on is in `activity`."""

    DEFAULT_CSS = "Conversing { display: none; }"

    activity: var[Activity] = var(Activity, init=False)
    """What goes on, folded from the events."""

    def __init__(self, activity: Activity, chat: ChatPane, clock: Callable[[], float]) -> None:
        """Args:
        activity: What is known of it already.
        chat: Where the conversation is seen.
        clock: Unix seconds.
        """
        super().__init__()
        self.set_reactive(Conversing.activity, activity)
        self._chat = chat
        self._clock = clock
        self._engine: EnginePort | None = None

    @property
    def stoppable(self) -> bool:
        """A turn runs, or a question waits for its end."""
        return bool(self.activity.turn_id or self._chat.queued)

    def loaded(self, *, named: bool) -> None:
        """All that is kept is on the screen; `named`: the Bot's name is known."""
        self.activity = activities.loaded(self.activity, self._clock(), named=named)

    def engine_failed(self) -> None:
        """There will be no engine."""
        self._chat.take_back()
        self.activity = activities.unavailable(self.activity, self._clock())

    def attach_engine(self, engine: EnginePort) -> None:
        """The engine is there."""
        self._engine = engine

    def resume(self) -> None:
        """Ask what was typed while the engine was still on its way."""
        if self._chat.queued and not self.activity.turn_id:
            self._ask_queued()

    def show(self, event: Event) -> None:
        """Take in one event: after a turn the waiting question is asked, or given back."""
        self.activity = activities.after(self.activity, event)
        if isinstance(event, TurnEnded) and not self.activity.turn_id and self._chat.queued:
            if isinstance(event, TurnCompleted):
                self._ask_queued()
            else:
                self._chat.take_back()

    async def load(self) -> None:
        """Show the open conversation."""
        if self._engine is None:
            return
        conversation_id = self._engine.conversation_id
        messages = await self._engine.messages(conversation_id) if conversation_id else ()
        calls = await self._engine.calls(conversation_id) if conversation_id else ()
        await self._chat.load(messages, calls)

    # --- what the maker wants ----------------------------------------------------------------------

    async def ask(self, text: str) -> None:
        """Ask the Bot; what cannot be asked yet waits."""
        if self._engine is None or self.activity.turn_id:
            self._queue(text)
            return
        try:
            turn_id = await self._engine.send(text)
        except Busy:
            self._queue(text)
            return
        at = self._clock()
        self.activity = activities.asked(self.activity, turn_id, at)
        self._chat.asked(turn_id, text, at)

    async def stop(self) -> bool:
        """Take the waiting question back, else stop the answer; False when there is neither."""
        if self._chat.take_back():
            return True
        if self.activity.turn_id and self._engine is not None:
            await self._engine.cancel()
            return True
        return False

    async def begin_another(self) -> bool:
        """Begin another conversation; False when that cannot be now."""
        if self._engine is None or self._turn_runs():
            return False
        await self._engine.new_conversation()
        await self._turn_to_it()
        return True

    async def choose_another(self, then: Callable[[], None]) -> None:
        """Let the maker choose an earlier conversation; `then` is called when one was."""
        if self._engine is None or self._turn_runs():
            return
        from c2jy_tui.screens.sessions import SessionsScreen

        engine = self._engine

        async def chosen(conversation_id: str | None) -> None:
            if conversation_id:
                await engine.open_conversation(conversation_id)
                await self._turn_to_it()
                then()

        conversations = await engine.conversations()
        screen = SessionsScreen(conversations, current=engine.conversation_id, now=self._clock())
        await self.app.push_screen(screen, chosen)

    def _ask_queued(self) -> None:
        text = self._chat.queued
        self._chat.wait_with("")
        self.run_worker(self.ask(text), group="ask")

    def _queue(self, text: str) -> None:
        if self._chat.queued:
            self.notify(say("chat.queue_full"), severity="warning")
        else:
            self._chat.wait_with(text)

    async def _turn_to_it(self) -> None:
        """Show another conversation; what went wrong in the one before is not its state."""
        self.activity = activities.ready(self.activity, self._clock())
        await self.load()

    def _turn_runs(self) -> bool:
        if self.activity.turn_id:
            self.notify(say("chat.busy"), severity="warning")
        return bool(self.activity.turn_id)
