"""The chat pane, with the whole app around it."""

from __future__ import annotations

from typing import Any

import pytest
from textual import events
from textual.geometry import Offset

from c2jy_bridge.core.events import Outcome, Problem
from c2jy_bridge.core.views import CallView as StoredCall
from c2jy_bridge.core.views import ConversationView, MessageView
from c2jy_tui.panes.chat.cards import CallCard, DraftCard
from c2jy_tui.panes.chat.entry_widgets import AnswerView, Earlier, FailureView, ThinkingView
from c2jy_tui.panes.chat.pane import FIRST, MOST, TranscriptView
from c2jy_tui.panes.chat.suggestions import Suggestion, Suggestions
from c2jy_tui.screens.conversations import ConversationsScreen

NOW = 1_760_000_000.0


async def test_a_newcomer_is_told_what_to_do_and_asks_an_example_with_two_keys(stage: Any) -> None:
    async with stage() as on:
        assert "Describe the video you want" in on.text
        assert "/home/maker/drafts" in on.text
        await on.press("tab", "1")
        assert on.engine.sent == ["Make me a video about Chinese food"]
        assert "Describe the video you want" not in on.text
        assert on.main.focused is on.chat.composer


async def test_enter_sends_and_ctrl_j_begins_a_new_line(stage: Any) -> None:
    async with stage() as on:
        await on.press(*"one", "ctrl+j", *"two")
        assert on.engine.sent == []
        await on.press("enter")
        assert on.engine.sent == ["one\ntwo"]
        assert on.chat.composer.text == ""


async def test_chinese_text_keeps_the_terminals_cursor_behind_it(stage: Any) -> None:
    async with stage() as on:
        on.chat.composer.insert("做视频")
        await on.settle()
        composer = on.chat.composer
        assert on.app.cursor_position == composer.content_region.offset + Offset(6, 0)


async def test_the_cursor_stays_at_the_composer_when_the_layout_changes(stage: Any) -> None:
    async with stage() as on:
        await on.pilot.resize_terminal(70, 20)
        await on.settle()
        assert on.app.cursor_position == on.chat.composer.content_region.offset


async def test_what_is_typed_after_enter_is_not_glued_to_what_was_sent(stage: Any) -> None:
    async with stage() as on:
        for key in (*"tell me", "enter", *"next"):  # all at once, before anything is handled
            on.app.post_message(events.Key("space" if key == " " else key, key if len(key) == 1 else None))
        await on.settle()
        assert on.engine.sent == ["tell me"]
        assert on.chat.composer.text == "next"


async def test_a_question_that_is_refused_comes_back_before_what_was_typed_since(stage: Any) -> None:
    async with stage() as on:
        await on.ask("one")
        await on.play(on.bot.started("one"))
        await on.ask("two")  # queued
        await on.ask("three")
        assert on.chat.queued == "two"
        assert on.chat.composer.text == "three"
        on.chat.composer.write("four")
        await on.press("escape")
        assert on.chat.composer.text == "two\nfour"
        assert on.engine.sent == ["one"]


async def test_a_blank_question_is_not_sent(stage: Any) -> None:
    async with stage() as on:
        await on.press("space", "enter")
        assert on.engine.sent == []


async def test_an_answer_grows_as_it_streams(stage: Any) -> None:
    async with stage() as on:
        await on.ask("q")
        await on.play(on.bot.started("q"), on.bot.says("Hello **wor"))
        assert "Hello **wor" in on.text
        await on.play(on.bot.says("ld** and\n\n- more"))
        assert "Hello world and" in on.text
        assert "• more" in on.text


async def test_the_complete_answer_replaces_what_the_deltas_gave(stage: Any) -> None:
    async with stage() as on:
        await on.ask("q")
        await on.play(on.bot.started("q"), on.bot.says("half"), on.bot.said("The whole answer"))
        assert "half" not in on.text
        assert "The whole answer" in on.text


async def test_thoughts_are_one_line_until_they_are_unfolded(stage: Any) -> None:
    async with stage() as on:
        await on.ask("q")
        await on.play(on.bot.started("q"), on.bot.thinks("secret plan"))
        assert "▸ Thinking…" in on.text
        assert "secret plan" not in on.text
        on.clock.advance(3)
        await on.play(on.bot.says("Done."))
        assert "▸ Thought for 3.0 s" in on.text
        on.main.query_one(ThinkingView).focus()
        await on.press("enter")
        assert "▾ Thought for 3.0 s" in on.text
        assert "secret plan" in on.text
        await on.press("enter")
        assert "secret plan" not in on.text


async def test_unfolded_thoughts_go_on_growing(stage: Any) -> None:
    async with stage() as on:
        await on.ask("q")
        await on.play(on.bot.started("q"), on.bot.thinks("first "))
        on.main.query_one(ThinkingView).focus()
        await on.press("enter")
        await on.play(on.bot.thinks("second"))
        assert "first second" in on.text


async def test_a_tool_call_is_one_line_that_says_its_state_in_words(stage: Any) -> None:
    async with stage() as on:
        await on.ask("q")
        await on.play(on.bot.started("q"), on.bot.wants("generate_draft"))
        assert "● generate_draft  requested" in on.text
        await on.play(on.bot.runs(), on.bot.progresses("downloading", 3, 12))
        on.clock.advance(4)
        on.main.query_one(TranscriptView).tick()
        await on.settle()
        assert "● generate_draft  running · 4.0 s · downloading · 25%" in on.text
        await on.play(on.bot.finished("generate_draft", elapsed_s=5.5))
        assert "✓ generate_draft  done · 5.5 s" in on.text


@pytest.mark.parametrize(
    ("outcome", "words"),
    [
        (Outcome.ERROR, "✗ probe_media  failed"),
        (Outcome.DENIED, "⊘ probe_media  denied"),
        (Outcome.CANCELLED, "■ probe_media  stopped"),
        (Outcome.TIMED_OUT, "✗ probe_media  timed out"),
    ],
)
async def test_a_call_that_did_not_go_well_says_so_and_why(stage: Any, outcome: Outcome, words: str) -> None:
    async with stage() as on:
        await on.ask("q")
        await on.play(
            on.bot.started("q"),
            on.bot.wants("probe_media"),
            on.bot.runs(),
            on.bot.finished("probe_media", outcome, error="urls[0]: no such host"),
        )
        assert words in on.text
        assert "urls[0]: no such host" in on.text


async def test_calls_of_the_bridge_and_reruns_are_not_part_of_the_chat(stage: Any) -> None:
    async with stage() as on:
        on.bot.turn_id = "relay-1"
        await on.play(
            on.bot.started("relay this", source="bridge"),
            on.bot.says("relayed"),
            on.bot.wants("probe_media"),
            on.bot.completed(),
        )
        assert "relay" not in on.said
        assert not on.main.query(CallCard)


async def test_enter_on_a_call_leads_to_it_in_the_inspector(stage: Any) -> None:
    async with stage() as on:
        await on.ask("q")
        await on.play(on.bot.started("q"), on.bot.wants("probe_media"), on.bot.finished("probe_media"))
        await on.play(on.bot.wants("list_drafts", call_id="call-2"))
        on.main.query(CallCard).first().focus()
        await on.press("enter")
        assert on.main.inspector.current_id == "call-1"
        assert on.main.inspector in on.main.focused.ancestors_with_self


async def test_a_draft_that_was_written_is_announced_and_leads_to_the_list(stage: Any) -> None:
    async with stage() as on:
        await on.ask("q")
        await on.play(on.bot.started("q"), on.bot.wants("generate_draft"), on.bot.wrote("中国美食"))
        assert "◆ Draft written: 中国美食 · 0:12.5" in on.text
        on.main.query_one(DraftCard).focus()
        await on.press("enter")
        assert on.main.drafts in on.main.focused.ancestors_with_self


async def test_follow_ups_can_be_picked_by_number_and_make_way_for_the_next_turn(stage: Any) -> None:
    async with stage() as on:
        await on.ask("q")
        await on.play(
            on.bot.started("q"),
            on.bot.said("a"),
            on.bot.suggests("Shorter?"),
            on.bot.suggests("Other music?"),
            on.bot.completed(),
        )
        assert "1 Shorter?" in on.text
        await on.press("tab")
        assert isinstance(on.main.focused, Suggestion)
        await on.press("2")
        assert on.engine.sent == ["q", "Other music?"]
        assert not on.main.query(Suggestions)


async def test_a_follow_up_can_be_clicked(stage: Any) -> None:
    async with stage() as on:
        await on.ask("q")
        await on.play(on.bot.started("q"), on.bot.said("a"), on.bot.suggests("Shorter?"), on.bot.completed())
        await on.pilot.click(Suggestion)
        await on.settle()
        assert on.engine.sent == ["q", "Shorter?"]


async def test_digits_typed_into_the_composer_are_text(stage: Any) -> None:
    async with stage() as on:
        await on.ask("q")
        await on.play(on.bot.started("q"), on.bot.said("a"), on.bot.suggests("Shorter?"), on.bot.completed())
        await on.press("1", "5")
        assert on.chat.composer.text == "15"
        assert on.engine.sent == ["q"]


async def test_an_error_is_a_block_with_what_to_do_and_the_logid(stage: Any) -> None:
    async with stage() as on:
        await on.ask("q")
        problem = Problem("coze", "The Bot is not published to the API.", "Publish it.", 4015, "2025ABC")
        await on.play(on.bot.started("q"), on.bot.failed(problem))
        assert on.main.query(FailureView)
        assert "✗ The Bot is not published to the API." in on.text
        assert "→ Publish it." in on.text
        assert "code 4015 · logid 2025ABC" in on.text
        assert "✗ failed" in on.lines[0]


async def test_a_recovered_stream_is_remarked_on(stage: Any) -> None:
    async with stage() as on:
        await on.ask("q")
        await on.play(on.bot.started("q"), on.bot.says("half "), on.bot.recovered("dropped"))
        assert "The connection was lost" in on.said


async def test_esc_stops_the_answer_and_its_text_stays(stage: Any) -> None:
    async with stage() as on:
        await on.ask("q")
        await on.play(on.bot.started("q"), on.bot.says("So far so good"))
        await on.press("escape")
        assert on.engine.cancelled == 1
        await on.play(on.bot.cancelled())
        assert "So far so good" in on.text
        assert "You stopped the answer here." in on.text
        assert "ready" in on.lines[0]


async def test_esc_without_a_turn_cancels_nothing_and_returns_to_the_composer(stage: Any) -> None:
    async with stage() as on:
        await on.press("f5", "escape")
        assert on.engine.cancelled == 0
        assert on.main.focused is on.chat.composer


async def test_a_question_asked_meanwhile_waits_and_goes_out_when_the_turn_ends(stage: Any) -> None:
    async with stage() as on:
        await on.ask("first")
        await on.play(on.bot.started("first"), on.bot.says("a"))
        await on.ask("second")
        assert on.engine.sent == ["first"]
        assert "Queued, Esc withdraws it" in on.text
        await on.play(on.bot.completed())
        assert on.engine.sent == ["first", "second"]
        assert "Queued, Esc withdraws it" not in on.text


async def test_esc_takes_the_waiting_question_back_before_it_stops_the_answer(stage: Any) -> None:
    async with stage() as on:
        await on.ask("first")
        await on.play(on.bot.started("first"), on.bot.says("a"))
        await on.ask("second")
        await on.press("escape")
        assert on.engine.cancelled == 0
        assert on.chat.composer.text == "second"
        await on.press("escape")
        assert on.engine.cancelled == 1


async def test_a_failed_turn_gives_the_waiting_question_back_instead_of_sending_it(stage: Any) -> None:
    async with stage() as on:
        await on.ask("first")
        await on.play(on.bot.started("first"))
        await on.ask("second")
        await on.play(on.bot.failed(Problem("network", "No network.")))
        assert on.engine.sent == ["first"]
        assert on.chat.composer.text == "second"


async def test_up_and_down_bring_back_what_was_asked_and_the_draft(stage: Any, engine: Any) -> None:
    engine.stored_questions = ["oldest", "newest"]
    async with stage() as on:
        await on.press(*"dr", "up")
        assert on.chat.composer.text == "newest"
        await on.press("up")
        assert on.chat.composer.text == "oldest"
        await on.press("up")
        assert on.chat.composer.text == "oldest"
        await on.press("down", "down")
        assert on.chat.composer.text == "dr"


async def test_up_inside_a_text_of_several_lines_moves_the_cursor(stage: Any, engine: Any) -> None:
    engine.stored_questions = ["earlier"]
    async with stage() as on:
        await on.press("a", "ctrl+j", "b", "up")
        assert on.chat.composer.text == "a\nb"
        await on.press("up")
        assert on.chat.composer.text == "earlier"


async def test_the_composer_grows_with_its_text_but_not_over_the_chat(stage: Any) -> None:
    async with stage() as on:
        before = on.chat.composer.outer_size.height
        for _ in range(30):
            await on.pilot.press("x", "ctrl+j")
        await on.settle()
        assert before < on.chat.composer.outer_size.height <= 8


async def test_the_view_follows_the_end_until_the_user_scrolls_up(stage: Any) -> None:
    async with stage() as on:
        await on.ask("q")
        await on.play(on.bot.started("q"), on.bot.says("\n\n".join(f"line {n}" for n in range(60))))
        view = on.main.query_one(TranscriptView)
        assert "line 59" in on.text
        await on.press("pageup")
        here = view.scroll_y
        await on.play(on.bot.says("\n\nnews"))
        assert view.scroll_y == here
        assert "newer below" in on.text
        await on.press("ctrl+end")
        assert "news" in on.text
        await on.play(on.bot.says("\n\nlatest"))
        assert "latest" in on.text
        assert "newer below" not in on.text


def conversation(turns: int) -> list[MessageView]:
    messages = []
    for n in range(turns):
        at = NOW + n
        messages.append(MessageView(f"t{n}", "user", "question", f"question {n}", at))
        messages.append(MessageView(f"t{n}", "assistant", "answer", f"answer {n}", at + 0.5, f"m{n}"))
    return messages


async def test_a_restart_shows_the_conversation_with_its_calls_in_place(stage: Any, engine: Any) -> None:
    engine.stored_messages = [
        *conversation(1),
        MessageView("t0", "assistant", "follow_up", "Shorter?", NOW + 0.6),
    ]
    engine.stored_calls = [
        StoredCall("c1", "probe_media", "{}", "chat", NOW + 0.2, turn_id="t0", outcome=Outcome.OK)
    ]
    async with stage() as on:
        text = on.text
        places = [text.index(words) for words in ("question 0", "✓ probe_media", "answer 0", "1 Shorter?")]
        assert places == sorted(places)


@pytest.mark.slow
async def test_a_long_conversation_opens_with_its_end_and_loads_the_past_on_demand(
    stage: Any, engine: Any
) -> None:
    engine.stored_messages = conversation(200)
    async with stage() as on:
        assert "answer 199" in on.text
        assert len(on.main.query(AnswerView)) == FIRST // 2
        on.main.query_one(Earlier).focus()
        await on.press("enter")
        assert len(on.main.query(AnswerView)) > FIRST // 2
        on.main.query_one(TranscriptView).scroll_home(animate=False)
        await on.settle()
        await on.settle()
        first = min(int(view.entry.text.split()[1]) for view in on.main.query(AnswerView))
        assert first < 200 - FIRST // 2 - 20


@pytest.mark.slow
async def test_a_session_of_many_turns_does_not_keep_a_widget_for_each(stage: Any) -> None:
    async with stage() as on:
        for n in range(MOST):
            on.bot.turn_id = f"turn-{n}"
            on.engine.emit(on.bot.started(f"q{n}"), on.bot.said(f"a{n}", f"m{n}"), on.bot.completed())
            if n % 20 == 0:
                await on.settle()
        await on.settle()
        view = on.main.query_one(TranscriptView)
        assert len(view.children) <= MOST + 1
        assert f"a{MOST - 1}" in on.text
        assert "earlier" in str(on.main.query_one(Earlier).render())


async def test_ctrl_n_begins_anew_and_ctrl_o_opens_an_earlier_conversation(stage: Any, engine: Any) -> None:
    engine.stored_conversations = [
        ConversationView("conv-2", "another", NOW, NOW, 1),
        ConversationView("conv-1", "this one", NOW, NOW, 2),
    ]
    async with stage() as on:
        await on.ask("q")
        await on.play(on.bot.started("q"), on.bot.said("a"), on.bot.completed())
        await on.press("ctrl+n")
        assert on.engine.conversation_id == ""
        assert "Describe the video you want" in on.text
        engine.stored_messages = conversation(1)
        await on.press("ctrl+o")
        assert isinstance(on.app.screen, ConversationsScreen)
        assert "another" in on.text
        await on.press("enter")
        assert on.engine.opened == ["conv-2"]
        assert "answer 0" in on.text


async def test_the_conversation_cannot_be_left_while_an_answer_runs(stage: Any) -> None:
    async with stage() as on:
        await on.ask("q")
        await on.play(on.bot.started("q"))
        await on.press("ctrl+n")
        assert on.engine.conversation_id == "conv-1"
        await on.press("ctrl+o")
        assert not isinstance(on.app.screen, ConversationsScreen)


async def test_the_last_answer_and_its_last_code_block_can_be_copied(stage: Any) -> None:
    async with stage() as on:
        copied: list[str] = []
        on.app.copy_to_clipboard = copied.append
        await on.ask("q")
        answer = "See:\n\n```json\n{1}\n```\n\nbye"
        await on.play(on.bot.started("q"), on.bot.said(answer), on.bot.completed())
        on.main.query_one(TranscriptView).focus()
        await on.press("y", "c")
        assert copied == [answer, "{1}\n"]


async def test_pasted_control_codes_do_not_get_into_the_composer(stage: Any) -> None:
    from textual.events import Paste

    async with stage() as on:
        on.chat.composer.post_message(Paste("a\x1b[2Jb\x9b1mc\r\nd"))
        await on.settle()
        assert on.chat.composer.text == "a[2Jb1mc\nd"


async def test_a_conversation_that_is_open_in_another_app_is_not_opened(stage: Any, engine: Any) -> None:
    engine.stored_conversations = [ConversationView("conv-2", "elsewhere", NOW, NOW, 1)]
    engine.open_elsewhere = {"conv-2"}
    async with stage() as on:
        await on.press("ctrl+o", "enter")
        assert on.engine.opened == []
        assert "open in another c2jy-tui window" in [n.message for n in on.app._notifications][-1]
