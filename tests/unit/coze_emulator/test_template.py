"""Templates: the part of Mustache that scripts use."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from coze_emulator.template import TemplateError, check, fill, render

SCOPE: dict[str, Any] = {
    "name": "茶",
    "empty": [],
    "zero": 0,
    "drafts": [{"name": "a", "tags": ["x", "y"]}, {"tags": []}],
    "deep": {"list": [{"v": 1.256}]},
    "long": "z" * 500,
}


@pytest.mark.parametrize(
    ("template", "text"),
    [
        ("plain {x} text", "plain {x} text"),
        ("{{name}}{{ name }}", "茶茶"),
        ("[{{nothing}}]", "[]"),
        ("{{zero}}", "0"),
        ("{{deep.list.0.v}}", "1.256"),
        ("{{deep.list.0.v|number}}", "1.26"),
        ("{{deep.list.9.v}}", ""),
        ("{{deep.list}}", '[{"v": 1.256}]'),
        ("{{#drafts}}{{name}};{{/drafts}}", "a;茶;"),
        ("{{#drafts}}{{#tags}}{{.}}{{/tags}}{{^tags}}-{{/tags}}{{/drafts}}", "xy-"),
        ("{{^empty}}none{{/empty}}{{#empty}}some{{/empty}}", "none"),
        ("{{#name}}yes{{/name}}", "yes"),
        ("{{#deep}}{{list.0.v}}{{/deep}}", "1.256"),
        ("{{drafts|count}}", "2"),
        ("{{nothing|count}}", "0"),
        ("{{nothing|number}}", ""),
        ("a\n{{#drafts}}\n- x\n{{/drafts}}\nb\n", "a\n- x\n- x\nb\n"),
    ],
)
def test_a_template_becomes_text(template: str, text: str) -> None:
    check(template)
    assert render(template, SCOPE) == text


def test_what_is_too_long_is_cut() -> None:
    assert render("{{long|brief}}", SCOPE) == "z" * 400 + " …"


@pytest.mark.parametrize("template", ["{{#a}}", "{{/a}}", "{{#a}}{{#b}}{{/a}}{{/b}}", "{{a|nope}}"])
def test_a_template_that_cannot_be_read_is_refused(template: str) -> None:
    with pytest.raises(TemplateError):
        check(template)


def test_a_string_that_is_one_name_becomes_the_value() -> None:
    given_ = {"a": "{{drafts}}", "b": ["{{zero}}", "{{name}}!", 3, None], "c": "{{drafts|count}}"}
    assert fill(given_, SCOPE) == {"a": SCOPE["drafts"], "b": [0, "茶!", 3, None], "c": "2"}


@given(st.text())
def test_a_value_is_never_read_as_a_template(value: str) -> None:
    assert render("<{{v}}>", {"v": value}) == f"<{value}>"
