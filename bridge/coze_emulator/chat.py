"""One chat: its state and wire form, and the run that plays it."""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from coze_emulator.bot import Calls, ScriptedCall, apply_faults, pieces, play, tokens
from coze_emulator.errors import INTERNAL
from coze_emulator.faults import CHAT_KINDS, WIRE_KINDS, Fault, FrameFaults, Kind
from coze_emulator.script import Rule
from coze_emulator.server_state import Conversation, Message, ServerState
from coze_emulator.sse import DONE, Frame, FrameKind, Stream
from coze_emulator.steps import Card, Fail, FollowUps, Parts, Say, Sleep, Think

_log = logging.getLogger(__name__)

Status = Literal["created", "in_progress", "requires_action", "completed", "failed", "canceled"]


@dataclass(slots=True)
class Chat:
    """The state of one chat, and its form on the wire."""

    id: str
    conversation_id: str
    bot_id: str
    section_id: str
    created_at: int
    saved: bool
    """`auto_save_history`; an unsaved chat cannot continue after a tool call."""
    meta_data: dict[str, str] = field(default_factory=dict)
    status: Status = "created"
    completed_at: int = 0
    failed_at: int = 0
    error: tuple[int, str] = (0, "")
    input_tokens: int = 0
    output_tokens: int = 0
    open_calls: dict[str, ScriptedCall] = field(default_factory=dict)
    """Tool calls without an output, by id."""
    messages: list[Message] = field(default_factory=list)

    @property
    def wants_reply_message(self) -> bool:
        """Whether it waits for another chat message instead of tool outputs."""
        return bool(self.open_calls) and all(c.kind == "reply_message" for c in self.open_calls.values())

    def json(self, *, require_info: Any = None) -> dict[str, Any]:
        """The wire's form. `require_info` is null in a stream and `{}` in a retrieve."""
        body: dict[str, Any] = {
            "id": self.id,
            "conversation_id": self.conversation_id,
            "bot_id": self.bot_id,
            "created_at": self.created_at,
        }
        if self.completed_at:
            body["completed_at"] = self.completed_at
        if self.failed_at:
            body["failed_at"] = self.failed_at
        if self.meta_data:
            body["meta_data"] = self.meta_data
        body |= {
            "last_error": {"code": self.error[0], "msg": self.error[1]},
            "status": self.status,
            "usage": self._usage(),
            "section_id": self.section_id,
        }
        if self.open_calls:
            tool_calls = []
            for call_id, call in self.open_calls.items():
                entry: dict[str, Any] = {"id": call_id, "type": call.kind}
                if call.kind == "function":
                    entry["function"] = {"name": call.tool, "arguments": call.arguments}
                tool_calls.append({**entry, "require_info": require_info})
            body["required_action"] = {
                "type": "submit_tool_outputs",
                "submit_tool_outputs": {"tool_calls": tool_calls},
            }
        return body

    def _usage(self) -> dict[str, int]:
        if self.status not in ("completed", "canceled"):  # counted at the end, zero before (captures)
            return {"token_count": 0, "output_count": 0, "input_count": 0}
        return {
            "token_count": self.input_tokens + self.output_tokens,
            "output_count": self.output_tokens,
            "input_count": self.input_tokens,
        }


class _ChatEnded(Exception):
    """A fault ends the chat at this point."""

    def __init__(self, fault: Fault) -> None:
        self.fault = fault


class ChatRun:
    """Plays one chat: turns the Bot's acts into messages, states and frames.

    `run` is called once at the start and once for each required action.
    """

    def __init__(
        self,
        state: ServerState,
        chat: Chat,
        conversation: Conversation,
        rule: Rule,
        variables: Mapping[str, Any],
    ) -> None:
        self._state = state
        self._chat = chat
        self._conversation = conversation
        self._rule = rule.name
        self._text = str(variables["text"])
        self._play = apply_faults(play(rule, variables), self._bot_fault)
        self._stream: Stream | None = None
        self._frame_faults = FrameFaults(state.faults, ())
        self._raw = False
        self._answer: Message | None = None
        self._follow_ups: list[str] = []

    def _bot_fault(self, kind: Kind) -> Fault | None:
        """The fault of this kind in the Bot's behaviour, when it triggers now."""
        fault = self._state.faults.in_bot(kind, self._rule, self._text)
        if fault is not None and kind == "raw_separators":
            self._raw = True
        return fault

    async def run(self, stream: Stream | None, operation: str, outputs: Sequence[str] | None) -> None:
        """Play until the Bot waits for outputs or ends.

        Args:
            stream: Where the frames go, None when the client polls.
            operation: `chat` or `submit`, for faults.
            outputs: Of the tools; None at the start.
        """
        self._stream = stream
        self._frame_faults = self._state.faults.for_frames(operation, self._rule, self._text)
        try:
            if outputs is None:
                self._emit_chat("created")
                if self._chat.status == "created":
                    self._chat.status = "in_progress"
            self._emit_chat("in_progress")
            for output in outputs or ():
                self._complete(self._message("tool_response", output, role="assistant"))
            await self._go(outputs)
        except _ChatEnded as ended:
            self._end_by(ended.fault)
        except Exception:
            # The chat must end all the same, or its conversation stays occupied for ever.
            _log.exception("the play of %s failed", self._rule)
            self._fail(INTERNAL, "internal error")
        finally:
            if stream is not None:
                stream.end()

    async def _go(self, outputs: Sequence[str] | None) -> None:
        while True:
            try:
                act = self._play.send(outputs)
            except StopIteration:
                return self._finish()
            outputs = None
            match act:
                case Think():
                    await self._stream_text(act.think, reasoning=True)
                case Say():
                    for _ in range(act.repeat):
                        await self._stream_text(act.say)
                case Card():
                    self._say_json("card", _card_content(act.card))
                case Parts():
                    self._say_json("object_string", _compact(act.parts))
                case Sleep():
                    await asyncio.sleep(act.sleep)
                case FollowUps():
                    self._follow_ups = act.follow_ups
                case Fail():
                    return self._fail(act.fail.code, act.fail.msg)
                case tuple():
                    return self._require_action(act)

    async def _stream_text(self, text: str, *, reasoning: bool = False) -> None:
        """Stream a part of the answer at the configured pace."""
        if self._answer is not None and reasoning and self._answer.content:
            self._close_answer()  # reasoning comes before the answer it belongs to
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
        for number, piece in enumerate(pieces(text)):
            self._chat.output_tokens += tokens(piece)
            if reasoning:
                answer.reasoning_content += piece
                body = {**body, "reasoning_content": piece}
            else:
                answer.content += piece
                body = {**body, "content": piece}
            self._emit("delta", "conversation.message.delta", body)
            if self._state.pace_s > 0:
                await asyncio.sleep(self._state.pace_s)
            elif number % 64 == 63:
                await asyncio.sleep(0)  # let the response send

    def _say_json(self, content_type: str, content: str) -> None:
        """An answer of its own that is not streamed."""
        self._close_answer()
        message = self._message("answer", content)
        message.content_type = content_type
        self._chat.output_tokens += tokens(content)
        self._complete(message)

    def _close_answer(self) -> None:
        if self._answer is not None:
            answer, self._answer = self._answer, None
            answer.updated_at = self._state.now()
            if answer.content:  # reasoning before a call is not an answer
                self._complete(answer)

    def _require_action(self, calls: Calls) -> None:
        self._close_answer()
        chat = self._chat
        if chat.status == "canceled":
            return self._put(DONE)
        for call in calls:
            if call.kind == "function":
                self._complete(self._message("function_call", self._function_call(call)))
        chat.open_calls = {self._state.ids.tool_call(): call for call in calls}
        chat.status = "requires_action"
        chat.completed_at = self._state.now()
        # Kept with the chat, not streamed (guide use_local_plugin: message list of an interrupted chat).
        chat.messages.append(self._message("verbose", _verbose("interrupt", "")))
        chat.messages.append(self._message("verbose", _finish_mark(1)))
        self._emit("requires_action", "conversation.chat.requires_action", chat.json())
        self._put(DONE)

    def _function_call(self, call: ScriptedCall) -> str:
        plugin = self._state.script.bot.plugin
        try:
            arguments = json.loads(call.arguments)
        except ValueError:
            arguments = call.arguments
        return _compact(
            {
                "name": f"ts-{plugin}-{call.tool}",
                "arguments": arguments,
                "plugin_id": 7374787648269074486,
                "plugin_name": plugin,
                "api_id": 7375048893094101003,
                "api_name": call.tool,
                "plugin_type": 6,  # a local plugin
                "thought": "",
            }
        )

    def _finish(self) -> None:
        self._close_answer()
        chat = self._chat
        self._complete(self._message("verbose", _finish_mark(0)))
        for text in self._follow_ups:
            self._complete(self._message("follow_up", text))
        if chat.status != "canceled":
            chat.status = "completed"
            chat.completed_at = self._state.now()
            self._emit_chat("completed")
        self._put(DONE)

    def _fail(self, code: int, msg: str) -> None:
        self._close_answer()
        chat = self._chat
        if chat.status != "canceled":
            chat.status, chat.error = "failed", (code, msg or "event interval error")
            chat.completed_at = chat.failed_at = self._state.now()
            self._emit("failed", "conversation.chat.failed", chat.json())
        self._put(DONE)

    def _end_by(self, fault: Fault) -> None:
        msg = fault.msg or "event interval error"  # Coze's own words (coze-py tests/testdata)
        self._chat.open_calls = {}
        if fault.kind == "chat_failed":
            return self._fail(fault.code, msg)
        self._chat.status, self._chat.error = "failed", (fault.code, msg)
        self._chat.failed_at = self._state.now()
        self._put(Frame("error", "error", {"code": fault.code, "msg": msg}))
        return self._put(DONE)

    def _message(self, kind: str, content: str, role: str = "assistant") -> Message:
        now = self._state.now()
        return Message(
            id=self._state.ids.next(),
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
        """Store a message and send it whole."""
        self._chat.messages.append(message)
        if message.type == "answer" and self._chat.saved and self._chat.status != "canceled":
            self._conversation.messages.append(message)
        self._emit("message", "conversation.message.completed", message.json())

    def _emit_chat(self, kind: FrameKind) -> None:
        self._emit(kind, f"conversation.chat.{kind}", {**self._chat.json(), "status": kind})

    def _emit(self, kind: FrameKind, event: str, data: dict[str, Any]) -> None:
        self._frame_faults.count(kind)
        fault = self._frame_faults.at_frame(kind, CHAT_KINDS)
        if fault is not None and fault.kind in ("error_event", "chat_failed"):
            raise _ChatEnded(fault)
        self._put(Frame(kind, event, data))
        if fault is not None and fault.kind == "unknown_event":
            self._put(Frame("other", "conversation.weather.changed", {"sky": "clear"}))
        elif fault is not None:
            knowledge = self._message("knowledge", "A passage from a knowledge base.")
            self._put(Frame("other", "conversation.message.completed", knowledge.json()))

    def _put(self, frame: Frame) -> None:
        if self._stream is None:
            return
        if frame.kind == "done":
            self._frame_faults.count("done")
        fault = self._frame_faults.at_frame(frame.kind, WIRE_KINDS)
        self._stream.put(frame.encode(ascii_only=not self._raw), fault)


def _compact(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def _card_content(card: dict[str, Any] | str) -> str:
    if isinstance(card, str):
        return card
    data = card.get("data")
    return _compact({**card, "data": _compact(data)} if isinstance(data, dict) else card)


def _verbose(kind: str, data: str) -> str:
    return json.dumps(
        {"msg_type": kind, "data": data, "from_module": None, "from_unit": None}, separators=(",", ":")
    )


def _finish_mark(reason: int) -> str:
    """The end-of-answers marker; 0 is a normal end, 1 an interruption (captures)."""
    inner = json.dumps({"finish_reason": reason, "FinData": ""}, separators=(",", ":"))
    return _verbose("generate_answer_finish", inner)
