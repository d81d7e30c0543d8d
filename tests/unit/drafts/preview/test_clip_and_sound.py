"""The clip: its frames and pace, and a sound mixed with volume, fades and speed; all by decoding it."""

from __future__ import annotations

import json
import shutil
import wave
from collections.abc import Callable
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest

from c2jy_bridge.drafts import Library
from c2jy_bridge.drafts.preview.clip_writer import Pace
from c2jy_bridge.drafts.preview.previewer import Previewer
from c2jy_bridge.drafts.preview.scene import Scene
from c2jy_bridge.drafts.preview.scene_reader import read_scene
from c2jy_bridge.drafts.preview.sound_mix import RATE, SoundMix, _heard
from unit.drafts.preview.conftest import GREEN, RED, Draw, at, image, near

Mix = Callable[..., Any]


@pytest.fixture(scope="session")
def tone(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """4 s of sound at 440 Hz, loudness a half; its second half at 880 Hz."""
    path = tmp_path_factory.mktemp("tone") / "tone.wav"
    seconds = np.arange(4 * 16000) / 16000
    pitch = np.where(seconds < 2, 440, 880)
    samples = (0.5 * 32767 * np.sin(2 * np.pi * np.cumsum(pitch) / 16000)).astype("<i2")
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(16000)
        file.writeframes(samples.tobytes())
    return path


@pytest.fixture
async def mix(draw: Draw, media: Path, tone: Path, tmp_path: Path) -> Mix:
    """The samples of a draft with these audio clips, each of a track."""
    shutil.copyfile(tone, media / "tone.wav")

    async def mix(*clips: dict[str, Any], seconds: float = 4.0) -> Any:
        tracks = [
            {"type": "audio", "clips": [{"type": "audio", "media": "tone.wav", **clip}]} for clip in clips
        ]
        studio = await draw(*tracks)
        whole = SoundMix(studio.scene, tmp_path / "drafts" / "drawn", studio.undrawn)
        pieces = [whole.take(RATE // 10) for _ in range(round(seconds * 10))]
        whole.close()
        assert not studio.notes()
        return np.concatenate(pieces, axis=1)

    return mix


def loudness(samples: Any, begin: float, end: float) -> float:
    """Peak in a stretch of seconds."""
    return float(np.abs(samples[:, round(begin * RATE) : round(end * RATE)]).max(initial=0.0))


def pitch(samples: Any, begin: float, end: float) -> float:
    """The strongest frequency in a stretch."""
    piece = samples[0, round(begin * RATE) : round(end * RATE)]
    spectrum = np.abs(np.fft.rfft(piece * np.hanning(len(piece))))
    return float(np.fft.rfftfreq(len(piece), 1 / RATE)[spectrum.argmax()])


async def test_a_sound_begins_and_ends_where_its_clip_does(mix: Mix) -> None:
    samples = await mix({"at": {"start": 1, "duration": 2}})
    assert loudness(samples, 0, 0.98) == 0
    assert 0.45 < loudness(samples, 1.02, 2.98) < 0.55
    assert loudness(samples, 3.02, 4) == 0


async def test_a_trim_begins_within_the_file(mix: Mix) -> None:
    samples = await mix({"at": {"start": 0, "duration": 1}, "trim": {"start": 2.5, "duration": 1}})
    assert abs(pitch(samples, 0.1, 0.9) - 880) < 10
    exact = await mix({"at": {"start": 0, "duration": 2}, "trim": {"start": 1.0, "duration": 2}})
    assert abs(pitch(exact, 0.1, 0.95) - 440) < 10
    assert abs(pitch(exact, 1.05, 1.9) - 880) < 10


async def test_volume_and_keyframes_of_volume_are_followed(mix: Mix) -> None:
    quiet = await mix({"at": {"start": 0, "duration": 2}, "volume": 0.5})
    assert abs(loudness(quiet, 0.1, 1.9) - 0.25) < 0.02
    frames = [{"property": "volume", "at": 0, "value": 0.0}, {"property": "volume", "at": 2, "value": 1.0}]
    rising = await mix({"at": {"start": 0, "duration": 2}, "keyframes": frames})
    assert abs(loudness(rising, 0.98, 1.02) - 0.25) < 0.03
    assert abs(loudness(rising, 1.9, 2.0) - 0.5) < 0.04


async def test_fades_rise_and_fall(mix: Mix) -> None:
    samples = await mix({"at": {"start": 0, "duration": 4}, "fade": {"in": 1, "out": 2}})
    assert loudness(samples, 0.0, 0.05) < 0.05
    assert abs(loudness(samples, 0.48, 0.52) - 0.25) < 0.03
    assert abs(loudness(samples, 1.2, 1.8) - 0.5) < 0.03
    assert abs(loudness(samples, 2.98, 3.02) - 0.25) < 0.03


async def test_speed_keeps_the_pitch_unless_it_may_change(mix: Mix) -> None:
    kept = await mix({"at": {"start": 0, "duration": 2}, "speed": 2.0})
    assert abs(pitch(kept, 0.2, 0.8) - 440) < 15
    assert abs(pitch(kept, 1.2, 1.8) - 880) < 15
    higher = await mix({"at": {"start": 0, "duration": 2}, "speed": 2.0, "keep_pitch": False})
    assert abs(pitch(higher, 0.2, 0.8) - 880) < 15


async def test_sounds_at_once_are_added(mix: Mix) -> None:
    clip = {"at": {"start": 0, "duration": 1}, "volume": 0.5}
    samples = await mix(clip, dict(clip), seconds=1)
    assert abs(loudness(samples, 0.1, 0.9) - 0.5) < 0.03
    # Louder than full scale is cut, not wrapped.
    assert loudness(await mix({**clip, "volume": 9}, seconds=1), 0.1, 0.9) == 1.0


async def test_a_clip_shows_and_plays_the_draft(
    draw: Draw, media: Path, tone: Path, library: Library, tmp_path: Path
) -> None:
    shutil.copyfile(tone, media / "tone.wav")
    clips = [
        {"type": "image", "media": "red.png", "duration": 1},
        {"type": "image", "media": "green.png", "duration": 1},
    ]
    sound = {"type": "audio", "media": "tone.wav", "at": {"start": 1, "duration": 1}}
    await draw({"type": "video", "clips": clips}, {"type": "audio", "clips": [sound]})
    told: list[tuple[int, int | None]] = []
    made = await Previewer(library, tmp_path).make(
        "drawn", "clip", tmp_path / "clip.mp4", on_progress=lambda p: told.append((p.done, p.total))
    )
    assert told[-1] == (30, 30)  # a draft of 30 frames a second has 15 in its preview
    with av.open(made.path) as container:
        frames = [frame.to_image() for frame in container.decode(video=0)]
        assert container.streams.video[0].average_rate == 15
    assert (len(frames), frames[0].size) == (30, (made.width, made.height))
    assert near(at(frames[7], 0.5, 0.5), RED, by=40)
    assert near(at(frames[22], 0.5, 0.5), GREEN, by=40)
    with av.open(made.path) as container:
        played = np.concatenate([frame.to_ndarray() for frame in container.decode(audio=0)], axis=1)
    assert abs(played.shape[1] / RATE - 2) < 0.1
    assert loudness(played, 0.1, 0.9) < 0.02
    assert abs(loudness(played, 1.2, 1.8) - 0.5) < 0.08
    again = await Previewer(library, tmp_path).make("drawn", "clip", tmp_path / "clip.mp4")
    assert again.path == made.path  # its mark makes it replaceable


async def test_the_sound_of_a_video_is_heard_unless_its_track_is_muted(
    build: Callable[..., Any], content_of: Callable[..., Any], media: Path
) -> None:
    clip = {"type": "video", "media": str(media / "video.mp4"), "duration": 1}
    document = {"schema": "c2jy/1", "name": "v", "tracks": [{"type": "video", "clips": [clip]}]}
    content = content_of(await build(json.dumps(document)))
    assert [heard.kind for heard in _heard(read_scene(content))] == ["video"]
    content["tracks"][0]["attribute"] = 1
    assert list(_heard(read_scene(content))) == []


@pytest.mark.parametrize(
    ("fps", "wanted"), [(30, 15), (25, 25), (24, 24), (60, 20), (50, 25), (10, 12), (120, 24)]
)
def test_the_pace_is_an_even_part_of_the_drafts(fps: float, wanted: float) -> None:
    pace = Pace.of(Scene(4, 4, 1_000_000, fps, ()))
    assert pace.fps == wanted
    assert pace.samples_until(pace.frames(1_000_000)) == RATE


async def test_images_only_make_a_silent_clip(draw: Draw, library: Library, tmp_path: Path) -> None:
    await draw(image("red.png"))
    made = await Previewer(library, tmp_path).make("drawn", "clip", tmp_path / "clip.mp4")
    with av.open(made.path) as container:
        assert len(container.streams.audio) == 1
