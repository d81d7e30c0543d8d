"""The example programs of cozepy's own repository, unchanged, against the emulator.

They are not part of this repository: COZEPY_EXAMPLES names the `examples` folder of a checkout of
coze-dev/coze-py.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from cozepy import Coze, TokenAuth

from coze_emulator import Emulator

_FOLDER = os.environ.get("COZEPY_EXAMPLES", "")
pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(
        not Path(_FOLDER, "chat_stream.py").is_file(),
        reason="COZEPY_EXAMPLES does not name the examples folder of coze-dev/coze-py",
    ),
]


def run(emulator: Emulator, program: str, *arguments: str, **environment: str) -> str:
    """The output of a program that ends well."""
    ended = subprocess.run(
        [sys.executable, "-W", "ignore", str(Path(_FOLDER, program)), *arguments],
        env={
            **os.environ,
            "COZE_API_BASE": emulator.base_url,
            "COZE_API_TOKEN": "pat_any",
            "COZE_BOT_ID": emulator.bot_id,
            "BOT_ID": emulator.bot_id,
            "COZE_WORKSPACE_ID": "1",
            "PYTHONIOENCODING": "utf-8",
            **environment,
        },
        capture_output=True,
        text=True,
        encoding="utf-8",
        timeout=60,
        check=False,
    )
    assert ended.returncode == 0, ended.stderr
    return ended.stdout


def test_chat_stream(emulator: Emulator) -> None:
    printed = run(emulator, "chat_stream.py")
    assert "old cook" in printed
    assert "reasoning_content start" in printed
    assert "token usage:" in printed


def test_chat_local_plugin(emulator: Emulator) -> None:
    printed = run(emulator, "chat_local_plugin.py")
    assert "function call: get_schedule {}" in printed
    assert "I have two interviews in the afternoon." in printed
    assert "function call: screenshot {}" in printed
    assert "a little dog running on the beach" in printed
    assert printed.count("token usage:") == 2


@pytest.mark.parametrize("step_by_step", ["", "1"])
def test_chat_no_stream(emulator: Emulator, step_by_step: str) -> None:
    printed = run(emulator, "chat_no_stream.py", RUN_STEP_BY_STEP=step_by_step)
    assert "emulator" in printed


@pytest.mark.parametrize(
    ("program", "word"),
    [
        ("chat_conversation_stream.py", ""),
        ("conversation.py", "Clear conversation:"),
        ("conversation_create.py", ""),
        ("users_me.py", "emulator"),
        ("bots_list.py", "logid"),
        ("bot_retrieve.py", "logid"),
    ],
)
def test_the_small_programs(emulator: Emulator, program: str, word: str) -> None:
    assert word in run(emulator, program)


@pytest.mark.parametrize(
    "program", ["conversation_list.py", "conversation_update.py", "conversation_delete.py"]
)
def test_the_programs_about_a_conversation(emulator: Emulator, program: str) -> None:
    coze = Coze(auth=TokenAuth("pat_any"), base_url=emulator.base_url)
    ids = [coze.conversations.create(bot_id=emulator.bot_id).id for _ in range(5)]
    printed = run(emulator, program, COZE_CONVERSATION_ID=ids[0])
    wanted = ids if program == "conversation_list.py" else ids[:1]
    assert all(identity in printed for identity in wanted)


def test_workflow_stream(emulator: Emulator) -> None:
    printed = run(emulator, "workflow_stream.py", COZE_WORKFLOW_ID="7397395079142350002")
    assert "hey：多云" in printed


def test_workflows_without_a_stream(emulator: Emulator) -> None:
    assert "时间线" in run(emulator, "workflow_no_stream.py")
    assert "Workflow run success:" in run(
        emulator, "workflow_async.py", COZE_WORKFLOW_ID="7397395079142350004"
    )


def test_files_upload(emulator: Emulator) -> None:
    assert "uploaded file:" in run(emulator, "files_upload.py", __file__)


def test_a_device_login_takes_the_place_of_a_token(emulator: Emulator) -> None:
    printed = run(emulator, "users_me.py", COZE_API_TOKEN="")
    assert "user_code=" in printed
    assert "emulator" in printed
