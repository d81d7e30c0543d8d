from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from c2jy_bridge.drafts import DraftError
from c2jy_bridge.drafts.captions.cues import read_cues
from c2jy_bridge.drafts.spec.input import decode_text

Build = Callable[..., Any]
PLAIN = "1\n00:00:01,000 --> 00:00:02,500\n第一句\n\n2\n00:00:03,000 --> 00:00:04,000\n第二句\n第三句\n"
CUES = [(1_000_000, 2_500_000, "第一句"), (3_000_000, 4_000_000, "第二句\n第三句")]


def _cues(text: str) -> list[tuple[int, int, str]]:
    return [(cue.start_us, cue.end_us, cue.text) for cue in read_cues(text).cues]


@pytest.mark.parametrize(
    "text",
    [
        PLAIN,
        "\ufeff" + PLAIN,
        PLAIN.replace("\n", "\r\n"),
        PLAIN.replace("\n", "\r"),
        PLAIN.replace(",", "."),
        PLAIN.replace("00:00:0", "0:0"),
        PLAIN.replace(" --> ", "-->"),
        PLAIN.replace("1\n00", "00", 1).replace("2\n00", "00", 1),
        PLAIN.replace("第二句\n第三句", "第二句\n\n第三句"),
        "WEBVTT\n\nNOTE a remark\nof two lines\n\n" + PLAIN.replace(",", ".").replace("2,500", "2.500"),
        "\n\n\n" + PLAIN.replace("\n\n", "\n\n\n\n") + "\n\n",
        PLAIN.replace("02,500", "02,500 X1:40 X2:600 Y1:20 Y2:50"),
        PLAIN.replace(":", "：").replace(",", "，"),
    ],
)  # fmt: skip
def test_captions_are_read_however_they_are_written(text: str) -> None:
    found = read_cues(text)
    assert [(cue.start_us, cue.end_us, cue.text) for cue in found.cues] == CUES
    assert found.bad_lines == ()


def test_numbers_may_be_missing_between_captions_that_touch() -> None:
    text = "1\n00:01,000 --> 00:02,000\na\n2\n00:02,000 --> 00:03,000\nb\n"
    assert _cues(text) == [(1_000_000, 2_000_000, "a"), (2_000_000, 3_000_000, "b")]


def test_a_caption_of_digits_is_a_caption() -> None:
    text = "1\n00:01,000 --> 00:02,000\n2026\n\n2\n00:02,000 --> 00:03,000\n100\n"
    assert [words for _, _, words in _cues(text)] == ["2026", "100"]


def test_markup_is_taken_away_and_counted() -> None:
    text = '1\n00:01,000 --> 00:02,000\n<i>a</i> <font color="#fff">b</font> {\\an8}c 1 < 2\n'
    found = read_cues(text)
    assert (found.cues[0].text, found.marked_up) == ("a b c 1 < 2", 1)


def test_lines_that_are_no_times_are_told() -> None:
    text = "1\n00:01,000 --> 00:01,000\na\n\n2\n00:05,000 --> 00:04,000\nb\n\n3\n00:06,x --> 00:07,000\nc\n"
    found = read_cues(text)
    assert (found.cues, found.bad_lines) == ((), (2, 6, 10))


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "gbk", "gb18030"])
def test_the_encodings_of_chinese_subtitles_are_read(encoding: str) -> None:
    assert decode_text(PLAIN.encode(encoding)).removeprefix("\ufeff") == PLAIN


@given(st.text())
def test_no_text_stops_the_reader(text: str) -> None:
    for cue in read_cues(text).cues:
        assert cue.end_us > cue.start_us >= 0
        assert cue.text.strip()


@given(st.lists(st.tuples(st.integers(0, 10**7), st.integers(1, 10**6)), max_size=20))
def test_times_are_read_to_the_millisecond(spans: list[tuple[int, int]]) -> None:
    def stamp(ms: int) -> str:
        return f"{ms // 3600000:02}:{ms // 60000 % 60:02}:{ms // 1000 % 60:02},{ms % 1000:03}"

    text = "".join(f"{n}\n{stamp(s)} --> {stamp(s + d)}\nx{n}\n\n" for n, (s, d) in enumerate(spans, 1))
    assert _cues(text) == [(s * 1000, (s + d) * 1000, f"x{n}") for n, (s, d) in enumerate(spans, 1)]


async def test_overlapping_captions_go_to_lanes_above_everything(build: Build, library: Any) -> None:
    srt = "1\n00:01,000 --> 00:03,000\na\n\n2\n00:02,000 --> 00:04,000\nb\n"
    title = {"type": "text", "clips": [{"text": "title", "duration": 9}]}
    draft = await build({"name": "x", "tracks": [title], "subtitles": {"srt": srt, "track": "字幕"}})
    assert [(t.name, [c.label for c in t.clips]) for t in library.detail("x").tracks] == [
        ("text", ["title"]),
        ("字幕", ["a"]),
        ("字幕 2", ["b"]),
    ]
    assert [(i.code, i.path) for i in draft.issues] == [("lanes", "subtitles[0]")]


async def test_a_subtitle_file_is_read_from_a_declared_folder_only(
    build: Build, media: Path, tmp_path: Path
) -> None:
    (media / "a.srt").write_bytes(PLAIN.encode("gbk"))
    (tmp_path / "secret.srt").write_text(PLAIN, encoding="utf-8")
    draft = await build({"name": "x", "subtitles": {"path": str(media / "a.srt")}})
    assert draft.clips == 2
    with pytest.raises(DraftError) as caught:
        await build({"name": "x", "subtitles": {"path": str(tmp_path / "secret.srt")}})
    assert {(i.code, i.path) for i in caught.value.issues} == {("subtitle_file", "subtitles[0].path")}


async def test_subtitles_without_a_caption_are_an_error(build: Build) -> None:
    with pytest.raises(DraftError) as caught:
        await build({"name": "x", "subtitles": {"srt": "hello"}})
    assert ("no_captions", "subtitles[0]") in [(i.code, i.path) for i in caught.value.issues]
