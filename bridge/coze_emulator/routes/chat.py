"""Routes of /v3/chat: start, submit tool outputs, retrieve, cancel, list a chat's messages."""

from __future__ import annotations

from fastapi import APIRouter, Request, Response
from pydantic import BaseModel, Field

from coze_emulator.chat import Chat
from coze_emulator.chats import ChatRequest, Chats
from coze_emulator.connections import Connections
from coze_emulator.routes.responses import StreamResponse, success
from coze_emulator.server_state import ServerState
from coze_emulator.sse import Stream


class MessageBody(BaseModel):
    """A message in a request. cozepy sends fields without a value as null."""

    role: str
    content: str | None = ""
    content_type: str | None = "text"
    type: str | None = None
    meta_data: dict[str, str] | None = None


class ChatBody(BaseModel):
    """POST /v3/chat; other fields (custom_variables, parameters ...) are accepted and ignored."""

    bot_id: str = ""
    user_id: str = ""
    stream: bool | None = False
    auto_save_history: bool | None = True
    additional_messages: list[MessageBody] | None = Field(default=None, max_length=100)
    meta_data: dict[str, str] | None = None


class ToolOutput(BaseModel):
    """The output of one tool call."""

    tool_call_id: str
    output: str


class SubmitBody(BaseModel):
    """POST /v3/chat/submit_tool_outputs."""

    tool_outputs: list[ToolOutput]
    stream: bool | None = False


class CancelBody(BaseModel):
    """POST /v3/chat/cancel."""

    chat_id: str = ""
    conversation_id: str = ""


def routes(state: ServerState, chats: Chats, connections: Connections) -> APIRouter:
    """The routes for chats."""
    router = APIRouter()

    def answer(request: Request, chat: Chat, stream: Stream | None) -> Response:
        if stream is not None:
            return StreamResponse(stream, connections)
        # Coze responds before the chat runs.
        return success(request, {**chat.json(), "status": "in_progress"})

    @router.post("/v3/chat")
    async def start(request: Request, body: ChatBody, conversation_id: str = "") -> Response:
        wanted = ChatRequest(
            bot_id=body.bot_id,
            conversation_id=conversation_id,
            messages=[message.model_dump() for message in body.additional_messages or ()],
            stream=bool(body.stream),
            saved=body.auto_save_history is not False,
            meta_data=body.meta_data or {},
        )
        return answer(request, *await chats.start(wanted))

    @router.post("/v3/chat/submit_tool_outputs")
    async def submit(
        request: Request, body: SubmitBody, conversation_id: str = "", chat_id: str = ""
    ) -> Response:
        outputs = [(output.tool_call_id, output.output) for output in body.tool_outputs]
        return answer(request, *chats.submit(conversation_id, chat_id, outputs, stream=bool(body.stream)))

    @router.api_route("/v3/chat/retrieve", methods=["GET", "POST"])  # the docs say GET, the SDKs send POST
    async def retrieve(request: Request, conversation_id: str = "", chat_id: str = "") -> Response:
        return success(request, chats.find(conversation_id, chat_id).json(require_info={}))

    @router.post("/v3/chat/cancel")
    async def cancel(request: Request, body: CancelBody) -> Response:
        return success(request, chats.cancel(body.conversation_id, body.chat_id).json())

    @router.get("/v3/chat/message/list")
    async def list_messages(request: Request, conversation_id: str = "", chat_id: str = "") -> Response:
        chat = chats.find(conversation_id, chat_id)
        return success(request, [message.json() for message in chat.messages])

    return router
