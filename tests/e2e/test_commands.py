"""Every subcommand, as its user runs it: status, stdout for output, stderr for diagnostics."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from c2jy_bridge import __version__

DOCUMENT = {
    "schema": "c2jy/1",
    "name": "只有文字",
    "tracks": [
        {"type": "text", "clips": [{"type": "text", "text": "你好", "at": {"start": 0, "duration": 2}}]}
    ],
}


@pytest.fixture
def document(tmp_path: Path) -> Path:
    path = tmp_path / "document.json"
    path.write_text(json.dumps(DOCUMENT), encoding="utf-8")
    return path


def test_version(c2jy: Callable[..., Any]) -> None:
    assert c2jy("--version").out.strip() == f"c2jy-tui {__version__}"


@pytest.mark.parametrize(("lang", "word"), [("zh", "草稿"), ("en", "draft")])
def test_help_speaks_the_language_asked_for(c2jy: Callable[..., Any], lang: str, word: str) -> None:
    assert word in c2jy("--lang", lang, "--help").out


def test_global_options_stand_before_or_after_the_subcommand(
    c2jy: Callable[..., Any], tmp_path: Path, document: Path
) -> None:
    before, after = tmp_path / "before", tmp_path / "after"
    assert c2jy("--drafts-root", before, "draft", "build", document).status == 0
    assert c2jy("draft", "build", document, "--drafts-root", after).status == 0
    assert [p.name for p in before.iterdir()] == [p.name for p in after.iterdir()] == ["只有文字"]


def test_a_draft_is_built_listed_shown_and_checked(
    c2jy: Callable[..., Any], tmp_path: Path, document: Path
) -> None:
    root = ("--drafts-root", tmp_path / "drafts")
    built = c2jy("draft", "build", "-", *root, "--json", stdin=document.read_text(encoding="utf-8"))
    assert built.status == 0, built.err
    (draft,) = json.loads(built.out)["drafts"]
    assert draft["name"] == "只有文字"
    (view,) = json.loads(c2jy("draft", "list", *root, "--json").out)
    assert (view["name"], view["duration_us"], view["state"]) == ("只有文字", 2_000_000, "ok")
    shown = json.loads(c2jy("draft", "show", "只有文字", *root, "--json").out)
    assert shown["tracks"][0]["clips"][0]["label"] == "你好"
    assert c2jy("draft", "check", "只有文字", *root).status == 0
    assert "只有文字" in c2jy("draft", "list", *root).out


@pytest.mark.slow
def test_an_export_of_which_one_draft_cannot_be_built_ends_as_partial(
    c2jy: Callable[..., Any], tmp_path: Path
) -> None:
    def draft(name: str, end: int) -> dict[str, Any]:
        segment = {"type": "text", "content": name, "time_range": {"start": 0, "end": end}}
        return {"project": {"name": name}, "tracks": [{"track_type": "text", "segments": [segment]}]}

    batch = json.dumps({"drafts": [draft("good", 3_000_000), draft("bad", 0)]})
    done = c2jy("draft", "build", "-", "--drafts-root", tmp_path / "drafts", "--json", stdin=batch)
    told = json.loads(done.out)
    assert (done.status, told["status"], [made["name"] for made in told["drafts"]]) == (
        1,
        "partial",
        ["good"],
    )
    assert "drafts[1].tracks[0].segments[0].time_range" in done.err
    assert [path.name for path in (tmp_path / "drafts").iterdir()] == ["good"]


def test_a_wrong_document_is_refused_with_its_path_and_nothing_is_written(
    c2jy: Callable[..., Any], tmp_path: Path
) -> None:
    wrong = json.loads(json.dumps(DOCUMENT))
    wrong["tracks"][0]["clips"][0]["at"]["duration"] = "5"
    done = c2jy("draft", "build", "-", "--drafts-root", tmp_path / "drafts", stdin=json.dumps(wrong))
    assert done.status == 1
    assert "tracks[0].clips[0].at.duration" in done.err
    assert list((tmp_path / "drafts").iterdir()) == []


@pytest.mark.slow
def test_a_draft_that_is_not_there_is_said_so(c2jy: Callable[..., Any], tmp_path: Path) -> None:
    for name in ("none", "..", "", "a/b"):
        done = c2jy("draft", "show", name, "--drafts-root", tmp_path / "drafts")
        assert (done.status, done.out) == (1, "")
        assert "Traceback" not in done.err


def test_dry_run_writes_nothing(c2jy: Callable[..., Any], tmp_path: Path, document: Path) -> None:
    done = c2jy("draft", "build", document, "--dry-run", "--drafts-root", tmp_path / "drafts", "--lang", "en")
    assert "nothing was written" in done.out
    assert done.status == 0, done.err
    assert list((tmp_path / "drafts").iterdir()) == []


def test_tools_are_listed_and_one_is_called(c2jy: Callable[..., Any], tmp_path: Path) -> None:
    listed = json.loads(c2jy("tools", "--json").out)
    assert {"generate_draft", "probe_media", "list_drafts", "read_file"} <= {t["name"] for t in listed}
    call = c2jy("tools", "call", "generate_draft", json.dumps({"content": DOCUMENT}))
    assert call.status == 0, call.err
    assert json.loads(call.out)["status"] == "success"


def test_the_manifest_names_every_tool(c2jy: Callable[..., Any], tmp_path: Path) -> None:
    done = c2jy("tools", "manifest", "--out", tmp_path / "manifest")
    assert done.status == 0, done.err
    names = {Path(line).name for line in done.out.splitlines()}
    assert names == {"plugin.json", "plugin.yaml", "prompt.zh.md", "prompt.en.md"}
    plugin = (tmp_path / "manifest" / "plugin.yaml").read_text(encoding="utf-8")
    for tool in json.loads(c2jy("tools", "--json").out):
        assert f"x-functionName: {tool['name']}" in plugin
    assert json.loads((tmp_path / "manifest" / "plugin.json").read_text())["api"]["type"] == "localplugin"


def test_without_a_screen_ask_means_deny_unless_yes(c2jy: Callable[..., Any], tmp_path: Path) -> None:
    folder = tmp_path / "材料"
    folder.mkdir()
    (folder / "a.txt").write_text("内容", encoding="utf-8")
    more = {"C2JY_TOOLS__FOLDERS": json.dumps([str(folder)])}
    arguments = json.dumps({"path": str(folder / "a.txt")})
    denied = c2jy("tools", "call", "read_file", arguments, **more)
    assert denied.status == 1
    assert "内容" not in denied.out
    assert "--yes" in denied.err
    allowed = c2jy("tools", "call", "read_file", arguments, "--yes", **more)
    assert (allowed.status, "内容" in allowed.out) == (0, True), allowed.err
    assert "--yes" not in allowed.err


@pytest.mark.parametrize("arguments", ["{", "[]", "1"])
def test_arguments_that_are_no_object_are_a_usage_error(c2jy: Callable[..., Any], arguments: str) -> None:
    assert c2jy("tools", "call", "list_drafts", arguments).status == 2


def test_a_tool_of_ones_own_is_loaded_and_a_broken_one_is_named(
    c2jy: Callable[..., Any], environment: dict[str, str]
) -> None:
    folder = Path(environment["XDG_CONFIG_HOME"]) / "c2jy-tui" / "tools"
    folder.mkdir(parents=True)
    (folder / "good.py").write_text(
        "from c2jy_bridge.plugin import tool\n@tool()\n"
        'def double(number: int) -> dict:\n    """Double a number."""\n    return {"doubled": 2 * number}\n'
    )
    (folder / "broken.py").write_text("def (:\n")
    done = c2jy("tools", "call", "double", '{"number": 21}', "--yes")
    assert json.loads(done.out)["doubled"] == 42
    listed = c2jy("tools")
    assert "double" in listed.out
    assert "broken.py" in listed.err


def test_chat_without_a_token_says_where_to_get_one(c2jy: Callable[..., Any]) -> None:
    done = c2jy("chat", "hello")
    assert done.status == 1
    assert "COZE_API_TOKEN" in done.err


def test_doctor_names_what_is_missing(c2jy: Callable[..., Any]) -> None:
    done = c2jy("doctor")
    assert done.status == 1
    assert "COZE_API_TOKEN" in done.out
    fine = c2jy("doctor", "--demo", "--json")
    assert fine.status == 0, fine.out
    assert {check["state"] for check in json.loads(fine.out)} <= {"ok", "warning", "unknown"}


def test_config_shows_what_is_in_force_and_no_secret(c2jy: Callable[..., Any]) -> None:
    done = c2jy("config", "show", COZE_API_TOKEN="pat_canary", COZE_BOT_ID="77")
    assert json.loads(done.out)["coze"]["bot_id"] == "77"
    assert "pat_canary" not in done.out + done.err
    assert c2jy("config", "path").out.strip().endswith("config.toml")


def test_a_misspelt_setting_is_a_usage_error(c2jy: Callable[..., Any]) -> None:
    done = c2jy("config", "show", C2JY_COZE__BOTID="1")
    assert done.status == 2
    assert "C2JY_COZE__BOTID" in done.err
    assert "bot_id" in done.err


def test_the_emulator_serves_until_it_is_stopped(
    environment: dict[str, str], c2jy: Callable[..., Any], command: Path
) -> None:
    with subprocess.Popen(
        [command, "emulator", "--port", "0"], stdout=subprocess.PIPE, env=environment, text=True
    ) as process:
        assert process.stdout is not None
        lines = [process.stdout.readline() for _ in range(3)]
        base = lines[0].strip().partition("=")[2]
        request = urllib.request.Request(f"{base}/v1/users/me", headers={"Authorization": "Bearer x"})
        with urllib.request.urlopen(request) as answer:
            assert json.load(answer)["code"] == 0
        busy = c2jy("emulator", "--port", base.rpartition(":")[2])
        assert (busy.status, "--port" in busy.err) == (1, True)
        process.send_signal(signal.SIGINT)
        assert process.wait(20) in (0, 130)


def test_a_token_is_never_written_to_disk(c2jy: Callable[..., Any], tmp_path: Path) -> None:
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        where = f"http://127.0.0.1:{closed.getsockname()[1]}"
    done = c2jy("chat", "hi", COZE_API_TOKEN="pat_canary", COZE_BOT_ID="7", COZE_API_BASE=where)
    assert done.status == 1
    assert "pat_canary" not in done.out + done.err
    for folder, _, names in os.walk(tmp_path):
        for name in names:
            assert b"pat_canary" not in (Path(folder) / name).read_bytes(), name


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("draft", "show"), "c2jy-tui draft show：缺少：name"),
        (("draft", "bogus"), "c2jy-tui draft：COMMAND 不能是 'bogus'，可选："),
        (("emulator", "--port", "99999"), "--port：99999 不是端口"),
        (("config", "show", "--jsn"), "c2jy-tui：未知参数：--jsn"),
        (("--theme",), "--theme 后面要写一个值"),
        (("draft", "relocate", "--to", "x"), "缺少其中一项：name --all"),
    ],
)
def test_a_wrong_command_line_is_told_in_the_users_language(
    c2jy: Callable[..., Any], arguments: tuple[str, ...], words: str
) -> None:
    done = c2jy("--lang", "zh", *arguments)
    assert done.status == 2
    assert words in done.err
    assert done.err.startswith("用法：")


def test_help_has_no_english_titles_in_chinese(c2jy: Callable[..., Any]) -> None:
    said = c2jy("--lang", "zh", "chat", "--help").out
    assert "\n参数:" in said
    assert "\n选项:" in said
    assert "options:" not in said


@pytest.mark.parametrize(
    ("options", "word"), [(("--at", "1"), "--frame"), (("--at", "-1", "--frame", "a.png"), "0 seconds")]
)
def test_a_time_that_no_frame_is_taken_at_is_a_usage_error(
    c2jy: Callable[..., Any], options: tuple[str, ...], word: str
) -> None:
    refused = c2jy("draft", "preview", "any", *options)
    assert refused.status == 2
    assert word in refused.err
