"""Scripts: what they can say, and how their mistakes are named."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from coze_emulator import Script, ScriptError
from coze_emulator.bot import pieces, play, tokens
from coze_emulator.steps import Fail, Failure, FollowUps, Say, Think


def acts(text: str, asked: str, *outputs: list[str]) -> list[object]:
    """Play the rule for a text, with these outputs for its calls."""
    rule, groups = Script.parse(text).rule_for(asked)
    playing = play(rule, {**groups, "text": asked})
    answers = iter(outputs)
    done: list[object] = []
    sent: list[str] | None = None
    while True:
        try:
            act = playing.send(sent)
        except StopIteration:
            return done
        done.append(act)
        sent = next(answers) if isinstance(act, tuple) else None


def test_the_groups_of_the_expression_are_values() -> None:
    script = (
        "rules: [{name: r, match: '(?P<what>\\w+) about (\\w+)', steps: [{say: '{{what}}, {{groups.2}}'}]}]"
    )
    assert acts(script, "a film about tea") == [Say(say="film, tea")]


def test_values_are_templates_and_keep_their_types() -> None:
    script = """
rules:
  - name: r
    match: (?P<n>\\d+)
    values:
      scene: {name: "Scene {{n}}", at: [0, 1.5]}
      scenes: ["{{scene}}", "{{scene.at.1}}"]
    steps: [{call: t, arguments: {scenes: "{{scenes}}", text: "{{scenes|json}}"}}]
"""
    (call,) = acts(script, "3", ["{}"])
    assert isinstance(call, tuple)
    assert call[0].arguments == (
        '{"scenes": [{"name": "Scene 3", "at": [0, 1.5]}, 1.5], '
        '"text": "[{\\"name\\": \\"Scene 3\\", \\"at\\": [0, 1.5]}, 1.5]"}'
    )


BRANCHES = """
rules:
  - name: r
    match: go
    steps:
      - call: [{tool: a}, {tool: b}]
      - expect:
          - when: {status: success, items.0.n: {exists: true}}
            steps: [{say: "a: {{a.items.0.n}}"}]
          - when: {message: {matches: "^no"}}
            of: b
            steps: [{say: "b: {{b.message}}"}, {fail: {code: 4000, msg: m}}, {say: never}]
          - steps: [{say: other}, {follow_ups: ["{{outputs.1.message}}"]}]
      - say: end
"""


@pytest.mark.parametrize(
    ("outputs", "expected"),
    [
        (['{"status":"success","items":[{"n":7}]}', "{}"], [Say(say="a: 7"), Say(say="end")]),
        (
            ['{"status":"success","items":[]}', '{"message":"no way"}'],
            [Say(say="b: no way"), Fail(fail=Failure(code=4000, msg="m"))],
        ),
        (
            ["not json", '{"message":"yes"}'],
            [Say(say="other"), FollowUps(follow_ups=["yes"]), Say(say="end")],
        ),
    ],
)
def test_what_the_tools_gave_chooses_what_is_said(outputs: list[str], expected: list[object]) -> None:
    assert acts(BRANCHES, "go", outputs)[1:] == expected


def test_when_no_branch_holds_the_rule_goes_on() -> None:
    steps = "[{call: t}, {expect: [{when: {a: 1}, steps: []}]}, {say: then}]"
    script = f"rules: [{{name: r, match: go, steps: {steps}}}]"
    assert acts(script, "go", ["{}"])[1:] == [Say(say="then")]


def test_without_a_rule_the_fallback_plays() -> None:
    assert acts("fallback: [{think: hm}, {say: '{{text}}?'}]", "what") == [
        Think(think="hm"),
        Say(say="what?"),
    ]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("rules: [", "s.yaml: not YAML"),
        ("rules: [{match: x, steps: []}]", "s.yaml: rules[0].name: Field required"),
        ("rules: [{name: r, match: '(', steps: []}]", "s.yaml: rules[0].match"),
        (
            "rules: [{name: r, match: x, steps: [{say: a, call: b}]}]",
            "s.yaml: rules[0].steps[0]: a step has exactly",
        ),
        (
            "rules: [{name: r, match: x, steps: [{sing: a}]}]",
            "rules[0].steps[0]: a step has exactly one of: think",
        ),
        ("rules: [{name: r, match: x, steps: [{say: a, loud: 1}]}]", "rules[0].steps[0].loud: Extra inputs"),
        (
            "rules: [{name: r, match: x, steps: [{say: '{{#a}}'}]}]",
            "rules[0].steps[0].say: {{#a}} is never closed",
        ),
        ("rules: [{name: r, match: x, steps: [{say: '{{a|up}}'}]}]", "unknown filter 'up'"),
        (
            "rules: [{name: r, match: x, steps: [{expect: [{steps: [{sleep: -1}]}]}]}]",
            "steps[0].expect[0].steps[0].sleep",
        ),
        ("rules: [{name: r, match: x, steps: [], faults: [{kind: boom}]}]", "rules[0].faults[0].kind"),
        (
            "rules: [{name: r, match: x, steps: [{call: [{tool: a}], arguments: {b: 1}}]}]",
            "s.yaml: rules[0].steps[0].arguments: Extra inputs",
        ),
        ("rools: []", "s.yaml: rools: Extra inputs"),
        ("- a", "s.yaml: document:"),
    ],
)
def test_a_mistake_is_named_with_its_place(text: str, said: str) -> None:
    with pytest.raises(ScriptError) as caught:
        Script.parse(text, "s.yaml")
    assert said in str(caught.value)


def test_a_script_is_read_from_a_file_with_a_mark_of_windows(tmp_path: Path) -> None:
    path = tmp_path / "s.yaml"
    path.write_bytes("\ufefffallback: [{say: 你好}]".encode())
    assert Script.read(path).fallback
    with pytest.raises(ScriptError, match="none\\.yaml"):
        Script.read(tmp_path / "none.yaml")


@given(st.text())
def test_a_text_comes_in_pieces_that_make_it_again(text: str) -> None:
    assert "".join(pieces(text)) == text
    assert tokens(text) >= 0
    assert all(len(piece.strip()) <= 8 for piece in pieces(text))
