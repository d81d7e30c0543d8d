"""A narration's words become lines that can be read, on while they are spoken."""

from __future__ import annotations

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from c2jy_bridge.compat.coze2jianying.unfinished.scenes import caption_lines, columns, columns_of, split

SPOKEN = st.text(st.sampled_from("麻婆豆腐又辣ab c，。！?、 \n…；:W1"), max_size=120)


def test_lines_end_where_sentences_end() -> None:
    assert split("第一道菜是麻婆豆腐。又麻又辣！好吃吗？", 36) == [
        "第一道菜是麻婆豆腐。",
        "又麻又辣！",
        "好吃吗？",
    ]


def test_a_long_sentence_is_cut_at_its_clauses_and_filled_up() -> None:
    sentence = "秋天到了，树叶黄了，一片一片叶子落下来，一群大雁往南飞。"
    assert split(sentence, 24) == ["秋天到了，树叶黄了，", "一片一片叶子落下来，", "一群大雁往南飞。"]


def test_what_has_no_clauses_is_cut_evenly_and_leaves_no_remnant() -> None:
    lines = split("这是一句没有任何标点符号却又非常长的旁白文字", 24)
    assert "".join(lines) == "这是一句没有任何标点符号却又非常长的旁白文字"
    assert max(map(columns, lines)) - min(map(columns, lines)) <= 4


def test_english_is_cut_between_words() -> None:
    lines = split("The quick brown fox jumps over the lazy dog near the river bank", 24)
    assert " ".join(lines) == "The quick brown fox jumps over the lazy dog near the river bank"
    assert all(columns(line) <= 24 for line in lines)


def test_a_decimal_point_ends_no_sentence() -> None:
    assert split("It costs 3.5 yuan. Really.", 36) == ["It costs 3.5 yuan.", "Really."]


def test_each_line_has_its_share_of_the_time() -> None:
    told = caption_lines("你好。今天天气很好。", 1_000_000, 1_000_000, 36)
    assert told == [(1_000_000, 300_000, "你好。"), (1_300_000, 700_000, "今天天气很好。")]


def test_a_portrait_canvas_has_shorter_lines() -> None:
    assert columns_of(1080, 1920) < columns_of(1920, 1080)


@given(SPOKEN, st.integers(8, 40), st.integers(1, 60_000_000))
def test_no_word_is_lost_no_line_too_wide_and_no_time_left_over(text: str, most: int, length_us: int) -> None:
    lines = split(text, most)
    assert "".join("".join(lines).split()) == "".join(text.split())
    assert all(columns(line) <= most for line in lines)
    told = caption_lines(text, 5, length_us, most)
    if lines and length_us > 1000:
        assert told[0][0] == 5
        assert told[-1][0] + told[-1][1] == 5 + length_us
        assert all(a[0] + a[1] == b[0] for a, b in pairwise(told))
    assert all(length > 0 for _, length, _ in told)
