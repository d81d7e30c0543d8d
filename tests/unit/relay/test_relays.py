"""A request goes through a Bot chat and comes back with the tool's result; a Bot that errs does no harm."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from typing import Any

import pytest

from c2jy_bridge.core.bridge_requests import State
from c2jy_bridge.core.events import (
    BridgeStarted,
    BridgeStopped,
    Decision,
    Outcome,
    ToolCallFinished,
    ToolCallRequested,
    TurnCompleted,
    TurnEnded,
    TurnStarted,
)
from c2jy_bridge.relay.request import BridgeProblem, KeyReused, RequestRefused
from relay_harness import HANDLE, OBEDIENT, RelayHarness

Make = Callable[..., Any]


def questions(harness: RelayHarness) -> list[str]:
    assert harness.emulator is not None
    chats = harness.emulator.requests_to("/v3/chat")
    return [seen.body["additional_messages"][0]["content"] for seen in chats]


async def test_a_request_is_run_through_a_bot_chat_and_its_result_comes_back_whole(
    start_bridge: Make,
) -> None:
    harness = await start_bridge()
    request = await harness.result(await harness.ask("note", {"text": "画布", "size": 5000}))
    assert request.state is State.SUCCEEDED
    assert json.loads(request.result) == {"status": "success", "noted": "画布", "padding": "x" * 5000}
    assert harness.tools.done == {"画布": 1}
    await harness.until(lambda: "succeeded" in harness.states(request.request_id))
    assert harness.states(request.request_id)[0] == "queued"
    assert [s for s in harness.states(request.request_id) if s != "queued"][-2:] == ["running", "succeeded"]
    (chat,) = (await harness.service.get(request.request_id)).chats
    assert chat.chat_id
    assert isinstance(harness.events[0], BridgeStarted)


async def test_neither_tool_nor_arguments_nor_result_go_through_the_model(start_bridge: Make) -> None:
    harness = await start_bridge()
    await harness.result(await harness.ask("note", {"text": "a secret text", "size": 3000}))
    await harness.until(lambda: harness.seen(TurnCompleted))
    sent = "".join(str(seen) for seen in harness.emulator.requests)
    assert "secret" not in sent
    assert "xxxx" not in sent
    assert '"note"' not in sent


async def test_the_inspector_sees_the_wanted_call_with_its_source_and_all_of_its_output(
    start_bridge: Make,
) -> None:
    harness = await start_bridge()
    request = await harness.result(await harness.ask("note", {"text": "a", "size": 10}))
    (asked,) = harness.seen(ToolCallRequested)
    (finished,) = harness.seen(ToolCallFinished)
    assert (asked.call.tool, asked.call.source) == ("note", "bridge")
    assert json.loads(asked.call.arguments) == {"text": "a", "size": 10}
    assert asked.call_id == finished.call_id == request.call_id
    assert finished.output == request.result
    (kept,) = harness.journal.history.calls()
    assert (kept.call_id, kept.output, kept.source) == (request.call_id, request.result, "bridge")
    assert [e.source for e in harness.seen(TurnStarted)] == ["bridge"]


async def test_several_requests_run_at_once_in_conversations_of_their_own(start_bridge: Make) -> None:
    harness = await start_bridge(parallel=3)
    harness.tools.go_on.clear()
    ids = [await harness.ask("wait", {"text": str(n)}) for n in range(3)]
    await harness.until(lambda: all("running" in harness.states(i) for i in ids))
    harness.tools.go_on.set()
    ended = [await harness.result(i) for i in ids]
    assert {r.state for r in ended} == {State.SUCCEEDED}
    assert len({r.chats[0].conversation_id for r in ended}) == 3
    await harness.until(lambda: len(harness.seen(TurnCompleted)) == 3)
    # The conversations are used again, one chat at a time.
    more = [await harness.result(await harness.ask("note", {"text": "again"})) for _ in range(3)]
    assert {r.chats[0].conversation_id for r in more} <= {r.chats[0].conversation_id for r in ended}


async def test_no_more_requests_are_at_work_than_the_settings_allow(start_bridge: Make) -> None:
    harness = await start_bridge(parallel=1)
    harness.tools.go_on.clear()
    first, second = await harness.ask("wait"), await harness.ask("note", {"text": "b"})
    await harness.until(lambda: "running" in harness.states(first))
    await asyncio.sleep(0.3)
    assert harness.states(second) == ["queued"]
    harness.tools.go_on.set()
    assert (await harness.result(second)).state is State.SUCCEEDED


async def test_a_bot_that_forgets_to_call_is_asked_again_with_a_new_handle(start_bridge: Make) -> None:
    harness = await start_bridge(OBEDIENT.replace('match: "', 'match: "did not call(?s:.*)'))
    request = await harness.result(await harness.ask())
    assert (request.state, request.attempts) == (State.SUCCEEDED, 2)
    first, second = questions(harness)
    assert "did not call" in second
    assert first.count(request.request_id) == second.count(request.request_id) == 1
    assert first.split(request.request_id)[1][:25] != second.split(request.request_id)[1][:25]


async def test_a_bot_that_never_calls_fails_the_request_with_its_own_words(start_bridge: Make) -> None:
    harness = await start_bridge("fallback: [{say: I would rather talk about the weather.}]")
    request = await harness.result(await harness.ask())
    assert (request.state, request.attempts) == (State.FAILED, 3)
    assert request.problem.kind == "tool_not_called"
    assert "rather talk about the weather" in request.problem.message
    assert "bridge_execute" in request.problem.hint
    assert harness.tools.done == {}


async def test_a_bot_that_calls_the_tool_by_name_with_the_same_arguments_is_accepted(
    start_bridge: Make,
) -> None:
    call = "{call: note, arguments: {size: 7, text: a}}"
    harness = await start_bridge(
        f"rules: [{{name: r, match: ., steps: [{call}, {{say: OK}}]}}]\nfallback: []"
    )
    request = await harness.result(await harness.ask("note", {"text": "a", "size": 7}))
    assert request.state is State.SUCCEEDED
    assert harness.tools.done == {"a": 1}


@pytest.mark.parametrize(
    ("call", "code"),
    [
        ("{call: note, arguments: {text: changed}}", "arguments"),
        ("{call: fail, arguments: {}}", "was not requested"),
        ("{call: nobody_has_this, arguments: {}}", "was not requested"),
        ("{call: bridge_execute, arguments: {handle: 0123456789abcdef-0123456789abcdef01234567}}", "handle"),
        ("{call: bridge_execute, arguments: {}}", "handle"),
    ],
)
async def test_a_bot_that_calls_something_else_is_refused_and_asked_again(
    start_bridge: Make, call: str, code: str
) -> None:
    wrong = f"  - {{name: wrong, match: 'A workflow needs', steps: [{call}, {{say: done}}]}}\n"
    harness = await start_bridge(OBEDIENT.replace("rules:\n", "rules:\n" + wrong))
    request = await harness.result(await harness.ask())
    assert (request.state, request.attempts) == (State.SUCCEEDED, 2)
    assert harness.tools.done == {"a": 1}
    refused = harness.seen(ToolCallFinished)[0]
    assert refused.outcome is Outcome.DENIED
    assert code in refused.error
    assert harness.seen(ToolCallRequested)[0].call.source == "bridge"


async def test_a_bot_that_calls_twice_at_once_gets_one_call_run(start_bridge: Make) -> None:
    handle = 'arguments: {handle: "{{handle}}"}'
    twice = f"call: [{{tool: bridge_execute, {handle}}}, {{tool: bridge_execute, {handle}}}]"
    steps = f"steps:\n      - {twice}\n      - say: OK\n"
    harness = await start_bridge(f'rules:\n  - name: r\n    match: "{HANDLE}"\n    {steps}fallback: []')
    request = await harness.result(await harness.ask())
    assert request.state is State.SUCCEEDED
    await harness.until(lambda: harness.seen(TurnCompleted))
    assert harness.tools.done == {"a": 1}
    assert sorted(e.outcome for e in harness.seen(ToolCallFinished)) == ["denied", "ok"]


async def test_a_bot_that_cannot_stop_calling_gets_the_handle_taken_once(start_bridge: Make) -> None:
    again = '      - call: bridge_execute\n        arguments: {handle: "{{handle}}"}\n'
    harness = await start_bridge(OBEDIENT.replace("      - say: OK", again + "      - say: OK"))
    request = await harness.result(await harness.ask())
    await harness.until(lambda: harness.seen(TurnCompleted))
    assert request.state is State.SUCCEEDED
    assert harness.tools.done == {"a": 1}
    assert [e.outcome for e in harness.seen(ToolCallFinished)] == ["ok", "denied"]


async def test_a_tool_that_fails_fails_the_request_and_says_why(start_bridge: Make) -> None:
    harness = await start_bridge()
    request = await harness.result(await harness.ask("fail"))
    assert (request.state, request.problem.kind) == (State.FAILED, "tool_failed")
    assert "no disk today" in request.problem.message
    assert json.loads(request.result)["status"] == "error"


async def test_a_request_that_cannot_succeed_is_refused_before_it_costs_a_chat(start_bridge: Make) -> None:
    harness = await start_bridge()
    with pytest.raises(RequestRefused, match="txt: no such argument") as wrong:
        await harness.ask("note", {"txt": "a"})
    with pytest.raises(RequestRefused, match="Did you mean note") as unknown:
        await harness.ask("notes", {"text": "a"})
    harness.settings.tools.policy["note"] = "deny"
    with pytest.raises(RequestRefused, match=r"tools\.policy") as denied:
        await harness.ask("note")
    kinds = [refused.value.problem.kind for refused in (wrong, unknown, denied)]
    assert kinds == ["bad_arguments", "unknown_tool", "tool_denied"]
    assert await harness.service.page() == []
    assert harness.emulator.requests_to("/v3/chat") == []


async def test_a_key_that_was_accepted_keeps_its_request_when_the_tool_is_denied_later(
    start_bridge: Make,
) -> None:
    harness = await start_bridge(relay="direct")
    first = await harness.ask(idempotency_key="k")
    harness.settings.tools.policy["note"] = "deny"
    assert await harness.ask(idempotency_key="k") == first
    with pytest.raises(KeyReused):
        await harness.ask("note", {"text": "b"}, idempotency_key="k")


async def test_nobody_answers_and_the_countdown_ends_in_deny(start_bridge: Make) -> None:
    harness = await start_bridge(approval_timeout_s=0.3)
    request = await harness.result(await harness.ask("asks"))
    assert (request.state, request.problem.kind) == (State.FAILED, "tool_denied")
    (question,) = harness.approver.asked
    assert question.source == "bridge"
    assert harness.tools.done == {}


async def test_always_holds_for_one_tool_and_one_way_in(start_bridge: Make) -> None:
    harness = await start_bridge(relay="direct")
    first = await harness.ask("asks", {})
    await harness.until(lambda: harness.approver.asked)
    (question,) = harness.approver.asked
    assert question.scope == "bridge/http"
    assert harness.approver.answer(question.call_id, Decision.ALWAYS)
    assert (await harness.result(first)).state is State.SUCCEEDED
    assert (await harness.result(await harness.ask("asks", {}))).state is State.SUCCEEDED
    assert len(harness.approver.asked) == 1
    other_way = await harness.ask("asks", {}, source="mailbox")
    await harness.until(lambda: len(harness.approver.asked) == 2)
    assert harness.approver.asked[1].scope == "bridge/mailbox"
    harness.approver.answer(harness.approver.asked[1].call_id, Decision.DENY)
    assert (await harness.result(other_way)).state is State.FAILED


async def test_direct_runs_the_tool_without_a_bot(start_bridge: Make) -> None:
    harness = await start_bridge(relay="direct")
    request = await harness.result(await harness.ask())
    assert (request.state, request.relay, request.chats) == (State.SUCCEEDED, "direct", ())
    assert harness.emulator.requests_to("/v3/chat") == []


async def test_a_request_cancelled_while_its_tool_runs_stops_the_tool(start_bridge: Make) -> None:
    harness = await start_bridge()
    harness.tools.go_on.clear()
    request_id = await harness.ask("wait")
    await harness.until(lambda: "running" in harness.states(request_id))
    await harness.service.cancel(request_id)
    request = await harness.result(request_id)
    assert request.state is State.CANCELLED
    assert harness.tools.done == {}
    # The Bot was answered: the chat came to its end, by itself or cancelled, and the conversation is free.
    await harness.until(lambda: harness.seen(TurnEnded))


async def test_a_request_cancelled_while_the_bot_thinks_ends_the_chat(start_bridge: Make) -> None:
    harness = await start_bridge(OBEDIENT.replace("      - call:", "      - sleep: 30\n      - call:"))
    request_id = await harness.ask()
    await harness.until(lambda: "relaying" in harness.states(request_id) and harness.seen(TurnStarted))
    await harness.service.cancel(request_id)
    assert (await harness.result(request_id)).state is State.CANCELLED
    assert harness.emulator.requests_to("/v3/chat/cancel")


async def test_a_request_whose_time_runs_out_while_its_tool_runs_has_failed_of_that(
    start_bridge: Make,
) -> None:
    harness = await start_bridge()
    harness.tools.go_on.clear()
    request = await harness.result(await harness.ask("wait", timeout_s=1.0))
    assert (request.state, request.problem.kind) == (State.FAILED, "expired")
    assert harness.tools.done == {}


async def test_a_refusal_that_stays_fails_the_request_with_cozes_code_and_logid(start_bridge: Make) -> None:
    harness = await start_bridge()
    harness.emulator.add_fault("refuse", on="chat", code=4101, msg="no permission")
    request = await harness.result(await harness.ask())
    assert request.state is State.FAILED
    assert (request.problem.code, bool(request.problem.logid)) == (4101, True)
    assert (await harness.bridge.status()).problem == request.problem


async def test_a_passing_refusal_puts_the_request_back_and_tries_again(start_bridge: Make) -> None:
    harness = await start_bridge()
    harness.emulator.add_fault("chat_failed", at="in_progress", code=5000)
    request = await harness.result(await harness.ask())
    assert (request.state, request.attempts) == (State.SUCCEEDED, 2)
    assert "queued" in harness.states(request.request_id)[1:]
    assert harness.tools.done == {"a": 1}


async def test_an_occupied_conversation_is_left_and_another_one_used(start_bridge: Make) -> None:
    harness = await start_bridge()
    first = await harness.result(await harness.ask())
    await harness.until(lambda: harness.seen(TurnCompleted))
    harness.emulator.add_fault("refuse", on="chat", code=4016)
    second = await harness.result(await harness.ask("note", {"text": "b"}))
    assert second.state is State.SUCCEEDED
    assert second.chats[-1].conversation_id != first.chats[0].conversation_id


@pytest.mark.parametrize("at", ["delta", "requires_action", "completed"])
async def test_a_dropped_stream_costs_nothing_but_time(start_bridge: Make, at: str) -> None:
    harness = await start_bridge(OBEDIENT.replace("steps:\n", "steps:\n      - say: Let me see.\n"))
    harness.emulator.add_fault("drop", at=at)
    request = await harness.result(await harness.ask())
    assert request.state is State.SUCCEEDED
    assert harness.tools.done == {"a": 1}


async def test_switching_off_puts_what_runs_back_and_switching_on_takes_it_up(start_bridge: Make) -> None:
    harness = await start_bridge()
    harness.tools.go_on.clear()
    request_id = await harness.ask("wait")
    await harness.until(lambda: "running" in harness.states(request_id))
    await harness.bridge.stop(grace_s=0.1)
    assert isinstance(harness.events[-1], BridgeStopped)
    assert harness.tools.done == {}
    harness.tools.go_on.set()
    await harness.bridge.start()
    assert (await harness.result(request_id)).state is State.SUCCEEDED
    assert harness.tools.done == {"a": 1}


async def test_switching_off_lets_a_quick_tool_finish(start_bridge: Make) -> None:
    harness = await start_bridge()
    harness.tools.go_on.clear()
    request_id = await harness.ask("wait")
    await harness.until(lambda: "running" in harness.states(request_id))
    stopping = asyncio.create_task(harness.bridge.stop(grace_s=20))
    await asyncio.sleep(0.1)
    harness.tools.go_on.set()
    await stopping
    assert harness.states(request_id)[-1] == "succeeded"


async def test_a_second_bridge_on_the_same_data_says_who_has_it(start_bridge: Make) -> None:
    await start_bridge()
    with pytest.raises(BridgeProblem, match=r"pid \d+") as refused:
        await start_bridge()
    assert refused.value.problem.kind == "held"


async def test_bridge_execute_does_nothing_in_an_ordinary_chat(start_bridge: Make) -> None:
    harness = await start_bridge()
    from c2jy_bridge.core.events import ToolCall

    call = ToolCall(call_id="c", tool="bridge_execute", arguments='{"handle":"x"}')
    events = [event async for event in harness.runner.run([call])]
    assert events[-1].outcome is Outcome.ERROR
    assert "bridge" in events[-1].error
