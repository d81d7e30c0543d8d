"""One chat being played: from the Bot's acts to messages, states and frames."""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import Sequence
from typing import Any

from coze_emulator import bot
from coze_emulator.chat import Chat
from coze_emulator.faults import CHAT_KINDS, WIRE_KINDS, Armed, Fault, Kind
from coze_emulator.sse import DONE, Frame, Sort, Stream
from coze_emulator.wire import INTERNAL
from coze_emulator.world import Conversation, Message, World

_log = logging.getLogger(__name__)


class _Broken(Exception):
    """A fault ends the chat here."""

    def __init__(self, fault: Fault) -> None:
        self.fault = fault


class Turn:
    """Plays one chat, in as many runs as it has required actions plus one."""

    def __init__(self, world: World, chat: Chat, conversation: Conversation, rule: str, text: str) -> None:
        self._world = world
        self._chat = chat
        self._conversation = conversation
        self._rule = rule
        self._text = text
        self._stream: Stream | None = None
        self._armed = Armed(world.faults, ())
        self._raw = False
        self._answer: Message | None = None
        self._suggested: tuple[str, ...] = ()
        self._play: bot.Play | None = None

    def perform(self, play: bot.Play) -> None:
        """Take the play; `run` goes through it."""
        self._play = play

    def misbehaves(self, kind: Kind) -> Fault | None:
        """The fault of this kind in what the Bot does, when it strikes now."""
        fault = self._world.faults.in_play(kind, self._rule, self._text)
        if fault is not None and kind == "raw_separators":
            self._raw = True
        return fault

    async def run(self, stream: Stream | None, operation: str, outputs: Sequence[str] | None) -> None:
        """Play until the Bot waits for outputs or has ended.

        Args:
            stream: Where the frames go, None when the client polls.
            operation: `chat` or `submit`, for faults.
            outputs: What the tools gave; None at the beginning.
        """
        self._stream = stream
        self._armed = self._world.faults.arm(operation, self._rule, self._text)
        try:
            if outputs is None:
                self._emit_chat("created")
                if self._chat.status == "created":
                    self._chat.status = "in_progress"
            self._emit_chat("in_progress")
            for output in outputs or ():
                self._complete(self._message("tool_response", output, role="assistant"))
            await self._go(outputs)
        except _Broken as broken:
            self._break(broken.fault)
        except (
            Exception
        ):  # a chat whose play crashes must still end, or its conversation is occupied for ever
            _log.exception("the play of %s failed", self._rule)
            self._fail(INTERNAL, "internal error")
        finally:
            if stream is not None:
                stream.end()

    async def _go(self, outputs: Sequence[str] | None) -> None:
        if self._play is None:
            raise RuntimeError("a turn without a play")
        while True:
            try:
                act = self._play.send(outputs)
            except StopIteration:
                return self._finish()
            outputs = None
            match act:
                case bot.Think():
                    await self._utter(bot.pieces(act.text), reasoning=True)
                case bot.Say():
                    for _ in range(act.repeat):
                        await self._utter(bot.pieces(act.text))
                case bot.Sleep():
                    await asyncio.sleep(act.seconds)
                case bot.Suggest():
                    self._suggested = act.texts
                case bot.Fail():
                    return self._fail(act.code, act.msg)
                case bot.Call():
                    return self._wait_for(act.uses)

    async def _utter(self, pieces: Sequence[str], *, reasoning: bool = False) -> None:
        """Stream a part of the answer, at the pace that was asked for."""
        if self._answer is not None and reasoning and self._answer.content:
            self._close_answer()  # reasoning precedes what is said, always
        if self._answer is None:
            self._answer = self._message("answer", "")
        answer = self._answer
        body = {
            "id": answer.id,
            "conversation_id": answer.conversation_id,
            "bot_id": answer.bot_id,
            "role": "assistant",
            "type": "answer",
            "content": "",
            "content_type": "text",
            "chat_id": answer.chat_id,
            "section_id": answer.section_id,
        }
        for number, piece in enumerate(pieces):
            self._chat.output_tokens += bot.tokens(piece)
            if reasoning:
                answer.reasoning_content += piece
                body = {**body, "reasoning_content": piece}
            else:
                answer.content += piece
                body = {**body, "content": piece}
            self._emit("delta", "conversation.message.delta", body)
            if self._world.pace_s > 0:
                await asyncio.sleep(self._world.pace_s)
            elif number % 64 == 63:
                await asyncio.sleep(0)  # the listener gets its turn

    def _close_answer(self) -> None:
        if self._answer is not None:
            answer, self._answer = self._answer, None
            answer.updated_at = self._world.now()
            if answer.content:  # thoughts before a call are no answer
                self._complete(answer)

    def _wait_for(self, uses: Sequence[bot.Use]) -> None:
        self._close_answer()
        chat = self._chat
        if chat.status == "canceled":
            return self._put(DONE)
        for use in uses:
            if use.kind == "function":
                self._complete(self._message("function_call", self._function_call(use)))
        chat.waiting = {self._world.ids.tool_call(): use for use in uses}
        chat.status = "requires_action"
        chat.completed_at = self._world.now()
        # Kept with the chat, not streamed (guide use_local_plugin: message list of an interrupted chat).
        chat.messages.append(self._message("verbose", _verbose("interrupt", "")))
        chat.messages.append(self._message("verbose", _finish_mark(1)))
        self._emit("requires_action", "conversation.chat.requires_action", chat.json())
        self._put(DONE)

    def _function_call(self, use: bot.Use) -> str:
        plugin = self._world.script.bot.plugin
        try:
            arguments = json.loads(use.arguments)
        except ValueError:
            arguments = use.arguments
        return json.dumps(
            {
                "name": f"ts-{plugin}-{use.tool}",
                "arguments": arguments,
                "plugin_id": 7374787648269074486,
                "plugin_name": plugin,
                "api_id": 7375048893094101003,
                "api_name": use.tool,
                "plugin_type": 6,  # a local plugin
                "thought": "",
            },
            ensure_ascii=False,
            separators=(",", ":"),
        )

    def _finish(self) -> None:
        self._close_answer()
        chat = self._chat
        self._complete(self._message("verbose", _finish_mark(0)))
        for text in self._suggested:
            self._complete(self._message("follow_up", text))
        if chat.status != "canceled":
            chat.status = "completed"
            chat.completed_at = self._world.now()
            self._emit_chat("completed")
        self._put(DONE)

    def _fail(self, code: int, msg: str) -> None:
        self._close_answer()
        chat = self._chat
        if chat.status != "canceled":
            chat.status, chat.error = "failed", (code, msg or "event interval error")
            chat.completed_at = chat.failed_at = self._world.now()
            self._emit("failed", "conversation.chat.failed", chat.json())
        self._put(DONE)

    def _break(self, fault: Fault) -> None:
        msg = fault.msg or "event interval error"  # Coze's own words (coze-py tests/testdata)
        self._chat.waiting = {}
        if fault.kind == "chat_failed":
            return self._fail(fault.code, msg)
        self._chat.status, self._chat.error = "failed", (fault.code, msg)
        self._chat.failed_at = self._world.now()
        self._put(Frame("error", "error", {"code": fault.code, "msg": msg}))
        return self._put(DONE)

    def _message(self, kind: str, content: str, role: str = "assistant") -> Message:
        now = self._world.now()
        return Message(
            id=self._world.ids.next(),
            conversation_id=self._chat.conversation_id,
            bot_id=self._chat.bot_id,
            chat_id=self._chat.id,
            section_id=self._chat.section_id,
            role=role,
            type=kind,
            content=content,
            created_at=now,
            updated_at=now,
        )

    def _complete(self, message: Message) -> None:
        """Keep a message and send it whole."""
        self._chat.messages.append(message)
        if message.type == "answer" and self._chat.saved and self._chat.status != "canceled":
            self._conversation.messages.append(message)
        self._emit("message", "conversation.message.completed", message.json())

    def _emit_chat(self, sort: Sort) -> None:
        self._emit(sort, f"conversation.chat.{sort}", {**self._chat.json(), "status": sort})

    def _emit(self, sort: Sort, event: str, data: dict[str, Any]) -> None:
        self._armed.count(sort)
        fault = self._armed.now(sort, CHAT_KINDS)
        if fault is not None and fault.kind in ("error_event", "chat_failed"):
            raise _Broken(fault)
        self._put(Frame(sort, event, data))
        if fault is not None and fault.kind == "unknown_event":
            self._put(Frame("other", "conversation.weather.changed", {"sky": "clear"}))
        elif fault is not None:
            knowledge = self._message("knowledge", "A passage from a knowledge base.")
            self._put(Frame("other", "conversation.message.completed", knowledge.json()))

    def _put(self, frame: Frame) -> None:
        if self._stream is None:
            return
        if frame.sort == "done":
            self._armed.count("done")
        fault = self._armed.now(frame.sort, WIRE_KINDS)
        self._stream.put(frame.encode(ascii_only=not self._raw), fault)


def _verbose(kind: str, data: str) -> str:
    return json.dumps(
        {"msg_type": kind, "data": data, "from_module": None, "from_unit": None}, separators=(",", ":")
    )


def _finish_mark(reason: int) -> str:
    """The end-of-answers marker; 0 is a normal end, 1 an interruption (captures)."""
    inner = json.dumps({"finish_reason": reason, "FinData": ""}, separators=(",", ":"))
    return _verbose("generate_answer_finish", inner)
