"""The nodes of a workflow, as the script writes them.

    workflows:
      - id: "739739\\d*"                      # a regular expression for the whole workflow_id
        parameters: {city: 北京}              # of the start node, where the caller gives none
        values: {...}                        # as in a rule
        steps:
          - message: "Working on it"         # a message node
            title: 消息                       # the node's title; every node may have one
            packets: 3                       # sent in so many packets; optional
          - ask: "Which city?"               # a question node: the text, then an interrupt
            type: 2                          # 2 question, 5 input node, 6 local plugin, 7 OAuth plugin
            data: {...}                      # what the interrupt carries (sent as JSON text), or a text
            into: reply                      # the name under which the answer is seen by what follows
          - http: "POST {{origin}}/v3/chat"  # an HTTP node: the request is really made
            query: {conversation_id: "..."}
            headers: {Authorization: "Bearer {{token}}"}
            json: {...}
            retries: 3                       # when nobody answers, or with 429 or 5xx; a second apart
            timeout: 30
            into: answer                     # {status, body, headers}, the body parsed when it is JSON
          - pick: answer.body.data           # a code node: those items of a list ...
            where: {meta_data.rid: "{{rid}}"}      # ... that have these values,
            by: meta_data.part               # in the order of this number,
            of: meta_data.parts              # nothing as long as there are not so many,
            take: content                    # this of each, joined; else the items themselves
            into: reply                      # parsed when it is JSON; not there when nothing was found
          - loop: [...]                      # a loop of http and pick nodes, with a break:
            until: {reply.state: {exists: true}}   # looked at before each round; conditions as in `expect`
            pause: 1                         # seconds between two rounds
            times: 60                        # after so many the run goes on all the same
          - sleep: 2                         # a heartbeat (PING), then silence
          - output: {result: "{{reply}}"}    # the end node
          - fail: {code: 4000, msg: "..."}

The templates see `parameters`, `execute_id`, `workflow_id`, `bot_id`, `origin` (Coze's address) and `token`
(the one that the run was started with: a workflow in the cloud keeps one of its owner's in a variable),
`values` by name, and each node's answer under its `into`.
"""

from __future__ import annotations

import re
from typing import Annotated, Any, Final

from pydantic import BeforeValidator, Field, Tag

from coze_emulator.steps import (
    Condition,
    Fail,
    Json,
    Model,
    Pattern,
    Sleep,
    Text,
    as_condition,
    by_verb,
)

NODE_VERBS: Final = ("message", "ask", "http", "pick", "loop", "sleep", "output", "fail")


class Message(Model):
    """A message node."""

    message: Text
    title: str = "消息"
    packets: int = Field(default=1, ge=1)


class Ask(Model):
    """A node that interrupts the run until it is resumed."""

    ask: Text
    title: str = "问答"
    type: int = Field(default=2, ge=1)
    into: str = "answer"
    packets: int = Field(default=1, ge=1)
    data: Text | Json = ""
    """What the interrupt itself carries (an input node's fields); question nodes carry nothing."""
    required_parameters: dict[str, Any] = Field(default_factory=dict)


class Http(Model):
    """An HTTP node; the run fails when nobody answers it, and goes on with whatever status it gets."""

    http: Annotated[Text, Field(pattern=r"^(GET|POST|PUT|DELETE) ")]
    title: str = "HTTP 请求"
    query: Json = Field(default_factory=dict)
    headers: Json = Field(default_factory=dict)
    body: Json | Text | None = Field(default=None, alias="json")
    retries: int = Field(default=0, ge=0)
    timeout: float = Field(default=30.0, gt=0)
    """Seconds."""
    into: str = "answer"


class Pick(Model):
    """A code node that takes what it needs out of a list."""

    pick: str
    title: str = "代码"
    where: Json = Field(default_factory=dict)
    by: str = ""
    of: str = ""
    take: str = ""
    into: str = "picked"


Work = Annotated[
    Annotated[Http, Tag("http")] | Annotated[Pick, Tag("pick")],
    by_verb("http", "pick"),
]
"""Nodes that may stand in a loop: they neither speak nor ask."""


class Loop(Model):
    """A loop node with a break."""

    loop: list[Work] = Field(min_length=1)
    title: str = "循环"
    until: dict[str, Annotated[Condition, BeforeValidator(as_condition)]]
    pause: float = Field(default=1.0, ge=0)
    """Seconds."""
    times: int = Field(default=60, ge=1)


class Output(Model):
    """The end node."""

    output: Json


Node = Annotated[
    Annotated[Message, Tag("message")]
    | Annotated[Ask, Tag("ask")]
    | Annotated[Http, Tag("http")]
    | Annotated[Pick, Tag("pick")]
    | Annotated[Loop, Tag("loop")]
    | Annotated[Sleep, Tag("sleep")]
    | Annotated[Output, Tag("output")]
    | Annotated[Fail, Tag("fail")],
    by_verb(*NODE_VERBS),
]


class Workflow(Model):
    """One workflow, or several that do the same."""

    id: Pattern
    parameters: Json = Field(default_factory=dict)
    values: Json = Field(default_factory=dict)
    steps: list[Node]

    def is_called(self, workflow_id: str) -> bool:
        """Whether it has this id."""
        return re.fullmatch(self.id, workflow_id) is not None
