"""Identifies media by their first bytes and measures length, size and sound."""

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
from typing import TYPE_CHECKING, Any, Final, Literal

from c2jy_bridge.drafts.materials.material import MaterialKind, Refused

if TYPE_CHECKING:
    from PIL.Image import Image

HEAD_BYTES: Final = 4096
"""How many first bytes `identify` wants; with fewer it may know less."""

NotMedia = Literal["web_page", "json_text", "xml_text", "plain_text", "svg", "heic", "other_file", "unknown"]


@dataclass(frozen=True, slots=True)
class Media:
    """A media format: `kind` is what its container usually carries, the probe has the last word."""

    extension: str
    kind: MaterialKind


@dataclass(frozen=True, slots=True)
class Foreign:
    """Something that no draft can use; `what` names it."""

    what: NotMedia


_FIXED: Final[tuple[tuple[int, bytes, Media | Foreign], ...]] = (
    (0, b"\x89PNG\r\n\x1a\n", Media("png", "image")),
    (0, b"\xff\xd8\xff", Media("jpg", "image")),
    (0, b"GIF87a", Media("gif", "image")),
    (0, b"GIF89a", Media("gif", "image")),
    (0, b"II*\x00", Media("tiff", "image")),
    (0, b"MM\x00*", Media("tiff", "image")),
    (0, b"fLaC", Media("flac", "audio")),
    (0, b"ID3", Media("mp3", "audio")),
    (0, b"#!AMR", Media("amr", "audio")),
    (0, b"caff\x00\x01", Media("caf", "audio")),
    (0, b"FLV\x01", Media("flv", "video")),
    (0, b"\x00\x00\x01\xba", Media("mpg", "video")),
    (0, b"\x00\x00\x01\xb3", Media("mpg", "video")),
    (0, b"0&\xb2u\x8ef\xcf\x11\xa6\xd9\x00\xaa\x00b\xcel", Media("wmv", "video")),
    (0, b"%PDF-", Foreign("other_file")),
    (0, b"PK\x03\x04", Foreign("other_file")),
    (0, b"\x1f\x8b\x08", Foreign("other_file")),
    (0, b"7z\xbc\xaf\x27\x1c", Foreign("other_file")),
    (0, b"Rar!\x1a\x07", Foreign("other_file")),
    (0, b"8BPS", Foreign("other_file")),
)
_RIFF: Final = {
    b"WEBP": Media("webp", "image"),
    b"WAVE": Media("wav", "audio"),
    b"AVI ": Media("avi", "video"),
}
# Brands of ISO base media files (ISO/IEC 14496-12, registered at mp4ra.org); everything else is taken as mp4.
_BRANDS: Final[tuple[tuple[frozenset[bytes], Media | Foreign], ...]] = (
    (frozenset({b"avif", b"avis"}), Media("avif", "image")),
    (frozenset({b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"mif1", b"msf1"}), Foreign("heic")),
    (frozenset({b"qt  "}), Media("mov", "video")),
    (frozenset({b"M4A ", b"M4B ", b"M4P "}), Media("m4a", "audio")),
)
_MP4_BRANDS: Final = frozenset({b"isom", b"iso2", b"iso5", b"iso6", b"mp41", b"mp42", b"avc1", b"dash"})
_QUICKTIME_ATOMS: Final = frozenset({b"moov", b"mdat", b"wide", b"free", b"skip", b"pnot"})
_HTML: Final = re.compile(
    rb"<(!doctype\s+html|html|head|body|script|title|meta|div|p|h1|table|iframe)\b", re.I
)


def identify(head: bytes) -> Media | Foreign:
    """The format of a file that begins with `head` (its first `HEAD_BYTES`, or all of it when shorter)."""
    for offset, magic, found in _FIXED:
        if head.startswith(magic, offset):
            return found
    if head[:4] in (b"RIFF", b"RF64") and head[8:12] in _RIFF:
        return _RIFF[head[8:12]]
    if head[:4] == b"FORM" and head[8:12] in (b"AIFF", b"AIFC"):
        return Media("aiff", "audio")
    if head[4:8] == b"ftyp":
        return _by_brand(head)
    if head[4:8] in _QUICKTIME_ATOMS:
        return Media("mov", "video")
    if head[:4] == b"\x1aE\xdf\xa3":
        return Media("webm" if b"webm" in head[:HEAD_BYTES] else "mkv", "video")
    if head[:4] == b"OggS":
        return Media("ogv", "video") if b"\x80theora" in head else Media("ogg", "audio")
    if head[:2] == b"BM" and len(head) >= 18 and head[14:18] in _BMP_HEADER_SIZES:
        return Media("bmp", "image")
    if len(head) > 376 and head[0] == head[188] == head[376] == 0x47:
        return Media("ts", "video")
    return _mpeg_audio(head) or _text(head) or Foreign("unknown")


# The DIB header sizes that exist: OS/2 1.x and 2.x, BITMAPINFOHEADER, V2, V3, V4, V5.
_BMP_HEADER_SIZES: Final = frozenset(
    size.to_bytes(4, "little") for size in (12, 16, 40, 52, 56, 64, 108, 124)
)


def _by_brand(head: bytes) -> Media | Foreign:
    size = min(int.from_bytes(head[:4], "big"), len(head), 256)
    major = head[8:12]
    # The major brand first: an AVIF lists mif1 among its compatible brands, and so does a HEIC.
    compatible = [head[at : at + 4] for at in range(16, size - 3, 4)]
    for brand in [major, *compatible]:
        for brands, found in _BRANDS:
            if brand in brands and not (brand in (b"mif1", b"msf1") and {b"avif", b"avis"} & set(compatible)):
                return found
        if brand == major and major[:3] == b"3gp":
            return Media("3gp", "video")
        if brand == major and major in _MP4_BRANDS:
            return Media("mp4", "video")
    return Media("mp4", "video")


def _mpeg_audio(head: bytes) -> Media | None:
    if len(head) < 4 or head[0] != 0xFF:
        return None
    if head[1] & 0xF6 == 0xF0:  # ADTS: 12 bits of sync, layer 0
        return Media("aac", "audio")
    layer, bit_rate, sample_rate = (head[1] >> 1) & 3, head[2] >> 4, (head[2] >> 2) & 3
    if head[1] & 0xE0 == 0xE0 and layer and bit_rate not in (0, 15) and sample_rate != 3:
        return Media("mp3", "audio")
    return None


def _text(head: bytes) -> Foreign | None:
    text = head.removeprefix(b"\xef\xbb\xbf").lstrip()[:1024]
    if not text:
        return None
    if _HTML.match(text):
        return Foreign("web_page")
    if text.startswith(b"<"):
        if b"<svg" in text:
            return Foreign("svg")
        return Foreign("web_page") if _HTML.search(text) else Foreign("xml_text")
    if text[:1] in b"{[" and _printable(text):
        return Foreign("json_text")
    return Foreign("plain_text") if _printable(text) else None


def _printable(text: bytes) -> bool:
    return not any(byte < 9 or 13 < byte < 32 for byte in text)


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
_LONGEST_US: Final = 1000 * 3600 * 1_000_000
"""MediaInfo gives 2**63 samples for a WAV whose head says 0xFFFFFFFF bytes, as one that was piped does."""
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
    if duration_us > _LONGEST_US:
        raise Refused("impossible_length", extension=extension)
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
