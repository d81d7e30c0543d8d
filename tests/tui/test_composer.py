"""The composer: slash commands, attached files, prompts, long pastes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from textual.events import Paste

from c2jy_bridge.core.views import BotView, MessageView
from c2jy_tui.panes.chat.completion import attached
from c2jy_tui.screens.choice import ChoiceScreen
from c2jy_tui.screens.workflow_forms import WorkflowFormScreen
from pane_host import soon

NOW = 1_760_000_000.0


async def test_a_slash_command_is_completed_and_run(stage: Any, engine: Any) -> None:
    async with stage() as on:
        await on.press("slash", "n")
        assert "/new" in on.text
        await on.press("enter")
        assert on.chat.composer.text == "/new "
        await on.press("enter")
        assert engine.conversation_id == ""
        assert engine.sent == []


async def test_arrows_move_through_the_proposals_and_escape_closes_them(stage: Any) -> None:
    async with stage() as on:
        await on.press("slash", "e", "down", "tab")
        assert on.chat.composer.text == "/export "
        on.chat.composer.clear()
        await on.press("slash", "escape", "escape")
        assert on.chat.composer.text == "/"
        assert "/help" not in on.text


async def test_an_unknown_command_is_not_sent_and_comes_back(stage: Any, engine: Any) -> None:
    async with stage() as on:
        await on.press("slash", *"nothing", "enter")
        assert engine.sent == []
        assert on.chat.composer.text == "/nothing"
        assert "no command /nothing" in [n.message for n in on.app._notifications][-1]


async def test_a_path_and_a_double_slash_are_questions(stage: Any, engine: Any) -> None:
    async with stage() as on:
        await on.ask("/home/me/a.mp4 is mine")
        await on.ask("//so")
        assert engine.sent == ["/home/me/a.mp4 is mine"]
        assert on.chat.queued == "//so"


async def test_a_prompt_of_the_users_folder_is_a_command(stage: Any, engine: Any, tmp_path: Path) -> None:
    (tmp_path / "prompts").mkdir()
    (tmp_path / "prompts" / "recipe.md").write_text("Make a cooking video about:\n", encoding="utf-8")
    (tmp_path / "prompts" / "new.md").write_text("never", encoding="utf-8")
    engine.settings.config_dir = tmp_path
    async with stage() as on:
        await on.press("slash", *"rec")
        assert "prompt from recipe.md" in on.text
        await on.press("enter", *"soup", "enter")
        assert on.chat.composer.text == "Make a cooking video about: soup"
        assert engine.sent == []


async def test_a_file_is_completed_and_uploaded_because_it_was_named(
    stage: Any, engine: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "a plan.txt").write_text("x" * 2048)
    (tmp_path / "art").mkdir()
    monkeypatch.chdir(tmp_path)
    async with stage() as on:
        await on.press(*"see ", "@", "a")
        await soon(on.pilot, lambda: "a plan.txt" in on.text)
        assert "art/" in on.text
        await on.press("down", "tab")
        assert on.chat.composer.text == 'see @"a plan.txt" '
        await on.press("enter")
        await soon(on.pilot, lambda: engine.sent)
        assert engine.sent == ['see @"a plan.txt"']
        assert [file.name for file in engine.sent_files] == ["a plan.txt"]
        await on.settle()
        assert "2.0 kB" in on.said or "2 kB" in on.said or "2.05 kB" in on.said


async def test_a_question_whose_file_was_not_uploaded_comes_back(
    stage: Any, engine: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "a.png").write_bytes(b"x")
    monkeypatch.chdir(tmp_path)
    engine.upload_fails = True
    async with stage() as on:
        await on.ask("see @a.png")
        await soon(on.pilot, lambda: on.chat.composer.text)
        assert on.chat.composer.text == "see @a.png"
        assert engine.sent == []


def test_only_existing_files_after_a_space_are_attached(tmp_path: Path) -> None:
    (tmp_path / "a.png").write_bytes(b"x")
    one = tmp_path / "a.png"
    assert attached(f"@{one} and @{one} me@{one} @missing.png @{tmp_path}") == [one]


async def test_a_long_paste_is_one_line_and_is_sent_whole(stage: Any, engine: Any) -> None:
    long = "\n".join(f"line {n}" for n in range(40))
    async with stage() as on:
        await on.press(*"look: ")
        on.chat.composer.post_message(Paste(long))
        await on.settle()
        assert on.chat.composer.text.startswith("look: [paste 1: 40 lines, ")
        assert on.chat.composer.document.line_count == 1
        await on.press("enter")
        assert engine.sent == [f"look: {long}"]
        await on.press("up")
        assert on.chat.composer.text.startswith("look: [paste 1: 40 lines, ")


async def test_files_named_inside_a_long_paste_are_not_uploaded(
    stage: Any, engine: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "secret.txt").write_text("x")
    monkeypatch.chdir(tmp_path)
    async with stage() as on:
        on.chat.composer.post_message(Paste("\n".join(["@secret.txt"] * 40)))
        await on.press("enter")
        assert engine.sent_files == []
        assert engine.sent[0].count("@secret.txt") == 40


async def test_a_bot_is_chosen_by_its_name(stage: Any, engine: Any) -> None:
    engine.stored_bots = [BotView("1", "Cook", "kitchen"), BotView("2", "Gardener", "garden", "grows things")]
    engine.stored_messages = [MessageView("t", "user", "question", "before", NOW)]
    async with stage() as on:
        await on.press("slash", *"bot", "enter")
        assert isinstance(on.app.screen, ChoiceScreen)
        await on.press(*"gard", "enter")
        assert engine.connection.bot_id == "2"
        assert "before" not in on.said


async def test_a_workflow_is_chosen_by_its_name_and_asks_for_its_parameters(stage: Any) -> None:
    async with stage() as on:
        await on.press("slash", *"workflow", "enter")
        assert "Make a soup video" in on.text
        await on.press("enter")
        assert isinstance(on.app.screen, WorkflowFormScreen)
        assert "7397" in on.text
