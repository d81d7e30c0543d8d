"""Captions in every other format: ASS with its styles, LRC, the JSON of recognisers and of JianYing."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from c2jy_bridge.drafts import BuiltDraft, DraftError, Library
from c2jy_bridge.drafts.captions.cues import Cue
from c2jy_bridge.drafts.captions.formats import read_captions
from c2jy_bridge.drafts.captions.writing import CaptionFormat, write_captions

Build = Callable[..., Any]
Content = Callable[[BuiltDraft], dict[str, Any]]
ASS = """[Script Info]
ScriptType: v4.00+
PlayResX: 1920
PlayResY: 1080

[V4+ Styles]
Format: Name, Fontname, Fontsize, PrimaryColour, SecondaryColour, OutlineColour, BackColour, Bold, Italic, \
Underline, StrikeOut, ScaleX, ScaleY, Spacing, Angle, BorderStyle, Outline, Shadow, Alignment, MarginL, \
MarginR, MarginV, Encoding
Style: Default,Nobody's Font,54,&H0000FFFF,&H000000FF,&H00FF0000,&H80000000,-1,-1,0,0,100,100,0,0,1,2.7,0,2,\
10,10,54,1
Style: Box,Bungee-Regular,108,&H00FFFFFF,&H000000FF,&H000000FF,&H00000000,0,0,-1,0,90,100,0,15,3,2,2,7,\
10,10,0,1

[Events]
Format: Layer, Start, End, Style, Name, MarginL, MarginR, MarginV, Effect, Text
Dialogue: 0,0:00:01.00,0:00:02.50,Default,,0,0,0,,第一句\\N第二行, 逗号
Comment: 0,0:00:01.00,0:00:02.50,Default,,0,0,0,,not shown
Dialogue: 0,0:00:03.00,0:00:04.00,Box,,0,0,0,,{\\an5\\c&H0000FF&\\fad(200,200)}title {\\i1}x
Dialogue: 0,0:00:05.00,0:00:06.00,Default,,0,0,0,,{\\p1}m 0 0 l 9 9{\\p0}
Dialogue: 0,0:00:07.00,0:00:08.00,Nowhere,,0,0,0,,{\\pos(480,270)}placed
"""


def _told(text: str) -> list[tuple[int, int, str]]:
    return [(cue.start_us, cue.end_us, cue.text) for cue in read_captions(text).cues]


def test_ass_is_read_with_its_styles_and_what_cannot_be_shown_is_named() -> None:
    found = read_captions(ASS)
    first, second, third = found.cues
    assert (first.start_us, first.end_us, first.text) == (1_000_000, 2_500_000, "第一句\n第二行, 逗号")
    assert first.style is not None
    assert first.transform is not None
    assert (first.style.size, first.style.bold, first.style.italic, first.style.underline) == (
        5,
        True,
        True,
        False,
    )
    assert (first.style.color, first.style.align, first.style.font) == ((1, 1, 0), "center", None)
    assert first.style.border is not None
    assert first.style.border.color == (0, 0, 1)
    assert first.style.border.width == pytest.approx(25)
    assert first.transform.y == pytest.approx(-0.85)

    assert second.style is not None
    assert second.transform is not None
    assert (second.style.font, second.style.size, second.style.underline) == ("Bungee-Regular", 10, True)
    assert (second.style.color, second.style.background and second.style.background.color) == (
        (1, 0, 0),
        "#ff0000",
    )
    assert (second.style.align, second.transform.y, second.transform.rotation) == ("center", 0, -15)

    assert third.transform is not None
    assert (third.text, third.transform.x, third.transform.y) == ("placed", -0.5, 0.5)
    assert set(found.dropped) == {"Fontname Nobody's Font", "ScaleX 90", "\\fad", "\\i", "\\p"}
    assert found.marked_up == 1


SSA = """[Script Info]
ScriptType: v4.00

[V4 Styles]
Format: Name, Fontname, Fontsize, PrimaryColour, SecondaryColour, TertiaryColour, BackColour, Bold, Italic, \
BorderStyle, Outline, Shadow, Alignment, MarginL, MarginR, MarginV, AlphaLevel, Encoding
Style: Default,Arial,28.8,65535,65535,65535,-2147483640,-1,0,1,0,0,6,30,30,0,0,0

[Events]
Format: Marked, Start, End, Style, Name, MarginL, MarginR, MarginV, Effect, Text
Dialogue: Marked=0,0:00:01.00,0:00:02.00,Default,NTP,0000,0000,0000,!Effect,hello
"""


def test_the_older_ssa_is_read_by_its_own_numbers(recwarn: pytest.WarningsRecorder) -> None:
    (cue,) = read_captions(SSA).cues
    assert cue.style is not None
    assert cue.transform is not None
    assert (cue.text, cue.style.size, cue.style.color, cue.style.bold) == ("hello", 10, (1, 1, 0), True)
    assert (cue.style.underline, cue.style.align) == (False, "center")
    assert cue.transform.y == pytest.approx(0.9)
    assert list(recwarn) == []


def test_a_line_of_ass_without_times_is_told_and_costs_no_other() -> None:
    odd = "Dialogue: 0,xx,0:00:02.50,Default,,0,0,0,,no\n"
    wide = "Dialogue: 0,0：00：09.00,0：00：09.50,Default,,0,0,0,,宽\n"
    found = read_captions(ASS + odd + wide)
    assert [cue.text for cue in found.cues] == ["第一句\n第二行, 逗号", "title x", "placed", "宽"]
    assert found.bad_lines == (len(ASS.splitlines()) + 1,)


_ODD = ["", "-1", "0", "nan", "inf", "-inf", "1e308", "x", "&HFFFFFFFFFF", "99999999999999999999"]


@given(st.integers(0, 21), st.sampled_from(_ODD), st.sampled_from(["\\fs", "\\pos(", "\\an", "\\c", "\\b"]))
def test_no_number_in_a_style_or_a_tag_stops_the_reader(field: int, value: str, tag: str) -> None:
    head, rest = ASS.split("Style: Default,", 1)
    style, events = rest.split("\n", 1)
    values = style.split(",")
    values[field] = value
    text = f"{head}Style: Default,{','.join(values)}\n{events}".replace("\\pos(480,270)", f"{tag}{value}")
    assert [cue.text for cue in read_captions(text).cues] == ["第一句\n第二行, 逗号", "title x", "placed"]


LRC = """[ti:歌]
[offset:+500]
[00:01.50]第一句
[00:03.5][00:08.50]<00:03.50>副<00:03.90>歌
[00:06.50]
[00：10.50]尾
"""


def test_a_lyric_lasts_until_the_next_and_an_empty_line_ends_it() -> None:
    assert _told(LRC) == [
        (1_000_000, 3_000_000, "第一句"),
        (3_000_000, 6_000_000, "副歌"),
        (8_000_000, 10_000_000, "副歌"),
        (10_000_000, 15_000_000, "尾"),
    ]


TWO = [(1_000_000, 2_500_000, "你好"), (3_000_000, 4_000_000, "再见")]


@pytest.mark.parametrize(
    "held",
    [
        {"text": "你好再见", "segments": [{"start": 1, "end": 2.5, "text": " 你好"},
                                      {"start": 3.0, "end": 4, "text": "再见"}]},
        [{"start": 1, "end": 2.5, "text": "你好"}, {"start": 3, "end": 4, "text": "再见"}],
        {"chunks": [{"timestamp": [1.0, 2.5], "text": "你好"}, {"timestamp": [3, 4], "text": "再见"}]},
        {"transcription": [{"offsets": {"from": 1000, "to": 2500}, "text": "你好"},
                           {"offsets": {"from": 3000, "to": 4000}, "text": "再见"}]},
        {"result": {"utterances": [{"start_time": 1000, "end_time": 2500, "text": "你好", "words": []},
                                   {"start_time": 3000, "end_time": 4000, "text": "再见"}]}},
    ],
)  # fmt: skip
def test_what_recognisers_write_is_read(held: Any) -> None:
    assert _told(json.dumps(held)) == TWO
    broken = json.dumps({"segments": [{"start": None, "end": 2}, {"start": 2, "end": 1, "text": "x"}, 5, {}]})
    assert _told(broken) == []


def test_one_object_a_line_is_read_too() -> None:
    lines = [json.dumps({"start": s / 1e6, "end": e / 1e6, "text": t}) for s, e, t in TWO]
    assert _told("\n".join(lines)) == TWO


def test_a_draft_of_jianying_is_a_file_of_captions() -> None:
    texts = [
        {"id": "a", "type": "subtitle", "content": "<size=5>你好</size>"},
        {"id": "b", "type": "subtitle", "content": '{"text": "再见", "styles": []}'},
    ]
    segments = [
        {"material_id": "b", "target_timerange": {"start": 3_000_000, "duration": 1_000_000}},
        {"material_id": "a", "target_timerange": {"start": 1_000_000, "duration": 1_500_000}},
        {"material_id": "gone", "target_timerange": {"start": 0, "duration": 1}},
    ]
    draft = {"tracks": [{"type": "text", "flag": 1, "segments": segments}], "materials": {"texts": texts}}
    assert _told(json.dumps(draft)) == TWO


def test_captions_inside_a_compound_clip_come_when_it_shows_them() -> None:
    def text(start: int, duration: int, **more: Any) -> dict[str, Any]:
        return {"material_id": "a", "target_timerange": {"start": start, "duration": duration}, **more}

    texts = [{"id": "a", "type": "subtitle", "content": "你好"}]
    spans = [text(0, 1_000_000), text(2_000_000, 2_000_000), text(9_000_000, 1_000_000)]
    inner = {"tracks": [{"type": "text", "flag": 1, "segments": spans}], "materials": {"texts": texts}}
    clip = {
        "material_id": "v",
        "extra_material_refs": ["d"],
        "target_timerange": {"start": 10_000_000, "duration": 2_000_000},
        "source_timerange": {"start": 1_000_000, "duration": 4_000_000},
    }
    materials = {"drafts": [{"id": "d", "draft": inner}], "texts": texts}
    outer = [{"type": "video", "segments": [clip]}, {"type": "text", "segments": [text(1_000_000, 500_000)]}]
    assert _told(json.dumps({"tracks": outer, "materials": materials})) == [
        (1_000_000, 1_500_000, "你好"),
        (10_500_000, 11_500_000, "你好"),
    ]


@given(st.text() | st.text(st.sampled_from("[]{}:.,0123456789<>->\\nDialogue 第")))
def test_no_text_stops_any_reader(text: str) -> None:
    for given_text in (text, ASS + text, "[00:01.00]" + text, '{"segments": [' + text):
        for cue in read_captions(given_text).cues:
            assert cue.end_us > cue.start_us >= 0
            assert cue.text.strip()


@pytest.mark.parametrize("form", ["srt", "vtt", "ass", "lrc"])
@given(data=st.data())
def test_what_is_written_is_read_again(form: CaptionFormat, data: st.DataObject) -> None:
    words = st.text(st.sampled_from("你好a b<&>{}\\c,"), min_size=1, max_size=8)
    text = words.map(lambda t: " ".join(t.split())).filter(lambda t: t.strip() and not t.startswith("["))
    # What a format takes for markup of its own, and nothing escapes.
    marks = {"srt": "<&>{}\\", "ass": "<&>{}\\", "vtt": "{}\\"}.get(form, "")
    text = text.map(lambda t: t.translate(str.maketrans(marks, "x" * len(marks))))
    gaps = data.draw(st.lists(st.tuples(st.integers(2, 300), st.integers(1, 300), text), max_size=6))
    cues, at = [], 0
    for gap, length, line in gaps:
        at += gap * 10_000
        cues.append(Cue(1, at, at + length * 10_000, line))
        at += length * 10_000
    told = _told(write_captions(cues, form))
    assert told == [(cue.start_us, cue.end_us, cue.text) for cue in cues]


async def test_captions_of_a_file_are_marked_as_the_apps_mark_theirs(
    build: Build, content_of: Content, library: Library
) -> None:
    title = {"type": "text", "clips": [{"text": "标题", "duration": 9}]}
    draft = await build(
        {"name": "x", "tracks": [title], "subtitles": [{"srt": ASS}, {"srt": LRC, "track": "歌词"}]}
    )
    content = content_of(draft)
    texts = {material["id"]: material for material in content["materials"]["texts"]}
    marks = [
        (
            track["flag"],
            {texts[s["material_id"]]["type"] for s in track["segments"]},
            {texts[s["material_id"]].get("add_type") for s in track["segments"]},
        )
        for track in content["tracks"]
    ]
    assert marks == [(0, {"subtitle"}, {None}), (1, {"subtitle"}, {2}), (1, {"subtitle"}, {2})]
    groups = [{texts[s["material_id"]]["group_id"] for s in t["segments"]} for t in content["tracks"][1:]]
    assert [len(group) for group in groups] == [1, 1]
    assert groups[0] != groups[1]
    assert all(group.pop().startswith("import_1") for group in groups)
    assert [(i.code, i.severity) for i in draft.issues] == [
        ("subtitle_markup", "info"),
        ("subtitle_dropped", "warning"),
    ]
    assert library.check("x") == []

    text, count = library.captions("x", "txt")
    assert (count, "标题" in text, text.splitlines()[0]) == (7, False, "第一句")
    assert library.captions("x", "txt", "歌词") == ("第一句\n副歌\n副歌\n尾\n", 4)
    assert library.captions("x", "txt", "1") == ("标题\n", 1)
    with pytest.raises(DraftError, match="nope"):
        library.captions("x", "txt", "nope")
    back = read_captions(library.captions("x", "ass", "2")[0]).cues
    assert [cue.text for cue in back] == ["第一句\n第二行, 逗号", "title x", "placed"]
    assert [cue.style and (cue.style.size, cue.style.color) for cue in back] == [
        (5, (1, 1, 0)), (10, (1, 0, 0)), (5, (1, 1, 0)),
    ]  # fmt: skip
    assert back[2].transform is not None
    assert (back[2].transform.x, back[2].transform.y) == (-0.5, 0.5)


async def test_a_track_of_the_document_may_be_captions_and_a_style_of_the_document_goes_before(
    build: Build, content_of: Content
) -> None:
    track = {
        "type": "text",
        "captions": True,
        "clips": [{"text": "a", "duration": 1, "style": {"wrap": False}}],
    }
    subtitles = {"srt": ASS, "style": {"size": 9}, "transform": {"y": 0.5}}
    content = content_of(await build({"name": "x", "tracks": [track], "subtitles": subtitles}))
    assert [track["flag"] for track in content["tracks"]] == [1, 1]
    assert {text["type"] for text in content["materials"]["texts"]} == {"subtitle"}
    sizes = [json.loads(text["content"])["styles"][0]["size"] for text in content["materials"]["texts"]]
    assert sizes == [8, 9, 9, 9]
    assert {s["clip"]["transform"]["y"] for s in content["tracks"][1]["segments"]} == {0.5}


async def test_subtitles_are_fitted_on_request(build: Build, library: Library) -> None:
    srt = "1\n00:00,000 --> 00:06,000\n秋天到了，树叶黄了，一片一片叶子落下来，一群大雁往南飞。\n"
    document = {"name": "x", "width": 1080, "height": 1920, "subtitles": {"srt": srt, "fit": True}}
    assert (await build(document)).clips == 3
    assert library.captions("x", "txt")[0] == "秋天到了，树叶黄了，\n一片一片叶子落下来，\n一群大雁往南飞。\n"
    assert (await build({**document, "width": 1920, "height": 1080})).clips == 2


async def test_a_draft_without_texts_has_no_captions(build: Build, media: Any, library: Library) -> None:
    clips = [{"type": "image", "media": str(media / "wide.png"), "duration": 1}]
    await build({"name": "x", "tracks": [{"type": "video", "clips": clips}]})
    with pytest.raises(DraftError) as caught:
        library.captions("x", "srt")
    assert [issue.code for issue in caught.value.issues] == ["no_captions_in_draft"]
