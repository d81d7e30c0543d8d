"""The script that the emulated Bots play: YAML, validated by pydantic.

    bot:                                   # its profile in /v1/bots; all optional
      name: 剪映助手
      description: ...
      plugin: c2jy                         # the local plugin's name in function_call messages
    bots:                                  # more Bots, each with an id of its own
      - {id: "7379462189365198901", name: ...}
    account:                               # what is accepted; by default all that is not clearly wrong
      tokens: "demo|pat_.*"                # a regular expression for the whole token; others get 4100
      wrong: "expired|wrong"               # found in a token: 4100, whatever `tokens` says
      powerless: "readonly"                # found in a token: 4101
      only_listed_bots: true               # 4200 for every other Bot, not only for ids in Coze's own form
    rules:                                 # the first whose `match` is found in the user's text is played
      - name: food-video
        match: "介绍(?P<topic>.+?)的视频"    # a regular expression or a list of them
        bot: "7379462189365198901"         # for this Bot only; for all by default
        values: {speed: 1.5}               # JSON for the templates; itself a template
        faults: [{kind: tear, nth: 3}]     # see faults.py; for this rule only
        steps:
          - think: "..."                   # reasoning, before the answer
          - say: "Markdown **text**"       # an answer, streamed
            repeat: 10                     # how often; optional
          - card: {card_type: 3, data: {...}}       # an answer that is a card
          - parts: [{type: image, file_url: "..."}] # an answer of texts and files (object_string)
          - call: generate_draft           # the chat waits for the tool's output
            arguments: {content: "{{spec}}"}
          - call: [{tool: probe_media, arguments: {...}}, {tool: list_drafts}]      # at once
          - expect:                        # the first branch whose condition holds is played
              - when: {status: success}    # path in the output -> value, {matches: regex}, {exists: bool}
                of: generate_draft         # which tool's output; the first of the last call by default
                steps: [...]
              - steps: [...]               # without `when`: always
          - follow_ups: ["...", "..."]     # suggestions at the end of the chat
          - sleep: 0.5                     # seconds of silence
          - fail: {code: 5000, msg: "..."} # the chat fails
    fallback: [...]                        # the steps when no rule matches
    workflows: [...]                       # cloud workflows; see workflow_nodes.py
    mailbox: "739739507..."                # the id of a conversation that exists from the start

Texts, arguments and values are templates (template.py). Their variables: the groups of `match` by name, and
by number as `groups.0` ...; `text` (the user's); `rule`; `values` by name; `origin` (the emulator's address)
and `media` (that of its media); `links.tea` and `signed.tea` (the path of a short link to tea.mp4, and one
with a signed query); `outputs.0` ... (of the last call, parsed when JSON) and each tool's last output under
its name.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache
from itertools import pairwise
from pathlib import Path
from typing import Annotated, Any, Final

import yaml
from pydantic import BeforeValidator, Field, ValidationError

from coze_emulator.errors import FORBIDDEN, UNAUTHENTICATED
from coze_emulator.faults import Fault
from coze_emulator.steps import VERBS, Json, Pattern, ScriptModel, Step
from coze_emulator.workflow_nodes import NODE_VERBS, Workflow

BUILT_IN: Final = Path(__file__).parent / "dialogues"
"""Folder of the built-in script; its files are read in the order of their names."""


class ScriptError(ValueError):
    """An invalid script; the text names each place and what is wrong there."""


def _as_list(value: Any) -> Any:
    return [value] if isinstance(value, str) else value


class Rule(ScriptModel):
    """What the Bot does when the user's text matches."""

    name: str = Field(min_length=1)
    match: Annotated[list[Pattern], Field(min_length=1), BeforeValidator(_as_list)]
    bot: str = ""
    """The Bot that plays it; empty for all."""
    values: Json = Field(default_factory=dict)
    faults: list[Fault] = Field(default_factory=list)
    steps: list[Step]

    def matches(self, text: str) -> re.Match[str] | None:
        """The match of the first expression found in the text."""
        return next((found for pattern in self.match if (found := re.search(pattern, text))), None)


class BotProfile(ScriptModel):
    """The profile of a Bot in /v1/bots."""

    name: str = "c2jy emulator"
    description: str = "A scripted Bot on this machine. It is no language model."
    plugin: str = "c2jy"


class ListedBot(BotProfile):
    """A Bot besides the first one."""

    id: str = Field(pattern=r"^\d+$")


class Account(ScriptModel):
    """Which tokens and Bot ids are accepted.

    By default all but obviously wrong ones, so that any client's own settings work for a first try; a
    mistyped id or a revoked token is refused as by Coze.
    """

    tokens: Pattern = ".+"
    """The form of known tokens; others get 4100."""
    wrong: Pattern = r"(?i)wrong|invalid|expired|revoked"
    """Tokens that contain this get 4100."""
    powerless: Pattern = r"(?i)readonly|no_?permission"
    """Tokens that contain this get 4101 for all calls except the user's own name."""
    only_listed_bots: bool = False
    """If not, only ids of Coze's form, 19 digits, must be known; `bot id` of cozepy's examples is not."""

    def refusal(self, token: str, path: str) -> int:
        """The error code for a token; 0 when it is accepted."""
        if not re.fullmatch(self.tokens, token) or re.search(self.wrong, token):
            return UNAUTHENTICATED
        return FORBIDDEN if path != "/v1/users/me" and re.search(self.powerless, token) else 0

    def looks_up(self, bot_id: str) -> bool:
        """Whether a Bot of this id must be listed."""
        return self.only_listed_bots or re.fullmatch(r"\d{19}", bot_id) is not None


class Script(ScriptModel):
    """A whole script."""

    bot: BotProfile = BotProfile()
    bots: list[ListedBot] = Field(default_factory=list)
    account: Account = Account()
    rules: list[Rule] = Field(default_factory=list)
    fallback: list[Step] = Field(default_factory=list)
    workflows: list[Workflow] = Field(default_factory=list)
    mailbox: str = ""
    """The conversation that workflows and the app use as mailbox; empty when there is none."""

    @classmethod
    def parse(cls, text: str, source: str = "script") -> Script:
        """Read a script.

        Args:
            text: YAML; see the module docstring.
            source: Name of the script in errors.

        Raises:
            ScriptError: Each line is `source: rules[1].steps[0].call: what is wrong`.
        """
        try:
            document = yaml.load(text, Loader=_Loader)
        except yaml.YAMLError as error:
            raise ScriptError(f"{source}: not YAML: {error}") from error
        try:
            return cls.model_validate(document if document is not None else {})
        except ValidationError as error:
            raise ScriptError("\n".join(_lines(error, source))) from error

    @classmethod
    def read(cls, path: Path) -> Script:
        """Read a script from a file.

        Raises:
            ScriptError: It cannot be read or is not a script.
        """
        try:
            return cls.parse(path.read_text(encoding="utf-8-sig"), path.name)
        except (OSError, UnicodeError) as error:
            raise ScriptError(f"{path}: {error}") from error

    @classmethod
    def built_in(cls) -> Script:
        """The script with the demo's dialogues, in Chinese and English."""
        return _built_in()

    def rule_for(self, text: str, bot_id: str = "") -> tuple[Rule, dict[str, Any]]:
        """The rule for a text, and the template variables from its match."""
        for rule in self.rules:
            if rule.bot in ("", bot_id) and (found := rule.matches(text)):
                named = {name: value for name, value in found.groupdict().items() if value is not None}
                return rule, {"groups": [found[0], *found.groups()], **named}
        return Rule(name="fallback", match=[""], steps=self.fallback), {"groups": [text]}


# PyYAML's C loader is ten times faster; some builds from source lack it.
_Loader: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


@cache
def _built_in() -> Script:
    parts = [Script.read(path) for path in sorted(BUILT_IN.glob("*.yaml"))]
    return Script(
        bot=next((part.bot for part in parts if "bot" in part.model_fields_set), BotProfile()),
        bots=[listed for part in parts for listed in part.bots],
        rules=[rule for part in parts for rule in part.rules],
        fallback=[step for part in parts for step in part.fallback],
        workflows=[workflow for part in parts for workflow in part.workflows],
        mailbox=next((part.mailbox for part in parts if part.mailbox), ""),
    )


def _lines(error: ValidationError, source: str) -> Iterator[str]:
    for detail in error.errors(include_url=False):
        where = ""
        for before, step in pairwise((None, *detail["loc"])):
            if isinstance(step, int):
                where += f"[{step}]"
            elif isinstance(before, int) and step in (*VERBS, *NODE_VERBS):
                continue  # the tag of the step's model, not a key of the script
            else:
                where += f".{step}" if where else str(step)
        yield f"{source}: {where or 'document'}: {detail['msg'].removeprefix('Value error, ')}"
