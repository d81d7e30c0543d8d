"""For sounds, texts, stickers, effects, filters and tracks: the same draft as by plain pyJianYingDraft."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any
from unittest.mock import ANY

import pyJianYingDraft as jy
import pytest
from pyJianYingDraft import (
    SEC,
    AudioSegment,
    ClipSettings,
    KeyframeProperty,
    StickerSegment,
    TextSegment,
    TextStyle,
    Timerange,
    TrackSpec,
    TrackType,
)

Same = Callable[..., Any]
Plain = Callable[[Any], Any]
CAPTION = ClipSettings(transform_y=-0.8)
LOOP = next(iter(jy.TextLoopAnim))
SCENE, TONE, SONG = (
    next(m for m in kind if not m.value.is_vip)
    for kind in (jy.AudioSceneEffectType, jy.ToneEffectType, jy.SpeechToSongType)
)

SOUNDS: dict[str, tuple[dict[str, Any], Plain]] = {
    "volume": ({"volume": 2}, lambda s: setattr(s, "volume", 2)),
    "fade": ({"fade": {"in": 0.5, "out": 1}}, lambda s: s.add_fade("0.5s", "1s")),
    "volume over time": (
        {
            "keyframes": [
                {"property": "volume", "at": 1, "value": 0.2},
                {"property": "volume", "at": 0, "value": 1},
            ]
        },
        lambda s: s.add_keyframe(SEC, 0.2).add_keyframe(0, 1),
    ),
    "scene sound": (
        {"effects": [{"name": SCENE.value.name, "params": [40]}]},
        lambda s: s.add_effect(SCENE, [40]),
    ),
    "tone": ({"effects": [{"kind": "tone", "name": TONE.value.name}]}, lambda s: s.add_effect(TONE)),
    "speech to song": (
        {"effects": {"kind": "speech_to_song", "name": SONG.value.name}},
        lambda s: s.add_effect(SONG),
    ),
}


@pytest.mark.parametrize("feature", SOUNDS)
async def test_a_feature_of_a_sound_is_written_as_the_library_writes_it(
    same: Same, media: Path, feature: str
) -> None:
    fields, plain = SOUNDS[feature]

    def build(script: Any) -> None:
        script.append_track(TrackSpec(TrackType.audio))
        segment = AudioSegment(str(media / "sound.wav"), Timerange(SEC, 2 * SEC))
        plain(segment)
        script.add_segment(segment)

    clip = {"media": str(media / "sound.wav"), "at": {"start": 1, "duration": 2}, **fields}
    assert await same({"tracks": [{"type": "audio", "clips": [clip]}]}, build) == []


STYLE = {"color": [1, 1, 1]}
TEXTS: dict[str, tuple[dict[str, Any], Callable[[], Any]]] = {
    "plain caption": ({}, lambda: _text()),
    "letters": (
        {
            "style": {
                "size": 12,
                "bold": True,
                "italic": True,
                "underline": True,
                "color": [1.0, 0.5, 0.25],
                "alpha": 0.7,
            }
        },
        lambda: _text(
            style=_style(size=12, bold=True, italic=True, underline=True, color=(1.0, 0.5, 0.25), alpha=0.7)
        ),
    ),
    "lines": (
        {
            "style": {
                "align": "right",
                "vertical": True,
                "letter_spacing": 2,
                "line_spacing": 3,
                "wrap": False,
                "max_line_width": 0.5,
            }
        },
        lambda: _text(
            style=_style(
                align=2,
                vertical=True,
                letter_spacing=2,
                line_spacing=3,
                auto_wrapping=False,
                max_line_width=0.5,
            )
        ),
    ),
    "font": ({"style": {"font": "Bungee-Regular"}}, lambda: _text(font=jy.FontType.Bungee_Regular)),
    "border": (
        {"style": {"border": {"color": "#ff0000", "alpha": 0.6, "width": 60}}},
        lambda: _text(border=jy.TextBorder(color=(1, 0, 0), alpha=0.6, width=60)),
    ),
    "shadow": (
        {"style": {"shadow": {"color": [0, 0, 1], "alpha": 0.5, "diffuse": 20, "distance": 8, "angle": 45}}},
        lambda: _text(shadow=jy.TextShadow(color=(0, 0, 1), alpha=0.5, diffuse=20, distance=8, angle=45)),
    ),
    "background": (
        {
            "style": {
                "background": {
                    "color": "#123456",
                    "style": 2,
                    "alpha": 0.8,
                    "round_radius": 0.3,
                    "height": 0.2,
                    "width": 0.3,
                    "horizontal_offset": 0.4,
                    "vertical_offset": 0.6,
                }
            }
        },
        lambda: _text(
            background=jy.TextBackground(
                color="#123456",
                style=2,
                alpha=0.8,
                round_radius=0.3,
                height=0.2,
                width=0.3,
                horizontal_offset=0.4,
                vertical_offset=0.6,
            )
        ),
    ),
    "bubble": (
        {"style": {"bubble": {"effect_id": "361595", "resource_id": "6742029398926430728"}}},
        lambda: _text().add_bubble("361595", "6742029398926430728"),
    ),
    "flower text": (
        {"style": {"flower": "7296357486490144036"}},
        lambda: _text().add_effect("7296357486490144036"),
    ),
    "in, out and loop animations": (
        {
            "animations": [
                {"kind": "loop", "name": LOOP.value.title},
                {"kind": "in", "name": "渐显", "duration": 0.5},
                {"kind": "out", "name": "渐隐"},
            ]
        },
        lambda: (
            _text()
            .add_animation(jy.TextIntro.渐显, 500_000)
            .add_animation(jy.TextOutro.渐隐)
            .add_animation(LOOP)
        ),
    ),
    "keyframes": (
        {"keyframes": [{"property": "position_x", "at": 1, "value": 0.5}]},
        lambda: _text().add_keyframe(KeyframeProperty.position_x, SEC, 0.5),
    ),
    "another place": (
        {"transform": {"x": 0.1, "y": 0, "scale": 2}},
        lambda: _text(clip_settings=ClipSettings(transform_x=0.1, scale_x=2, scale_y=2)),
    ),
}


def _style(**fields: Any) -> TextStyle:
    return TextStyle(**{"align": 1, "auto_wrapping": True, **fields})


def _text(start: int = 0, words: str = '中国美食\n"第一集"', **fields: Any) -> Any:
    options = {"style": _style(), "clip_settings": CAPTION, **fields}
    return TextSegment(words, Timerange(start, 2 * SEC), **options)


@pytest.mark.parametrize("feature", TEXTS)
async def test_a_feature_of_a_text_is_written_as_the_library_writes_it(same: Same, feature: str) -> None:
    fields, plain = TEXTS[feature]

    def build(script: Any) -> None:
        script.append_track(TrackSpec(TrackType.text))
        script.add_segment(plain())

    clip = {"text": '中国美食\n"第一集"', "start": 0, "duration": 2, **fields}
    issues = await same({"tracks": [{"type": "text", "clips": [clip]}]}, build)
    assert {issue.code for issue in issues} <= {"vip"}


async def test_captions_of_one_look_are_written_as_if_each_were_built_alone(same: Same) -> None:
    words = ["一", "两个字", 'with "quotes" and \\ and 😀', "line\nbreak"]

    def build(script: Any) -> None:
        script.append_track(TrackSpec(TrackType.text))
        border = jy.TextBorder(width=20)
        for number, text in enumerate(words * 2):
            script.add_segment(_text(number * 2 * SEC, text, style=_style(size=10), border=border))

    clips = [
        {"text": text, "duration": 2, "style": {"size": 10, "border": {"width": 20}}} for text in words * 2
    ]
    assert await same({"tracks": [{"type": "text", "clips": clips}]}, build) == []


async def test_a_sticker_is_written_as_the_library_writes_it(same: Same) -> None:
    def build(script: Any) -> None:
        script.append_track(TrackSpec(TrackType.sticker))
        settings = ClipSettings(scale_x=0.5, scale_y=0.5)
        segment = StickerSegment("7026858083393588487", Timerange(0, SEC), clip_settings=settings)
        script.add_segment(segment.add_keyframe(KeyframeProperty.rotation, 0, 90))

    clip = {
        "resource_id": "7026858083393588487",
        "duration": 1,
        "transform": {"scale": 0.5},
        "keyframes": {"property": "rotation", "at": 0, "value": 90},
    }
    assert await same({"tracks": [{"type": "sticker", "clips": [clip]}]}, build) == []


async def test_effects_and_filters_over_everything_are_written_as_the_library_writes_them(same: Same) -> None:
    def build(script: Any) -> None:
        script.append_track(TrackSpec(TrackType.effect))
        script.append_track(TrackSpec(TrackType.filter))
        script.add_effect(jy.VideoSceneEffectType._70s, Timerange(0, SEC), params=[80])
        script.add_filter(jy.FilterType.KE1, Timerange(SEC, SEC), intensity=45)

    tracks = [
        {"type": "effect", "clips": [{"name": "70s", "duration": 1, "params": [80]}]},
        {"type": "filter", "clips": [{"name": "ke1", "start": 1, "duration": 1, "intensity": 45}]},
    ]
    assert await same({"tracks": tracks}, build) == []


async def test_tracks_keep_their_order_names_and_mute(same: Same, media: Path) -> None:
    def build(script: Any) -> None:
        video = script.append_track(TrackSpec(TrackType.video, "主", mute=True))
        text = script.append_track(TrackSpec(TrackType.text, "字"))
        audio = script.append_track(TrackSpec(TrackType.audio, "乐"))
        script.add_segment(jy.VideoSegment(str(media / "video.mp4"), Timerange(0, SEC)), video)
        script.add_segment(_text(words="x"), text)
        script.add_segment(AudioSegment(str(media / "sound.wav"), Timerange(0, SEC)), audio)

    tracks = [
        {
            "type": "video",
            "name": "主",
            "mute": True,
            "clips": [{"media": str(media / "video.mp4"), "duration": 1}],
        },
        {"type": "text", "name": "字", "clips": [{"text": "x", "duration": 2}]},
        {"type": "audio", "name": "乐", "clips": [{"media": str(media / "sound.wav"), "duration": 1}]},
    ]
    assert await same({"tracks": tracks}, build) == []


async def test_the_canvas_is_written_as_the_library_writes_it(same: Same) -> None:
    def build(script: Any) -> None:
        script.append_track(TrackSpec(TrackType.text))
        script.add_segment(_text(words="x"))

    document = {
        "width": 1080,
        "height": 1920,
        "tracks": [{"type": "text", "clips": [{"text": "x", "duration": 2}]}],
    }
    await same(document, build)


async def test_subtitles_are_written_as_the_library_imports_them(same: Same, tmp_path: Path) -> None:
    srt = "1\n00:00:01,000 --> 00:00:02,500\n第一句\n\n2\n00:00:03,000 --> 00:00:04,000\n第二句\n第三句\n\n"
    (tmp_path / "a.srt").write_text(srt, encoding="utf-8")

    def build(script: Any) -> None:
        script.import_srt(str(tmp_path / "a.srt"), "字幕", time_offset="2s")

    def as_captions(draft: dict[str, Any]) -> None:
        (track,) = draft["tracks"]
        track["flag"] = 1
        for text in draft["materials"]["texts"]:
            text.update(type="subtitle", add_type=2, group_id=ANY)

    await same({"subtitles": [{"srt": srt, "offset": 2, "track": "字幕"}]}, build, as_captions)
