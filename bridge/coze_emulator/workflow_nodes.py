"""Schema of the workflows in a script, and of their nodes.

    workflows:
      - id: "739739\\d*"                      # a regular expression for the whole workflow_id
        parameters: {city: 北京}              # of the start node; defaults for the caller's
        values: {...}                        # as in a rule
        steps:
          - message: "Working on it"         # a message node
            title: 消息                       # the node's title; every node may have one
            packets: 3                       # number of packets; optional
            sent: 2                          # so many of them, then the node is over; all by default
          - ask: "Which city?"               # a question node: the text, then an interrupt
            type: 2                          # 2 question, 5 input node, 6 local plugin, 7 OAuth plugin
            data: {...}                      # what the interrupt carries (sent as JSON text), or a text
            into: reply                      # the variable that holds the answer
          - http: "POST {{origin}}/v3/chat"  # an HTTP node: makes a real request
            query: {conversation_id: "..."}
            headers: {Authorization: "Bearer {{token}}"}
            json: {...}
            retries: 3                       # on no answer, 429 or 5xx; a second apart
            timeout: 30
            into: answer                     # {status, body, headers}; a JSON body is parsed
          - pick: answer.body.data           # a code node: the items of a list ...
            where: {meta_data.rid: "{{rid}}"}      # ... with these values,
            by: meta_data.part               # sorted by this number,
            of: meta_data.parts              # nothing while there are fewer than this,
            take: content                    # this field of each, joined; by default the items
            into: reply                      # parsed when JSON; unset when nothing was found
          - loop: [...]                      # a loop of http and pick nodes
            until: {reply.state: {exists: true}}   # checked before each round; conditions as in `expect`
            pause: 1                         # seconds between rounds
            times: 60                        # at most so many rounds, then the run continues
          - sleep: 2                         # a heartbeat (PING), then silence
          - output: {result: "{{reply}}"}    # the end node
          - fail: {code: 4000, msg: "..."}

Template variables: `parameters`, `execute_id`, `workflow_id`, `bot_id`, `origin` (Coze's address), `token`
(the one that the run was started with: a workflow in the cloud keeps its owner's in a variable), `values` by
name, and each node's answer under its `into`.
"""

from __future__ import annotations

import re
from typing import Annotated, Any, Final

from pydantic import BeforeValidator, Field, Tag

from coze_emulator.steps import (
    Condition,
    Fail,
    Json,
    Pattern,
    ScriptModel,
    Sleep,
    Text,
    as_condition,
    by_verb,
)

NODE_VERBS: Final = ("message", "ask", "http", "pick", "loop", "sleep", "output", "fail")


class MessageNode(ScriptModel):
    """A message node."""

    message: Text
    title: str = "消息"
    packets: int = Field(default=1, ge=1)
    sent: int | None = Field(default=None, ge=0)
    """Packets that are sent, when the node breaks in the middle of its message."""


class QuestionNode(ScriptModel):
    """A node that interrupts the run until it is resumed."""

    ask: Text
    title: str = "问答"
    type: int = Field(default=2, ge=1)
    into: str = "answer"
    packets: int = Field(default=1, ge=1)
    data: Text | Json = ""
    """The interrupt's own data (an input node's fields); empty for question nodes."""
    required_parameters: dict[str, Any] = Field(default_factory=dict)


class HttpNode(ScriptModel):
    """An HTTP node; the run fails without an answer, and continues with any status."""

    http: Annotated[Text, Field(pattern=r"^(GET|POST|PUT|DELETE) ")]
    title: str = "HTTP 请求"
    query: Json = Field(default_factory=dict)
    headers: Json = Field(default_factory=dict)
    body: Json | Text | None = Field(default=None, alias="json")
    retries: int = Field(default=0, ge=0)
    timeout: float = Field(default=30.0, gt=0)
    """Seconds."""
    into: str = "answer"


class PickNode(ScriptModel):
    """A code node that selects items of a list."""

    pick: str
    title: str = "代码"
    where: Json = Field(default_factory=dict)
    by: str = ""
    of: str = ""
    take: str = ""
    into: str = "picked"


LoopStep = Annotated[
    Annotated[HttpNode, Tag("http")] | Annotated[PickNode, Tag("pick")],
    by_verb("http", "pick"),
]
"""Nodes allowed in a loop."""


class LoopNode(ScriptModel):
    """A loop node with a break."""

    loop: list[LoopStep] = Field(min_length=1)
    title: str = "循环"
    until: dict[str, Annotated[Condition, BeforeValidator(as_condition)]]
    pause: float = Field(default=1.0, ge=0)
    """Seconds."""
    times: int = Field(default=60, ge=1)


class OutputNode(ScriptModel):
    """The end node."""

    output: Json


Node = Annotated[
    Annotated[MessageNode, Tag("message")]
    | Annotated[QuestionNode, Tag("ask")]
    | Annotated[HttpNode, Tag("http")]
    | Annotated[PickNode, Tag("pick")]
    | Annotated[LoopNode, Tag("loop")]
    | Annotated[Sleep, Tag("sleep")]
    | Annotated[OutputNode, Tag("output")]
    | Annotated[Fail, Tag("fail")],
    by_verb(*NODE_VERBS),
]


class Workflow(ScriptModel):
    """One workflow, or several with the same steps."""

    id: Pattern
    name: str = ""
    description: str = ""
    parameters: Json = Field(default_factory=dict)
    values: Json = Field(default_factory=dict)
    steps: list[Node]

    def is_called(self, workflow_id: str) -> bool:
        """Whether `id` matches."""
        return re.fullmatch(self.id, workflow_id) is not None
