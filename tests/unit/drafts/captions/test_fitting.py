"""A narration's words become lines that can be read, on while they are spoken."""

from __future__ import annotations

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from c2jy_bridge.drafts.captions.cues import Cue
from c2jy_bridge.drafts.captions.fitting import caption_lines, columns, columns_of, fitted, split

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
    told = caption_lines("你好啊。今天天气很好。", 1_000_000, 11_000_000, 36)
    assert told == [(1_000_000, 4_000_000, "你好啊。"), (5_000_000, 7_000_000, "今天天气很好。")]


def test_no_line_is_shown_for_less_than_a_glance() -> None:
    told = caption_lines("好。今天天气真的非常非常好。", 0, 2_000_000, 36)
    assert told == [(0, 800_000, "好。"), (800_000, 1_200_000, "今天天气真的非常非常好。")]


def test_lines_that_time_is_too_short_for_are_shown_together() -> None:
    assert caption_lines("好。真好。你看。", 0, 1_000_000, 36) == [(0, 1_000_000, "好。真好。你看。")]
    told = caption_lines("今天天气真的非常好。我们去公园散步。", 0, 1_500_000, 24)
    assert told == [(0, 1_500_000, "今天天气真的非常好。\n我们去公园散步。")]


def _cue(start: int, end: int, text: str) -> Cue:
    return Cue(1, start, end, text)


def _told(cues: list[Cue], most: int = 24) -> list[tuple[int, int, str]]:
    return [(cue.start_us, cue.end_us, cue.text) for cue in fitted(cues, most)]


def test_a_long_caption_is_cut_at_punctuation_and_one_that_fits_is_kept() -> None:
    kept = _cue(0, 2_000_000, "短的一句\n两行")
    cut = _cue(2_000_000, 8_000_000, "秋天到了，树叶黄了，一片一片叶子落下来，一群大雁往南飞。")
    told = _told([cut, kept])
    assert told[0] == (0, 2_000_000, "短的一句\n两行")
    assert [text for _, _, text in told[1:]] == [
        "秋天到了，树叶黄了，",
        "一片一片叶子落下来，",
        "一群大雁往南飞。",
    ]
    assert (told[1][0], told[-1][1]) == (2_000_000, 8_000_000)


def test_a_caption_in_two_languages_stays_together() -> None:
    two = "今天天气很好\nThe weather is really fine today, is it not?"
    assert _told([_cue(0, 3_000_000, two)]) == [(0, 3_000_000, two)]


def test_a_short_caption_stays_longer_or_is_shown_with_the_next() -> None:
    alone = [_cue(0, 200_000, "好"), _cue(5_000_000, 6_000_000, "再见")]
    assert _told(alone) == [(0, 800_000, "好"), (5_000_000, 6_000_000, "再见")]
    near = [_cue(0, 200_000, "好"), _cue(300_000, 900_000, "的"), _cue(900_000, 2_000_000, "走吧")]
    assert _told(near) == [(0, 900_000, "好的"), (900_000, 2_000_000, "走吧")]
    assert _told([_cue(0, 1, "one"), _cue(1, 2, "two")]) == [(0, 800_000, "one two")]


@given(
    st.lists(
        st.tuples(st.integers(0, 10**7), st.integers(1, 4_000_000), SPOKEN.filter(str.strip)), max_size=12
    ),
    st.sampled_from([24, 36]),
)
def test_fitted_captions_are_long_enough_and_lose_no_word(
    spans: list[tuple[int, int, str]], most: int
) -> None:
    cues = [_cue(start, start + length, text.strip()) for start, length, text in spans]
    told = _told(cues, most)
    assert all(end - start >= 800_000 for start, end, _ in told)
    assert [start for start, _, _ in told] == sorted(start for start, _, _ in told)
    ordered = sorted(cues, key=lambda cue: cue.start_us)
    before = "".join("".join(cue.text for cue in ordered).split())
    after = "".join("".join(text for _, _, text in told).split())
    assert sorted(after) == sorted(before)
    if all(one.end_us <= other.start_us for one, other in pairwise(ordered)):
        assert after == before
        assert all(one[1] <= other[0] for one, other in pairwise(told))


def test_a_portrait_canvas_has_shorter_lines() -> None:
    assert columns_of(1080, 1920) < columns_of(1920, 1080)


@given(SPOKEN, st.integers(8, 40), st.integers(1, 60_000_000))
def test_no_word_is_lost_no_line_too_wide_and_no_time_left_over(text: str, most: int, length_us: int) -> None:
    lines = split(text, most)
    assert "".join("".join(lines).split()) == "".join(text.split())
    assert all(columns(line) <= most for line in lines)
    told = caption_lines(text, 5, length_us, most)
    assert all(length >= 800_000 for _, length, _ in told) or len(told) <= 1
    if lines and length_us > 1000:
        assert told[0][0] == 5
        assert told[-1][0] + told[-1][1] == 5 + length_us
        assert all(a[0] + a[1] == b[0] for a, b in pairwise(told))
    assert all(length > 0 for _, length, _ in told)
