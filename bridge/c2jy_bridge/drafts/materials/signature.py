"""What a file is, from its first bytes. Names and Content-Types lie; these do not.

Sources of the patterns: the formats' own specifications (PNG, JPEG, GIF, RIFF, ISO/IEC 14496-12, Matroska,
RFC 3533 Ogg, ISO/IEC 11172-3) as collected in the `file` program's magic tables.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final, Literal

from c2jy_bridge.drafts.materials.material import MaterialKind

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
        if brand == major and major in (
            b"isom",
            b"iso2",
            b"iso5",
            b"iso6",
            b"mp41",
            b"mp42",
            b"avc1",
            b"dash",
        ):
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
