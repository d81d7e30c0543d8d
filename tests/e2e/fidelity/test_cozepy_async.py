"""cozepy, asynchronous: the same sequences as the synchronous client."""

from __future__ import annotations

import asyncio
import json

import pytest
from cozepy import (
    AsyncCoze,
    AsyncTokenAuth,
    ChatEvent,
    ChatEventType,
    ChatStatus,
    CozeAPIError,
    Message,
    MessageContentType,
    MessageRole,
    ToolOutput,
)

from coze_emulator import Emulator


@pytest.fixture
def coze(emulator: Emulator) -> AsyncCoze:
    return AsyncCoze(auth=AsyncTokenAuth("pat_any"), base_url=emulator.base_url)


async def ask(coze: AsyncCoze, emulator: Emulator, text: str) -> list[ChatEvent]:
    """All events of one streamed chat."""
    question = Message.build_user_question_text(text)
    stream = coze.chat.stream(bot_id=emulator.bot_id, user_id="user", additional_messages=[question])
    return [event async for event in stream]


def outputs(event: ChatEvent) -> list[ToolOutput]:
    """An output for every open call."""
    assert event.chat is not None
    assert event.chat.required_action is not None
    assert event.chat.required_action.submit_tool_outputs is not None
    calls = event.chat.required_action.submit_tool_outputs.tool_calls
    built = json.dumps({"status": "success", "drafts": [{"name": "D-1", "duration_s": 7}], "results": []})
    return [ToolOutput(tool_call_id=call.id, output=built) for call in calls]


@pytest.mark.parametrize("stream", [True, False])
async def test_a_chain_of_two_required_actions(coze: AsyncCoze, emulator: Emulator, stream: bool) -> None:
    events = await ask(coze, emulator, "Check the media, then build a draft")
    chat = events[-1].chat
    assert chat is not None
    ids = {"conversation_id": chat.conversation_id, "chat_id": chat.id}
    if stream:
        for expected in (
            ChatEventType.CONVERSATION_CHAT_REQUIRES_ACTION,
            ChatEventType.CONVERSATION_CHAT_COMPLETED,
        ):
            rest = coze.chat.submit_tool_outputs_stream(tool_outputs=outputs(events[-1]), **ids)
            events = [event async for event in rest]
            assert events[-1].event == expected
    else:
        given = outputs(events[-1])
        for expected_status in (ChatStatus.REQUIRES_ACTION, ChatStatus.COMPLETED):
            chat = await coze.chat.submit_tool_outputs(tool_outputs=given, **ids)
            assert chat.status == ChatStatus.IN_PROGRESS
            while chat.status == ChatStatus.IN_PROGRESS:
                chat = await coze.chat.retrieve(**ids)
            assert chat.status == expected_status
            if chat.required_action is not None:
                given = outputs(ChatEvent(event=ChatEventType.UNKNOWN, chat=chat))
    messages = [message.content for message in await coze.chat.messages.list(**ids)]
    assert any("D-1" in content and "ready" in content for content in messages)


async def test_conversations_messages_files_user_and_bots(coze: AsyncCoze, emulator: Emulator) -> None:
    conversation = await coze.conversations.create(bot_id=emulator.bot_id)
    for number in range(3):
        await coze.conversations.messages.create(
            conversation_id=conversation.id,
            role=MessageRole.USER,
            content=str(number),
            content_type=MessageContentType.TEXT,
        )
    pages = await coze.conversations.messages.list(conversation_id=conversation.id, limit=2)
    assert [message.content async for message in pages] == ["2", "1", "0"]
    listed = await coze.conversations.list(bot_id=emulator.bot_id, page_size=1)
    assert [item.id async for item in listed] == [conversation.id]
    assert (await coze.conversations.clear(conversation_id=conversation.id)).conversation_id
    assert (await coze.files.upload(file=b"abc")).bytes == 3
    assert (await coze.users.me()).user_id
    listed = [bot.bot_id async for bot in await coze.bots.list(space_id="1")]
    assert listed[0] == emulator.bot_id
    assert (await coze.bots.retrieve(bot_id=emulator.bot_id)).bot_id == emulator.bot_id


async def test_errors_come_with_the_first_step_of_the_stream(coze: AsyncCoze, emulator: Emulator) -> None:
    emulator.add_fault("refuse", code=4100)
    with pytest.raises(CozeAPIError) as refused:
        await ask(coze, emulator, "hi")
    assert (refused.value.code, bool(refused.value.logid)) == (4100, True)


async def test_twenty_chats_at_once(coze: AsyncCoze, emulator: Emulator) -> None:
    answers = await asyncio.gather(*(ask(coze, emulator, f"question {number}") for number in range(20)))
    chats = {events[0].chat.id for events in answers if events[0].chat}
    assert len(chats) == 20
    assert all(events[-1].event == ChatEventType.CONVERSATION_CHAT_COMPLETED for events in answers)
