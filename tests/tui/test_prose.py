"""Markdown that streams: what is drawn, and what one more piece of text costs."""

from __future__ import annotations

import re
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rich.cells import cell_len
from textual.content import Content

from c2jy_tui.widgets import markdown_blocks
from c2jy_tui.widgets.markdown_blocks import (
    LONGEST_TAIL,
    GrowingDocument,
    Placed,
    PlainDocument,
    last_code,
    read,
)
from c2jy_tui.widgets.markdown_lines import Line, draw_all
from c2jy_tui.widgets.wrapping import wrapped

PIECES = st.sampled_from(
    [
        "# 标题 title\n\n",
        "一段中文，夹着 English words 和 `code`。\n\n",
        "- one\n- two\n  - nested 嵌套\n\n",
        "1. first\n2. second\n\n",
        "| 镜头 | n |\n|---|--:|\n| 火锅 | 3 |\n\n",
        "```python\ndef f(x):\n    return 'x'\n```\n\n",
        "> quoted 引用\n\n",
        "---\n\n",
        "**bold** and [link](https://example.com/a)\n\n",
    ]
)


def drawn(placed: tuple[Placed, ...] | list[Placed], width: int = 40) -> list[str]:
    return [plain(line).rstrip() for line in draw_all(placed, width)]


def plain(line: Line) -> str:
    return line if isinstance(line, str) else line.plain


def streamed(text: str, sizes: list[int]) -> list[Placed]:
    final: list[Placed] = []
    growing, at = GrowingDocument(), 0
    for size in sizes:
        final.extend(growing.append(text[at : at + size]))
        at += size
    final.extend(growing.append(text[at:]))
    return [*final, *growing.live]


@settings(deadline=None)
@given(pieces=st.lists(PIECES, min_size=1, max_size=8), sizes=st.lists(st.integers(1, 40), max_size=30))
def test_a_text_that_came_in_pieces_looks_like_the_text_read_at_once(
    pieces: list[str], sizes: list[int]
) -> None:
    text = "".join(pieces)
    assert drawn(streamed(text, sizes)) == drawn(read(text))


@settings(deadline=None, max_examples=300)
@given(text=st.text(alphabet="ab中 \n\n\t-+>#=1).*_`[]()|&~<\\:!", max_size=80))
def test_paragraphs_that_are_read_without_the_parser_are_what_the_parser_makes_of_them(text: str) -> None:
    growing = GrowingDocument()
    final = growing.append(text)
    assert drawn([*final, *growing.live]) == drawn(read(text))


@settings(deadline=None)
@given(text=st.text(max_size=300), width=st.integers(2, 60))
def test_no_line_is_wider_than_the_screen(text: str, width: int) -> None:
    for line in wrapped(Content(text), width):
        assert cell_len(line.plain.rstrip()) <= max(width, 2)


@settings(deadline=None)
@given(text=st.text(alphabet=st.characters(blacklist_categories=["Cc", "Cs", "Zl", "Zp"]), max_size=200))
def test_wrapping_loses_no_character(text: str) -> None:
    lines = [line.plain for line in wrapped(Content(text), 20)]
    assert all(cell_len(line) <= 20 for line in lines if not line.isspace())
    # Only the spaces at the end of a line may be dropped.
    assert re.fullmatch(r"\s*".join(map(re.escape, lines)) + r"\s*", text)
    plain = PlainDocument()
    shown = drawn([*plain.append(text), *plain.live], 20)
    assert "".join("".join(shown).split()) == "".join(text.split())


@settings(deadline=None, max_examples=60)
@given(pieces=st.lists(PIECES, min_size=1, max_size=6), width=st.integers(20, 100))
def test_no_drawn_block_is_wider_than_the_screen(pieces: list[str], width: int) -> None:
    for line in draw_all(read("".join(pieces)), width):
        assert cell_len(plain(line)) <= width


def test_chinese_text_fills_its_lines_and_no_line_begins_with_a_closing_mark() -> None:
    text = "用 Python 制作一个关于中国美食的视频，时长十五秒，配字幕。"
    lines = [line.plain for line in wrapped(Content(text), 20)]
    assert lines[0] == "用 Python 制作一个关"
    assert not any(line.startswith(("，", "。")) for line in lines)


def test_an_english_word_is_not_broken_while_it_fits_on_a_line() -> None:
    assert [line.plain for line in wrapped(Content("one two three"), 8)] == ["one two", "three"]


def test_a_word_longer_than_the_line_is_broken_at_the_edge() -> None:
    assert [line.plain for line in wrapped(Content("x" * 10), 4)] == ["xxxx", "xxxx", "xx"]


def test_an_opening_mark_does_not_end_a_line() -> None:
    lines = [line.plain for line in wrapped(Content("他说了几个字「好的」"), 14)]
    assert not any(line.endswith("「") for line in lines)


def test_a_table_that_does_not_fit_becomes_records() -> None:
    table = "|a|b|c|d|e|\n|-|-|-|-|-|\n|" + "|".join(["一二三四五六七八九十"] * 5) + "|\n"
    lines = drawn(read(table), 24)
    assert lines[0].startswith("a: 一二")
    assert not any("│" in line for line in lines)


def test_columns_are_aligned_as_the_table_asks() -> None:
    lines = drawn(read("| name | n |\n|:--|--:|\n| a | 1 |\n| b | 100 |\n"))
    assert lines[2:] == ["a    │   1", "b    │ 100"]


def test_a_link_shows_where_it_leads_and_does_nothing() -> None:
    (placed,) = read("[click me](https://evil.example/x) [@click=app.quit]no[/]")
    (line,) = draw_all([placed], 90)
    assert isinstance(line, Content)
    assert line.plain == "click me (https://evil.example/x) [@click=app.quit]no[/]"
    assert all("@click" not in str(span.style) and "link" not in str(span.style) for span in line.spans)


def test_html_is_text() -> None:
    assert drawn(read("<b>bold</b>\n\n<script>x</script>")) == ["<b>bold</b>", "", "<script>x</script>"]


def test_an_unknown_language_is_plain_code() -> None:
    assert drawn(read("```nonsense\nx = 1\n```")) == [" x = 1"]


def test_the_last_code_block_is_found_inside_a_list() -> None:
    assert last_code("a\n\n```\none\n```\n\n- b\n\n  ```sh\n  two\n  ```\n") == "two\n"
    assert last_code("no code") == ""


ENDLESS = {
    "code": "```python\n" + "x = 1  # 注释\n" * 4000,
    "one line of code": "```json\n" + "[1, 2, 3], " * 4000,
    "list": "- 一点 point\n" * 4000,
    "numbers": "".join(f"{n}. point\n" for n in range(1, 3000)),
    "table": "| a | b |\n|---|---|\n" + "| 一 | two |\n" * 3000,
    "paragraph": "没有空行的一段话，一直写下去。" * 3000,
    "quote": "> quoted\n" * 4000,
    "prose": "A paragraph of words.\n\n" * 2000,
    "long item": "- a\n" + "  more of the same item\n" * 2500,
}


@pytest.mark.parametrize("kind", ENDLESS)
def test_what_one_piece_makes_be_read_again_does_not_grow_with_the_text(
    kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    reads: list[int] = []
    original = markdown_blocks.top_level

    def counted(text: str) -> Any:
        reads.append(len(text))
        return original(text)

    monkeypatch.setattr(markdown_blocks, "top_level", counted)
    growing, text = GrowingDocument(), ENDLESS[kind][:24_000]
    for at in range(0, len(text), 200):
        growing.append(text[at : at + 200])
    assert len(text) > 20_000
    assert max(reads) <= 4 * LONGEST_TAIL + 400


@pytest.mark.parametrize("kind", ["code", "list", "numbers", "table", "quote"])
def test_a_block_that_was_cut_because_it_is_long_looks_whole(kind: str) -> None:
    text = ENDLESS[kind][:12_000].rsplit("\n", 1)[0] + "\n"
    # Later pieces of a list do not know how wide the numbers of the earlier ones are.
    assert [line.lstrip() for line in drawn(streamed(text, [199] * 80))] == [
        line.lstrip() for line in drawn(read(text))
    ]


def test_a_paragraph_without_an_end_keeps_all_its_words() -> None:
    text = ENDLESS["paragraph"][:9000]
    assert "".join(drawn(streamed(text, [99] * 100))) == text


def test_plain_text_is_shown_exactly_as_it_stands() -> None:
    plain = PlainDocument()
    done = plain.append("# not a title\n  **x**\n\n- y")
    assert drawn([*done, *plain.live]) == ["# not a title", "  **x**", "", "- y"]
