"""cozepy, synchronous: every call that the emulator answers."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from cozepy import (
    Chat,
    ChatEvent,
    ChatEventType,
    ChatStatus,
    Coze,
    CozeAPIError,
    DeviceOAuthApp,
    Message,
    MessageContentType,
    MessageRole,
    MessageType,
    TokenAuth,
    ToolOutput,
    WorkflowEventType,
    WorkflowExecuteStatus,
)

from coze_emulator import Emulator


@pytest.fixture
def coze(emulator: Emulator) -> Coze:
    return Coze(auth=TokenAuth("pat_any"), base_url=emulator.base_url)


def ask(coze: Coze, emulator: Emulator, text: str, conversation_id: str | None = None) -> list[ChatEvent]:
    """All events of one streamed chat."""
    return list(
        coze.chat.stream(
            bot_id=emulator.bot_id,
            user_id="user",
            conversation_id=conversation_id,
            additional_messages=[Message.build_user_question_text(text)],
        )
    )


def outputs(chat: Chat | None, said: str) -> list[ToolOutput]:
    """The same output for every open call."""
    assert chat is not None
    assert chat.required_action is not None
    assert chat.required_action.submit_tool_outputs is not None
    calls = chat.required_action.submit_tool_outputs.tool_calls
    return [ToolOutput(tool_call_id=call.id, output=json.dumps({"output": said})) for call in calls]


def spoken(events: list[ChatEvent]) -> str:
    """The answer as it was streamed."""
    deltas = [e.message for e in events if e.event == ChatEventType.CONVERSATION_MESSAGE_DELTA]
    return "".join(message.content for message in deltas if message)


def test_a_chat_is_streamed(coze: Coze, emulator: Emulator) -> None:
    events = ask(coze, emulator, "Tell a 500-word story.")
    assert "old cook" in spoken(events)
    assert any(event.message and event.message.reasoning_content for event in events)
    last = events[-1]
    assert last.event == ChatEventType.CONVERSATION_CHAT_COMPLETED
    assert last.chat is not None
    assert last.chat.usage is not None
    assert last.chat.usage.token_count > 100
    assert last.response.logid
    assert not [event for event in events if event.event == ChatEventType.UNKNOWN]


@pytest.mark.parametrize("stream", [True, False])
def test_tool_outputs_are_submitted(coze: Coze, emulator: Emulator, stream: bool) -> None:
    events = ask(coze, emulator, "What do I have to do in the afternoon?")
    waiting = events[-1].chat
    assert events[-1].event == ChatEventType.CONVERSATION_CHAT_REQUIRES_ACTION
    assert waiting is not None
    ids = {"conversation_id": waiting.conversation_id, "chat_id": waiting.id}
    if stream:
        rest = list(
            coze.chat.submit_tool_outputs(tool_outputs=outputs(waiting, "two interviews"), stream=True, **ids)
        )
        assert rest[0].event == ChatEventType.CONVERSATION_CHAT_IN_PROGRESS
        assert spoken(rest) == "two interviews"
        assert rest[-1].event == ChatEventType.CONVERSATION_CHAT_COMPLETED
    else:
        chat = coze.chat.submit_tool_outputs(
            tool_outputs=outputs(waiting, "two interviews"), stream=False, **ids
        )
        assert chat.status == ChatStatus.IN_PROGRESS
        while coze.chat.retrieve(**ids).status == ChatStatus.IN_PROGRESS:
            pass
    assert coze.chat.retrieve(**ids).status == ChatStatus.COMPLETED
    messages = coze.chat.messages.list(**ids)
    types = [message.type for message in messages]
    assert types[0] == MessageType.FUNCTION_CALL
    assert types[-4:] == [
        MessageType.TOOL_RESPONSE,
        MessageType.ANSWER,
        MessageType.VERBOSE,
        MessageType.FOLLOW_UP,
    ]


def test_two_calls_of_one_action_are_both_answered(coze: Coze, emulator: Emulator) -> None:
    waiting = ask(coze, emulator, "Probe the media and list my drafts")[-1].chat
    assert waiting is not None
    given = outputs(waiting, "x")
    assert len(given) == 2
    ids = {"conversation_id": waiting.conversation_id, "chat_id": waiting.id}
    with pytest.raises(CozeAPIError) as refused:
        list(coze.chat.submit_tool_outputs(tool_outputs=given[:1], stream=True, **ids))
    assert refused.value.code == 4000
    rest = list(coze.chat.submit_tool_outputs(tool_outputs=given, stream=True, **ids))
    assert rest[-1].event == ChatEventType.CONVERSATION_CHAT_COMPLETED


def test_a_chat_is_created_and_polled(coze: Coze, emulator: Emulator) -> None:
    polled = coze.chat.create_and_poll(
        bot_id=emulator.bot_id,
        user_id="user",
        additional_messages=[
            Message.build_user_question_text("Who are you?"),
            Message.build_assistant_answer("I am Bot by Coze."),
            Message.build_user_question_text("What about you?"),
        ],
    )
    assert polled.chat.status == ChatStatus.COMPLETED
    assert polled.chat.usage is not None
    assert "emulator" in next(message.content for message in polled.messages or ())


def test_a_chat_is_created_and_cancelled_only_while_it_runs(coze: Coze, emulator: Emulator) -> None:
    emulator._state.pace_s = 0.05
    chat = coze.chat.create(
        bot_id=emulator.bot_id,
        user_id="user",
        additional_messages=[Message.build_user_question_text("Write something long")],
    )
    ids = {"conversation_id": chat.conversation_id, "chat_id": chat.id}
    with pytest.raises(CozeAPIError) as occupied:
        ask(coze, emulator, "hi", chat.conversation_id)
    assert occupied.value.code == 4016
    assert coze.chat.cancel(**ids).status == ChatStatus.CANCELED
    with pytest.raises(CozeAPIError) as late:
        coze.chat.cancel(**ids)
    assert (late.value.code, bool(late.value.logid)) == (4104, True)


def test_conversations_and_their_messages(coze: Coze, emulator: Emulator) -> None:
    conversation = coze.conversations.create(bot_id=emulator.bot_id, meta_data={"who": "user"})
    assert coze.conversations.retrieve(conversation_id=conversation.id).meta_data == {"who": "user"}
    made = [
        coze.conversations.messages.create(
            conversation_id=conversation.id,
            role=MessageRole.USER,
            content=f"message {number}",
            content_type=MessageContentType.TEXT,
            meta_data={"rid": str(number)},
        )
        for number in range(5)
    ]
    pages = coze.conversations.messages.list(conversation_id=conversation.id, order="asc", limit=2)
    assert [message.id for message in pages] == [message.id for message in made]
    assert [(m.meta_data or {})["rid"] for m in pages] == ["0", "1", "2", "3", "4"]
    one = {"conversation_id": conversation.id, "message_id": made[0].id or ""}
    assert coze.conversations.messages.retrieve(**one).content == "message 0"
    assert coze.conversations.messages.update(**one, content="new").content == "new"
    assert coze.conversations.messages.delete(**one).id == made[0].id
    assert coze.conversations.clear(conversation_id=conversation.id).conversation_id == conversation.id
    assert coze.conversations.update(conversation_id=conversation.id, name="Named").name == "Named"
    for _ in range(4):
        coze.conversations.create(bot_id=emulator.bot_id)
    listed = coze.conversations.list(bot_id=emulator.bot_id, page_size=2)
    assert len([item.id for item in listed]) == 5
    coze.conversations.delete(conversation_id=conversation.id)
    with pytest.raises(CozeAPIError):
        coze.conversations.retrieve(conversation_id=conversation.id)


def test_files_user_and_bots(coze: Coze, emulator: Emulator, tmp_path: Path) -> None:
    path = tmp_path / "shot.png"
    path.write_bytes(b"\x89PNG")
    stored = coze.files.upload(file=path)
    assert coze.files.retrieve(file_id=stored.id).file_name == "shot.png"
    assert coze.files.upload(file=b"bytes").bytes == 5
    assert coze.users.me().user_name == "emulator"
    listed, *others = list(coze.bots.list(space_id="1", page_size=2))
    assert listed.bot_id == emulator.bot_id
    newer, *rest = list(coze.bots.list(space_id="1", page_size=2, use_api_version=2))
    assert len(others) == len(rest) == 4
    assert newer.bot_id == emulator.bot_id
    for version in (1, 2):
        bot = coze.bots.retrieve(bot_id=emulator.bot_id, use_api_version=version)
        assert bot.name == "剪映草稿助手"


def test_a_workflow_is_interrupted_and_resumed(coze: Coze) -> None:
    workflow_id = "7397395079142350001"
    first = list(
        coze.workflows.runs.stream(
            workflow_id=workflow_id, parameters={"tool": "list_drafts", "args": {"limit": 2}}
        )
    )
    assert first[-1].event == WorkflowEventType.INTERRUPT
    assert first[-1].interrupt is not None
    waiting = first[-1].interrupt.interrupt_data
    rest = list(
        coze.workflows.runs.resume(
            workflow_id=workflow_id,
            event_id=waiting.event_id,
            interrupt_type=waiting.type,
            resume_data='{"status": "success"}',
        )
    )
    assert rest[-1].message is not None
    assert json.loads(rest[-1].message.content) == {"output": {"status": "success"}}
    ended = coze.workflows.runs.run_histories.retrieve(
        workflow_id=workflow_id, execute_id=waiting.event_id.partition("/")[0]
    )
    assert ended.execute_status == WorkflowExecuteStatus.SUCCESS


def test_errors_are_cozes_errors(emulator: Emulator, coze: Coze) -> None:
    with pytest.raises(CozeAPIError) as unknown:
        coze.datasets.list(space_id="1").items  # noqa: B018 - the property asks the server; it has no such route
    assert unknown.value.code == 4000
    assert unknown.value.logid
    emulator.add_fault("refuse", code=4013)
    with pytest.raises(CozeAPIError) as limited:
        ask(coze, emulator, "hi")
    assert limited.value.code == 4013
    emulator.add_fault("error_event", at="delta")
    with pytest.raises(Exception, match="error event"):
        ask(coze, emulator, "hi")


@pytest.fixture
def quick_polls(monkeypatch: pytest.MonkeyPatch) -> None:
    """cozepy waits five seconds between two polls, whatever the server says."""
    monkeypatch.setattr("cozepy.auth.time.sleep", lambda _: None)


@pytest.mark.usefixtures("quick_polls")
def test_the_device_login() -> None:
    with Emulator(token="only", device_polls=2) as emulator:
        app = DeviceOAuthApp(client_id="1.app.coze", base_url=emulator.base_url)
        code = app.get_device_code()
        assert code.user_code in (code.verification_url or "")
        token = app.get_access_token(device_code=code.device_code, poll=True)
        me = Coze(auth=TokenAuth(token.access_token), base_url=emulator.base_url).users.me()
        assert me.user_name == "emulator"
        newer = app.refresh_access_token(token.refresh_token)
        assert newer.access_token != token.access_token
