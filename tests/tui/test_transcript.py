"""What was said and done, folded from events; and what the header makes of it. No widget is involved."""

from __future__ import annotations

from typing import Any

from c2jy_bridge.core import events as ev
from c2jy_bridge.core import i18n
from c2jy_bridge.core.events import Outcome, Problem
from c2jy_bridge.core.views import BridgeView, CallView, ConnectionView, IntakeView, MessageView, Role
from c2jy_tui.controllers.activity import Activity, Doing, after
from c2jy_tui.controllers.approvals import Approvals
from c2jy_tui.controllers.bridge_mode import BridgeMode
from c2jy_tui.panes.chat.composer import InputHistory
from c2jy_tui.panes.chat.entries import Answer, Call, Failure, FollowUps, Notice, Question, Thinking
from c2jy_tui.panes.chat.transcript import Transcript
from c2jy_tui.widgets.header_bar import line

NOW = 1_760_000_000.0


def kinds(transcript: Transcript) -> list[type[Any]]:
    return [type(entry) for entry in transcript.entries]


def test_a_turn_is_one_question_its_thoughts_its_calls_and_its_answers_in_order(bot: Any) -> None:
    transcript = Transcript()
    for event in (
        bot.started("q"),
        bot.thinks("hm", "m1"),
        bot.says("first", "m1"),
        bot.wants("probe_media"),
        bot.runs(),
        bot.finished("probe_media"),
        bot.says("second", "m2"),
        bot.suggests("a?"),
        bot.suggests("b?"),
        bot.completed(),
    ):
        transcript.apply(event)
    assert kinds(transcript) == [Question, Thinking, Answer, Call, Answer, FollowUps]
    assert transcript.turn_id == ""


def test_the_question_stands_once_whichever_comes_first_the_intent_or_the_event(bot: Any) -> None:
    early, late = Transcript(), Transcript()
    early.ask("turn-1", "q", NOW)
    early.apply(bot.started("q"))
    late.apply(bot.started("q"))
    late.ask("turn-1", "q", NOW)
    assert kinds(early) == kinds(late) == [Question]
    assert early.entries[0].accepted
    assert late.entries[0].accepted


def test_reasoning_that_comes_only_with_the_finished_answer_is_kept(bot: Any) -> None:
    transcript = Transcript()
    transcript.apply(bot.started("q"))
    event = ev.AnswerCompleted(at=NOW, turn_id="turn-1", message_id="m1", text="a", reasoning="because")
    transcript.apply(event)
    thought = next(e for e in transcript.entries if isinstance(e, Thinking))
    assert "".join(thought.parts) == "because"
    assert thought.ended_at == NOW


def test_only_what_changed_is_reported(bot: Any) -> None:
    transcript = Transcript()
    transcript.apply(bot.started("q"))
    (answer,) = transcript.apply(bot.says("a"))
    assert transcript.apply(bot.says("b")) == [answer]
    assert answer.text == "ab"


def test_a_turn_that_ends_closes_its_thoughts_and_answers_and_no_other_turns(bot: Any) -> None:
    transcript = Transcript()
    transcript.apply(bot.started("q"))
    transcript.apply(bot.thinks("hm"))
    transcript.apply(bot.says("half", "m2"))
    transcript.apply(bot.failed(Problem("network", "No network.")))
    assert [e.complete for e in transcript.entries if isinstance(e, Answer)] == [True]
    assert isinstance(transcript.entries[-1], Failure)


def test_turns_of_the_bridge_leave_no_trace(bot: Any) -> None:
    transcript = Transcript()
    bot.turn_id = "relay-1"
    for event in (
        bot.started("x", source="bridge"),
        bot.says("y"),
        bot.wants("t"),
        bot.runs(),
        bot.completed(),
    ):
        assert list(transcript.apply(event)) == []
    assert transcript.entries == []


def test_the_journal_gives_back_what_was_there_and_only_the_last_follow_ups() -> None:
    def message(turn: int, kind: Any, text: str, at: float) -> MessageView:
        role: Role = "user" if kind == "question" else "assistant"
        return MessageView(f"t{turn}", role, kind, text, NOW + at, message_id=f"m{turn}{kind}")

    transcript = Transcript()
    transcript.load(
        [
            message(1, "question", "q1", 0),
            message(1, "answer", "a1", 2),
            message(1, "follow_up", "old?", 3),
            message(2, "question", "q2", 4),
            message(2, "error", "It broke.", 5),
            message(2, "follow_up", "new?", 6),
            message(2, "follow_up", "new?", 7),
        ],
        [
            CallView(
                "c1",
                "probe_media",
                "{}",
                "chat",
                NOW + 1,
                started_at=NOW + 1,
                finished_at=NOW + 1.5,
                outcome=Outcome.OK,
            ),
            CallView("c2", "probe_media", "{}", "bridge", NOW + 1),
        ],
    )
    assert kinds(transcript) == [Question, Call, Answer, Question, Failure, FollowUps]
    assert transcript.entries[1].elapsed_s == 0.5
    assert transcript.entries[-1].texts == ["new?"]


def test_what_was_stopped_says_so_after_a_restart_and_how_long_the_bot_had_thought() -> None:
    transcript = Transcript()
    transcript.load(
        [
            MessageView("t1", "user", "question", "q1", NOW),
            MessageView("t1", "assistant", "answer", "", NOW + 5, "m1", reasoning="Hm.", thought_s=3.5),
            MessageView("t1", "assistant", "notice", "cancelled", NOW + 5, "cancelled"),
        ],
        [],
    )
    assert kinds(transcript) == [Question, Thinking, Notice]
    _, thought, notice = transcript.entries
    assert (thought.timed, thought.ended_at - thought.at) == (True, 3.5)
    assert notice.key == "notice.cancelled"


def test_a_stream_that_broke_is_remarked_on(bot: Any) -> None:
    transcript = Transcript()
    transcript.apply(bot.started("q"))
    transcript.apply(bot.recovered("stalled"))
    assert isinstance(transcript.entries[-1], Notice)
    assert transcript.entries[-1].key == "notice.recovered_stalled"


def activity_after(*events: ev.Event) -> Activity:
    activity = Activity(doing=Doing.SENDING, since=NOW, turn_id="turn-1")
    for event in events:
        activity = after(activity, event)
    return activity


def test_the_header_says_what_the_turn_is_busy_with(bot: Any) -> None:
    said = [bot.started("q"), bot.thinks("hm")]
    assert activity_after().doing is Doing.SENDING
    assert activity_after(*said).doing is Doing.THINKING
    said += [bot.says("a")]
    assert activity_after(*said).doing is Doing.ANSWERING
    said += [bot.wants("probe_media"), bot.runs()]
    assert activity_after(*said).doing is Doing.CALLING
    assert activity_after(*said).tool == "probe_media"
    said += [bot.asks_leave("read_file", {}, call_id="call-2")]
    assert activity_after(*said).doing is Doing.APPROVAL
    said += [bot.runs("call-2"), bot.finished("probe_media")]
    assert activity_after(*said).doing is Doing.WAITING
    said += [bot.completed(77)]
    assert activity_after(*said).doing is Doing.READY
    assert activity_after(*said).tokens == 77
    assert not activity_after(*said).busy


def test_a_call_that_outlives_its_turn_still_counts_as_busy(bot: Any) -> None:
    activity = activity_after(bot.started("q"), bot.wants("generate_draft"), bot.runs(), bot.cancelled())
    assert activity.doing is Doing.CALLING
    assert activity.busy


def test_the_header_drops_what_matters_less_when_there_is_no_room(bot: Any) -> None:
    connection = ConnectionView("美食助手", "7429", "api.coze.cn", "/drafts")
    activity = activity_after(bot.started("q"), bot.completed(1234))
    for width in (120, 60, 40, 30):
        drawn = line(connection, activity, BridgeMode(), NOW, width)
        assert drawn.cell_length == width
        assert drawn.plain.endswith("● ready")
    assert "bridge off" in line(connection, activity, BridgeMode(), NOW, 120).plain
    assert "美食助手" in line(connection, activity, BridgeMode(), NOW, 40).plain
    assert "api.coze.cn" not in line(connection, activity, BridgeMode(), NOW, 30).plain


def test_the_header_says_when_it_is_the_demo_and_when_the_bridge_is_on() -> None:
    demo = ConnectionView("Bot", "1", "127.0.0.1", "/drafts", demo=True)
    bridge = BridgeMode(BridgeView(on=True, address="http://127.0.0.1:8765"))
    drawn = line(demo, Activity(doing=Doing.READY), bridge, NOW, 80).plain
    assert "DEMO" in drawn
    assert "bridge 127.0.0.1:8765" in drawn


def test_the_last_sign_of_life_of_an_intake_is_counted_in_the_unit_that_suits_it() -> None:
    i18n.use("zh")
    demo = ConnectionView("Bot", "1", "127.0.0.1", "/drafts", demo=True)
    for ago, words in ((1, "刚刚"), (9, "9 秒前"), (480, "8 分钟前"), (7300, "2 小时前")):
        view = BridgeView(
            on=True, address="http://127.0.0.1:8765", intakes=(IntakeView("http", "", NOW - ago),)
        )
        drawn = line(demo, Activity(doing=Doing.READY), BridgeMode(view), NOW, 120).plain
        assert f"心跳：HTTP {words}" in drawn


def test_questions_are_asked_in_order_and_one_put_off_is_not_asked_again(bot: Any) -> None:
    approvals = Approvals()
    approvals.take(bot.asks_leave("a", {}, call_id="1"))
    approvals.take(bot.asks_leave("b", {}, call_id="2"))
    assert approvals.following().call_id == "1"
    approvals.put_off("1")
    assert approvals.following().call_id == "2"
    assert approvals.get("1") is not None
    approvals.take(bot.finished("b", Outcome.DENIED, call_id="2"))
    assert approvals.following() is None
    assert len(approvals) == 1


def test_the_history_keeps_the_draft_and_counts_repeats_once() -> None:
    history = InputHistory(["a"])
    history.add("b")
    history.add("b")
    assert [history.older("draft"), history.older(""), history.older("")] == ["b", "a", None]
    assert [history.newer(), history.newer(), history.newer()] == ["b", "draft", None]
