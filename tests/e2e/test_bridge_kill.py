"""The app is killed in the middle of what workflows want of it; the next one brings all to its end, once."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import httpx
import pytest

import coze_emulator.media as media
from coze_emulator import Emulator, Script

MAILBOX, OWN_CHAT, HTTP = (f"73973950791423500{n}" for n in (11, 12, 13))
INTERRUPTS, ASKS_TOO = "7397395079142350001", "7397395079142350006"
DRAWS = """
rules:
  - name: draws
    match: "^draw (?P<name>\\\\S+) (?P<url>\\\\S+)"
    values:
      clip: {type: image, media: "{{url}}", at: {start: 0, duration: 2}}
    steps:
      - call: generate_draft
        arguments: {content: {schema: c2jy/1, name: "{{name}}", tracks: [{type: video, clips: ["{{clip}}"]}]}}
      - say: "{{outputs.0.message}}"
"""
PATIENCE_S = 60.0


def until(look: Callable[[], Any]) -> Any:
    """What `look` finds, as soon as it finds something."""
    end = time.monotonic() + PATIENCE_S
    while not (found := look()):
        assert time.monotonic() < end, "it never came"
        time.sleep(0.05)
    return found


class Gallery:
    """Pictures that come when the door is open; a tool that fetches one runs until then."""

    def __init__(self) -> None:
        self.asked: set[str] = set()
        self._door = threading.Event()
        picture = (media.FOLDER / "hotpot.png").read_bytes()

        class Visit(BaseHTTPRequestHandler):
            def do_GET(visit) -> None:  # `self` is the gallery
                self.asked.add(visit.path)
                self._door.wait()
                visit.send_response(200)
                visit.send_header("Content-Length", str(len(picture)))
                visit.end_headers()
                visit.wfile.write(picture)

            def log_message(visit, *arguments: Any) -> None:  # `self` is the gallery
                return

        class Quiet(ThreadingHTTPServer):
            daemon_threads = True

            def handle_error(self, *arguments: Any) -> None:
                """The process that asked was killed, which is what this file tests."""

        self._server = Quiet(("127.0.0.1", 0), Visit)
        self.host = f"127.0.0.1:{self._server.server_port}"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def open(self) -> None:
        """Let everybody in, also those who have waited."""
        self._door.set()

    def close(self) -> None:
        self.open()
        self._server.shutdown()
        self._server.server_close()


class Cloud:
    """Coze, the gallery, and what a user's app needs to know of the two."""

    def __init__(self, environment: dict[str, str], root: Path, command: Path) -> None:
        built_in = Script.built_in()
        rules = [*Script.parse(DRAWS).rules, *built_in.rules]
        self.emulator = Emulator(script=built_in.model_copy(update={"rules": rules})).start()
        self.gallery = Gallery()
        self.root = root
        self.http = httpx.Client(base_url=self.emulator.base_url, trust_env=False, timeout=30)
        self.http.headers["Authorization"] = "Bearer pat_test"
        self.environment = {
            **environment,
            "COZE_API_BASE": self.emulator.base_url,
            "COZE_API_TOKEN": "pat_test",
            "COZE_BOT_ID": self.emulator.bot_id,
            "C2JY_BRIDGE__MAILBOX_CONVERSATION_ID": self.emulator.mailbox_id,
            "C2JY_BRIDGE__INTAKES": '["http", "mailbox"]',
            "C2JY_BRIDGE__PORT": "0",
            "C2JY_BRIDGE__PARALLEL": "4",
            "C2JY_DRAFTS__ROOT": str(root),
            "C2JY_MATERIALS__ALLOW_PRIVATE_HOSTS": json.dumps([self.gallery.host]),
        }
        self._command = command
        self._started: list[subprocess.Popen[str]] = []

    def document(self, name: str) -> dict[str, Any]:
        """A draft with a picture of the gallery in it."""
        clip = {"type": "image", "media": self.url(name), "at": {"start": 0, "duration": 2}}
        return {"schema": "c2jy/1", "name": name, "tracks": [{"type": "video", "clips": [clip]}]}

    def url(self, name: str) -> str:
        return f"http://{self.gallery.host}/{name}.png"

    def request(self, name: str, **more: Any) -> dict[str, Any]:
        """The parameters of a workflow that wants that draft."""
        return {"tool": "generate_draft", "args": {"content": self.document(name)}, **more}

    def begin(self, workflow_id: str, **parameters: Any) -> Callable[[], Any]:
        """Start a workflow in the cloud; what is returned gives its output once it has ended."""
        body = {"workflow_id": workflow_id, "parameters": parameters, "is_async": True}
        run = self.http.post("/v1/workflow/run", json=body).json()
        return lambda: self.ended(workflow_id, run["execute_id"])

    def ended(self, workflow_id: str, execute_id: str) -> Any:
        """The output of a run that has come to its end, from its history."""
        path = f"/v1/workflows/{workflow_id}/run_histories/{execute_id}"
        (history,) = self.http.get(path).json()["data"]
        assert history["execute_status"] != "Fail", history
        return json.loads(history["output"]) if history["execute_status"] == "Success" else None

    def runs(self, *words: str) -> subprocess.Popen[str]:
        """The app, as a process of its own."""
        process = subprocess.Popen(
            [str(self._command), "--lang", "en", *words],
            env=self.environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
        )
        self._started.append(process)
        return process

    def serve(self, port: str = "0") -> tuple[subprocess.Popen[str], str]:
        """A bridge without a screen, and its address."""
        process = self.runs("bridge", "serve", "--port", port)
        said: list[str] = []
        threading.Thread(target=lambda: said.extend(process.stderr or ()), daemon=True).start()
        until(lambda: any("http://" in line for line in said) or process.poll() is not None)
        line = next((line for line in said if "http://" in line), "")
        assert line, said
        return process, line.partition("http://")[2].partition(". ")[0]

    def token(self) -> str:
        words = [str(self._command), "bridge", "token"]
        return subprocess.check_output(words, env=self.environment, text=True).strip()

    def busy_with(self, *names: str) -> bool:
        """Whether a tool has begun with each of these drafts and waits for its picture."""
        return {f"/{name}.png" for name in names} <= self.gallery.asked

    def drafts(self) -> list[str]:
        """The content of the drafts folder, with unfinished work."""
        found = [p.name for p in self.root.iterdir()] if self.root.exists() else []
        return sorted(name for name in found if not name.endswith(".json") and name != ".c2jy")

    def close(self) -> None:
        for process in self._started:
            process.kill()
            process.communicate()
        self.gallery.close()
        self.http.close()
        self.emulator.stop()


@pytest.fixture
def cloud(environment: dict[str, str], tmp_path: Path, command: Path) -> Iterator[Cloud]:
    with ExitStack() as stack:
        made = Cloud(environment, tmp_path / "drafts", command)
        stack.callback(made.close)
        yield made


def killed(process: subprocess.Popen[str]) -> None:
    process.kill()
    assert process.wait(30) == -signal.SIGKILL


@pytest.mark.slow
def test_a_kill_while_tools_run_for_every_way_in_loses_nothing_and_does_nothing_twice(cloud: Cloud) -> None:
    app, address = cloud.serve()
    way = {"bridge": f"http://{address}", "bridge_token": cloud.token()}
    runs = [
        cloud.begin(MAILBOX, **cloud.request("letter")),
        cloud.begin(OWN_CHAT, question=f"draw chat {cloud.url('chat')}"),
        cloud.begin(HTTP, **cloud.request("call", **way)),
        cloud.begin(HTTP, **cloud.request("call2", **way)),
    ]
    names = ["call", "call2", "chat", "letter"]
    until(lambda: cloud.busy_with(*names))  # all at once
    killed(app)
    cloud.gallery.open()
    cloud.serve(address.rpartition(":")[2])
    letter, chat, *calls = [until(run) for run in runs]
    assert [call["state"] for call in calls] == ["succeeded", "succeeded"]
    assert (letter["state"], letter["answer"]["status"]) == ("succeeded", "success")
    assert chat["state"] == "completed"
    assert '"chat"' in chat["answer"]
    assert cloud.drafts() == names
    posted = [m for m in mail(cloud) if m["meta_data"].get("c2jy") == "res"]
    assert len(posted) == 2  # one answer for each of the two letters


@pytest.mark.slow
def test_a_kill_before_the_answers_are_out_sends_them_once_and_runs_nothing_again(cloud: Cloud) -> None:
    app, _ = cloud.serve()
    letter = cloud.begin(MAILBOX, **cloud.request("letter"))
    chat = cloud.begin(OWN_CHAT, question=f"draw chat {cloud.url('chat')}")
    until(lambda: cloud.busy_with("letter", "chat"))
    # From now on Coze takes no answer: neither to a tool call nor into the mailbox.
    unsubmitted = cloud.emulator.add_fault("refuse", on="submit", code=5000, times=10_000)
    cloud.emulator.add_fault("refuse", on="messages", code=4013, times=10_000)
    cloud.gallery.open()
    until(lambda: unsubmitted.hits >= 2)
    killed(app)
    assert cloud.drafts() == ["chat", "letter"]
    made = [(cloud.root / name / "draft_content.json").stat().st_mtime_ns for name in cloud.drafts()]
    cloud.emulator.clear_faults()
    cloud.serve()
    assert until(letter)["state"] == "succeeded"
    assert until(chat)["state"] == "completed"
    assert cloud.drafts() == ["chat", "letter"]
    assert made == [(cloud.root / name / "draft_content.json").stat().st_mtime_ns for name in cloud.drafts()]
    until(lambda: len([m for m in mail(cloud) if m["meta_data"].get("c2jy") == "res"]) == 2)


def mail(cloud: Cloud) -> list[dict[str, Any]]:
    where = {"conversation_id": cloud.emulator.mailbox_id}
    listed = cloud.http.post("/v1/conversation/message/list", params=where, json={}).json()
    messages: list[dict[str, Any]] = listed["data"]
    return messages


@pytest.mark.slow
@pytest.mark.parametrize("point", ["while its tool runs", "before it is resumed"])
def test_a_workflow_run_from_here_outlives_a_kill(cloud: Cloud, c2jy: Callable[..., Any], point: str) -> None:
    app = cloud.runs("workflow", "run", INTERRUPTS, json.dumps(cloud.request("stop")))
    until(lambda: cloud.busy_with("stop"))
    if point == "before it is resumed":
        held = cloud.emulator.add_fault("slow", on="workflows", seconds=600)
        cloud.gallery.open()
        until(lambda: held.hits)
    killed(app)
    cloud.gallery.open()
    done = c2jy("workflow", "resume", **cloud.environment)
    assert done.status == 0, done.err
    assert json.loads(done.out.splitlines()[-1])["output"]["status"] == "success"
    assert cloud.drafts() == ["stop"]
    again = c2jy("workflow", "resume", "--lang", "en", **cloud.environment)
    assert (again.status, again.out) == (0, "")


@pytest.mark.slow
def test_a_question_that_a_killed_app_asked_is_asked_again_and_its_tool_is_not_run_again(
    cloud: Cloud, c2jy: Callable[..., Any]
) -> None:
    cloud.gallery.open()
    app = cloud.runs("workflow", "run", ASKS_TOO, json.dumps(cloud.request("kept")))
    assert app.stderr is not None
    until(lambda: "这样可以吗" in app.stderr.readline())  # it is a pipe
    killed(app)
    done = c2jy("workflow", "resume", stdin="可以\n", **cloud.environment)
    assert done.status == 0, done.err
    ended = json.loads(done.out.splitlines()[-1])
    assert (ended["verdict"], ended["output"]["status"]) == ("可以", "success")
    assert cloud.drafts() == ["kept"]


@pytest.mark.slow
def test_a_question_without_an_answer_on_stdin_leaves_the_run_waiting(
    cloud: Cloud, c2jy: Callable[..., Any]
) -> None:
    cloud.gallery.open()
    options = ("--lang", "en", "workflow")
    asked = c2jy(*options, "run", ASKS_TOO, json.dumps(cloud.request("kept")), stdin="", **cloud.environment)
    again = c2jy(*options, "resume", stdin="", **cloud.environment)
    for unanswered in (asked, again):
        assert unanswered.status == 1
        assert "workflow resume" in unanswered.err
    done = c2jy(*options, "resume", stdin="可以\n", **cloud.environment)
    assert (done.status, json.loads(done.out.splitlines()[-1])["verdict"]) == (0, "可以"), done.err
    assert cloud.drafts() == ["kept"]


@pytest.mark.slow
def test_an_app_with_a_screen_takes_up_what_it_was_killed_in(
    cloud: Cloud, terminal: Callable[..., Any], tmp_path: Path
) -> None:
    # `terminal` hands the test's environment on; these are the settings beside it.
    config = tmp_path / "bridge.toml"
    config.write_text(
        f'[coze]\napi_base = "{cloud.emulator.base_url}"\ntoken = "pat_test"\n'
        f'bot_id = "{cloud.emulator.bot_id}"\n'
        f'[drafts]\nroot = "{cloud.root}"\n'
        f'[materials]\nallow_private_hosts = ["{cloud.gallery.host}"]\n'
        '[bridge]\nport = 0\nintakes = ["mailbox"]\n'
        f'mailbox_conversation_id = "{cloud.emulator.mailbox_id}"\n'
    )
    options = ("--config", config, "--data-dir", tmp_path / "held", "--lang", "en")
    first = terminal(*options)
    first.wait_for("ready")
    first.press("F2")
    first.wait_for("alive")
    letter = cloud.begin(MAILBOX, **cloud.request("screen"))
    chat = cloud.begin(OWN_CHAT, question=f"draw talk {cloud.url('talk')}")
    until(lambda: cloud.busy_with("screen", "talk"))
    holder = (tmp_path / "held" / "run" / "bridge.holder").read_text().split()[1]
    os.kill(int(holder), signal.SIGKILL)
    until(lambda: "exit status 137" in first.screen())
    cloud.gallery.open()
    second = terminal(*options, "--bridge")
    assert until(letter)["state"] == "succeeded"
    assert until(chat)["state"] == "completed"
    assert cloud.drafts() == ["screen", "talk"]
    second.press("F6")
    screen = second.wait_for("Requests: 2")
    assert screen.count("done") >= 2
    second.press("F5")
    second.wait_for("Drafts: 2")
