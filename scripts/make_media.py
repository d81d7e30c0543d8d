"""Generates the emulator's media files: `python scripts/make_media.py` (needs the `dev` extra).

Three clips (1280x720, H.264), one piece of music (MP3) and three stills (PNG, WebP), all drawn and
synthesised here, so no licence applies. The same versions of the libraries make the same bytes.
"""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from pathlib import Path
from typing import Final

import av
from PIL import Image

from coze_emulator.media import FOLDER, TYPES
from media_pictures import HEIGHT, WIDTH, dumplings, hotpot, mooncakes, noodles, tea, wok
from media_tune import RATE, music

FPS: Final = 24
CLIP_S: Final = 4


def write_clip(path: Path, paint: Callable[[float], Image.Image]) -> None:
    """Write a clip of `CLIP_S` seconds that loops."""
    with av.open(str(path), "w", options={"movflags": "+faststart"}) as container:
        stream = container.add_stream(
            "libx264", rate=FPS, options={"crf": "31", "preset": "veryslow", "threads": "1"}
        )
        stream.width, stream.height, stream.pix_fmt = WIDTH, HEIGHT, "yuv420p"
        for number in range(CLIP_S * FPS):
            # PyAV 18 has no annotation for `from_image`.
            frame = av.VideoFrame.from_image(paint(number / (CLIP_S * FPS)))  # type: ignore[no-untyped-call]
            frame.pts, frame.time_base = number, Fraction(1, FPS)
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))


def write_music(path: Path) -> None:
    """Write the music as an MP3 of 64 kbit/s."""
    samples = music()
    with av.open(str(path), "w", format="mp3", options={"write_xing": "1"}) as container:
        stream = container.add_stream("libmp3lame", rate=RATE, layout="mono", format="s16p")
        stream.bit_rate = 64_000
        size = 1152  # samples in one MP3 frame
        for first in range(0, len(samples), size):
            part = samples[first : first + size]
            frame = av.AudioFrame(format="s16p", layout="mono", samples=len(part))
            frame.planes[0].update(part.tobytes().ljust(frame.planes[0].buffer_size, b"\0"))
            frame.sample_rate, frame.pts, frame.time_base = RATE, first, Fraction(1, RATE)
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))


def main() -> None:
    """Write all of them into the emulator's package."""
    for paint in (tea, wok, noodles):
        write_clip(FOLDER / f"{paint.__name__}.mp4", paint)
    for still in (hotpot, dumplings):
        few = still().quantize(160, dither=Image.Dither.NONE)  # a palette keeps the PNG small
        few.save(FOLDER / f"{still.__name__}.png", optimize=True)
    mooncakes().save(FOLDER / "mooncakes.webp", quality=82, method=6)
    write_music(FOLDER / "guzheng.mp3")
    for path in sorted(FOLDER.iterdir()):
        if path.suffix in TYPES:
            print(f"{path.stat().st_size:>8}  {path.name}")


if __name__ == "__main__":
    main()
