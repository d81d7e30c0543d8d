"""Writes a draft as a small video with sound: a proxy to look at, not the film."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Final

import av
import numpy as np
from av.audio.frame import AudioFrame
from av.audio.resampler import AudioResampler
from av.video.frame import VideoFrame
from PIL import Image

from c2jy_bridge.drafts.preview import MARK
from c2jy_bridge.drafts.preview.frame_sources import Size
from c2jy_bridge.drafts.preview.scene import Scene
from c2jy_bridge.drafts.preview.sound_mix import RATE, SoundMix

_FEWEST_FPS, _MOST_FPS = 12.0, 25.0
_PICTURE: Final = {"preset": "veryfast", "crf": "28"}
_SOUND_BITS: Final = 128_000


@dataclass(frozen=True, slots=True)
class Pace:
    """How many frames a second a clip has, and which samples belong to each."""

    fps: float

    @classmethod
    def of(cls, scene: Scene) -> Pace:
        """The draft's own rate, or the largest even part of it up to 25."""
        rate = min(120.0, max(1.0, scene.fps))
        parts = 1
        while rate / parts > _MOST_FPS:
            parts += 1
        return cls(max(_FEWEST_FPS, rate / parts))

    def frames(self, duration_us: int) -> int:
        """How many frames a clip of this length has."""
        return max(1, round(duration_us * self.fps / 1_000_000))

    def samples_until(self, frame: int) -> int:
        """Samples before a frame."""
        return round(frame * RATE / self.fps)


def write_clip(
    out: Path,
    scene: Scene,
    size: Size,
    draw: Callable[[int], Image.Image],
    mix: SoundMix,
    on_frame: Callable[[int, int], None],
) -> None:
    """Write an MP4 of H.264 and AAC.

    Args:
        out: The file.
        scene: What it is of.
        size: Of its frames, even.
        draw: The frame at a time in microseconds.
        mix: Its sound, from the start.
        on_frame: Told how many frames are written, and of how many.
    """
    pace = Pace.of(scene)
    count = pace.frames(scene.duration_us)
    with av.open(str(out), "w", format="mp4") as container:
        container.metadata["comment"] = MARK
        picture = container.add_stream("libx264", rate=Fraction(pace.fps).limit_denominator(1001))
        picture.width, picture.height, picture.pix_fmt = *size, "yuv420p"
        picture.options = dict(_PICTURE)
        sound = container.add_stream("aac", rate=RATE, layout="stereo")
        sound.bit_rate = _SOUND_BITS
        resampler = AudioResampler(format="fltp", layout="stereo", rate=RATE, frame_size=1024)

        for number in range(count):
            at_us = round(number * 1_000_000 / pace.fps)
            pixels = np.asarray(draw(min(at_us, scene.duration_us - 1)))
            container.mux(picture.encode(VideoFrame.from_ndarray(pixels, format="rgb24")))
            first = pace.samples_until(number)
            heard = AudioFrame.from_ndarray(
                mix.take(pace.samples_until(number + 1) - first), format="fltp", layout="stereo"
            )
            heard.sample_rate, heard.pts = RATE, first
            for piece in resampler.resample(heard):
                container.mux(sound.encode(piece))
            on_frame(number + 1, count)
        for piece in resampler.resample(None):
            container.mux(sound.encode(piece))
        container.mux(picture.encode())
        container.mux(sound.encode())
