"""A state machine over chat and bridge mode together: questions, requests, a breaking wire, kills, restarts.

    python -m faults.machine [--examples N] [--steps N] [--patience S]

The engine runs in a process of its own, against a real emulator. When the wire is whole again and the app was
started once more, every question that Coze took and every request that was accepted has been done and
answered, once, and every conversation takes another question.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import multiprocessing
import sqlite3
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from multiprocessing.connection import Connection
from multiprocessing.context import ForkServerProcess
from pathlib import Path
from typing import Any, ClassVar, Final

import httpx
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, precondition, rule, run_state_machine_as_test

from coze_emulator import Emulator, Script
from faults import machine_child
from faults.network import SCRIPT
from relay_harness import HANDLE

QUIET_S: Final = 3.0
"""How long a kill at a step is waited for: what was asked for may have fewer."""
MOST_KILLS: Final = 2
"""A call that was left unfinished three times is answered with an error, which is a promise of its own."""
OBEYS: Final = f"""  - name: obeys
    match: "{HANDLE}"
    steps:
      - call: bridge_execute
        arguments: {{handle: "{{{{handle}}}}"}}
      - say: OK
fallback:"""
FAULTS: Final[tuple[dict[str, Any], ...]] = (
    {"kind": "drop", "at": "delta"},
    {"kind": "tear", "at": "delta", "nth": 2},
    {"kind": "eof", "at": "message"},
    {"kind": "reset", "at": "in_progress"},
    {"kind": "stall", "at": "delta", "seconds": 3},
    {"kind": "drop", "at": "requires_action"},
    {"kind": "reset", "at": "requires_action"},
    {"kind": "drop", "on": "chat", "at": "request"},
    {"kind": "drop", "on": "chat", "at": "response"},
    {"kind": "refuse", "on": "chat", "code": 4013},
    {"kind": "refuse", "on": "chat", "code": 5000},
    {"kind": "drop", "on": "submit", "at": "request"},
    {"kind": "drop", "on": "submit", "at": "response"},
    {"kind": "drop", "on": "submit", "at": "delta"},
    {"kind": "refuse", "on": "submit", "code": 5000},
    {"kind": "refuse", "on": "retrieve", "code": 5000},
    {"kind": "drop", "on": "retrieve", "at": "request"},
    {"kind": "drop", "on": "messages", "at": "request"},
)

DEATHS: Final = st.sampled_from(
    [
        "",
        "ask /v3/chat",
        "answer /v3/chat",
        "commit INSERT bridge_requests",
        "commit UPDATE bridge_requests state = 'relaying'",
        "commit UPDATE bridge_requests state = 'running'",
        "commit UPDATE bridge_requests state = 'succeeded'",
        "commit INSERT turns",
        "commit INSERT unfinished_runs",
        "open lines",
        "commit INSERT calls",
        "ask /v3/chat/submit_tool_outputs",
        "answer /v3/chat/submit_tool_outputs",
        "commit UPDATE bridge_chats",
    ]
)
"""The step before which the process dies; empty: it lives."""

_processes: Final = multiprocessing.get_context("forkserver")
_processes.set_forkserver_preload(["cozepy", "faults.machine_child", "c2jy_bridge.relay.intakes.http"])


class Died(Exception):
    """The app's process has ended."""


class App:
    """The app's process as its user sees it; what it is asked for raises Died when it has ended."""

    def __init__(self, patience_s: float, *arguments: object) -> None:
        ours, theirs = _processes.Pipe()
        self._patience_s = patience_s
        self._pipe: Connection = ours
        self._process: ForkServerProcess = _processes.Process(
            target=machine_child.serve, args=(theirs, *arguments), daemon=True
        )
        self._process.start()
        theirs.close()
        self._address, self._token = self._receive()

    def tell(self, command: str, *arguments: str) -> Any:
        """One command and its answer."""
        try:
            self._pipe.send((command, *arguments))
        except OSError as error:
            raise Died from error
        return self._receive()

    def http(self, method: str, path: str, **more: Any) -> Any:
        """One request to the bridge."""
        headers = {"Authorization": f"Bearer {self._token}", **more.pop("headers", {})}
        try:
            answer = httpx.request(
                method, self._address + path, headers=headers, timeout=self._patience_s, **more
            )
        except httpx.TransportError as error:
            raise Died from error
        assert answer.is_success, answer.text
        return answer.json()

    def close(self) -> dict[str, str]:
        """End it in good order; how its turns ended."""
        ends: dict[str, str] = self.tell("close")
        self._end()
        return ends

    def kill(self) -> None:
        """End it as the system does when memory runs out."""
        self._process.kill()
        self._end()

    def _receive(self) -> Any:
        assert self._pipe.poll(self._patience_s), "stuck: the app does not answer"
        try:
            return self._pipe.recv()
        except (EOFError, OSError) as error:
            raise Died from error

    def _end(self) -> None:
        self._process.join(self._patience_s)
        assert not self._process.is_alive(), "stuck: the app does not end"
        self._pipe.close()


@dataclass(slots=True)
class Model:
    """What must have become of everything in the end."""

    questions: dict[str, str] = field(default_factory=dict)
    """Turn id by word."""
    given_up: set[str] = field(default_factory=set)
    """Words of questions that the user stopped, or whose app he closed."""
    requests: dict[str, str] = field(default_factory=dict)
    """Request id by word, which is its idempotency key."""
    allowed: Counter[str] = field(default_factory=Counter)
    """How often a word may be written more than once: killed between the work and the receipt."""
    ends: dict[str, str] = field(default_factory=dict)


class ChatAndBridge(RuleBasedStateMachine):
    """See the module."""

    patience_s: ClassVar = 30.0
    """What takes longer on a whole wire is stuck."""
    finds_receipts: ClassVar = True
    """False: receipts are written and never found, which the machine must notice."""

    def __init__(self) -> None:
        super().__init__()
        self._cleaning = contextlib.ExitStack()
        self.folder = Path(self._cleaning.enter_context(tempfile.TemporaryDirectory()))
        self.tools = self.folder / "config" / "tools"
        self.tools.mkdir(parents=True)
        (self.tools / "write.py").write_text(machine_child.TOOL)
        script = Script.parse(SCRIPT.replace("fallback:", OBEYS))
        self.emulator = self._cleaning.enter_context(Emulator(script=script))
        self.model = Model()
        self.words = 0
        self.kills = 0
        self.conversation_id = ""
        self.app = self.start()
        # A conversation that Coze and the app know already, as most questions have one.
        self.hello()
        self.conversation_id = self.app.tell("conversation")

    # --- what happens ----------------------------------------------------------------------------------

    @rule(slow=st.booleans(), die_at=DEATHS)
    def ask(self, slow: bool, die_at: str) -> None:
        word = self.new_word("chat", slow)

        def asked() -> None:
            self.model.questions[word] = ""  # whether it dies before or after the question: it may be at Coze
            if turn_id := self.app.tell("ask", f"write {word}"):
                self.model.questions[word] = turn_id
            else:
                del self.model.questions[word]

        self.perhaps_dying(die_at, asked)

    @rule(slow=st.booleans(), die_at=DEATHS)
    def request(self, slow: bool, die_at: str) -> None:
        word = self.new_word("bridge", slow)
        self.perhaps_dying(die_at, lambda: self.submit(word))
        self.submit(word)  # who got no answer asks again, and who got one may

    @precondition(lambda self: self.model.requests)
    @rule(data=st.data())
    def request_again(self, data: st.DataObject) -> None:
        self.submit(data.draw(st.sampled_from(sorted(self.model.requests))))

    @rule(fault=st.sampled_from(FAULTS), times=st.integers(1, 2))
    def break_wire(self, fault: dict[str, Any], times: int) -> None:
        self.emulator.add_fault(**fault, times=times)

    @rule(seconds=st.sampled_from([0.05, 0.3, 1.0]))
    def wait(self, seconds: float) -> None:
        time.sleep(seconds)

    @rule()
    def cancel(self) -> None:
        self.give_up()
        self.app.tell("cancel")

    @rule()
    def restart(self) -> None:
        self.give_up()
        self.model.ends |= self.app.close()
        self.app = self.start()

    @precondition(lambda self: self.kills < MOST_KILLS)
    @rule()
    def kill(self) -> None:
        self.kills += 1
        self.model.ends |= self.app.tell("ends")
        self.start_after_death()

    def perhaps_dying(self, at: str, act: Callable[[], None]) -> None:
        """Do it; with `at` the process dies at that step, or soon when there is none of that name."""
        if not at or self.kills >= MOST_KILLS:
            act()
            return
        self.kills += 1
        try:
            self.model.ends |= self.app.tell("ends")
            self.app.tell("die", at)
            act()
            deadline = time.monotonic() + QUIET_S
            while time.monotonic() < deadline:
                self.app.tell("idle")
                time.sleep(0.02)
            self.app.kill()
        except Died:
            pass
        self.start_after_death()

    def start_after_death(self) -> None:
        self.app.kill()
        done = self.receipts()
        for word in self.lines():
            if word not in done:
                self.model.allowed[word] += 1
        self.app = self.start()

    # --- what is found in the end ----------------------------------------------------------------------

    def teardown(self) -> None:
        try:
            if sys.exc_info()[0] is None:  # else a step has failed already, and that is what counts
                self.emulator.clear_faults()
                self.hello()
                self.until_quiet()
                self.check()
        finally:
            self.app.kill()
            self._cleaning.close()

    def check(self) -> None:
        model, lines, answers = self.model, self.lines(), self.app.tell("answers")
        ends = model.ends | self.app.tell("ends")
        asked = Counter(text.removeprefix("write ") for text in self.questions_at_coze())
        for word, turn_id in model.questions.items():
            assert asked[word] <= 1, f"asked twice: {word}"
            self.check_count(word, lines[word])
            if word in model.given_up:
                continue
            if asked[word]:
                assert lines[word], f"lost: {word} was never written"
                answer = f"It is written: {word}."
                shown = sum(answer in text for text in answers)
                assert shown == 1, f"{'doubled' if shown else 'lost'}: the answer to {word}"
            else:
                known = ends.get(turn_id, "")
                assert known == "TurnFailed" or self.kills, (
                    f"lost: {word} was not asked, and ended: {known!r}"
                )
        for word, request_id in model.requests.items():
            found = self.app.http("GET", f"/v1/requests/{request_id}")
            assert found["state"] == "succeeded", f"lost: {word}: {found}"
            assert lines[word], f"lost: {word} was never written"
            self.check_count(word, lines[word])
        assert len(self.app.http("GET", "/v1/requests?limit=100")["items"]) == len(model.requests), "doubled"
        open_chats = [chat for chat in self.bridge_chats() if chat in ("requires_action", "in_progress")]
        assert not open_chats, f"blocked: {open_chats}"

    def check_count(self, word: str, count: int) -> None:
        assert count <= 1 + self.model.allowed[word], f"doubled: {word} was written {count} times"

    def hello(self) -> None:
        """A question that must be answered."""
        deadline = time.monotonic() + self.patience_s
        turn_id, end = "", ""
        while end != "TurnCompleted":
            assert time.monotonic() < deadline, f"blocked: hello ended with {end or 'nothing'}"
            if not turn_id or end:  # what is owed may need a moment
                turn_id = self.app.tell("ask", "hello")
            time.sleep(0.05)
            end = self.app.tell("ends").get(turn_id, "")

    def until_quiet(self) -> None:
        def quiet() -> bool:
            states = [one["state"] for one in self.app.http("GET", "/v1/requests?limit=100")["items"]]
            running = {"queued", "relaying", "running", "needs_login"} & set(states)
            return not running and self.app.tell("idle") and not self.open_chats_here()

        deadline = time.monotonic() + self.patience_s
        while not quiet():
            assert time.monotonic() < deadline, f"stuck: {self.app.http('GET', '/v1/requests?limit=100')}"
            time.sleep(0.05)

    # --- the parts -------------------------------------------------------------------------------------

    def start(self) -> App:
        coze = self.emulator.base_url, self.emulator.bot_id, self.conversation_id
        return App(self.patience_s, self.folder, *coze, self.finds_receipts)

    def new_word(self, kind: str, slow: bool) -> str:
        self.words += 1
        return f"{'slow' if slow else 'quick'}-{kind}-{self.words}"

    def submit(self, word: str) -> None:
        body = {"tool": "write_line", "arguments": {"text": word}}
        found = self.app.http("POST", "/v1/requests", json=body, headers={"Idempotency-Key": word})
        assert self.model.requests.setdefault(word, found["id"]) == found["id"], f"doubled: {word}"

    def give_up(self) -> None:
        ended = self.model.ends | self.app.tell("ends")
        for word, turn_id in self.model.questions.items():
            if turn_id not in ended:
                self.model.given_up.add(word)

    def lines(self) -> Counter[str]:
        path = self.tools / "lines"
        return Counter(path.read_text().split() if path.exists() else [])

    def receipts(self) -> set[str]:
        rows = self.rows("SELECT arguments FROM calls WHERE outcome <> ''")
        return {json.loads(arguments).get("text", "") for (arguments,) in rows}

    def open_chats_here(self) -> bool:
        return bool(self.rows("SELECT 1 FROM bridge_chats WHERE ended_at IS NULL"))

    def rows(self, sql: str) -> list[Any]:
        with contextlib.closing(sqlite3.connect(self.folder / "data" / "journal.db")) as db:
            return db.execute(sql).fetchall()

    def questions_at_coze(self) -> list[str]:
        found = self.coze("POST", "/v1/conversation/message/list", conversation_id=self.conversation_id)
        return [message["content"] for message in found if message["role"] == "user"]

    def bridge_chats(self) -> list[str]:
        chats = self.rows("SELECT conversation_id, chat_id FROM bridge_chats")
        ids = [{"conversation_id": conversation, "chat_id": chat} for conversation, chat in chats]
        return [self.coze("GET", "/v3/chat/retrieve", **one)["status"] for one in ids]

    def coze(self, method: str, path: str, **query: str) -> Any:
        body = {"limit": 50} if method == "POST" else None
        headers = {"Authorization": "Bearer t"}
        answer = httpx.request(
            method, self.emulator.base_url + path, params=query, json=body, headers=headers
        )
        return answer.json()["data"]


class WithoutReceipts(ChatAndBridge):
    """The same for an app that has forgotten which calls it has run."""

    finds_receipts = False


def run(examples: int, steps: int, *, shrink: bool = False, derandomize: bool = False) -> None:
    """Run the machine; raises AssertionError with the steps that led to what was lost, doubled or stuck."""
    phases = [Phase.explicit, Phase.generate, *([Phase.shrink] if shrink else [])]
    run_state_machine_as_test(
        ChatAndBridge,
        settings=settings(
            max_examples=examples,
            stateful_step_count=steps,
            deadline=None,
            derandomize=derandomize,
            database=None,
            phases=phases,
            suppress_health_check=list(HealthCheck),
        ),
    )


def main() -> int:
    """Run it for as many examples as asked for."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--examples", type=int, default=10)
    parser.add_argument("--steps", type=int, default=12)
    parser.add_argument("--patience", type=float, default=ChatAndBridge.patience_s, help="seconds")
    options = parser.parse_args()
    ChatAndBridge.patience_s = options.patience
    run(options.examples, options.steps)
    print(
        f"{options.examples} examples of up to {options.steps} steps: nothing lost, doubled, stuck, blocked"
    )
    return 0


if __name__ == "__main__":
    main()
