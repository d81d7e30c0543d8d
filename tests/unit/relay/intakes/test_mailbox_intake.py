"""A workflow in the cloud writes letters and gets answers; nothing is missed and nothing done twice."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Callable
from typing import Any

import pytest

from c2jy_bridge.core.bridge_requests import State
from c2jy_bridge.core.events import BridgeIntakeChanged, Problem
from c2jy_bridge.coze import CozeProblem
from c2jy_bridge.coze.mailbox import Mailbox
from c2jy_bridge.relay.intakes.mailbox_intake import MailboxIntake
from mailbox_workflow import ASKS_ITSELF, Workflow
from relay_harness import OBEDIENT, eventually
from unit.relay.conftest import Clock

Cloud = Callable[..., Any]


async def test_a_letter_is_answered_with_the_tools_result(cloud: Cloud) -> None:
    workflow = await cloud()
    harness = workflow.harness
    await workflow.request("run-1", text="from a workflow")
    answer = await workflow.answer("run-1")
    assert answer["state"] == "succeeded"
    assert answer["result"]["noted"] == "from a workflow"
    (request,) = await harness.service.page()
    assert (request.source, request.relay, request.state) == ("mailbox", "bot", State.SUCCEEDED)
    # The Bot chats elsewhere: nothing of it is in the mailbox.
    assert request.chats[0].conversation_id != workflow.conversation_id


async def test_a_node_that_cannot_set_meta_data_puts_everything_into_the_text(cloud: Cloud) -> None:
    workflow = await cloud(relay="direct")
    await workflow.post({"c2jy": "req", "rid": "r", "tool": "note", "arguments": '{"text": "as text"}'})
    assert (await workflow.answer("r"))["result"]["noted"] == "as text"


async def test_a_letter_posted_twice_is_one_request(cloud: Cloud) -> None:
    workflow = await cloud(relay="direct")
    harness = workflow.harness
    for _ in range(3):
        await workflow.request("r", text="once")
    await workflow.answer("r")
    await workflow.request("r", text="once")
    await workflow.request("other", text="another")
    await workflow.answer("other")
    assert harness.tools.done == {"once": 1, "another": 1}
    assert len(await workflow.letters("r")) == 1


@pytest.mark.slow
async def test_many_letters_at_once_are_all_taken_though_they_fill_pages(cloud: Cloud) -> None:
    workflow = await cloud(relay="direct", parallel=8)
    harness = workflow.harness
    await asyncio.gather(*(workflow.request(f"r{n}", text=str(n)) for n in range(70)))
    for n in range(70):
        assert (await workflow.answer(f"r{n}", wait_s=60))["state"] == "succeeded"
    assert harness.tools.done == {str(n): 1 for n in range(70)}


async def test_a_full_queue_leaves_letters_where_they_are_until_there_is_room(cloud: Cloud) -> None:
    workflow = await cloud(relay="direct", queue_limit=2, parallel=1)
    for n in range(8):
        await workflow.request(f"r{n}", text=str(n))
    for n in range(8):
        assert (await workflow.answer(f"r{n}"))["state"] == "succeeded"


async def test_letters_that_came_while_the_app_was_off_are_found(cloud: Cloud) -> None:
    workflow = await cloud(relay="direct")
    harness = workflow.harness
    await harness.bridge.stop()
    for n in range(3):
        await workflow.request(f"r{n}", text=str(n))
    await harness.bridge.start()
    for n in range(3):
        assert (await workflow.answer(f"r{n}"))["state"] == "succeeded"
    assert harness.tools.done == {"0": 1, "1": 1, "2": 1}


async def test_after_a_restart_nothing_is_done_or_answered_again(cloud: Cloud) -> None:
    workflow = await cloud(relay="direct")
    harness = workflow.harness
    await workflow.request("r", text="once")
    await workflow.post("{", {"c2jy": "req", "rid": "broken"})
    await workflow.answer("r")
    await workflow.answer("broken")
    await harness.bridge.stop()
    await harness.bridge.start()
    await workflow.request("next", text="next")
    await workflow.answer("next")
    assert harness.tools.done == {"once": 1, "next": 1}
    assert len(await workflow.letters()) == 3


@pytest.mark.slow
async def test_an_answer_whose_acceptance_got_lost_is_posted_again_but_not_for_ever(
    cloud: Cloud, monkeypatch: pytest.MonkeyPatch
) -> None:
    lost = breaking(monkeypatch, Problem(kind="network", message="", hint=""), after=True)
    workflow = await cloud(relay="direct")
    await workflow.request("r", text="a")
    assert (await workflow.answer("r"))["state"] == "succeeded"
    await workflow.request("s", text="b")
    await workflow.answer("s")
    assert lost == ["r"]
    assert len(await workflow.letters("r")) == 1  # it was looked for before it was posted again


def breaking(monkeypatch: pytest.MonkeyPatch, problem: Problem, *, after: bool) -> list[str]:
    """Let the first post fail, before or after Coze took it; returns the rids that it happened to."""
    whole = Mailbox.post
    struck: list[str] = []

    async def post(self: Mailbox, content: str, meta: dict[str, str]) -> str:
        fails = not struck
        if fails and not after:
            struck.append(meta["rid"])
            raise CozeProblem(problem)
        posted = await whole(self, content, meta)
        if fails:
            struck.append(meta["rid"])
            raise CozeProblem(problem)
        return posted

    monkeypatch.setattr(Mailbox, "post", post)
    return struck


async def test_a_long_answer_comes_in_parts_that_join_to_the_whole(cloud: Cloud) -> None:
    workflow = await cloud(relay="direct")
    await workflow.request("r", text="长", size=30_000)
    answer = await workflow.answer("r")
    assert len(await workflow.letters("r")) == 4
    assert answer["result"]["padding"] == "x" * 30_000


async def test_a_very_long_answer_is_uploaded_and_linked(
    cloud: Cloud, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("c2jy_bridge.relay.intakes.mailbox_codec.MOST_PARTS", 2)
    workflow = await cloud(relay="direct")
    await workflow.request("r", text="a", size=30_000)
    answer = await workflow.answer("r")
    assert answer["state"] == "succeeded"
    uploaded = await workflow.http.get("/v1/files/retrieve", params={"file_id": answer["file_id"]})
    assert uploaded.json()["data"]["bytes"] > 30_000


async def test_an_answer_that_coze_does_not_take_is_linked_and_blocks_no_other(
    cloud: Cloud, monkeypatch: pytest.MonkeyPatch
) -> None:
    breaking(monkeypatch, Problem(kind="bad_request", message="too long", code=4000), after=False)
    workflow = await cloud(relay="direct")
    await workflow.request("r", text="a")
    assert (await workflow.answer("r"))["file_id"]
    await workflow.request("s", text="b")
    assert (await workflow.answer("s"))["result"]["noted"] == "b"


async def test_a_request_retried_by_the_user_answers_under_the_same_rid(cloud: Cloud) -> None:
    workflow = await cloud(relay="direct")
    harness = workflow.harness
    await workflow.request("r", "fail")
    assert (await workflow.answer("r"))["state"] == "failed"
    again = await harness.ask("note", source="mailbox", requester=workflow.conversation_id, reply_to="r")
    await harness.result(again)

    async def both() -> list[dict[str, Any]]:
        found = await workflow.letters("r")
        return found if len(found) == 2 else []

    old, new = await eventually(both)
    assert (new["meta_data"]["state"], new["meta_data"]["request"]) == ("succeeded", again)
    assert old["meta_data"]["request"] != again
    # The newest letter is the first of the newest page: that is what a workflow reads.
    await harness.bridge.stop()
    await harness.bridge.start()
    await workflow.request("s", text="b")
    await workflow.answer("s")
    assert len(await workflow.letters("r")) == 2
    assert await harness.service.undelivered("mailbox") == []


async def test_after_a_sleep_of_the_computer_the_mailbox_is_looked_into_at_once(
    start_bridge: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("c2jy_bridge.relay.intakes.mailbox_intake.TICK_S", 0.05)
    monkeypatch.setattr("c2jy_bridge.relay.intakes.mailbox_intake.QUIET_FACTOR", 100)
    clock = Clock(time.time())
    harness = await start_bridge(intakes=["mailbox"], relay="direct", clock=clock)

    async def looked() -> str:
        (box,) = (await harness.bridge.status()).intakes
        return box.address if box.alive_at else ""

    workflow = Workflow(harness, await eventually(looked))
    await workflow.request("r", text="a")
    clock.advance(600)  # the lid was shut; the next look was due in five minutes of being awake
    assert (await workflow.answer("r"))["state"] == "succeeded"
    await workflow.aclose()


@pytest.mark.slow
async def test_a_look_that_hangs_is_given_up_and_said(cloud: Cloud, monkeypatch: pytest.MonkeyPatch) -> None:
    workflow = await cloud(relay="direct")
    harness = workflow.harness
    monkeypatch.setattr("c2jy_bridge.relay.intakes.mailbox_intake.LOOK_S", 0.3)
    harness.emulator.add_fault("slow", on="messages", seconds=60, times=1)

    async def said() -> Problem | None:
        return (await harness.bridge.status()).intakes[0].problem

    assert (await eventually(said)).kind == "mailbox_slow"
    monkeypatch.setattr("c2jy_bridge.relay.intakes.mailbox_intake.LOOK_S", 30.0)
    await workflow.request("r", text="a")
    assert (await workflow.answer("r"))["state"] == "succeeded"


@pytest.mark.parametrize(
    ("content", "word"),
    [
        ("{", "JSON"),
        ('{"tool":"note","tool":"fail"}', "twice"),
        ('{"arguments":{}}', "tool"),
        ('{"tool":"note","arguments":[1]}', "arguments"),
        ('{"tool":"note","arguments":"[]"}', "arguments"),
        ('{"tool":"note","timeout_s":-1}', "tool"),
        ('{"tool":"note","timeout_s":true}', "tool"),
    ],
)
async def test_a_letter_that_cannot_be_understood_is_refused_with_the_reason(
    cloud: Cloud, content: str, word: str
) -> None:
    workflow = await cloud(relay="direct")
    harness = workflow.harness
    await workflow.post(content, {"c2jy": "req", "rid": "r"})
    answer = await workflow.answer("r")
    assert answer["state"] == "refused"
    assert word in answer["problem"]["message"]
    assert await harness.service.page() == []


async def test_a_letter_that_cannot_succeed_is_refused_before_it_costs_a_chat(cloud: Cloud) -> None:
    workflow = await cloud()
    await workflow.request("wrong", text=1)
    await workflow.request("unknown", "nothing_such")
    answers = [await workflow.answer(rid) for rid in ("wrong", "unknown")]
    assert [answer["state"] for answer in answers] == ["refused", "refused"]
    assert [answer["problem"]["kind"] for answer in answers] == ["bad_arguments", "unknown_tool"]
    assert "text: must be text" in answers[0]["problem"]["message"]
    assert await workflow.harness.service.page() == []
    assert workflow.harness.emulator.requests_to("/v3/chat") == []


async def test_a_letter_whose_arguments_are_text_is_taken_and_the_answer_says_so(cloud: Cloud) -> None:
    workflow = await cloud(relay="direct")
    await workflow.request("r", text="a", size="3")
    result = (await workflow.answer("r"))["result"]
    assert (result["padding"], result["notes"]) == ("xxx", ["size: sent as text, read as a whole number"])


async def test_a_rid_used_for_another_wish_is_refused(cloud: Cloud) -> None:
    workflow = await cloud(relay="direct")
    harness = workflow.harness
    await workflow.request("r", text="one")
    await workflow.answer("r")
    await workflow.request("r", text="two")

    async def second() -> list[dict[str, Any]]:
        return (await workflow.letters("r"))[1:]

    (refused,) = await eventually(second)
    assert refused["meta_data"]["state"] == "refused"
    assert harness.tools.done == {"one": 1}


async def test_letters_of_others_are_left_alone(cloud: Cloud) -> None:
    workflow = await cloud(relay="direct")
    harness = workflow.harness
    await workflow.post("Hello, is anybody there?")
    await workflow.request("r", text="mine")
    await workflow.answer("r")
    assert harness.tools.done == {"mine": 1}
    assert len(await workflow.letters()) == 1
    assert [event.problem for event in harness.seen(BridgeIntakeChanged)] == [None]


MARKED = '{"c2jy":"req","rid":"r","tool":"note","arguments":{"text":"a"}}'


@pytest.mark.parametrize("rid", ["运行1", "run 1", "r" * 128])
async def test_a_rid_may_be_any_printable_text(cloud: Cloud, rid: str) -> None:
    workflow = await cloud(relay="direct")
    await workflow.request(rid, text="a")
    assert (await workflow.answer(rid))["state"] == "succeeded"


@pytest.mark.parametrize("content", [json.dumps(MARKED), f"```json\n{MARKED}\n```"])
async def test_a_letter_that_was_encoded_twice_or_fenced_is_taken(cloud: Cloud, content: str) -> None:
    workflow = await cloud(relay="direct")
    await workflow.post(content)
    assert (await workflow.answer("r"))["result"]["noted"] == "a"


@pytest.mark.parametrize(
    ("content", "word"),
    [
        (MARKED.replace('"a"', '"a\nb"'), "not JSON"),  # what `"text": "{{text}}"` gives for two lines
        (MARKED.replace('"a"', '"say "a""'), "not JSON"),
        (json.dumps({"request": json.loads(MARKED)}), "inside another object"),
        (json.dumps({"output": MARKED}), "inside another object"),
    ],
)
async def test_a_letter_broken_by_its_template_is_refused_under_its_rid(
    cloud: Cloud, content: str, word: str
) -> None:
    workflow = await cloud(relay="direct")
    await workflow.post(content)
    problem = (await workflow.answer("r"))["problem"]
    assert word in problem["message"]
    assert "JSON.stringify" in problem["hint"]


@pytest.mark.parametrize("rid", ["", "r" * 600, "a\u0007b"])
async def test_a_letter_that_has_no_usable_rid_is_refused_under_its_message_id(
    cloud: Cloud, rid: str
) -> None:
    workflow = await cloud(relay="direct")
    message_id = await workflow.post({"c2jy": "req", "rid": rid, "tool": "note", "arguments": {"text": "a"}})
    assert (await workflow.answer(message_id))["state"] == "refused"
    assert workflow.harness.tools.done == {}


@pytest.mark.parametrize(
    ("letter", "word"),
    [
        ({"role": "assistant", "content": MARKED}, "role assistant"),
        ({"role": "user", "content": '{"tool":"note","arguments":{"text":"a"}}'}, "c2jy=req"),
    ],
)
async def test_a_letter_that_gets_no_answer_is_shown_and_logged(
    cloud: Cloud, letter: dict[str, str], word: str, caplog: pytest.LogCaptureFixture
) -> None:
    workflow = await cloud(relay="direct")
    harness = workflow.harness
    body = {"content_type": "text", "meta_data": {}, **letter}
    posted = await workflow.api(
        "/v1/conversation/message/create", body, conversation_id=workflow.conversation_id
    )

    async def shown() -> Problem | None:
        return (await harness.bridge.status()).intakes[0].problem

    problem = await eventually(shown)
    assert posted["data"]["id"] in problem.message
    assert word in problem.message
    await harness.until(lambda: problem in [one.problem for one in harness.seen(BridgeIntakeChanged)])
    assert posted["data"]["id"] in caplog.text
    assert (await workflow.letters(), harness.tools.done) == ([], {})
    await workflow.request("r", text="b")
    await workflow.answer("r")
    assert await shown() is None


async def test_a_mailbox_that_fails_is_reported_once_and_again_when_it_works(
    cloud: Cloud, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(MailboxIntake, "_back_off", lambda *_: 0.1)
    workflow = await cloud(relay="direct")
    harness = workflow.harness
    harness.emulator.add_fault("refuse", on="messages", code=4101, msg="token is incorrect", times=2)
    await harness.until(lambda: len(harness.seen(BridgeIntakeChanged)) == 3)
    began, failed, works = harness.seen(BridgeIntakeChanged)
    assert (began.problem, works.problem) == (None, None)
    assert (failed.intake, failed.problem.code) == ("mailbox", 4101)
    assert began.address == workflow.conversation_id


async def test_a_failed_request_is_answered_with_its_problem(cloud: Cloud) -> None:
    workflow = await cloud("fallback: [{say: No.}]")
    await workflow.request("r", text="a")
    answer = await workflow.answer("r")
    assert (answer["state"], answer["problem"]["kind"]) == ("failed", "tool_not_called")


async def test_a_chat_that_the_workflow_began_is_taken_up_and_brought_to_its_end(cloud: Cloud) -> None:
    workflow = await cloud(ASKS_ITSELF)
    harness = workflow.harness
    ids = await workflow.begin_chat("c", "write")
    answer = await workflow.answer("c")
    assert answer["state"] == "succeeded"
    assert "All is written: and once more" in answer["result"]["answer"]
    assert [call["outcome"] for call in answer["result"]["calls"]] == ["ok", "ok"]
    assert harness.tools.done == {"from the workflow's chat": 1, "and once more": 1}
    seen = await workflow.api(
        "/v3/chat/retrieve", conversation_id=ids["conversation_id"], chat_id=ids["chat_id"]
    )
    assert seen["data"]["status"] == "completed"
    (request,) = await harness.service.page()
    assert (request.relay, request.chats[0].chat_id) == ("chat", ids["chat_id"])


async def test_a_chat_that_is_not_there_fails_with_cozes_words(cloud: Cloud) -> None:
    workflow = await cloud()
    ids = {"conversation_id": "7400000000000000001", "chat_id": "7400000000000000002"}
    await workflow.post(ids, {"c2jy": "chat", "rid": "c"})
    answer = await workflow.answer("c")
    assert answer["state"] == "failed"
    assert answer["problem"]["code"] == 4000


async def test_being_told_to_slow_down_slows_the_looks_down_and_says_so(cloud: Cloud) -> None:
    workflow = await cloud(relay="direct")
    harness = workflow.harness
    harness.emulator.add_fault("refuse", on="messages", code=4013, msg="rate limited", times=1)

    async def problem() -> object:
        return (await harness.bridge.status()).intakes[0].problem

    await eventually(problem)
    looks = len(harness.emulator.requests_to("/v1/conversation/message/list"))
    await asyncio.sleep(1.5)
    assert len(harness.emulator.requests_to("/v1/conversation/message/list")) == looks
    assert (await harness.bridge.status()).intakes[0].problem.kind == "rate_limited"


async def test_the_mailbox_is_made_once_and_remembered(cloud: Cloud) -> None:
    workflow = await cloud(OBEDIENT)
    harness = workflow.harness
    await harness.bridge.stop()
    await harness.bridge.start()
    await workflow.request("r", text="a")
    assert json.dumps(await workflow.answer("r"))
    assert (await harness.bridge.status()).intakes[0].address == workflow.conversation_id
    assert len(harness.emulator.requests_to("/v1/conversation/create")) == 1
