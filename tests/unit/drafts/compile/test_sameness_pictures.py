"""For every feature of videos and images: our document and plain pyJianYingDraft write the same draft."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyJianYingDraft as jy
import pytest
from pyJianYingDraft import SEC, ClipSettings, KeyframeProperty, Timerange, TrackSpec, TrackType, VideoSegment

Same = Callable[..., Any]
Plain = Callable[[Any], Any]
CHARACTER = next(iter(jy.VideoCharacterEffectType))

# feature -> (fields of our clip, calls on the library's segment of the same 2 s)
FEATURES: dict[str, tuple[dict[str, Any], Plain]] = {
    "volume": ({"volume": 0.4}, lambda s: setattr(s, "volume", 0.4)),
    "pitch that follows the speed": ({"keep_pitch": False}, lambda s: setattr(s, "change_pitch", True)),
    "fade": ({"fade": {"in": 0.5, "out": "250ms"}}, lambda s: s.add_fade("0.5s", 250_000)),
    "in and out animations": (
        {"animations": [{"kind": "out", "name": "渐隐", "duration": 0.7}, {"kind": "in", "name": "渐显"}]},
        lambda s: s.add_animation(jy.IntroType.渐显).add_animation(jy.OutroType.渐隐, "0.7s"),
    ),
    "group animation": (
        {"animations": {"kind": "group", "name": "三分割"}},
        lambda s: s.add_animation(jy.GroupAnimationType.三分割),
    ),
    "filters": (
        {"filters": [{"name": "原生肤", "intensity": 60}, "KE1"]},
        lambda s: s.add_filter(jy.FilterType.原生肤, 60).add_filter(jy.FilterType.KE1),
    ),
    "scene effect with sliders": (
        {"effects": [{"name": "1998", "params": [None, 30]}]},
        lambda s: s.add_effect(jy.VideoSceneEffectType._1998, [None, 30]),
    ),
    "slider by name": (
        {"effects": [{"name": "1998", "params": {"texture": 30}}]},
        lambda s: s.add_effect(jy.VideoSceneEffectType._1998, [None, 30]),
    ),
    "character effect": (
        {"effects": [{"name": CHARACTER.value.name, "kind": "character"}]},
        lambda s: s.add_effect(CHARACTER),
    ),
    "mix mode": ({"mix_mode": "screen"}, lambda s: s.set_mix_mode(jy.MixModeType.滤色)),
    "circle mask": (
        {
            "mask": {
                "shape": "圆形",
                "center_x": 20,
                "center_y": -10,
                "size": 0.4,
                "feather": 30,
                "invert": True,
            }
        },
        lambda s: s.add_mask(jy.MaskType.圆形, center_x=20, center_y=-10, size=0.4, feather=30, invert=True),
    ),
    "rectangle mask": (
        {"mask": {"shape": "rectangle", "rect_width": 0.3, "round_corner": 25, "rotation": 15}},
        lambda s: s.add_mask(jy.MaskType.矩形, rect_width=0.3, round_corner=25, rotation=15),
    ),
    "chroma key": (
        {"chroma": {"color": "#00FF00", "intensity": 35, "shadow": 5, "edge_smooth": 2, "spill": 1}},
        lambda s: s.add_chroma("#00ff00ff", 35, 5, 2, 1),
    ),
    "blurred background": (
        {"background": {"kind": "blur", "blur": 0.375}},
        lambda s: s.add_background_filling("blur", 0.375),
    ),
    "coloured background": (
        {"background": {"color": "#102030"}},
        lambda s: s.add_background_filling("color", color="#102030ff"),
    ),
    "keyframes of every property": (
        {
            "keyframes": [
                {"property": name, "at": at, "value": value}
                for name in (
                    [
                        "position_x",
                        "position_y",
                        "rotation",
                        "scale",
                        "alpha",
                        "saturation",
                        "contrast",
                        "brightness",
                        "volume",
                    ]
                )
                for at, value in ((1.5, 0.5), (0, 0.25))
            ]
        },
        lambda s: [
            s.add_keyframe(getattr(KeyframeProperty, name), at, value)
            for name in (
                [
                    "position_x",
                    "position_y",
                    "rotation",
                    "uniform_scale",
                    "alpha",
                    "saturation",
                    "contrast",
                    "brightness",
                    "volume",
                ]
            )
            for at, value in ((1_500_000, 0.5), (0, 0.25))
        ],
    ),
    "keyframes of width and height": (
        {
            "keyframes": [
                {"property": "scale_x", "at": 0, "value": 2},
                {"property": "scale_y", "at": 1, "value": 3},
            ]
        },
        lambda s: s.add_keyframe(KeyframeProperty.scale_x, 0, 2).add_keyframe(
            KeyframeProperty.scale_y, SEC, 3
        ),
    ),
}


@pytest.mark.parametrize("feature", FEATURES)
async def test_a_feature_of_a_video_is_written_as_the_library_writes_it(
    same: Same, media: Path, feature: str
) -> None:
    fields, plain = FEATURES[feature]

    def build(script: Any) -> None:
        script.append_track(TrackSpec(TrackType.video))
        segment = VideoSegment(str(media / "video.mp4"), Timerange(0, 2 * SEC))
        plain(segment)
        script.add_segment(segment)

    clip = {"type": "video", "media": str(media / "video.mp4"), "at": {"start": 0, "duration": 2}, **fields}
    issues = await same({"tracks": [{"type": "video", "clips": [clip]}]}, build)
    assert {issue.code for issue in issues} <= {"vip"}


async def test_position_size_and_opacity_are_written_as_the_library_writes_them(
    same: Same, media: Path
) -> None:
    settings = ClipSettings(
        alpha=0.5,
        flip_horizontal=True,
        rotation=30,
        scale_x=1.2,
        scale_y=0.8,
        transform_x=-0.4,
        transform_y=0.25,
    )

    def build(script: Any) -> None:
        script.append_track(TrackSpec(TrackType.video))
        script.add_segment(
            VideoSegment(str(media / "wide.png"), Timerange(0, 3 * SEC), clip_settings=settings)
        )

    look = {"x": -0.4, "y_px": 135, "scale_x": 1.2, "scale_y": 0.8, "rotation": 30, "opacity": 0.5}
    clip = {"media": str(media / "wide.png"), "duration": 3, "transform": {**look, "flip_horizontal": True}}
    await same({"tracks": [{"type": "image", "clips": [clip]}]}, build)


async def test_a_crop_is_written_as_the_library_writes_it(same: Same, media: Path) -> None:
    crop = jy.CropSettings(
        upper_left_x=0.1, upper_left_y=0.2, upper_right_x=0.9, upper_right_y=0.2,
        lower_left_x=0.1, lower_left_y=0.7, lower_right_x=0.9, lower_right_y=0.7,
    )  # fmt: skip

    def build(script: Any) -> None:
        script.append_track(TrackSpec(TrackType.video))
        material = jy.VideoMaterial(str(media / "wide.png"), crop_settings=crop)
        script.add_segment(VideoSegment(material, Timerange(0, SEC)))

    clip = {
        "media": str(media / "wide.png"),
        "duration": 1,
        "crop": {"left": 0.1, "top": 0.2, "right": 0.9, "bottom": 0.7},
    }
    await same({"tracks": [{"type": "image", "clips": [clip]}]}, build)


async def test_a_transition_stands_on_the_earlier_clip(same: Same, media: Path) -> None:
    def build(script: Any) -> None:
        script.append_track(TrackSpec(TrackType.video))
        material = jy.VideoMaterial(str(media / "wide.png"))
        first = VideoSegment(material, Timerange(0, SEC))
        script.add_segment(first.add_transition(jy.TransitionType.叠化, duration="0.6s"))
        script.add_segment(VideoSegment(material, Timerange(SEC, SEC)))

    image = {"media": str(media / "wide.png"), "duration": 1}
    clips = [{**image, "transition": {"name": "叠化", "duration": 0.6}}, image]
    await same({"tracks": [{"type": "image", "clips": clips}]}, build)


@pytest.mark.parametrize(
    ("fields", "target", "plain"),
    [
        ({"duration": 1, "speed": 2}, SEC, {"speed": 2.0}),
        ({"trim": {"start": 1, "duration": 1}}, SEC, {"source_timerange": Timerange(SEC, SEC)}),
        ({"trim": {"start": 1, "end": 2}, "duration": 2}, 2 * SEC, {"source_timerange": Timerange(SEC, SEC)}),
        ({"trim": {"end": 2}, "speed": 4}, SEC, {"source_timerange": Timerange(0, 2 * SEC), "speed": 4.0}),
    ],
    ids=["speed", "trim", "trim stretched", "trim and speed"],
)
async def test_trim_and_speed_are_written_as_the_library_writes_them(
    same: Same, media: Path, fields: dict[str, Any], target: int, plain: dict[str, Any]
) -> None:
    def build(script: Any) -> None:
        script.append_track(TrackSpec(TrackType.video))
        path = str(media / "video.mp4")
        script.add_segment(VideoSegment(path, Timerange(0, target), **plain))

    clip = {"type": "video", "media": str(media / "video.mp4"), **fields}
    assert await same({"tracks": [{"clips": [clip]}]}, build) == []


async def test_one_file_in_many_clips_is_one_material(same: Same, media: Path) -> None:
    def build(script: Any) -> None:
        script.append_track(TrackSpec(TrackType.video))
        material = jy.VideoMaterial(str(media / "wide.png"))
        for start in range(4):
            script.add_segment(VideoSegment(material, Timerange(start * SEC, SEC)))

    document = {
        "media": {"picture": {"path": str(media / "wide.png")}},
        "tracks": [{"type": "image", "clips": [{"media": "picture", "duration": 1}] * 4}],
    }
    await same(document, build)
