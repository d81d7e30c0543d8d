"""The script that the emulated Bot plays: YAML, checked by pydantic.

    bot:                                   # how /v1/bots shows it; all optional
      name: 剪映助手
      description: ...
      plugin: c2jy                         # the local plugin's name in function_call messages
    bots:                                  # more Bots, each with an id of its own
      - {id: "7379462189365198901", name: ...}
    account:                               # who is let in: any token and any Bot but the clearly wrong ones
      tokens: "demo|pat_.*"                # a regular expression for the whole token; others get 4100
      wrong: "expired|wrong"               # found in a token: 4100, whatever `tokens` says
      powerless: "readonly"                # found in a token: 4101
      only_listed_bots: true               # 4200 for every other Bot, not only for ids in Coze's own form
    rules:                                 # the first whose `match` is found in the user's text plays
      - name: food-video
        match: "介绍(?P<topic>.+?)的视频"    # a regular expression or a list of them
        bot: "7379462189365198901"         # only this Bot plays it; every one by default
        values: {speed: 1.5}               # JSON of your own for the templates; itself a template
        faults: [{kind: tear, nth: 3}]     # see faults.py; they strike in this rule only
        steps:
          - think: "..."                   # reasoning, before what is said
          - say: "Markdown **text**"       # an answer, streamed
            repeat: 10                     # so many times; optional
          - call: generate_draft           # the chat waits for the tool's output
            arguments: {content: "{{spec}}"}
          - call: [{tool: probe_media, arguments: {...}}, {tool: list_drafts}]      # at once
          - expect:                        # the first branch that holds is played
              - when: {status: success}    # path in the output -> value, {matches: regex}, {exists: bool}
                of: generate_draft         # which tool's output; the first of the last call by default
                steps: [...]
              - steps: [...]               # without `when`: always
          - follow_ups: ["...", "..."]     # suggestions that come with the end
          - sleep: 0.5                     # seconds of silence
          - fail: {code: 5000, msg: "..."} # the chat fails
    fallback: [...]                        # the steps when no rule matches
    workflows: [...]                       # cloud workflows; see workflows/nodes.py
    mailbox: "739739507..."                # the id of a conversation that is there from the beginning

Texts, arguments and values are templates (template.py). They see the groups of `match` by name, and by
number as `groups.0` ...; `text` (what the user wrote); `rule`; `values` by name; `origin` (the emulator's
address) and `media` (its media's); `links.tea` and `signed.tea` (the path of a short link to tea.mp4, and one
with a signed query); `outputs.0` ... (the last call's outputs, parsed when JSON) and each tool's last output
under its name.
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

from coze_emulator.faults import Fault
from coze_emulator.steps import VERBS, Json, Model, Pattern, Step
from coze_emulator.wire import FORBIDDEN, UNAUTHENTICATED
from coze_emulator.workflows import NODE_VERBS, Workflow

BUILT_IN: Final = Path(__file__).parent / "scripts"
"""Folder of the script that plays the product's dialogues; its files are read in the order of their names."""


class ScriptError(ValueError):
    """A script that cannot be played; the text names every place and what is wrong there."""


def _as_list(given: Any) -> Any:
    return [given] if isinstance(given, str) else given


class Rule(Model):
    """What the Bot does when the user's text matches."""

    name: str = Field(min_length=1)
    match: Annotated[list[Pattern], Field(min_length=1), BeforeValidator(_as_list)]
    bot: str = ""
    """The Bot that plays it; empty for every one."""
    values: Json = Field(default_factory=dict)
    faults: list[Fault] = Field(default_factory=list)
    steps: list[Step]

    def matches(self, text: str) -> re.Match[str] | None:
        """The first of its expressions that is found in the text."""
        return next((found for pattern in self.match if (found := re.search(pattern, text))), None)


class BotProfile(Model):
    """The Bot as /v1/bots shows it."""

    name: str = "c2jy emulator"
    description: str = "A scripted Bot on this machine. It is no language model."
    plugin: str = "c2jy"


class ListedBot(BotProfile):
    """A Bot beside the first one."""

    id: str = Field(pattern=r"^\d+$")


class Account(Model):
    """Whom the emulated Coze lets in, and what it says to the others.

    By default every token and every Bot is let in but the clearly wrong ones: any client's own settings do
    for a first try, and a mistyped id or a withdrawn token is refused as Coze refuses it.
    """

    tokens: Pattern = ".+"
    """Tokens of this form are known; others get 4100."""
    wrong: Pattern = r"(?i)wrong|invalid|expired|revoked"
    """What is found in a token that gets 4100."""
    powerless: Pattern = r"(?i)readonly|no_?permission"
    """What is found in a token that gets 4101 for all but the user's own name."""
    only_listed_bots: bool = False
    """Else only ids of Coze's own form, 19 digits, are looked up; `bot id` of cozepy's examples is let in."""

    def refusal(self, token: str, path: str) -> int:
        """The code with which a token is refused; 0 when it is let in."""
        if not re.fullmatch(self.tokens, token) or re.search(self.wrong, token):
            return UNAUTHENTICATED
        return FORBIDDEN if path != "/v1/users/me" and re.search(self.powerless, token) else 0

    def looks_up(self, bot_id: str) -> bool:
        """Whether a Bot of this id has to be among the listed ones."""
        return self.only_listed_bots or re.fullmatch(r"\d{19}", bot_id) is not None


class Script(Model):
    """A whole script."""

    bot: BotProfile = BotProfile()
    bots: list[ListedBot] = Field(default_factory=list)
    account: Account = Account()
    rules: list[Rule] = Field(default_factory=list)
    fallback: list[Step] = Field(default_factory=list)
    workflows: list[Workflow] = Field(default_factory=list)
    mailbox: str = ""
    """A conversation for letters between workflows and the app; empty when there is none."""

    @classmethod
    def parse(cls, text: str, source: str = "script") -> Script:
        """Read a script.

        Args:
            text: YAML, as the module describes it.
            source: The name that errors begin with.

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
            ScriptError: It cannot be read or is no script.
        """
        try:
            return cls.parse(path.read_text(encoding="utf-8-sig"), path.name)
        except (OSError, UnicodeError) as error:
            raise ScriptError(f"{path}: {error}") from error

    @classmethod
    def built_in(cls) -> Script:
        """The script of the product's own dialogues, in Chinese and English."""
        return _built_in()

    def rule_for(self, text: str, bot_id: str = "") -> tuple[Rule, dict[str, Any]]:
        """The rule that a Bot plays for a text, and the values that its expression took from the text."""
        for rule in self.rules:
            if rule.bot in ("", bot_id) and (found := rule.matches(text)):
                named = {name: value for name, value in found.groupdict().items() if value is not None}
                return rule, {"groups": [found[0], *found.groups()], **named}
        return Rule(name="fallback", match=[""], steps=self.fallback), {"groups": [text]}


# PyYAML's C loader is ten times faster; wheels have it, some builds from source do not.
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
    for fault in error.errors(include_url=False):
        where = ""
        for before, step in pairwise((None, *fault["loc"])):
            if isinstance(step, int):
                where += f"[{step}]"
            elif not (
                isinstance(before, int) and step in (*VERBS, *NODE_VERBS)
            ):  # else: the step's model, no key of the script
                where += f".{step}" if where else str(step)
        yield f"{source}: {where or 'document'}: {fault['msg'].removeprefix('Value error, ')}"
