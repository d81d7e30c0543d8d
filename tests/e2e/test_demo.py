"""The main job, end to end: ask in Chinese, watch the call, find the draft on disk."""

from __future__ import annotations

import json
import shutil
import time
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

QUESTION = "帮我生成一个介绍中国美食的视频"


def draft_in(root: Path) -> tuple[Path, dict[str, Any]]:
    (folder,) = [p for p in root.iterdir() if p.is_dir() and not p.name.startswith(".")]
    return folder, json.loads((folder / "draft_content.json").read_text(encoding="utf-8"))


PLACEHOLDER = "##_draftpath_placeholder_0E685133-18CE-45ED-8CB8-2904A212EC80_##/"


def material_paths(folder: Path, content: dict[str, Any]) -> list[Path]:
    kinds = ("videos", "audios")
    named = [m["path"] for kind in kinds for m in content["materials"][kind]]
    assert all(path.startswith(PLACEHOLDER) for path in named)
    return [folder / path.removeprefix(PLACEHOLDER) for path in named]


@pytest.mark.parametrize(("columns", "rows"), [(120, 36), pytest.param(80, 24, marks=pytest.mark.slow)])
def test_a_question_in_the_app_ends_with_the_draft_in_the_list_and_on_disk(
    terminal: Callable[..., Any], tmp_path: Path, columns: int, rows: int
) -> None:
    root = tmp_path / "drafts"
    app = terminal("--demo", "--lang", "zh", "--drafts-root", root, columns=columns, rows=rows)
    app.wait_for("c2jy-tui")  # painted; what is typed before the engine is there waits for it
    app.type(QUESTION)
    app.press("Enter")
    app.wait_for("generate_draft")
    app.press("F5")
    app.wait_for("中国美食", "✓ 齐全")
    folder, content = draft_in(root)
    assert folder.name.startswith("中国美食")
    assert material_paths(folder, content)
    assert all(path.is_file() for path in material_paths(folder, content))
    app.wait_for("就绪")
    app.press("C-q")
    app.wait_for("exit status 0")


def test_chat_json_tells_the_whole_turn_in_order(c2jy: Callable[..., Any], tmp_path: Path) -> None:
    root = tmp_path / "drafts"
    done = c2jy("chat", "--demo", "--json", "--drafts-root", root, QUESTION)
    assert done.status == 0, done.err
    events = [json.loads(line) for line in done.out.splitlines()]
    names = [event["event"] for event in events]
    milestones = [
        "turn_started",
        "tool_call_requested",
        "tool_call_started",
        "draft_written",
        "tool_call_finished",
        "tool_outputs_submitted",
        "answer_completed",
        "turn_completed",
    ]
    places = [len(names) - 1 - names[::-1].index(name) for name in milestones]
    assert places == sorted(places), names
    assert names[0] == "turn_started"
    assert names[-1] == "turn_completed"

    folder, content = draft_in(root)
    kinds = {track["type"] for track in content["tracks"] if track["segments"]}
    assert {"video", "audio", "text"} <= kinds
    assert {m["type"] for m in content["materials"]["videos"]} == {"video", "photo"}
    paths = material_paths(folder, content)
    assert paths
    assert all(path.is_file() and path.is_relative_to(folder) for path in paths)
    (written,) = [event for event in events if event["event"] == "draft_written"]
    assert Path(written["path"]) == folder

    # The demo's draft is whole wherever it is put: copied under another name, packed and unpacked.
    packed = c2jy("draft", "pack", folder.name, "--out", tmp_path / "demo.zip", "--drafts-root", root)
    assert packed.status == 0, packed.err
    (tmp_path / "moved").mkdir()
    shutil.move(folder, tmp_path / "moved" / "renamed")
    with zipfile.ZipFile(tmp_path / "demo.zip") as archive:
        archive.extractall(tmp_path / "unpacked")
    for place, name in (("moved", "renamed"), ("unpacked", folder.name)):
        whole = c2jy("draft", "check", name, "--drafts-root", tmp_path / place, "--json")
        assert (whole.status, json.loads(whole.out)["issues"]) == (0, [])


@pytest.mark.slow
def test_a_restart_shows_the_conversation_again(terminal: Callable[..., Any], tmp_path: Path) -> None:
    first = terminal("--demo", "--lang", "zh", "--drafts-root", tmp_path / "drafts")
    first.wait_for("演示", "就绪")
    first.type(QUESTION)
    first.press("Enter")
    first.wait_for("generate_draft")
    first.wait_for("就绪")
    first.press("C-q")
    first.wait_for("exit status 0")
    again = terminal("--demo", "--lang", "zh", "--drafts-root", tmp_path / "drafts")
    again.wait_for("generate_draft", "✓ 齐全", "就绪")
    # Up to its beginning; pressed again, for the history may still be loading at the first time.
    for _ in range(20):
        again.press("PPage")
        time.sleep(0.5)
        if QUESTION in again.screen():
            break
    again.wait_for(QUESTION)


def test_the_app_without_a_terminal_says_what_to_do(c2jy: Callable[..., Any]) -> None:
    done = c2jy("--demo", stdin="")
    assert done.status == 2
    assert "c2jy-tui chat" in done.err


@pytest.mark.slow
def test_the_bot_makes_a_draft_looks_at_it_and_makes_its_title_bigger(
    c2jy: Callable[..., Any], tmp_path: Path
) -> None:
    folders = ("--drafts-root", tmp_path / "drafts", "--data-dir", tmp_path / "data")

    def calls(*said: str) -> list[tuple[str, dict[str, Any]]]:
        done = c2jy("chat", "--demo", "--json", "--yes", *folders, *said)
        assert done.status == 0, done.err
        events = [json.loads(line) for line in done.out.splitlines()]
        ended = [event for event in events if event["event"] == "tool_call_finished"]
        return [(event["tool"], json.loads(event["output"])) for event in ended]

    assert [tool for tool, _ in calls(QUESTION)] == ["generate_draft"]
    (_, listed), (_, seen) = calls("给我看看")
    assert listed["drafts"][0]["name"] == "中国美食"
    assert (seen["status"], bool(seen["file_id"]), len(seen["times_s"])) == ("success", True, 12)
    (_, made), (_, again) = calls("把标题放大一点")
    content = json.loads(Path(made["drafts"][0]["path"], "draft_content.json").read_text(encoding="utf-8"))
    sizes = [json.loads(text["content"])["styles"][0]["size"] for text in content["materials"]["texts"]]
    assert 30 in sizes
    assert again["file_id"] != seen["file_id"]
