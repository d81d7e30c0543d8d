"""Runs the conversation: sends questions, queues one, stops turns, switches conversations."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from textual.widget import Widget

from c2jy_bridge.core.events import Event, TurnCompleted, TurnEnded
from c2jy_bridge.core.i18n import byte_size
from c2jy_bridge.core.ports import Busy
from c2jy_bridge.core.safety import one_line
from c2jy_bridge.core.views import UploadedFile
from c2jy_tui.controllers import activity as activities
from c2jy_tui.controllers.activity import Activity, Doing
from c2jy_tui.formatting import Clock, error_reason
from c2jy_tui.labels import say
from c2jy_tui.panes.chat import ChatPane

if TYPE_CHECKING:
    from c2jy_bridge.engine import Engine


class ChatController:
    """Keeps `activity` up to date and lets at most one question wait for the running turn."""

    def __init__(self, host: Widget, activity: Activity, chat: ChatPane, clock: Clock) -> None:
        self._host = host
        self.activity = activity
        """The app's activity, folded from the events."""
        self._chat = chat
        self._clock = clock
        self._engine: Engine | None = None
        self._uploading = False
        self.changed: Callable[[Activity], None] = lambda _activity: None
        """Called with every new `activity`."""

    def _set_activity(self, activity: Activity) -> None:
        if activity != self.activity:
            self.activity = activity
            self.changed(activity)

    @property
    def stoppable(self) -> bool:
        """A turn runs, or a question waits for its end."""
        return bool(self.activity.turn_id or self._chat.queued)

    def loaded(self, *, named: bool) -> None:
        """The stored data is shown; `named`: the Bot's name is known."""
        self._set_activity(activities.loaded(self.activity, self._clock(), named=named))

    def engine_failed(self) -> None:
        """The engine failed to start: return the waiting question to the composer."""
        self._chat.unqueue()
        self._set_activity(activities.unavailable(self.activity, self._clock()))

    def attach_engine(self, engine: Engine) -> None:
        """Use `engine` from now on."""
        self._engine = engine

    def resume(self) -> None:
        """Ask what was typed while the engine was still starting."""
        if self._chat.queued and not self.activity.turn_id:
            self._ask_queued()

    def show(self, event: Event) -> None:
        """Process one event: after a turn the waiting question is sent, or returned to the composer."""
        self._set_activity(activities.after(self.activity, event))
        if isinstance(event, TurnEnded):
            self._host.run_worker(self._count(), group="usage", exclusive=True, exit_on_error=False)
        if isinstance(event, TurnEnded) and not self.activity.turn_id and self._chat.queued:
            if isinstance(event, TurnCompleted):
                self._ask_queued()
            else:
                self._chat.unqueue()

    async def load(self, *, loose_runs: bool = False) -> None:
        """Show the open conversation; with `loose_runs` also later workflow runs outside any."""
        if self._engine is None:
            return
        conversation_id = self._engine.conversation_id
        messages = await self._engine.messages(conversation_id) if conversation_id else ()
        calls = await self._engine.calls(conversation_id) if conversation_id else ()
        runs = await self._engine.workflow_runs(conversation_id, loose=loose_runs)
        drafts = await self._engine.written_drafts(conversation_id) if conversation_id else ()
        await self._chat.load(messages, calls, runs, drafts)
        await self._count()

    async def _count(self) -> None:
        """Show the turns and tokens of the conversation and of the day."""
        if self._engine is None:
            return
        used = await self._engine.usage(self._engine.conversation_id)
        here = say("chat.usage", turns=used.turns, tokens=f"{used.tokens:,}")
        today = say("chat.usage_today", turns=used.day_turns, tokens=f"{used.day_tokens:,}")
        self._chat.border_subtitle = f"{here} · {today}" if used.turns else today if used.day_turns else ""

    # --- intents -----------------------------------------------------------------------------------

    async def ask(self, text: str) -> None:
        """Ask the Bot; a question that cannot be sent yet waits."""
        if self._engine is None or self.activity.turn_id or self._uploading:
            self._queue(text)
        elif "@" in text:
            self._host.run_worker(self._ask_with_files(self._engine, text), group="upload")
        else:
            await self._send(self._engine, text)

    async def _ask_with_files(self, engine: Engine, text: str) -> None:
        """Upload the files that the user named with @, then ask; a text without any is just asked."""
        from c2jy_tui.panes.chat.completion import attached

        files: list[UploadedFile] = []
        self._uploading = True
        try:
            if paths := await asyncio.to_thread(attached, text):
                sizes = [f"{one_line(path.name)} ({byte_size(path.stat().st_size)})" for path in paths]
                self._chat.note("notice.uploading", self._clock(), files=", ".join(sizes))
            for path in paths:
                files.append(await engine.upload(path))
        except Exception as error:  # OSError, or a problem of Coze's whose text is for the user
            self._chat.composer.give_back(text)
            why = error_reason(error)
            self._host.notify(say("chat.not_uploaded", why=why), severity="error", markup=False)
            return
        finally:
            self._uploading = False
        await self._send(engine, text, files)

    async def _send(self, engine: Engine, text: str, files: Sequence[UploadedFile] = ()) -> None:
        whole = self._chat.composer.whole(text)
        try:
            turn_id = await engine.send(whole, files=files)
        except Busy:
            self._queue(text)
            return
        at = self._clock()
        if self.activity.turn_id != turn_id:  # its TurnStarted may have come already
            self._set_activity(replace(self.activity, doing=Doing.SENDING, since=at, turn_id=turn_id))
        self._chat.asked(turn_id, whole, at)

    async def stop(self) -> bool:
        """Take the waiting question back, else stop the answer; False when there is neither."""
        if self._chat.unqueue():
            return True
        if self.activity.turn_id and self._engine is not None:
            await self._engine.cancel()
            return True
        return False

    async def new_conversation(self) -> bool:
        """Start another conversation; False when that is not possible now."""
        if self._engine is None or self.turn_runs():
            return False
        await self._engine.new_conversation()
        await self.show_other()
        return True

    async def open(self, conversation_id: str) -> bool:
        """Show another conversation; False when that is not possible now."""
        if self._engine is None or self.turn_runs():
            return False
        if not await self._engine.open_conversation(conversation_id):
            self._host.notify(say("chat.open_elsewhere"), severity="warning")
            return False
        await self.show_other()
        return True

    def _ask_queued(self) -> None:
        text = self._chat.queued
        self._chat.set_queued("")
        self._host.run_worker(self.ask(text), group="ask")

    def _queue(self, text: str) -> None:
        if self._chat.queued:
            self._chat.composer.give_back(text)
            self._host.notify(say("chat.queue_full"), severity="warning")
        else:
            self._chat.set_queued(text)

    async def show_other(self) -> None:
        """Show another conversation; an error of the one before is not its state."""
        self._set_activity(activities.ready(self.activity, self._clock()))
        await self.load()

    def turn_runs(self) -> bool:
        """Whether a turn runs, which is then said: the conversation cannot be left."""
        if self.activity.turn_id:
            self._host.notify(say("chat.busy"), severity="warning")
        return bool(self.activity.turn_id)
