"""Field by field: what each means in a draft, and what is said when it has no place there."""

from __future__ import annotations

import pytest

from c2jy_bridge.compat.coze2jianying.exports import parse

LONG = {"time_range": {"start": 0, "end": 10_000_000}}


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ("#FFF", (1, 1, 1)),
        ("#ff0000", (1, 0, 0)),
        ("ff0000", (1, 0, 0)),
        ("white", (1, 1, 1)),
        ("红色", (1, 0, 0)),
        ("#00FF0080", (0, 1, 0)),
    ],
)
def test_colours_in_every_spelling(one, given, expected):
    assert one({"type": "text", "content": "a", "style": {"color": given}}).clip.style.color == expected


def test_a_colour_that_is_none_costs_the_colour_not_the_caption(one):
    got = one({"type": "text", "content": "a", "style": {"color": "#12"}})
    assert got.clip.style.color == (1, 1, 1)
    assert got.paths["not_a_colour"].endswith("segments[0].style.color")


@pytest.mark.parametrize(
    ("size", "expected"), [(None, 8), (48, 8), (96, 16), (20, 20), (21, 3.5), (5, 5), ("48", 8), (-1, 8)]
)
def test_font_sizes_above_twenty_are_pixels(one, size, expected):
    assert one({"type": "text", "content": "a", "style": {"font_size": size}}).clip.style.size == expected


@pytest.mark.parametrize(
    ("field", "value", "attribute", "expected"),
    [
        ("font_weight", "bold", "bold", True),
        ("font_weight", 700, "bold", True),
        ("font_weight", "400", "bold", False),
        ("font_style", "italic", "italic", True),
        ("font_family", "默认", "font", None),
        ("font_family", "思源黑体", "font", "思源黑体"),
    ],
)
def test_font_settings(one, field, value, attribute, expected):
    for segment in ({"style": {field: value}}, {field: value}):
        clip = one({"type": "text", "content": "a", **segment}).clip
        assert getattr(clip.style, attribute) == expected


@pytest.mark.parametrize(
    ("value", "expected", "code"),
    [
        ("left", "left", None),
        ("CENTER", "center", None),
        ("居中", "center", None),
        ("justify", "center", "not_one_of"),
    ],
)
def test_alignment(one, value, expected, code):
    got = one({"type": "text", "content": "a", "alignment": value})
    assert got.clip.style.align == expected
    assert (code in got.codes) == bool(code)


def test_decorations_in_pixels_become_those_of_jianying(one):
    style = {
        "stroke": {"enabled": True, "color": "#FF0000", "width": 1},
        "shadow": {"enabled": True, "offset_x": 0, "offset_y": -4, "blur": 8, "color": "#00000080"},
        "background": {"enabled": True, "color": "#112233", "opacity": 0.25},
    }
    got = one({"type": "text", "content": "a", "style": style}).clip.style
    assert (got.border.width, got.border.color) == (20, (1, 0, 0))
    assert (got.shadow.diffuse, got.shadow.angle) == (30, 90)
    assert got.shadow.distance == pytest.approx(4 * 5 / 8**0.5, abs=1e-3)
    assert got.shadow.alpha == pytest.approx(128 / 255)
    assert (got.background.color, got.background.alpha) == ("#112233", 0.25)


def test_default_decorations_look_like_the_librarys_own_defaults(one):
    style = {"stroke": {"enabled": True}, "shadow": {"enabled": True}}
    got = one({"type": "text", "content": "a", "style": style}).clip.style
    assert (got.border.width, got.shadow.diffuse, got.shadow.angle) == (40, 15, -45)
    assert got.shadow.distance == pytest.approx(5)


def test_a_decoration_that_was_never_switched_on_is_said_so(one):
    got = one({"type": "text", "content": "a", "stroke_color": "#FF0000"})
    assert got.clip.style.border is None
    assert got.paths["off_by_default"].endswith("stroke_color")
    assert (
        "off_by_default"
        not in one({"type": "text", "content": "a", "stroke_enabled": False, "stroke_color": "#FF0000"}).codes
    )


def test_captions_stand_where_the_tool_says_when_nothing_is_said(one):
    got = one({"type": "text", "content": "a"})
    assert (got.clip.transform.x, got.clip.transform.y) == (0.5, -0.9)
    assert "caption_position" in got.codes
    placed = one({"type": "text", "content": "a", "position_x": 0, "position_y": 0})
    assert (placed.clip.transform.x, placed.clip.transform.y) == (None, 0)
    assert "caption_position" not in placed.codes


@pytest.mark.parametrize(
    ("x", "y", "expected"),
    [
        (0.5, -1, (0.5, -1)),
        (480, 0, (0.5, None)),
        (0, -270, (None, -0.5)),
        (2, 0, (2, None)),
        (None, None, (None, None)),
    ],
)
def test_positions_beyond_two_are_pixels(one, x, y, expected):
    got = one({"type": "image", "transform": {"position_x": x, "position_y": y}})
    transform = got.clip.transform
    assert (transform and transform.x, transform and transform.y) == expected
    assert ("pixel_position" in got.codes) == any(abs(v or 0) > 2 for v in (x, y))


@pytest.mark.parametrize(
    ("given", "scale", "scale_x", "scale_y"),
    [
        ({"scale_x": 1, "scale_y": 1}, None, None, None),
        ({"scale_x": 2, "scale_y": 2}, 2, None, None),
        ({"scale_x": 2, "scale_y": None}, None, 2, 1),
        ({"scale_x": 1.5, "scale_y": 1}, None, 1.5, 1),
        ({"scale": 1.5}, 1.5, None, None),
    ],
)
def test_scales(one, given, scale, scale_x, scale_y):
    transform = one({"type": "image", "transform": {"rotation": 1, **given}}).clip.transform
    assert (transform.scale, transform.scale_x, transform.scale_y) == (scale, scale_x, scale_y)


@pytest.mark.parametrize(
    ("given", "expected", "code"),
    [
        (0.4, 0.4, None),
        (40, 0.4, "percent"),
        (-1, 0, "clamped"),
        (900, 1, "clamped"),
    ],
)
def test_opacity(one, given, expected, code):
    got = one({"type": "image", "transform": {"opacity": given, "rotation": 1}})
    assert got.clip.transform.opacity == expected
    assert got.codes == ({code} if code else set())


@pytest.mark.parametrize(
    ("crop", "kept", "code"),
    [
        ({"enabled": True, "left": 0.1, "right": 0.9}, (0.1, 0, 0.9, 1), None),
        ({"enabled": False, "left": 0.1}, None, None),
        ({"left": 0.1}, (0.1, 0, 1, 1), None),
        ({"enabled": True}, None, None),
        ({"enabled": True, "left": 0.9, "right": 0.1}, None, "crop_empty"),
        ({"enabled": True, "left": -3}, None, "clamped"),
    ],
)
def test_crop(one, crop, kept, code):
    got = one({"type": "image", "crop": crop})
    found = got.clip.crop
    assert (found and (found.left, found.top, found.right, found.bottom)) == kept
    assert got.codes == ({code} if code else set())


@pytest.mark.parametrize(
    ("background", "kind", "value", "code"),
    [
        ({"blur": True}, "blur", 0.0625, None),
        ({"blur": "true"}, "blur", 0.0625, None),
        ({"blur": 0.4}, "blur", 0.375, "blur_step"),
        ({"blur": False, "color": "#123"}, "color", "#112233", None),
        ({"blur": True, "color": "#123"}, "blur", 0.0625, "blur_over_colour"),
        ({"blur": None, "color": None}, None, None, None),
    ],
)
def test_backgrounds(one, background, kind, value, code):
    got = one({"type": "image", "background": background})
    found = got.clip.background
    assert (found and found.kind) == kind
    assert (found and (found.blur if kind == "blur" else found.color)) == value
    assert got.codes == ({code} if code else set())


@pytest.mark.parametrize("fit", ["fit", "fill", "stretch"])
def test_fit_modes(one, fit):
    assert one({"type": "image", "background": {"fit_mode": fit}}).clip.fit == fit
    assert one({"type": "image", "fit_mode": "zoom"}).codes == {"not_one_of"}


@pytest.mark.parametrize(
    ("given", "expected", "code"),
    [(None, 100, None), (0.25, 25, None), (1, 100, None), (60, 60, "percent"), (0, 0, None)],
)
def test_filter_intensity_is_of_one_or_else_of_a_hundred(one, given, expected, code):
    got = one({"type": "image", "effects": {"filter_type": "暖冬", "filter_intensity": given}})
    assert got.clip.filters[0].intensity == expected
    assert got.codes == ({code} if code else set())


def test_settings_of_what_is_not_named_are_said_to_do_nothing(one):
    got = one({"type": "image", "effects": {"filter_intensity": 0.3, "transition_duration": 900}})
    assert got.codes == {"without_name"}
    assert (
        one({"type": "image", "effects": {"filter_intensity": 1.0, "transition_duration": 500}}).codes
        == set()
    )


def test_reverse_is_told_and_the_clip_plays_forwards(one):
    for segment in ({"speed": {"speed": 1.0, "reverse": True}}, {"reverse": True}):
        assert one({"type": "video", **segment}).codes == {"reverse_unsupported"}


def test_speed_volume_and_pitch(one):
    nested = {"speed": {"speed": 2}, "audio": {"volume": 0.5, "change_pitch": True}}
    flat = {"speed": 2, "volume": 0.5, "change_pitch": True}
    for segment in (nested, flat):
        clip = one({"type": "video", **segment}).clip
        assert (clip.speed, clip.volume, clip.keep_pitch) == (2, 0.5, False)
    assert one({"type": "audio", "audio": {"speed": 0.5}}).clip.speed == 0.5
    assert one({"type": "video", "volume": 99}).codes == {"clamped"}


@pytest.mark.parametrize(
    ("part", "speed", "trim", "length", "code"),
    [
        ((0, 4_000_000), 1, (0, 4_000_000), 4_000_000, None),
        ((1_000_000, 9_000_000), 2, (1_000_000, 8_000_000), 4_000_000, None),
        ((0, 9_000_000), 1, (0, 4_000_000), 4_000_000, "trim_too_long"),
        ((0, 1_000_000), 1, (0, 1_000_000), 1_000_000, "trim_too_short"),
        ((0, 3_999_500), 1, (0, 3_999_500), 3_999_500, None),
        ((5, 2), 1, None, 4_000_000, "trim_backwards"),
        ((2_000_000, None), 1, (2_000_000, None), 4_000_000, None),
    ],
)
def test_a_part_of_the_file_agrees_with_the_timeline_and_the_speed(one, part, speed, trim, length, code):
    got = one(
        {"type": "video", "material_range": {"start": part[0], "end": part[1]}, "speed": {"speed": speed}}
    )
    assert (got.clip.trim and (got.clip.trim.start, got.clip.trim.duration)) == trim
    assert got.clip.at.duration == length
    assert got.codes == ({code} if code else set())


def test_fades_and_sound_effects(one):
    audio = {"fade_in": 300, "fade_out": 200_000, "effect_type": "回音", "effect_intensity": 0.5}
    for segment in ({"audio": audio}, audio):
        clip = one({"type": "audio", **segment}).clip
        assert (clip.fade.in_, clip.fade.out) == (300_000, 200_000)
        assert (clip.effects[0].name, clip.effects[0].params) == ("回音", (50,))


def test_the_volume_of_a_track_goes_to_the_clips_that_say_none(one):
    assert one({"type": "audio"}, volume=0.3).clip.volume == 0.3
    assert one({"type": "audio", "audio": {"volume": 0.7}}, volume=0.3).clip.volume == 0.7
    assert one({"type": "audio"}, volume=0.3).codes == {"track_volume"}
    assert one({"type": "audio"}, muted=True).spec.tracks[0].mute
    assert one({"type": "audio"}, name="旁白").spec.tracks[0].name == "旁白"


def test_keyframes_of_every_property(one):
    frames = {
        "position": [{"time": 0, "value": {"x": 0.5, "y": -0.5}}, {"time": 1_000_000, "value": [0, 0]}],
        "scale": [{"time": 0, "value": 1}, {"time": 1_000_000, "value": {"x": 2, "y": 3}}],
        "rotation": [{"time": 0, "value": 45}],
        "opacity": [{"time": 0, "value": 0.5, "ease_in": True}],
    }
    got = one({"type": "image", **LONG, "keyframes": frames})
    assert [(k.property, k.at, k.value) for k in got.clip.keyframes] == [
        ("position_x", 0, 0.5),
        ("position_y", 0, -0.5),
        ("position_x", 1_000_000, 0),
        ("position_y", 1_000_000, 0),
        ("scale_x", 0, 1),
        ("scale_y", 0, 1),
        ("scale_x", 1_000_000, 2),
        ("scale_y", 1_000_000, 3),
        ("rotation", 0, 45),
        ("alpha", 0, 0.5),
    ]
    assert got.codes == {"no_easing"}


def test_keyframes_that_lack_something_are_named(one):
    frames = {
        "opacity": [{"time": 0}, {"value": 1}, "x", {"time": -1, "value": 1}],
        "zoom": [{"time": 0, "value": 1}],
    }
    got = one({"type": "image", "keyframes": frames})
    assert got.clip.keyframes == ()
    assert {"keyframe_incomplete", "not_an_object", "unknown_field"} <= got.codes


def test_images_in_a_video_track_stay_images_and_others_move_to_a_track_of_their_kind(draft):
    segments = [
        {"type": "image", "material_url": "u"},
        {"type": "video", "material_url": "v"},
        {"type": "text", "content": "a"},
        {"type": "audio", "material_url": "w"},
    ]
    (imported,) = parse(draft(*segments), time_unit="us")
    assert [(t.type, [c.type for c in t.clips]) for t in imported.spec.tracks] == [
        ("video", ["image", "video"]),
        ("text", ["text"]),
        ("audio", ["audio"]),
    ]
    assert "track_split" in {issue.code for issue in imported.issues}


def test_a_sticker_that_is_a_picture_becomes_an_image(draft):
    (imported,) = parse(
        draft({"type": "sticker", "material_url": "https://x.example/a.png"}, track="sticker")
    )
    assert imported.spec.tracks[0].clips[0].type == "image"
    assert "sticker_is_picture" in {issue.code for issue in imported.issues}


def test_a_local_path_is_a_path_and_a_link_a_link(one):
    assert one({"type": "image", "material_url": "https://x.example/a"}).clip.media.url
    assert one({"type": "image", "material_url": "D:\\视频\\a.png"}).clip.media.path == "D:\\视频\\a.png"
    assert one({"type": "image", "material_url": "data:image/png;base64,AA"}).clip.media.url


def test_two_names_for_one_thing_that_disagree_are_told(one):
    got = one({"type": "video", "audio": {"volume": 0.5}, "volume": 0.7})
    assert got.clip.volume == 0.5
    assert got.paths["given_twice"].endswith("segments[0].volume")


def test_a_track_of_unknown_type_is_taken_for_what_its_clips_are(draft):
    (imported,) = parse(draft({"type": "text", "content": "a"}, track="words"))
    assert imported.spec.tracks[0].type == "text"
    assert "track_type" in {issue.code for issue in imported.issues}


@pytest.mark.parametrize(
    ("project", "expected", "codes"),
    [
        ({"width": 0, "height": 100, "fps": 25}, (1, 100, 25), {"clamped"}),
        ({"width": None}, (1920, 1080, 30), set()),
        ({"width": "1080", "height": "1920"}, (1080, 1920, 30), set()),
        ({"fps": 1000}, (1920, 1080, 240), {"clamped"}),
        ({"width": "wide"}, (1920, 1080, 30), {"not_a_number"}),
    ],
)
def test_the_canvas(draft, project, expected, codes):
    document = {**draft({"type": "text", "content": "a"}, track="text"), "project": project}
    (imported,) = parse(document)
    assert (imported.spec.width, imported.spec.height, imported.spec.fps) == expected
    assert {i.code for i in imported.issues} - {"time_unit", "time_unit_unsure", "caption_position"} == codes


def test_many_issues_of_one_kind_become_one_with_a_count(draft):
    segments = [{"type": "image", "material_url": f"u{n}", "glow": n} for n in range(50)]
    (imported,) = parse(draft(*segments))
    (issue,) = [issue for issue in imported.issues if issue.code == "unknown_field"]
    assert issue.path == "tracks[*].segments[*].glow"
    assert "49 more" in issue.message
