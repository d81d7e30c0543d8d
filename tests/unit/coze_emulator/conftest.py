"""The emulator as a bare HTTP client sees it: nothing between the test and the bytes."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any

import httpx
import pytest

from coze_emulator import Emulator, Script

Events = list[tuple[str, Any]]

SCRIPT = """
rules:
  - name: call
    match: "^call"
    steps:
      - say: "One moment."
      - call: generate_draft
        arguments: {content: {name: "{{text}}"}}
      - expect:
          - when: {status: success}
            steps: [{say: "Done: {{generate_draft.name}}"}]
          - steps: [{say: "It failed: {{outputs.0.message}}"}]
      - follow_ups: ["More?"]
  - name: both
    match: "^both"
    steps:
      - call: [{tool: probe_media, arguments: {urls: []}}, {tool: list_drafts}]
      - say: "{{outputs.0.n}} and {{outputs.1.n}}"
  - name: think
    match: "^think"
    steps: [{think: "Let me see."}, {say: "Seen."}]
  - name: slow
    match: "^slow"
    steps: [{say: "It begins"}, {sleep: 0.4}, {say: " and ends."}]
  - name: for-ever
    match: "^for ever"
    steps: [{say: "It begins"}, {sleep: 600}]
  - name: fail
    match: "^fail"
    steps: [{say: "Well"}, {fail: {code: 5000, msg: "event interval error"}}]
  - name: torn
    match: "^torn"
    faults: [{kind: tear, nth: 2}]
    steps: [{say: "one two three four five"}]
fallback:
  - say: "You said: {{text}}"
"""


class Wire:
    """Requests as Coze's clients make them."""

    def __init__(self, emulator: Emulator) -> None:
        self.emulator = emulator
        self.http = httpx.Client(
            base_url=emulator.base_url, headers={"Authorization": "Bearer pat_x"}, timeout=20, trust_env=False
        )

    def begin(
        self, text: str, *, conversation_id: str = "", stream: bool = True, **body: Any
    ) -> httpx.Response:
        """POST /v3/chat with one question."""
        message = {"role": "user", "content": text, "content_type": "text", "meta_data": None}
        return self.http.post(
            "/v3/chat",
            params={"conversation_id": conversation_id},
            json={
                "bot_id": self.emulator.bot_id,
                "user_id": "u",
                "stream": stream,
                "additional_messages": [message],
                **body,
            },
        )

    def ask(self, text: str, **options: Any) -> Events:
        """The events of a streamed chat."""
        return events(self.begin(text, **options).text)

    def submit(self, chat: dict[str, Any], *outputs: Any, stream: bool = True) -> httpx.Response:
        """Answer the open calls of a chat, in their order."""
        calls = chat["required_action"]["submit_tool_outputs"]["tool_calls"]
        given = [
            {"tool_call_id": call["id"], "output": output if isinstance(output, str) else json.dumps(output)}
            for call, output in zip(calls, outputs, strict=True)
        ]
        return self.submit_as(chat, given, stream=stream)

    def submit_as(
        self, chat: dict[str, Any], given: list[dict[str, str]], *, stream: bool = True
    ) -> httpx.Response:
        """Submit these outputs as they are."""
        return self.http.post(
            "/v3/chat/submit_tool_outputs",
            params={"conversation_id": chat["conversation_id"], "chat_id": chat["id"]},
            json={"stream": stream, "tool_outputs": given},
        )

    def about(self, chat: dict[str, Any], path: str = "/v3/chat/retrieve") -> dict[str, Any]:
        """GET something about a chat."""
        ids = {"conversation_id": chat["conversation_id"], "chat_id": chat["id"]}
        answer: dict[str, Any] = self.http.get(path, params=ids).json()
        return answer

    def status(self, chat: dict[str, Any]) -> str:
        """The state of a chat."""
        return str(self.about(chat)["data"]["status"])


def events(text: str) -> Events:
    """The events of a whole stream, by the letter: two lines and a blank one each."""
    found: Events = []
    for frame in text.removesuffix("\n\n").split("\n\n"):
        first, second = frame.split("\n")
        assert first.startswith("event:")
        assert second.startswith("data:")
        found.append((first.removeprefix("event:"), json.loads(second.removeprefix("data:"))))
    return found


@pytest.fixture
def read_events() -> Any:
    return events


@pytest.fixture
def emulator() -> Iterator[Emulator]:
    with Emulator(script=Script.parse(SCRIPT)) as emulator:
        yield emulator


@pytest.fixture
def playing() -> Iterator[Callable[[str], Wire]]:
    """Emulators that play other scripts."""
    with ExitStack() as open_ones:

        def play(script: str) -> Wire:
            wire = Wire(open_ones.enter_context(Emulator(script=Script.parse(script))))
            open_ones.enter_context(wire.http)
            return wire

        yield play


@pytest.fixture
def wire(emulator: Emulator) -> Iterator[Wire]:
    wire = Wire(emulator)
    with wire.http:
        yield wire


@pytest.fixture
def built_in() -> Iterator[Wire]:
    """An emulator that plays the built-in script."""
    with Emulator() as emulator:
        wire = Wire(emulator)
        with wire.http:
            yield wire
