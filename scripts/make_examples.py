"""Generates the media of `examples/`: `python scripts/make_examples.py` (needs the `dev` extra).

All of them are drawn and synthesised here, so no licence of others applies; examples/media/README.md has a
line for each. The same versions of the libraries make the same bytes.
"""

from __future__ import annotations

import math
from array import array
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path
from typing import Final

import av
from PIL import Image, ImageDraw

from media_pictures import disc, gradient, hotpot, line, mooncakes, smooth, soft_light, tea
from media_tune import RATE, music

FOLDER: Final = Path(__file__).resolve().parents[1] / "examples" / "media"
FPS: Final = 12
SIZE: Final = (640, 360)
VOICE_RATE: Final = 16_000


def syllables(count: int, pitch: float) -> array[int]:
    """A voice that says nothing: `count` syllables of 0.2 s, mono, 16 bit."""
    sound = array("h")
    length = VOICE_RATE // 5
    for syllable in range(count):
        tone = pitch * (1 + 0.12 * math.sin(syllable * 1.7))
        for sample in range(length):
            at = sample / length
            rise = math.sin(math.pi * at) ** 0.5 if syllable % 6 != 5 else 0.0  # a breath after five
            turn = 2 * math.pi * tone * sample / VOICE_RATE
            vowel = math.sin(turn) + 0.5 * math.sin(2 * turn) + 0.3 * math.sin((4 + syllable % 3) * turn)
            sound.append(round(9_000 * rise * vowel / 1.8))
    return sound


def write_sound(path: Path, samples: array[int], rate: int, bit_rate: int) -> None:
    """Write mono samples as an MP3."""
    with av.open(str(path), "w", format="mp3", options={"write_xing": "1"}) as container:
        stream = container.add_stream("libmp3lame", rate=rate, layout="mono", format="s16p")
        stream.bit_rate = bit_rate
        for number, frame in enumerate(_sound_frames(samples, rate, 1152)):
            frame.pts = number * 1152
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))


def _sound_frames(samples: array[int], rate: int, size: int) -> list[av.AudioFrame]:
    frames = []
    for first in range(0, len(samples), size):
        part = samples[first : first + size]
        frame = av.AudioFrame(format="s16p", layout="mono", samples=len(part))
        frame.planes[0].update(part.tobytes().ljust(frame.planes[0].buffer_size, b"\0"))
        frame.sample_rate, frame.time_base = rate, Fraction(1, rate)
        frames.append(frame)
    return frames


def write_clip(
    path: Path, seconds: float, paint: Callable[[float], Image.Image], voice: array[int] | None = None
) -> None:
    """Write a clip; `paint` gets the time in seconds."""
    with av.open(str(path), "w", options={"movflags": "+faststart"}) as container:
        picture = container.add_stream(
            "libx264", rate=FPS, options={"crf": "30", "preset": "veryslow", "threads": "1"}
        )
        picture.width, picture.height, picture.pix_fmt = *SIZE, "yuv420p"
        sound = container.add_stream("aac", rate=VOICE_RATE, layout="mono") if voice is not None else None
        for number in range(round(seconds * FPS)):
            small = paint(number / FPS).resize(SIZE, Image.Resampling.LANCZOS)
            frame = av.VideoFrame.from_image(small)  # type: ignore[no-untyped-call]  # PyAV 18 has none
            frame.pts, frame.time_base = number, Fraction(1, FPS)
            container.mux(picture.encode(frame))
        container.mux(picture.encode(None))
        if sound is not None and voice is not None:
            resampler = av.AudioResampler(format="fltp", layout="mono", rate=VOICE_RATE, frame_size=1024)
            at = 0
            for spoken in _sound_frames(voice, VOICE_RATE, 1024):
                spoken.pts, at = at, at + spoken.samples
                for piece in resampler.resample(spoken):
                    container.mux(sound.encode(piece))
            for piece in resampler.resample(None):
                container.mux(sound.encode(piece))
            container.mux(sound.encode(None))


def speaker(at: float) -> Image.Image:
    """A person at a table, talking: the mouth follows the syllables."""
    open_by = abs(math.sin(math.pi * at * 5)) if int(at * 5) % 6 != 5 else 0.0
    nod = 6 * math.sin(at * 2)
    ground = soft_light(gradient((58, 92, 110), (32, 52, 70)), 940, 180, 220, (236, 220, 170))

    def paint(pen: ImageDraw.ImageDraw) -> None:
        disc(pen, 640, 800, 330, 300, (196, 92, 70))
        pen.rectangle([580 * 2, 470 * 2, 700 * 2, 560 * 2], fill=(226, 178, 140))
        disc(pen, 640, 330 + nod, 150, 186, (238, 192, 154))
        disc(pen, 640, 210 + nod, 168, 110, (52, 38, 34))
        disc(pen, 640, 300 + nod, 140, 110, (238, 192, 154))
        for side in (-1, 1):
            closed = 2 if at % 3 > 2.85 else 13
            disc(pen, 640 + side * 56, 318 + nod, 15, closed, (40, 32, 30))
            line(pen, [(610 + side * 56, 282 + nod), (668 + side * 56, 282 + nod)], (52, 38, 34), 9)
        line(pen, [(640, 330 + nod), (632, 376 + nod), (648, 380 + nod)], (206, 150, 116), 6)
        disc(pen, 640, 436 + nod, 46, 5 + 20 * open_by, (146, 50, 52))

    return smooth(paint, ground)


def bottle(turn: float, angle: float) -> Image.Image:
    """A bottle on a stand; `angle` moves its label."""
    ground = soft_light(
        gradient((22, 28, 44), (60, 70, 96)), 640 + 200 * math.sin(turn), 260, 300, (120, 170, 210)
    )

    def paint(pen: ImageDraw.ImageDraw) -> None:
        disc(pen, 640, 620, 300, 50, (18, 22, 34))
        disc(pen, 640, 600, 260, 40, (200, 206, 216))
        pen.rounded_rectangle([520 * 2, 220 * 2, 760 * 2, 600 * 2], 80, fill=(34, 126, 116))
        pen.rounded_rectangle([590 * 2, 110 * 2, 690 * 2, 250 * 2], 30, fill=(34, 126, 116))
        pen.rounded_rectangle([582 * 2, 84 * 2, 698 * 2, 140 * 2], 20, fill=(228, 186, 92))
        middle = 640 + 90 * math.sin(angle)
        pen.rectangle([(middle - 70) * 2, 330 * 2, (middle + 70) * 2, 500 * 2], fill=(244, 238, 222))
        disc(pen, middle, 415, 44, 44, (212, 92, 70))
        line(pen, [(552, 260), (552, 560)], (110, 190, 178), 14)

    return smooth(paint, ground)


def main() -> None:
    """Write all of them."""
    FOLDER.mkdir(parents=True, exist_ok=True)
    write_clip(FOLDER / "speaker.mp4", 9, speaker, syllables(45, 150))
    write_clip(FOLDER / "bottle.mp4", 4, lambda at: bottle(at, at * 1.6))
    for name, angle in (("bottle-front", 0.0), ("bottle-side", 0.9)):
        few = bottle(0.4, angle).resize(SIZE).quantize(96, dither=Image.Dither.NONE)
        few.save(FOLDER / f"{name}.png", optimize=True)
    for name, picture in (("story-1", tea(0.2)), ("story-2", hotpot()), ("story-3", mooncakes())):
        picture.resize(SIZE, Image.Resampling.LANCZOS).convert("RGB").save(FOLDER / f"{name}.jpg", quality=80)
    for number, (count, pitch) in enumerate(((14, 180.0), (18, 176.0), (11, 184.0)), 1):
        write_sound(FOLDER / f"narration-{number}.mp3", syllables(count, pitch), VOICE_RATE, 32_000)
    write_sound(FOLDER / "song.mp3", music(), RATE, 48_000)
    for path in sorted(FOLDER.iterdir()):
        print(f"{path.stat().st_size:>8}  {path.name}")


if __name__ == "__main__":
    main()
