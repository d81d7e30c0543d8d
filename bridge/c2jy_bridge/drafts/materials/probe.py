"""Measures media files: length, size, sound. Images by Pillow and their own blocks, the rest by MediaInfo."""

from __future__ import annotations

import mmap
import re
import threading
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from c2jy_bridge.drafts.materials.material import MaterialKind, Refused

if TYPE_CHECKING:
    from PIL.Image import Image


_RATES: Final = (96000, 88200, 64000, 48000, 44100, 32000, 24000, 22050, 16000, 12000, 11025, 8000, 7350)
_SAMPLES: Final = 1024
"""In a raw data block (ISO/IEC 14496-3, 4.5.1.1)."""


def adts_duration_us(path: Path) -> int:
    """Microseconds of an ADTS stream (ISO/IEC 14496-3, 1.A.2); 0 when it is none."""
    samples, rate, offset = 0, 0, 0
    with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
        while offset + 7 <= len(data) and data[offset] == 0xFF and data[offset + 1] & 0xF6 == 0xF0:
            length = (data[offset + 3] & 3) << 11 | data[offset + 4] << 3 | data[offset + 5] >> 5
            index = data[offset + 2] >> 2 & 15
            if length < 7 or index >= len(_RATES):
                break
            rate = rate or _RATES[index]
            samples += _SAMPLES * ((data[offset + 6] & 3) + 1)
            offset += length
    return round(samples * 1_000_000 / rate) if rate else 0


_EXTENSION, _IMAGE, _TRAILER = b"!,;"
_BLOCK: Final = re.compile(b"[!,;]")
_GRAPHIC_CONTROL: Final = 0xF9
_NO_DELAY_MS: Final = 100
"""A frame that names no delay, as browsers and Pillow count it."""


def gif_frames(path: Path) -> tuple[int, int]:
    """Frames of a GIF and the length of one round in milliseconds (GIF89a specification, 1990).

    What is cut off or no GIF counts as far as it goes.
    """
    with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
        frames = total_ms = delay_ms = 0
        offset = _after_colours(data, 10, 13)
        while offset < len(data):
            kind = data[offset]
            if kind == _EXTENSION:
                if data[offset + 1 : offset + 3] == bytes((_GRAPHIC_CONTROL, 4)):
                    delay_ms = 10 * int.from_bytes(data[offset + 4 : offset + 6], "little")
                offset = _after_blocks(data, offset + 2)
            elif kind == _IMAGE:
                frames += 1
                total_ms += delay_ms or _NO_DELAY_MS
                delay_ms = 0
                # Behind the colours stands one byte of the compression, then its blocks.
                offset = _after_blocks(data, _after_colours(data, offset + 9, offset + 10) + 1)
            elif (following := _BLOCK.search(data, offset + 1)) and kind != _TRAILER:
                offset = following.start()  # padding, which other readers pass over too
            else:
                break
        return frames, total_ms


def _after_colours(data: mmap.mmap, flags: int, begin: int) -> int:
    if flags >= len(data) or not data[flags] & 0x80:
        return begin
    return begin + (6 << (data[flags] & 7))


def _after_blocks(data: mmap.mmap, offset: int) -> int:
    while offset < len(data) and data[offset]:
        offset += data[offset] + 1
    return offset + 1


MEDIAINFO_LOCK: Final = threading.Lock()
"""Held around every MediaInfo call of the process. libmediainfo through pymediainfo 7.0.1 is not thread-safe:
two threads gave wrong sizes and crashed the interpreter (measured)."""

MOST_PIXELS: Final = 178_956_970
"""Largest picture that is opened: twice Pillow's warning limit, where it speaks of a decompression bomb."""

PILLOW_FORMATS: Final = ("PNG", "JPEG", "GIF", "BMP", "TIFF", "WEBP", "AVIF")
_SOUND_ONLY: Final = frozenset({"mp3", "m4a", "wav", "flac", "ogg", "aac", "aiff", "amr", "caf"})
_LENGTH_IN_HEAD: Final = frozenset({"mp4", "mov", "m4a", "3gp", "mkv", "webm", "avi"})
"""Formats whose head says how long all of it is, so that a half of it would play into nothing."""
# MediaInfo's format names of a cover picture that a player shows while the sound plays.
_COVER_FORMATS: Final = frozenset({"JPEG", "PNG", "GIF", "BMP", "WebP"})


@dataclass(frozen=True, slots=True)
class Facts:
    """What a probe found; microseconds and pixels."""

    kind: MaterialKind
    extension: str
    duration_us: int = 0
    width: int = 0
    height: int = 0
    has_audio: bool = False


def image_facts(path: Path, extension: str) -> Facts:
    """Size of a still image, or size and length of an animated GIF (which JianYing plays as a video).

    Raises:
        Refused: Not a readable image, or one so large that opening it is an attack.
    """
    with open_image(path, extension) as image:
        width, height = image.size
    frames, length_ms = gif_frames(path) if extension == "gif" else (1, 0)
    duration_us = length_ms * 1000 if frames > 1 else 0
    return Facts("video" if duration_us else "image", extension, duration_us, width, height)


@contextmanager
def open_image(path: Path, extension: str) -> Iterator[Image]:
    """A picture opened with Pillow; whatever it raises inside the block becomes `Refused`."""
    from PIL import Image as pillow

    _quiet_pillow()
    try:
        with pillow.open(path, formats=PILLOW_FORMATS) as image:
            check_pixels(*image.size)
            yield image
    except pillow.DecompressionBombError:
        raise Refused("image_too_large", limit=MOST_PIXELS // 1_000_000) from None
    except (OSError, ValueError, SyntaxError, EOFError) as error:
        raise Refused("unreadable_media", extension=extension) from error


def check_pixels(width: int, height: int) -> None:
    """Raise `Refused` for a picture of no or too many pixels."""
    if width < 1 or height < 1:
        raise Refused("unreadable_media", extension="image")
    if width * height > MOST_PIXELS:
        raise Refused("image_too_large", limit=MOST_PIXELS // 1_000_000)


def frame_count(image: Image) -> int:
    """Frames of an animation; 1 for a still picture."""
    return int(getattr(image, "n_frames", 1))


@cache
def _quiet_pillow() -> None:
    """Our own limit becomes a sentence; Pillow's warnings would be printed across the screen."""
    from PIL.Image import DecompressionBombWarning

    warnings.filterwarnings("ignore", category=DecompressionBombWarning)
    warnings.filterwarnings("ignore", module=r"PIL\.")


def av_facts(path: Path, extension: str) -> Facts:
    """Length, size and sound of a video or audio file.

    Raises:
        Refused: MediaInfo finds neither picture nor sound in it, or no length.
    """
    from pymediainfo import MediaInfo

    with MEDIAINFO_LOCK:
        try:
            info = MediaInfo.parse(path)
        except (OSError, RuntimeError, ValueError, SyntaxError) as error:
            raise Refused("unreadable_media", extension=extension) from error
    general = info.general_tracks[0] if info.general_tracks else None
    has_audio = bool(info.audio_tracks)
    pictures = [track for track in info.video_tracks if not (has_audio and _is_cover(track, extension))]
    tracks = pictures or info.audio_tracks
    if not tracks:
        raise Refused("no_picture_or_sound", extension=extension)
    # As pyJianYingDraft 0.3.1, local_materials, chooses and rounds: the track's length, else the file's.
    milliseconds = _number(tracks[0].duration) or _number(general.duration if general else None)
    duration_us = round(milliseconds * 1e3) or (adts_duration_us(path) if extension == "aac" else 0)
    if duration_us <= 0:
        raise Refused("no_length", extension=extension)
    if extension in _LENGTH_IN_HEAD and general and general.istruncated == "Yes":
        raise Refused("cut_off")
    if not pictures:
        return Facts(
            "audio", "m4a" if extension in ("mp4", "mov") else extension, duration_us, has_audio=True
        )
    width, height = (int(_number(value)) for value in (tracks[0].width, tracks[0].height))
    check_pixels(width, height)
    return Facts("video", extension, duration_us, width, height, has_audio)


def _is_cover(track: Any, extension: str) -> bool:
    """A picture in a sound-only file, or a single still picture beside the sound, is its cover."""
    if extension in _SOUND_ONLY:
        return True
    return track.format in _COVER_FORMATS and _number(track.frame_count) <= 1


def _number(value: object) -> float:
    try:
        return float(value) if isinstance(value, (int, float, str)) else 0.0
    except ValueError:
        return 0.0
