"""Timelines of other programs become documents: what they mean is kept, what has no place is an Issue."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import opentimelineio as otio
import pytest

from c2jy_bridge.drafts import DraftBuilder, DraftError
from c2jy_bridge.drafts.interchange.exchange import ReadTimeline, read_timelines
from unit.drafts.interchange.conftest import s

schema, time = otio.schema, otio.opentime.RationalTime


def _span(start: float, duration: float, rate: float = 24) -> Any:
    return otio.opentime.TimeRange(time(start, rate), time(duration, rate))


def _clip(path: Path | str, start: float, duration: float, **more: Any) -> Any:
    """A clip of a file whose clock starts at 01:00:00:00, as a camera's does."""
    hour = 3600 * 24
    url = path.as_uri() if isinstance(path, Path) else path
    reference = schema.ExternalReference(url, _span(hour, 240))
    return schema.Clip(Path(url).name, reference, _span(hour + start, duration), **more)


def _timeline(*tracks: Any) -> Any:
    timeline = schema.Timeline("foreign", global_start_time=time(3600 * 24, 24))
    timeline.tracks.extend(tracks)
    return timeline


def _track(kind: str, *children: Any) -> Any:
    return schema.Track(kind.lower(), children=list(children), kind=kind)


def _read(timeline: Any, tmp_path: Path) -> ReadTimeline:
    path = tmp_path / "foreign.otio"
    otio.adapters.write_to_file(timeline, str(path))
    (read,) = read_timelines(path)
    return read


def _codes(read: ReadTimeline) -> str:
    return "\n".join(issue.message for issue in read.issues)


def test_a_clip_begins_where_its_file_s_clock_says(media: Path, tmp_path: Path) -> None:
    read = _read(_timeline(_track("Video", _clip(media / "video.mp4", 12, 24))), tmp_path)

    (clip,) = read.document["tracks"][0]["clips"]
    assert clip["trim"] == {"start": s(0.5), "duration": s(1)}
    assert clip["at"] == {"start": 0, "duration": s(1)}
    assert "volume" not in clip, "without a track of sound the video sounds"


def test_pictures_sound_where_a_track_of_sound_has_the_same_clip_and_are_silent_elsewhere(
    media: Path, tmp_path: Path
) -> None:
    video = media / "video.mp4"
    read = _read(
        _timeline(
            _track("Video", _clip(video, 0, 24), _clip(video, 24, 24)),
            _track("Audio", _clip(video, 0, 24), _clip(media / "sound.wav", 0, 12)),
        ),
        tmp_path,
    )

    pictures, sounds = read.document["tracks"]
    assert [clip.get("volume", 1) for clip in pictures["clips"]] == [1, 0]
    assert [Path(clip["media"]["path"]).name for clip in sounds["clips"]] == ["sound.wav"]
    assert "silent" in _codes(read)


def test_a_crossfade_of_sounds_is_a_fade_out_and_a_fade_in(media: Path, tmp_path: Path) -> None:
    fade = schema.Transition("x", "SMPTE_Dissolve", in_offset=time(6, 24), out_offset=time(12, 24))
    sound = media / "sound.wav"
    read = _read(_timeline(_track("Audio", _clip(sound, 0, 24), fade, _clip(sound, 0, 24))), tmp_path)

    first, second = read.document["tracks"][0]["clips"]
    assert (first["fade"], second["fade"]) == ({"out": s(0.25)}, {"in": s(0.5)})
    assert "crossfade" in _codes(read)


def test_a_dissolve_is_jianyings_and_a_transition_beside_a_gap_is_named(media: Path, tmp_path: Path) -> None:
    def dissolve() -> Any:
        return schema.Transition("d", "SMPTE_Dissolve", in_offset=time(6, 24), out_offset=time(6, 24))

    video = media / "video.mp4"
    read = _read(
        _timeline(_track("Video", _clip(video, 0, 24), dissolve(), _clip(video, 24, 24), dissolve())),
        tmp_path,
    )

    first, second = read.document["tracks"][0]["clips"]
    assert first["transition"] == {"name": "叠化", "duration": s(0.5)}
    assert "transition" not in second


def test_a_nested_timeline_is_laid_out_on_tracks_and_cut_to_what_is_seen_of_it(
    media: Path, tmp_path: Path
) -> None:
    inner = schema.Stack(
        "scene",
        children=[
            _track("Video", _clip(media / "video.mp4", 0, 48)),
            _track("Video", schema.Gap(duration=time(36, 24)), _clip(media / "wide.png", 0, 48)),
        ],
        source_range=_span(12, 36),
    )
    read = _read(_timeline(_track("Video", _clip(media / "video.mp4", 0, 24), inner)), tmp_path)

    tracks = [
        [(clip["type"], clip["at"]["start"], clip["at"]["duration"]) for clip in track["clips"]]
        for track in read.document["tracks"]
    ]
    assert tracks == [
        [("video", 0, s(1))],
        [("video", s(1), s(1.5))],
        [("image", s(2), s(0.5))],
    ]
    assert read.document["tracks"][1]["clips"][0]["trim"]["start"] == s(0.5)
    assert "nested timeline scene" in _codes(read)


def test_markers_of_clips_and_tracks_are_where_they_are_seen(media: Path, tmp_path: Path) -> None:
    clip = _clip(media / "video.mp4", 12, 24)
    clip.markers.append(schema.Marker("in the clip", _span(3600 * 24 + 18, 0), color="GREEN"))
    timeline = _timeline(_track("Video", schema.Gap(duration=time(24, 24)), clip))
    timeline.tracks.markers.append(schema.Marker("on the timeline", _span(6, 12), color="RED"))
    read = _read(timeline, tmp_path)

    assert [
        (mark["name"], mark["at"], mark["duration"], mark["color"]) for mark in read.document["markers"]
    ] == [
        ("on the timeline", s(0.25), s(0.5), "#FF3B30"),
        ("in the clip", s(1.25), 0, "#34C759"),
    ]


def test_what_a_draft_cannot_have_is_named_each_with_its_place(media: Path, tmp_path: Path) -> None:
    video = media / "video.mp4"
    blur = _clip(video, 0, 24, effects=[schema.Effect(name="blur", effect_name="Gaussian")])
    back = _clip(video, 0, 24, effects=[schema.LinearTimeWarp(time_scalar=-1)])
    still = _clip(video, 0, 24, effects=[schema.FreezeFrame()])
    bars = schema.Clip("bars", schema.GeneratorReference("bars", "SMPTEBars", _span(0, 24)), _span(0, 24))
    lost = schema.Clip("offline", schema.MissingReference(), _span(0, 24))
    off = _clip(video, 0, 24)
    off.enabled = False
    read = _read(_timeline(_track("Video", blur, back, still, bars, lost, off)), tmp_path)

    said = _codes(read)
    offline = "clip offline without a file"
    for what in ("effect Gaussian", "reversed", "freeze", "generator SMPTEBars", offline, "hidden"):
        assert what in said, what
    assert [clip["at"]["start"] for clip in read.document["tracks"][0]["clips"]] == [0, s(1), s(2)]
    assert {issue.path for issue in read.issues} == {f"tracks.children[0].children[{n}]" for n in range(6)}


async def test_media_beside_the_file_are_found_by_relative_paths_and_build(
    media: Path, tmp_path: Path, make_builder: Callable[..., DraftBuilder]
) -> None:
    (tmp_path / "clips").mkdir()
    (tmp_path / "clips" / "一 video.mp4").write_bytes((media / "video.mp4").read_bytes())
    clip = _clip("clips/%E4%B8%80%20video.mp4", 0, 24)
    clip.media_reference.target_url = "clips/一 video.mp4"
    read = _read(_timeline(_track("Video", clip)), tmp_path)

    report = await make_builder(folders=[]).build(read.document, folders=[read.folder])

    assert (report.drafts[0].clips, report.drafts[0].duration_us) == (1, s(1))


async def test_a_file_outside_the_folders_is_refused_with_the_setting_that_allows_it(
    media: Path, tmp_path: Path, make_builder: Callable[..., DraftBuilder]
) -> None:
    read = _read(_timeline(_track("Video", _clip(media / "video.mp4", 0, 24))), tmp_path)

    with pytest.raises(DraftError) as refused:
        await make_builder(folders=[]).build(read.document, folders=[read.folder])

    assert any(found.path == "tracks[0].clips[0].media" and found.fix for found in refused.value.issues)
