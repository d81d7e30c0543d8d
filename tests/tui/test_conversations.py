"""The dialog of conversations: told apart, searched, renamed, deleted and exported."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from c2jy_bridge.core.events import Problem
from c2jy_bridge.core.views import CallView, ConversationView, FoundMessage, MessageView, WrittenDraft
from c2jy_bridge.engine.conversations import Fork
from c2jy_tui.panes.chat.pane import TranscriptView
from c2jy_tui.screens.conversations import ConversationsScreen
from c2jy_tui.screens.dialogs import LineScreen
from c2jy_tui.screens.rewind import RewindScreen
from c2jy_tui.widgets.prose import Prose
from pane_host import soon

NOW = 1_760_000_000.0


def two() -> list[ConversationView]:
    """Two conversations with one title."""
    return [
        ConversationView("conv-1", "Noodles", NOW - 60, NOW - 60, 2, "Noodles", "with soup"),
        ConversationView("conv-2", "Noodles", NOW - 90_000, NOW - 90_000, 5, "a video about rice", "shorter"),
    ]


async def test_two_conversations_with_one_title_are_told_apart(stage: Any, engine: Any) -> None:
    engine.stored_conversations = two()
    async with stage() as on:
        await on.press("ctrl+o")
        lines = [line for line in on.lines if "Noodles" in line]
        assert "turns: 2" in lines[0]
        assert "turns: 5" in lines[1]
        assert lines[0] != lines[1]
        assert "→ with soup" in on.text
        assert "a video about rice → shorter" in on.text


async def test_a_search_goes_through_all_conversations_and_opens_what_it_finds(
    stage: Any, engine: Any
) -> None:
    engine.stored_conversations = two()
    engine.conversations.found = [FoundMessage("conv-2", "Noodles", "answer", NOW, "add Spring onion last")]
    async with stage() as on:
        await on.press("ctrl+o", "slash", *"spring")
        await soon(on.pilot, lambda: engine.conversations.asked == [("search", "spring")])
        await on.settle()
        assert "add Spring onion last" in on.text
        await on.press("down", "enter")
        assert engine.opened == ["conv-2"]


async def test_escape_leaves_the_search_before_the_dialog(stage: Any, engine: Any) -> None:
    engine.stored_conversations = two()
    async with stage() as on:
        await on.press("ctrl+o", "slash", "x", "escape")
        assert isinstance(on.app.screen, ConversationsScreen)
        await on.press("escape")
        assert on.app.screen is on.main


async def test_a_conversation_is_renamed_and_a_refusal_of_coze_is_said(stage: Any, engine: Any) -> None:
    engine.stored_conversations = two()
    engine.conversations.problem = Problem("network", "api.coze.cn cannot be reached")
    async with stage() as on:
        await on.press("ctrl+o", "e")
        assert isinstance(on.app.screen, LineScreen)
        await on.press("end", *" 2", "enter")
        assert engine.conversations.asked == [("rename", "conv-1", "Noodles 2")]
        assert "api.coze.cn cannot be reached" in [n.message for n in on.app._notifications][-1]


async def test_a_deleted_conversation_is_gone_from_the_list_and_U_brings_it_back(
    stage: Any, engine: Any
) -> None:
    engine.stored_conversations = two()
    async with stage() as on:
        await on.press("ctrl+o", "down", "delete")
        assert [one.conversation_id for one in engine.stored_conversations] == ["conv-1"]
        assert "turns: 5" not in on.text
        await on.press("U")
        assert "turns: 5" in on.text


async def test_after_the_open_conversation_is_deleted_a_new_one_begins(stage: Any, engine: Any) -> None:
    engine.stored_conversations = two()
    engine.stored_messages = [MessageView("t", "user", "question", "Noodles", NOW)]
    async with stage() as on:
        await on.press("ctrl+o", "delete", "escape")
        assert engine.conversation_id == ""


async def test_an_export_goes_into_a_new_file_and_replaces_none(
    stage: Any, engine: Any, tmp_path: Path
) -> None:
    engine.stored_conversations = two()
    (tmp_path / "Noodles.md").write_text("mine")
    async with stage(folder=tmp_path) as on:
        await on.press("ctrl+o", "x", "enter")
        assert (tmp_path / "Noodles.md").read_text() == "mine"
        assert isinstance(on.app.screen, LineScreen)  # asked again
        await on.press("end", *["backspace"] * 3, *"-2.md", "enter")
        await on.settle()
        assert (tmp_path / "Noodles-2.md").read_text() == "# conv-1\n"
        assert (tmp_path / "Noodles-2.md").stat().st_mode & 0o777 == 0o600


def talk() -> list[MessageView]:
    """Three questions with their answers."""
    texts = ("soup", "rice", "tea")
    told: list[MessageView] = []
    for n, text in enumerate(texts):
        told.append(MessageView(f"t{n}", "user", "question", f"question about {text}", NOW + n))
        told.append(MessageView(f"t{n}", "assistant", "answer", f"answer about {text}", NOW + n, f"m{n}"))
    return told


async def test_a_search_in_the_chat_goes_from_the_newest_match_to_older_ones(stage: Any, engine: Any) -> None:
    engine.stored_messages = talk()
    async with stage() as on:
        on.main.query_one(TranscriptView).focus()
        await on.press("slash", *"answer")
        assert "1/3" not in on.text
        assert "3/3" in on.text
        assert any(prose.marked_line is not None for prose in on.main.query(Prose))
        await on.press("enter", "n", "n")
        assert "1/3" in on.text
        await on.press("N")
        assert "2/3" in on.text
        await on.press("escape")
        assert on.main.focused is on.chat.composer
        assert all(prose.marked_line is None for prose in on.main.query(Prose))


@pytest.mark.slow
async def test_a_search_brings_a_match_into_view_that_was_not_drawn(stage: Any, engine: Any) -> None:
    many = [MessageView(f"t{n}", "user", "question", f"question {n}.", NOW + n) for n in range(300)]
    engine.stored_messages = many
    async with stage() as on:
        on.main.query_one(TranscriptView).focus()
        await on.press("slash", *"question 7.")
        await soon(on.pilot, lambda: "question 7." in "".join(on.lines[2:-3]))


async def test_the_last_question_is_asked_again(stage: Any, engine: Any) -> None:
    engine.stored_messages = talk()
    async with stage() as on:
        on.main.query_one(TranscriptView).focus()
        await on.press("r")
        assert engine.sent == ["question about tea"]


async def test_escape_twice_goes_back_to_an_earlier_question_in_a_new_conversation(
    stage: Any, engine: Any
) -> None:
    engine.stored_messages = talk()
    engine.conversations.forked = Fork("conv-2", "question about rice", 2, 2)
    async with stage() as on:
        await on.press("escape", "escape")
        assert isinstance(on.app.screen, RewindScreen)
        await on.press("up", "enter")
        assert engine.conversations.asked == [("fork", "conv-1", "t1")]
        assert engine.opened == ["conv-2"]
        assert on.chat.composer.text == "question about rice"
        assert "no tool calls" in [n.message for n in on.app._notifications][-1]


async def test_escape_twice_over_a_text_that_is_being_written_opens_nothing(stage: Any, engine: Any) -> None:
    engine.stored_messages = talk()
    async with stage() as on:
        await on.press("x", "escape", "escape")
        assert on.app.screen is on.main
        assert on.chat.composer.text == "x"


async def test_a_fork_that_coze_refuses_leaves_everything_as_it_was(
    stage: Any, engine: Any, monkeypatch: Any
) -> None:
    async def refused(conversation_id: str, turn_id: str) -> Fork:
        raise RuntimeError("api.coze.cn cannot be reached.")

    engine.stored_messages = talk()
    monkeypatch.setattr(engine.conversations, "fork", refused)
    async with stage() as on:
        on.main.query_one(TranscriptView).focus()
        await on.press("e")
        assert engine.conversation_id == "conv-1"
        assert "api.coze.cn cannot be reached" in [n.message for n in on.app._notifications][-1]


async def test_a_reopened_conversation_shows_its_drafts_after_their_calls(stage: Any, engine: Any) -> None:
    engine.stored_messages = talk()
    call = CallView("c1", "generate_draft", "{}", "chat", NOW + 1.2, turn_id="t1", conversation_id="conv-1")
    engine.stored_calls = [call]
    engine.stored_drafts = [WrittenDraft("c1", NOW + 1.5, "Soup", "/d/Soup", 7_000_000, 0)]
    async with stage() as on:
        lines = on.lines
        call_at = next(n for n, line in enumerate(lines) if "generate_draft" in line.split("││")[0])
        assert "Soup" in lines[call_at + 1]
        assert "0:07.0" in lines[call_at + 1]
