"""Cards and mixed messages become text that can be read, whatever is in them."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from c2jy_bridge.core import i18n
from c2jy_bridge.core.safety import visible
from c2jy_bridge.coze.content import MOST_LINES, readable


def expression(value: str) -> dict[str, Any]:
    return {"type": "expression", "value": value, "replaceMap": {}}


def element(kind: str, props: dict[str, Any] | None = None, *children: str, **more: Any) -> dict[str, Any]:
    """One element, in the form of Coze's card editor."""
    component = f"@flowpd/cici-components/{kind}"
    return {"type": component, "name": f"Flowpd{kind}", "props": props or {}, "children": children, **more}


def card(elements: dict[str, Any], variables: dict[str, Any] | None = None, **envelope: Any) -> str:
    """A card as Coze sends it: the drawing is JSON text inside JSON."""
    named = {key: {"id": key, "name": f"n_{key}", "defaultValue": v} for key, v in (variables or {}).items()}
    data = {"elements": elements, "rootID": "root", "variables": named, "actions": {}}
    body = {"card_type": 3, "template_url": "https://coze.invalid/t", "response_type": "card", **envelope}
    return json.dumps({**body, "data": json.dumps(data, ensure_ascii=False)}, ensure_ascii=False)


def test_a_card_is_read_in_the_order_in_which_it_is_drawn() -> None:
    elements = {
        "link": element("Button", {"content": "More", "url": "https://example.com/more", "type": "primary"}),
        "title": element("Text", {"content": expression("{{v1}}，{{v2}}°C"), "backgroundColor": "grey"}),
        "root": element("PageContainer", {"containerPadding": 16}, "title", "columns", "link"),
        "columns": element("ColumnLayout", {"Columns": [{"type": "slot", "children": ["left", "right"]}]}),
        "left": element("NewImage", {"src": "https://example.com/sun.png", "scale": "fit"}),
        "right": element("Text", {"content": "北风三级"}),
    }
    text = readable(card(elements, {"v1": "北京", "v2": 18}), "card")
    assert text.splitlines() == [
        "北京，18°C",
        "Image: https://example.com/sun.png",
        "北风三级",
        "More (https://example.com/more)",
    ]


def test_a_list_in_a_card_is_repeated_for_each_of_its_items() -> None:
    repeat = {"repeat": expression("{{list}}")}
    elements = {
        "root": element("PageContainer", {}, "row"),
        "row": element("ColumnLayout", {}, "name", directives=repeat),
        "name": element("Text", {"content": expression("{{item.name}}: {{item.price}}")}),
    }
    items = [{"name": "Noodles", "price": 12}, {"name": "Tea", "price": 3.5}]
    assert readable(card(elements, {"list": items}), "card") == "Noodles: 12\nTea: 3.5"


def test_of_a_card_without_elements_the_variables_are_read() -> None:
    items = [{"title": "Noodles", "url": "https://example.com/n", "picture": "https://example.com/n.png"}]
    assert readable(card({}, {"list": items}), "card").splitlines() == [
        "Noodles (https://example.com/n)",
        "Image: https://example.com/n.png",
    ]


def test_a_card_of_another_form_is_searched_for_its_texts() -> None:
    other = {"header": {"title": {"content": "Sold"}}, "elements": [{"text": {"content": "two"}}, {"id": 7}]}
    assert readable(json.dumps(other), "card") == "Sold\ntwo"


def test_the_summary_of_a_card_is_used_when_its_drawing_says_nothing() -> None:
    assert readable(card({}, info_in_card="title,Noodles\nprice,12"), "card") == "title,Noodles\nprice,12"
    assert readable(card({}, response_for_model="Noodles, 12"), "card") == "Noodles, 12"


@pytest.mark.parametrize("content", ["", "{", '{"card_type": 3}', "[]", "[" * 100_000, card({}, {"v": None})])
def test_a_card_that_cannot_be_read_is_told_with_its_size(content: str) -> None:
    text = readable(content, "card")
    if content:
        assert "cannot be drawn in a terminal" in text
        assert i18n.byte_size(len(content)) in text
    assert "{" not in text


def test_a_card_that_refers_to_itself_ends() -> None:
    loop = {"root": element("PageContainer", {"title": "Round"}, "root", "root")}
    lines = readable(card(loop), "card").splitlines()
    assert lines[0] == "Round"
    assert len(lines) <= MOST_LINES + 1
    many = {"root": element("Text", {"content": "x"}, directives={"repeat": expression("{{v}}")})}
    lines = readable(card(many, {"v": list(range(100_000))}), "card").splitlines()
    assert len(lines) == MOST_LINES + 1
    assert "only its beginning is shown" in lines[-1]


def test_the_parts_of_a_mixed_message_are_lines_with_name_and_address() -> None:
    parts = [
        {"type": "text", "text": "Two pictures\nand a file:"},
        {"type": "image", "file_url": "https://example.com/a/%E7%8C%AB.png?sign=1"},
        {"type": "image", "file_id": "7397395079142350001"},
        {"type": "file", "file_name": "plan.pdf", "file_url": "https://example.com/x"},
        {"type": "audio", "file_url": "https://example.com/v.mp3"},
        {"type": "hologram"},
        {"type": "text", "text": "Done."},
    ]
    assert readable(json.dumps(parts), "object_string").splitlines() == [
        "Two pictures",
        "and a file:",
        "",
        "Image: 猫.png (https://example.com/a/%E7%8C%AB.png?sign=1)",
        "Image: file id 7397395079142350001",
        "File: plan.pdf (https://example.com/x)",
        "Audio: v.mp3 (https://example.com/v.mp3)",
        '(Something of the type "hologram", which cannot be shown here)',
        "",
        "Done.",
    ]
    assert readable("no JSON", "object_string") == "no JSON"


def test_names_and_addresses_cannot_forge_lines_or_steer_the_terminal() -> None:
    parts = [{"type": "image", "file_url": "https://x/%1b%5B2J%0AImage:%20other.png"}]
    text = readable(json.dumps(parts), "object_string")
    assert len(text.splitlines()) == 1
    assert text == visible(text)
    hostile = {"root": element("Text", {"content": "a\x1b]52;c;AAAA\x07\u202eb\nc", "url": "https://x/\x1b"})}
    text = readable(card(hostile), "card")
    assert text == visible(text)
    assert "\x1b" not in text


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.sampled_from(
        ["elements", "root", "rootID", "props", "children", "data", "variables", "defaultValue", "type",
         "value", "directives", "repeat", "title", "url", "text", "item_list", "file_url", "a"]), inner),
    max_leaves=30,
)  # fmt: skip


@given(JSON)
def test_whatever_json_is_in_it_a_text_comes_out(value: Any) -> None:
    for content_type in ("card", "object_string"):
        text = readable(json.dumps(value), content_type)
        assert text == visible(text)
