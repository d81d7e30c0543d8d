"""Cloud workflows from the screen: started, followed, answered, stopped, taken up again."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from c2jy_bridge.core import events as ev
from c2jy_bridge.core.events import Problem, ToolCall
from c2jy_bridge.core.views import CallView, MessageView, RecordedRun, WaitingWorkflow
from c2jy_tui.panes.chat.cards import RunCard
from c2jy_tui.screens.workflow_forms import WorkflowFormScreen, WorkflowQuestionScreen
from pane_host import soon

NOW = 1_760_000_000.0
RUN = "run-1"
LINK = "https://www.coze.cn/work_flow?execute_id=1"


def began() -> ev.WorkflowEvent:
    return ev.WorkflowStarted(at=NOW, run_id=RUN, workflow_id="7397")


def said(text: str) -> ev.WorkflowEvent:
    return ev.WorkflowSaid(at=NOW, run_id=RUN, node="End", text=text)


def asked(text: str = "Which city?", *fields: str) -> ev.WorkflowAsked:
    return ev.WorkflowAsked(at=NOW, run_id=RUN, text=text, fields=fields)


async def fill_in(on: Any, parameters: str, workflow_id: str = "") -> None:
    """Press the key, and put these parameters into the form."""
    await on.press("f7")
    for _ in range(200):
        if isinstance(on.app.screen, WorkflowFormScreen):
            break
        await on.pilot.pause(0.01)
    on.app.screen.query_one("TextArea").load_text(parameters)
    await on.press(*workflow_id)
    await on.press("ctrl+r")


async def test_a_workflow_runs_with_the_id_of_last_time_and_these_parameters(stage: Any) -> None:
    async with stage() as on:
        await fill_in(on, '{"city": "西安"}')
        assert on.engine.workflows.ran == [("7397", {"city": "西安"})]
        assert on.app.screen is on.main


async def test_another_id_is_typed_over_the_one_of_last_time(stage: Any) -> None:
    async with stage() as on:
        await fill_in(on, "{}", workflow_id="42")
        assert on.engine.workflows.ran == [("42", {})]


@pytest.mark.parametrize(
    ("parameters", "fault"),
    [("{city}", "line 1, column 2"), ("[1]", "must be a JSON object: { … }")],
)
async def test_parameters_that_are_no_object_are_refused_with_what_is_wrong(
    stage: Any, parameters: str, fault: str
) -> None:
    async with stage() as on:
        await fill_in(on, parameters)
        assert isinstance(on.app.screen, WorkflowFormScreen)
        assert fault in on.text
        assert on.engine.workflows.ran == []


async def test_without_an_id_it_is_said_where_to_find_one(stage: Any, engine: Any) -> None:
    engine.workflows.request = type(engine.workflows.request)("")
    async with stage() as on:
        await fill_in(on, "{}")
        assert "COZE_WORKFLOW_ID" in on.text
        assert on.engine.workflows.ran == []


async def test_a_run_is_followed_in_the_chat_with_the_tools_it_uses(stage: Any) -> None:
    async with stage() as on:
        call = ToolCall(call_id="c9", tool="list_drafts", arguments="{}", turn_id=RUN, source="bridge")
        await on.play(began(), said('{"c2jy": 1, "tool": "list_drafts", "args": {}}'))
        assert "workflow running" in on.lines[0]
        await on.play(
            ev.ToolCallRequested(at=NOW, call_id="c9", call=call),
            on.bot.runs("c9"),
            on.bot.finished("list_drafts", call_id="c9"),
            said("Three drafts."),
            ev.WorkflowEnded(at=NOW + 2, run_id=RUN, output="Three drafts.", debug_url=LINK),
        )
        words = on.said
        assert "✓ Workflow 7397  done · 2.0 s" in words
        assert (
            words.index("Workflow 7397") < words.index("✓ list_drafts  done") < words.index("Three drafts.")
        )
        assert "c2jy" not in words.replace("c2jy-tui", "")
        assert "ready" in on.lines[0]


async def test_a_run_that_failed_says_why_and_its_link_can_be_copied(
    stage: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with stage() as on:
        copied: list[str] = []
        monkeypatch.setattr(on.app, "copy_to_clipboard", copied.append)
        problem = Problem("refused", "The workflow broke.", "See the node.", code=5000)
        await on.play(began(), ev.WorkflowEnded(at=NOW, run_id=RUN, debug_url=LINK, problem=problem))
        assert "✗ Workflow 7397  failed" in on.said
        assert "The workflow broke." in on.said
        assert LINK in on.said
        on.main.query_one(RunCard).focus()
        await on.press("c")
        assert copied == [LINK]


async def test_an_output_that_only_cozes_record_has_is_shown_once(stage: Any) -> None:
    async with stage() as on:
        ended = ev.WorkflowEnded(at=NOW + 2, run_id=RUN, output="Three drafts.", debug_url=LINK)
        await on.play(began(), said("Three dra"), ended)
        assert on.said.count("Three dra") == 2
        assert on.said.count("Three drafts.") == 1


async def test_what_a_workflow_asks_of_a_person_is_put_to_the_user(stage: Any, engine: Any) -> None:
    engine.workflows.asks = [asked()]
    async with stage() as on:
        await on.play(began(), asked())
        await fill_in(on, "{}")
        assert isinstance(on.app.screen, WorkflowQuestionScreen)
        assert "Which city?" in on.text
        await on.press(*"Xian", "enter")
        assert engine.workflows.answers == ["Xian"]
        assert on.app.screen is on.main
        assert "▌ Xian" in on.said


async def test_an_input_node_gets_an_object_of_its_fields(stage: Any, engine: Any) -> None:
    question = asked("", "name", "年份")
    engine.workflows.asks = [question]
    async with stage() as on:
        await on.play(began(), question)
        await fill_in(on, "{}")
        await on.press("A", "enter")
        assert engine.workflows.answers == []  # the second is still to be filled in
        await on.press("7", "enter")
        assert engine.workflows.answers == ['{"name": "A", "年份": "7"}']


async def test_a_question_that_is_put_off_comes_back_from_its_line(stage: Any, engine: Any) -> None:
    engine.workflows.asks = [asked()]
    async with stage() as on:
        await on.play(began(), asked())
        await fill_in(on, "{}")
        await on.press("escape")
        assert on.app.screen is on.main
        assert "? Workflow 7397  asks you" in on.said
        assert "workflow asks you" in on.lines[0]
        on.main.query_one(RunCard).focus()
        await on.press("enter")
        assert isinstance(on.app.screen, WorkflowQuestionScreen)


async def test_a_run_is_stopped_from_its_line_and_its_question_goes_away(stage: Any, engine: Any) -> None:
    engine.workflows.asks = [asked()]
    async with stage() as on:
        await on.play(began(), asked())
        await fill_in(on, "{}")
        await on.press("escape")
        on.main.query_one(RunCard).focus()
        await on.press("X")
        assert engine.workflows.intents == [("stop", RUN)]
        ended = Problem("cancelled", "You stopped this run of the workflow.")
        await on.play(ev.WorkflowEnded(at=NOW, run_id=RUN, problem=ended))
        assert "■ Workflow 7397  stopped" in on.said


async def test_what_an_earlier_process_left_waiting_is_offered_and_taken_up(stage: Any, engine: Any) -> None:
    engine.workflows.left = [
        WaitingWorkflow("old-1", "7397", "Which city?", NOW - 60),
        WaitingWorkflow("old-2", "7398", '{"c2jy": 1, "tool": "list_drafts"}', NOW - 50),
    ]
    async with stage() as on:
        assert "? Workflow 7397  left waiting" in on.said
        assert "Which city?" in on.said
        first, second = on.main.query(RunCard)
        first.focus()
        await on.press("enter")
        second.focus()
        await on.press("delete")
        assert engine.workflows.intents == [("resume", "old-1"), ("drop", "old-2")]
        assert "- Workflow 7398  abandoned" in on.said


async def test_runs_of_the_conversation_are_shown_again_with_all_that_they_said(
    stage: Any, engine: Any
) -> None:
    call = CallView(
        "c9", "list_drafts", "{}", "bridge", NOW, RUN, started_at=NOW, finished_at=NOW, outcome=ev.Outcome.OK
    )
    problem = Problem("network", "The stream broke.", "Run it again.")
    engine.stored_messages = [MessageView("t1", "user", "question", "Before.", NOW - 5)]
    engine.stored_runs = [
        RecordedRun(
            [
                began(),
                said('{"c2jy": 1, "tool": "list_drafts", "args": {}}'),
                asked(),
                ev.WorkflowAnswered(at=NOW, run_id=RUN, text="Xian"),
                said("Three dra"),
                ev.WorkflowEnded(at=NOW + 2, run_id=RUN, debug_url=LINK, problem=problem),
            ],
            [call],
        ),
        RecordedRun([ev.WorkflowStarted(at=NOW + 5, run_id="killed", workflow_id="7398")]),
        RecordedRun([ev.WorkflowStarted(at=NOW + 6, run_id="left", workflow_id="7399")]),
    ]
    engine.workflows.left = [WaitingWorkflow("left", "7399", "Which year?", NOW + 6)]
    async with stage() as on:
        order = [
            "Before.",
            "✗ Workflow 7397  failed · 2.0 s",
            "▌ Xian",
            "Three dra",
            "✓ list_drafts  done",
            "The stream broke.",
            "- Workflow 7398  abandoned",
            "? Workflow 7399  left waiting",
            "Which year?",
        ]
        places = [on.said.index(words) for words in order]
        assert places == sorted(places)
        assert "c2jy" not in on.said.replace("c2jy-tui", "")
        await on.play(said("Three dra"))  # it was on its way when the journal was read
        assert on.said.count("Three dra") == 1


async def test_a_run_that_goes_on_is_shown_once_when_its_conversation_is_opened_again(
    stage: Any, engine: Any
) -> None:
    async with stage() as on:
        await on.play(began(), said("One."))
        engine.stored_runs = [RecordedRun([began(), said("One.")])]
        await on.press("ctrl+n")
        assert on.said.count("Workflow 7397  running") == 1
        assert on.said.count("One.") == 1
        await on.play(
            ev.WorkflowSaid(at=NOW + 1, run_id=RUN, node="End", text="Two."),
            ev.WorkflowEnded(at=NOW + 2, run_id=RUN, output="Two."),
        )
        assert on.said.count("Workflow 7397  done") == 1
        assert on.said.count("Two.") == 1


async def test_a_run_stays_in_view_in_another_conversation_and_in_another_language(stage: Any) -> None:
    async with stage() as on:
        await on.play(began())
        await on.press("ctrl+n")
        assert "Workflow 7397  running" in on.said
        await on.app.action_language("zh")
        await on.settle()
        assert "工作流 7397  运行中" in on.said


async def test_quitting_with_a_run_that_goes_on_is_asked_about(stage: Any) -> None:
    async with stage() as on:
        await on.play(began())
        await on.press("ctrl+q")
        assert "A workflow is still running" in on.text


async def test_the_app_is_ready_once_what_it_keeps_is_shown_and_the_bot_has_a_name(
    make_app: Any, engine: Any
) -> None:
    from dataclasses import replace

    go_on = asyncio.Event()
    at_once = engine.calls

    async def slowly(*args: Any, **more: Any) -> Any:
        await go_on.wait()
        return await at_once(*args, **more)

    engine.calls = slowly
    engine.connection = replace(engine.connection, bot_name="")
    app = make_app()

    def screen() -> str:
        return "\n".join(strip.text for strip in app.screen._compositor.render_strips())

    async with app.run_test(size=(120, 36)) as pilot:
        await soon(pilot, lambda: app._main is not None and app._main.header.connection is not None)
        await pilot.pause()
        assert "starting" in screen()
        assert "Loading…" in screen()
        assert "7429" not in screen()
        go_on.set()
        await soon(pilot, lambda: app._main.activity.doing == "connecting")
        engine.connection = replace(engine.connection, bot_name="美食助手")
        engine.emit(ev.ConnectionChanged(at=NOW, bot_name="美食助手"))
        await soon(pilot, lambda: app._main.activity.doing == "ready")
        await pilot.pause()
        assert "美食助手" in screen()
        assert "Loading…" not in screen()


async def test_a_journal_that_takes_no_more_is_said_where_the_user_looks(stage: Any) -> None:
    async with stage() as on:
        problem = Problem(
            "journal", "The journal cannot be written: /d/journal.db: disk is full", "Make room."
        )
        await on.play(ev.JournalStopped(at=NOW, problem=problem))
        assert "/d/journal.db" in on.said
        assert "Make room." in on.said
        await on.play(ev.JournalResumed(at=NOW))
        assert "can be written again" in on.said
