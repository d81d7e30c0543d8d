"""The requests pane: live rows, what can be done with each, the detail, the command to copy."""

from __future__ import annotations

import json
import subprocess
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from c2jy_bridge.core.bridge_requests import BridgeRequest, ChatRef, State
from c2jy_bridge.core.events import BridgeRequestChanged, Problem
from c2jy_bridge.core.views import WorkerView
from c2jy_tui.panes.bridge import BridgePane, labels
from c2jy_tui.panes.bridge.record import RequestRecord, StateChange, StateHistory
from c2jy_tui.screens.request_detail import RequestDetailScreen

HTTP = "http://127.0.0.1:8765"
NOW = 1_760_000_000.0
MUTE = Problem("tool_not_called", "The Bot did not call the tool.", "Ask it in its prompt.", 4000, "2025AB")


def request(number: int, state: str = "succeeded", **more: Any) -> BridgeRequest:
    at = NOW - 60 + number
    ended = state in ("succeeded", "failed", "cancelled")
    fields: dict[str, Any] = {
        "tool": "generate_draft",
        "arguments": json.dumps({"name": f"food {number}"}),
        "source": "http",
        "requester": "token-1",
        "relay": "bot",
        "changed_at": at + 2,
        "expires_at": at + 900,
        "finished_at": at + 4 if ended else None,
        "attempts": 1,
        "chats": (ChatRef("", "", f"75{number}"),),
        "call_id": f"call-{number}" if ended else "",
        "result": '{"message": "Draft written"}' if state == "succeeded" else "",
        "problem": MUTE if state == "failed" else None,
    }
    return BridgeRequest(request_id=f"r{number}", state=State(state), accepted_at=at, **fields | more)


REQUESTS = [
    request(4, "queued", attempts=0, chats=()),
    request(3, "running", source="mailbox"),
    request(2, "failed"),
    request(1),
]


@pytest.mark.parametrize("need", ["login", "quota"])
async def test_a_request_that_rests_says_what_it_needs_and_can_be_cancelled(stage: Any, need: str) -> None:
    why = Problem(f"needs_{need}", f"The request waits for {need}.", "Do something.", 4100)
    async with stage() as on:
        await opened(on, request(1, f"needs_{need}", problem=why))
        assert f"! needs {need}" in on.text
        assert f"The request waits for {need}." in on.text
        await on.press("r", "X")
        assert on.engine.request_intents == [("cancel", "r1")]


async def opened(on: Any, *requests: BridgeRequest) -> BridgePane:
    """Bridge mode on, the pane in front, these requests in it."""
    on.engine.stored_requests = list(requests)
    await on.press("f2", "f6")
    pane = on.main.query_one(BridgePane)
    await pane.load(on.engine)
    await on.settle()
    return pane


def machine(name: str, **more: Any) -> WorkerView:
    about: dict[str, Any] = {"labels": ("gpu",), "parallel": 2, "at_work": 1, "draining": False}
    about |= {"version": "0.1.0", "drafts_root": f"/drafts of {name}", "free_bytes": 7 * 1024**3}
    return WorkerView(name=name, **about | more)


async def test_the_machines_of_a_studio_are_listed_drained_and_sent_a_request(stage: Any) -> None:
    async with stage(size=(100, 30)) as on:
        seen = on.engine.clock() - 4
        on.engine.stored_machines = [
            machine("a", alive_at=seen),
            machine("b", alive_at=seen, at_work=0, labels=()),
        ]
        await opened(on, request(2, "queued", machine=""), request(1, machine="b"))
        await on.press("m")
        await on.settle()
        first, _ = (line for line in on.lines if "0.1.0" in line)
        assert all(text in first for text in ("a ", "takes", "1/2", "4.0 s", "gpu", "7.5 GB"))
        assert "This is the machine" in on.text
        await on.press("down", "d")
        await on.settle()
        assert "drains" in next(line for line in on.lines if line.lstrip("│ ").startswith("b"))
        await on.press("d")
        await on.settle()
        await on.press("enter")
        await on.settle()
        assert on.engine.request_intents == [("drain", "b"), ("undrain", "b"), ("send to b", "r2")]
        await on.press("down")
        await on.settle()
        assert "b · Draft written" in on.text


async def test_a_running_request_cannot_be_sent_and_one_machine_has_no_list(stage: Any) -> None:
    async with stage(size=(100, 30)) as on:
        await opened(on, request(1, "running"))
        await on.press("m")
        assert len(on.app.screen_stack) == 1
        on.engine.stored_machines = [machine("a", alive_at=0.0)]
        await on.press("f2")
        await on.press("f2")
        await on.settle()
        await on.press("m")
        await on.settle()
        await on.press("enter")
        assert "Machines of the studio" in on.text
        assert "Enter sends there" not in on.text
        assert on.engine.request_intents == []


async def changed(on: Any, *requests: BridgeRequest) -> None:
    """The engine has these now, and says so."""
    on.engine.stored_requests = list(requests)
    events = [BridgeRequestChanged(at=r.changed_at, request_id=r.request_id, state=r.state) for r in requests]
    await on.play(*events)
    pane = on.main.query_one(BridgePane)
    for _ in range(500):
        if pane._debounce is None:
            break
        await on.pilot.pause(0.01)
    if reading := [worker for worker in on.app.workers if worker.group == "requests-read"]:
        await on.app.workers.wait_for_complete(reading)
    await on.settle()


def rows(on: Any) -> list[str]:
    """The text of the list's rows."""
    return [line for line in on.lines if "generate_draft" in line]


async def test_the_newest_is_on_top_with_its_state_in_words_and_a_sign(stage: Any) -> None:
    async with stage(size=(80, 24)) as on:
        await opened(on, *REQUESTS)
        four, three, two, one = rows(on)
        assert "· waiting" in four
        assert "mailbox" in three
        assert "… running" in three
        assert "✗ failed" in two
        assert "✓ done" in one
        assert one.endswith("1   4.0 s")
        assert "Requests: 4 · open: 2" in on.text


async def test_rows_follow_the_events(stage: Any) -> None:
    async with stage(size=(80, 24)) as on:
        await opened(on)
        await changed(on, request(1, "relaying"))
        assert "… asking Bot" in rows(on)[0]
        await changed(on, request(1))
        assert "✓ done" in rows(on)[0]


async def test_the_time_of_an_open_request_runs(stage: Any) -> None:
    async with stage(size=(80, 24)) as on:
        pane = await opened(on, request(1, "running"))
        assert rows(on)[0].endswith("59 s")
        on.clock.advance(10)
        pane.tick()
        await on.settle()
        assert rows(on)[0].endswith("1:09")


async def test_the_cursor_stays_on_its_request_while_newer_ones_come(stage: Any) -> None:
    async with stage() as on:
        pane = await opened(on, request(2), request(1))
        await on.press("j")
        await changed(on, request(3), request(2), request(1))
        assert pane.current is not None
        assert pane.current.view.request_id == "r1"


async def test_until_somebody_moves_it_the_cursor_is_on_the_newest(stage: Any) -> None:
    async with stage() as on:
        pane = await opened(on, request(1))
        await changed(on, request(2), request(1))
        assert pane.current is not None
        assert pane.current.view.request_id == "r2"


async def test_requests_stay_in_sight_when_bridge_mode_is_switched_off(stage: Any) -> None:
    async with stage(size=(80, 24)) as on:
        pane = await opened(on, *REQUESTS)
        await on.press("f2")
        assert len(rows(on)) == 4
        assert "bridge mode is off" in on.text
        assert not pane.check_action("retry", ())
        assert not pane.check_action("copy_command", ())


async def test_the_filter_finds_words_anywhere_in_a_request(stage: Any) -> None:
    async with stage(size=(80, 30)) as on:
        await opened(on, *REQUESTS)
        for words, left in [
            ("failed", 1),
            ("mailbox", 1),
            ("food 3", 1),
            ("not call", 1),
            ("r1", 1),
            ("gen", 4),
        ]:
            await on.press("slash", *(key if key != " " else "space" for key in words), "enter")
            assert len(rows(on)) == left, words
            assert f"{left} of 4 requests match" in on.text
            await on.press("escape")
            assert len(rows(on)) == 4


async def test_retry_asks_for_the_same_again_and_goes_to_the_new_request(stage: Any) -> None:
    async with stage() as on:
        pane = await opened(on, request(2), request(1))
        await on.press("j", "r")
        assert on.engine.request_intents == [("retry", "r1")]
        again = replace(request(3, "queued"), request_id="r1-again")
        await changed(on, again, request(2), request(1))
        assert pane.current is not None
        assert pane.current.view.request_id == "r1-again"


async def test_only_an_open_request_is_cancelled_and_only_an_ended_one_retried(stage: Any) -> None:
    async with stage() as on:
        pane = await opened(on, request(2, "running"), request(1))
        assert pane.check_action("cancel", ())
        assert not pane.check_action("retry", ())
        await on.press("r", "X")
        assert on.engine.request_intents == [("cancel", "r2")]
        await on.press("j", "X")
        assert on.engine.request_intents == [("cancel", "r2")]


async def test_a_request_that_is_gone_is_said_to_be(stage: Any, engine: Any, monkeypatch: Any) -> None:
    async def nothing(request_id: str) -> str:
        return ""

    monkeypatch.setattr(engine, "retry_request", nothing)
    async with stage() as on:
        await opened(on, request(1))
        await on.press("r")
        assert [n.message for n in on.app._notifications] == ["This request no longer exists."]


async def test_what_the_engine_cannot_do_is_read_on_the_screen(
    stage: Any, engine: Any, monkeypatch: Any
) -> None:
    async def full(request_id: str) -> str:
        raise RuntimeError("1000 requests are waiting already")

    monkeypatch.setattr(engine, "retry_request", full)
    async with stage() as on:
        await opened(on, request(1))
        await on.press("r")
        (notice,) = on.app._notifications
        assert "1000 requests are waiting already" in notice.message


async def test_the_result_is_copied(stage: Any, monkeypatch: Any) -> None:
    copied: list[str] = []
    async with stage() as on:
        monkeypatch.setattr(on.app, "copy_to_clipboard", copied.append)
        await opened(on, request(1))
        await on.press("y")
        assert copied == ['{"message": "Draft written"}']


async def test_an_empty_list_tells_how_to_send_the_first_request_and_copies_it(
    stage: Any, monkeypatch: Any
) -> None:
    copied: list[str] = []
    async with stage() as on:
        monkeypatch.setattr(on.app, "copy_to_clipboard", copied.append)
        await opened(on)
        assert "TOKEN=$(c2jy-tui bridge token)" in on.text
        await on.press("c")
        assert copied == [labels.first_curl_command(HTTP)]


async def test_the_demo_names_the_token_of_the_demo(stage: Any, engine: Any) -> None:
    engine.connection = replace(engine.connection, demo=True)
    async with stage() as on:
        await opened(on)
        assert "c2jy-tui --demo bridge token" in on.text


async def test_hostile_words_do_nothing_to_the_terminal(stage: Any) -> None:
    evil = "\x1b]52;c;ZXZpbA==\x07\u202egpj"
    async with stage() as on:
        hostile = Problem("x", evil, evil)
        await opened(on, request(1, "failed", tool=evil, result=evil, problem=hostile, requester=evil))
        for _ in range(6):
            assert "\x1b" not in on.text
            assert "\u202e" not in on.text
            await on.press("enter" if not isinstance(on.app.screen, RequestDetailScreen) else "right")


# --- the detail ----------------------------------------------------------------------------------------


async def test_the_detail_has_the_request_its_result_its_way_and_its_timeline(stage: Any) -> None:
    async with stage() as on:
        await opened(on)
        await changed(on, replace(request(1, "relaying"), changed_at=NOW - 57))
        await changed(on, request(1, changed_at=NOW - 55))
        await on.press("enter")
        assert '"message": "Draft written"' in on.text
        await on.press("left")
        assert '"name": "food 1"' in on.text
        await on.press("left")
        assert "accepted and written to disk" in on.text
        assert "+2.00 s  … asking Bot" in on.text
        assert "+4.00 s  ✓ done" in on.text
        await on.press("left")
        assert "Bot chat  751" in on.text
        assert "Tool call  call-1" in on.text


async def test_a_failed_request_opens_at_its_problem(stage: Any) -> None:
    async with stage() as on:
        await opened(on, request(1, "failed"))
        await on.press("enter")
        for words in (MUTE.message, MUTE.hint, "Coze code 4000", "Coze log id 2025AB"):
            assert words in on.text


async def test_the_detail_follows_its_request(stage: Any) -> None:
    async with stage() as on:
        await opened(on, request(1, "running"))
        await on.press("enter")
        assert "… running" in on.text
        await changed(on, request(1))
        assert "✓ done · 4.0 s" in on.text


async def test_the_detail_leads_to_the_tool_call(stage: Any) -> None:
    async with stage() as on:
        wanted = on.bot.wants("generate_draft", call_id="call-1")
        await on.play(wanted, on.bot.finished("generate_draft", call_id="call-1"))
        await on.play(on.bot.wants("list_drafts", call_id="call-2"))
        await opened(on, request(1))
        await on.press("enter", "enter")
        assert on.app.screen is on.main
        assert on.main.inspector.has_focus_within
        assert on.main.inspector.current_id == "call-1"


@pytest.mark.parametrize(("key", "state", "intent"), [("r", "failed", "retry"), ("X", "running", "cancel")])
async def test_the_detail_does_what_the_list_does(stage: Any, key: str, state: str, intent: str) -> None:
    async with stage() as on:
        await opened(on, request(1, state))
        await on.press("enter", key)
        assert on.engine.request_intents == [(intent, "r1")]
        assert on.app.screen is on.main


async def test_a_chat_that_a_workflow_began_is_no_command_and_cannot_be_had_again(stage: Any) -> None:
    async with stage() as on:
        pane = await opened(on, request(1, "failed", tool="take_up_chat", relay="chat"))
        assert not pane.check_action("retry", ())
        assert not pane.check_action("cancel", ())
        assert not pane.check_action("copy_command", ())
        assert "take_up_chat" not in on.text
        await on.press("enter", "c")
        assert "in a chat started by the workflow" not in on.text
        await on.press("right")
        assert "in a chat started by the workflow" in on.text


# --- pure ----------------------------------------------------------------------------------------------


def arguments_of(command: str) -> list[str]:
    """What a shell gives to `curl`."""
    script = f'curl() {{ printf "%s\\0" "$@"; }}\nTOKEN=geheim\n{command}'
    out = subprocess.run(["sh", "-c", script], capture_output=True, check=True).stdout
    return out.decode().split("\0")[:-1]


@given(
    st.dictionaries(
        st.text(), st.recursive(st.text() | st.integers() | st.none(), st.lists, max_leaves=5), max_size=4
    )
)
def test_a_shell_gives_the_copied_command_to_curl_as_it_was_meant(arguments: dict[str, Any]) -> None:
    text = json.dumps(arguments)
    got = arguments_of(labels.curl_command(HTTP, "generate_draft", text))
    assert "Authorization: Bearer geheim" in got
    assert "Content-Type: application/json" in got
    assert got[-1] == f"{HTTP}/v1/requests"
    assert json.loads(got[got.index("-d") + 1]) == {"tool": "generate_draft", "arguments": arguments}


def test_the_copied_command_is_one_line_and_holds_no_token() -> None:
    command = labels.curl_command(HTTP, "t", '{"a": "x\\ny\\u001b[31m\\u009b"}')
    assert "$TOKEN" in command
    assert not any(ord(character) < 32 or 0x7F <= ord(character) < 0xA0 for character in command)


def test_what_was_seen_of_a_request_is_its_timeline() -> None:
    seen = StateHistory()
    view = request(1)
    for at, state in ((0.01, "queued"), (1, "relaying"), (2, "queued"), (3, "running"), (4, "succeeded")):
        seen.add(BridgeRequestChanged(at=view.accepted_at + at, request_id="r1", state=state))
    states = [moment.state for moment in seen.record(view).timeline()]
    assert states == ["accepted", "relaying", "queued", "running", "succeeded"]


def test_a_request_of_an_earlier_run_has_its_beginning_and_its_end() -> None:
    view = request(1)
    assert view.finished_at is not None
    assert RequestRecord(view).timeline() == [
        StateChange(view.accepted_at, "accepted"),
        StateChange(view.finished_at, "succeeded"),
    ]


def test_changes_of_forgotten_requests_are_forgotten() -> None:
    seen = StateHistory()
    seen.add(BridgeRequestChanged(at=1.0, request_id="r1", state="running"))
    seen.retain({"r2"})
    assert seen.record(request(1)).seen == ()
