"""The nodes of a workflow, as the script writes them.

    workflows:
      - id: "739739\\d*"                      # a regular expression for the whole workflow_id
        values: {...}                        # as in a rule
        steps:
          - message: "Working on it"         # a message node
            title: 消息                       # the node's title; optional
            packets: 3                       # sent in so many packets; optional
          - ask: "Which city?"               # a question node: the text, then an interrupt
            type: 2                          # 2 question, 5 input node, 6 local plugin, 7 OAuth plugin
            data: "..."                      # what the interrupt carries; an input node's fields
            into: reply                      # the name under which the answer is seen by what follows
          - sleep: 2                         # a heartbeat (PING), then silence
          - output: {result: "{{reply}}"}    # the end node
          - fail: {code: 4000, msg: "..."}

The templates see `parameters`, `execute_id`, `workflow_id`, `values` by name, and each answer under its
`into`, parsed when it is JSON.
"""

from __future__ import annotations

import re
from typing import Annotated, Any, Final

from pydantic import Field, Tag

from c2jy_bridge.emulator.steps import Fail, Json, Model, Pattern, Sleep, Text, by_verb

NODE_VERBS: Final = ("message", "ask", "sleep", "output", "fail")


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
    data: Text = ""
    """What the interrupt itself carries (an input node's fields); question nodes carry nothing."""
    required_parameters: dict[str, Any] = Field(default_factory=dict)


class Output(Model):
    """The end node."""

    output: Json


Node = Annotated[
    Annotated[Message, Tag("message")]
    | Annotated[Ask, Tag("ask")]
    | Annotated[Sleep, Tag("sleep")]
    | Annotated[Output, Tag("output")]
    | Annotated[Fail, Tag("fail")],
    by_verb(*NODE_VERBS),
]


class Workflow(Model):
    """One workflow, or several that do the same."""

    id: Pattern
    values: Json = Field(default_factory=dict)
    steps: list[Node]

    def is_called(self, workflow_id: str) -> bool:
        """Whether it has this id."""
        return re.fullmatch(self.id, workflow_id) is not None
