"""Whole exports, in every wrapper in which they have been met and in each unit."""

from __future__ import annotations

import json

import pytest

from c2jy_bridge.compat.coze2jianying.exports import parse
from c2jy_bridge.core import i18n
from c2jy_bridge.drafts.errors import DraftError
from c2jy_bridge.drafts.spec.document import ImageClip

LAST_US = {"us": 20_208_000, "ms": 65_000_000, "s": 8_000_000}


def end_us(spec) -> int:
    return max(clip.at.start + clip.at.length_us for track in spec.tracks for clip in track.clips)


@pytest.mark.parametrize(
    ("name", "unit", "drafts", "clips"),
    [
        ("export_drafts_return_us", "us", 2, 12),
        ("output_object_us", "us", 1, 12),
        ("output_string_ms", "ms", 1, 11),
        ("complete_ms", "ms", 1, 11),
        ("bare_draft_us", "us", 1, 12),
        ("list_of_drafts_us", "us", 2, 16),
        ("other_key_us", "us", 1, 12),
        ("double_encoded_us", "us", 1, 12),
        ("fenced_us", "us", 1, 12),
        ("seconds", "s", 1, 2),
    ],
)
def test_an_export_is_read_in_its_wrapper_and_its_unit(export, name, unit, drafts, clips):
    found = parse(export(name))
    assert len(found) == drafts
    assert sum(len(track.clips) for item in found for track in item.spec.tracks) == clips
    for item in found:
        if item.spec.tracks:
            assert item.unit.unit == unit
            assert end_us(item.spec) == LAST_US[unit]


@pytest.mark.parametrize(
    "name", ["export_drafts_return_us", "complete_ms", "raw_tools", "infos_as_strings_us"]
)
def test_text_bytes_and_object_give_the_same(export, name):
    body = export(name)
    as_object = parse(json.loads(body))
    for form in (
        body,
        body.decode(),
        b"\xef\xbb\xbf" + body,
        body.decode().encode("utf-16"),
        bytearray(body),
    ):
        assert parse(form) == as_object


def test_gb18030_from_a_chinese_editor_is_read(export):
    body = export("complete_ms").decode().encode("gb18030")
    assert parse(body)[0].spec.name == "杭州宣传片"


def test_the_original_is_kept_word_for_word_and_leads_back(export):
    original = json.loads(export("complete_ms"))["drafts"][0]
    (imported,) = parse(export("complete_ms"))
    assert imported.spec.legacy == original
    (again,) = parse(imported.spec.legacy)
    assert again.spec.tracks == imported.spec.tracks


def test_what_stood_around_the_draft_is_kept_too(export):
    imported = parse(export("export_drafts_return_us"))[1]
    kept = imported.spec.meta["imported"]
    assert kept["message"] == "成功导出 2 个草稿"
    assert kept["export_type"] == "batch_draft"
    assert kept["created_timestamp"] == 1759473357.784953
    assert kept["time_unit"] == "us"


def test_a_complete_export_keeps_every_feature(export):
    (imported,) = parse(export("complete_ms"))
    spec = imported.spec
    assert (spec.name, spec.width, spec.height, spec.fps) == ("杭州宣传片", 1080, 1920, 25)
    assert [track.type for track in spec.tracks] == [
        "video", "audio", "audio", "text", "effect", "filter", "sticker",
    ]  # fmt: skip
    first, second, third = spec.tracks[0].clips
    assert (first.filters[0].name, first.filters[0].intensity) == ("暖冬", 80)
    assert (first.transition.name, first.transition.duration) == ("叠化", 1_000_000)
    assert (first.volume, first.keep_pitch) == (0.6, False)
    assert [(k.property, k.at, k.value) for k in first.keyframes][-1] == ("alpha", 15_000_000, 0)
    assert first.media.name == "片头.mp4"
    assert (second.speed, second.trim.start, second.trim.duration) == (2, 5_000_000, 90_000_000)
    assert (second.crop.left, second.crop.bottom) == (0.1, 0.9)
    assert second.background.kind == "blur"
    assert [(k.property, k.at, k.value) for k in second.keyframes][:2] == [
        ("position_x", 0, -0.1),
        ("position_y", 0, 0.1),
    ]
    assert isinstance(third, ImageClip)
    assert (third.fit, third.background.color) == ("fill", "#102030")
    assert [(a.kind, a.name, a.duration) for a in third.animations] == [
        ("in", "渐显", 700_000),
        ("out", "渐隐", 500_000),
    ]
    music, voice = spec.tracks[1].clips[0], spec.tracks[2].clips[0]
    assert (music.volume, music.fade.in_, music.fade.out) == (0.3, 2_000_000, 3_000_000)
    assert (music.trim.start, music.trim.duration) == (5_000_000, 60_000_000)
    assert spec.tracks[2].mute
    assert (voice.effects[0].name, voice.effects[0].params) == ("回音", (70,))
    title, caption = spec.tracks[3].clips
    assert (title.style.size, title.style.bold, title.style.italic) == (56 / 6, True, True)
    assert (title.style.font, title.style.align) == ("思源黑体", "left")
    assert (title.style.border.width, title.style.shadow.angle) == (60, -45)
    assert title.style.alpha == pytest.approx(128 / 255)
    assert [(k.at, k.value) for k in title.keyframes] == [
        (0, 0.8), (1_000_000, 1.2), (5_000_000, 1.2), (6_000_000, 1.0),
    ]  # fmt: skip
    assert (caption.transform.x, caption.transform.y) == (0.5, -0.9)
    assert (caption.style.background.color, caption.style.background.alpha) == ("#000000", 0.7)
    assert [a.kind for a in caption.animations] == ["loop"]
    glow, snow = spec.tracks[4].clips
    assert (glow.name, glow.params, snow.params) == ("光晕", (60,), ())
    assert (spec.tracks[5].clips[0].name, spec.tracks[5].clips[0].intensity) == ("复古", 50)
    sticker = spec.tracks[6].clips[0]
    assert (sticker.transform.x, sticker.transform.scale, sticker.transform.flip_horizontal) == (
        -0.5,
        0.5,
        True,
    )
    said = {issue.code for issue in imported.issues}
    assert {
        "reverse_unsupported",
        "effect_is_everywhere",
        "unknown_field",
        "no_place",
        "track_volume",
    } <= said


def test_a_real_export_with_nulls_everywhere_is_read_with_the_documented_defaults(export):
    imported = parse(export("export_drafts_return_us"))[1]
    pictures, _, captions = imported.spec.tracks
    assert [clip.transition.duration for clip in pictures.clips[:3]] == [500_000] * 3
    assert [a.duration for a in pictures.clips[0].animations] == [100_000]
    assert pictures.clips[0].transform is None
    assert captions.clips[0].style.color == (1, 1, 1)


@pytest.mark.parametrize("name", ["infos_as_strings_us", "loose_infos_us", "flat_in_tracks_us"])
def test_flat_infos_are_read_wherever_they_stand(export, name):
    (imported,) = parse(export(name))
    by_kind = {clip.type: clip for track in imported.spec.tracks for clip in track.clips}
    picture, caption = by_kind["image"], by_kind["text"]
    assert (picture.transform.x, picture.transform.scale, picture.crop.left) == (0.1, 1.3, 0.2)
    assert (picture.filters[0].name, picture.filters[0].intensity) == ("暖冬", 40)
    assert picture.transition.duration == 500_000
    assert [(a.kind, a.duration) for a in picture.animations] == [("out", 500_000)]
    assert caption.text == '带"引号"的\n两行'
    assert (caption.transform.x, caption.transform.y) == (None, -0.8)
    assert (caption.style.size, caption.style.align, caption.style.border.width) == (6, "right", 40)


def test_the_shape_of_the_raw_tools_is_microseconds_with_a_duration(export):
    (imported,) = parse(export("raw_tools"))
    assert imported.unit.reason == "raw"
    clip = imported.spec.tracks[0].clips[0]
    assert (clip.at.start, clip.at.duration) == (0, 5_000_000)
    assert (clip.trim.start, clip.trim.duration, clip.speed) == (1_000_000, 10_000_000, None)
    assert (clip.transform.opacity, clip.transform.y, clip.transform.rotation) == (0.5, -0.2, 30)
    assert clip.crop.corners == ((0.1, 0), (1, 0), (0.1, 1), (1, 1))
    assert (clip.filters[0].name, clip.filters[0].intensity) == ("暖冬", 60)
    assert (clip.effects[0].name, clip.effects[0].params) == ("光晕", (30, None))
    assert (clip.animations[0].name, clip.animations[0].duration) == ("渐显", 1_000_000)
    assert (clip.transition.name, clip.transition.duration) == ("叠化", 500_000)
    assert (clip.mask.shape, clip.mask.feather, clip.mask.invert) == ("圆形", 30, True)
    assert (clip.fade.in_, clip.fade.out) == (1_000_000, 500_000)
    assert [(k.property, k.at) for k in clip.keyframes] == [("alpha", 0), ("alpha", 1_000_000)]
    text = imported.spec.tracks[1].clips[0]
    assert (text.style.font, text.style.size, text.style.color) == ("思源黑体", 24, (1, 0.5, 0))
    assert (text.style.bubble.effect_id, text.style.flower) == ("361595", "7296357486490144036")
    assert imported.spec.tracks[2].clips[0].intensity == 70
    assert not [issue for issue in imported.issues if issue.severity != "info"]


def test_our_own_document_passes_through(export):
    document = {
        "schema": "c2jy/1",
        "tracks": [{"type": "text", "clips": [{"text": "你好", "start": 1, "end": 2.5}]}],
    }
    (imported,) = parse(f"```json\n{json.dumps(document)}\n```")
    assert imported.unit is None
    assert imported.spec.tracks[0].clips[0].at.end == 2_500_000
    assert imported.decide_unit({"a": 1}) is imported
    (in_ms,) = parse(
        {**document, "tracks": [{"type": "text", "clips": [{"text": "a", "end": 900}]}]}, time_unit="ms"
    )
    assert in_ms.spec.tracks[0].clips[0].at.end == 900_000


@pytest.mark.parametrize(
    ("document", "code"),
    [
        ("", "json_empty"),
        ("   \n", "json_empty"),
        ("这不是 JSON", "json_none"),
        ({}, "no_draft"),
        ([], "no_draft"),
        ({"a": 1, "b": [1, 2]}, "no_draft"),
        ("123", "no_draft"),
        ('"text"', "no_draft"),
        ([{"tracks": []}, 7], "not_a_draft"),
        ({"draft_data": "", "exported_count": 0, "success": False, "message": "没有草稿"}, "export_failed"),
        ({"draft_data": '{"drafts": [{"tracks": [', "success": True}, "json_cut"),
        (
            {"tracks": [{"track_type": "video", "segments": [{"type": "image", "start": 0, "end": 5}]}]},
            "no_media",
        ),
        ({"tracks": [{"track_type": "text", "segments": [{"content": "a"}]}]}, "no_time"),
        ({"tracks": [{"track_type": "text", "segments": [{"start": 0, "end": 5}]}]}, "no_text"),
        (
            {"tracks": [{"track_type": "text", "segments": [{"content": "a", "start": 9, "end": 5}]}]},
            "backwards",
        ),
        ({"tracks": [{"track_type": "sticker", "segments": [{"start": 0, "end": 5}]}]}, "no_resource_id"),
        ({"tracks": [{"track_type": "effect", "segments": [{"start": 0, "end": 5}]}]}, "no_effect_name"),
        ({"tracks": [{"track_type": "x", "segments": [{"start": 0, "end": 5}]}]}, "segment_unknown"),
        ({"tracks": [{"track_type": "text", "segments": ["{"]}]}, "json_cut"),
    ],
)
def test_what_cannot_be_imported_says_why_and_what_to_do(document, code):
    with pytest.raises(DraftError) as caught:
        parse(document)
    assert code in [issue.code for issue in caught.value.issues]
    for issue in caught.value.issues:
        assert issue.severity == "error"
        assert issue.message != f"issue.{issue.code}"
        assert issue.fix != f"fix.{issue.code}"


def test_every_fault_of_every_draft_is_told_at_once():
    bad = {"tracks": [{"track_type": "text", "segments": [{"content": "a"}, {"start": 0, "end": 1}]}]}
    with pytest.raises(DraftError) as caught:
        parse({"drafts": [bad, bad]})
    assert [issue.path for issue in caught.value.issues] == [
        "drafts[0].tracks[0].segments[0]",
        "drafts[0].tracks[0].segments[1]",
        "drafts[1].tracks[0].segments[0]",
        "drafts[1].tracks[0].segments[1]",
    ]


def test_every_word_is_there_in_both_languages():
    from pathlib import Path

    from babel.messages.pofile import read_po

    import c2jy_bridge

    folder = Path(c2jy_bridge.__file__).parent / "locale"
    for domain in ("importers", "materials"):
        texts = {}
        for language in ("en", "zh"):
            with (folder / language / "LC_MESSAGES" / f"{domain}.po").open("rb") as file:
                texts[language] = {str(m.id): str(m.string) for m in read_po(file) if m.id}
        assert texts["en"].keys() == texts["zh"].keys()
        assert all(texts["en"].values())
        assert all(texts["zh"].values())
        fields = {key: [_fields(texts[lang][key]) for lang in ("en", "zh")] for key in texts["en"]}
        assert [key for key, (en, zh) in fields.items() if en != zh and not key.startswith("fix")] == []


def _fields(text: str) -> set[str]:
    from string import Formatter

    return {name for _, name, _, _ in Formatter().parse(text) if name}


def test_chinese_users_read_chinese(export):
    i18n.use("zh")
    (imported,) = parse(export("seconds"))
    assert imported.unit is not None
    assert imported.unit.issue(imported.path).message.startswith("时间按秒读取")
