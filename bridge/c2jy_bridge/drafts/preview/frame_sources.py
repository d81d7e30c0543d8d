"""Decodes the pictures of videos and images, at the size at which they are drawn."""

from __future__ import annotations

import math
from collections import OrderedDict
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Final, Protocol

import av
from av.video.frame import VideoFrame
from av.video.stream import VideoStream
from PIL import Image, ImageOps

from c2jy_bridge.drafts.write.paths import local_view

Size = tuple[int, int]

FILES_ONLY: Final = {"protocol_whitelist": "file,crypto"}
"""For FFmpeg: a playlist in a draft must not make it fetch what it names."""
_MOST_OPEN: Final = 4
"""Videos open at once; each holds decoded frames (twelve megabytes one of 4K)."""
_MOST_PIXELS: Final = 64_000_000
_AHEAD_S: Final = 1.5
"""As far decoding on is no slower than looking for a key frame."""
_NOTHING: Final = 1e-3
"""Of a pixel: what rounding leaves."""
_EXACT_S: Final = 0.4
"""Before that frames which no other needs are left out."""


class Source(Protocol):
    """Something that has pictures."""

    size: Size
    """As it is shown, rotated and with square pixels."""

    def picture(self, at_us: int, size: Size) -> Image.Image:
        """Its picture at a time, RGB or RGBA, scaled to `size`."""

    def close(self) -> None:
        """Let go of its file."""


class Unreadable(Exception):
    """A file has no picture that can be decoded."""


class ImageSource:
    """A picture that does not move."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._kept: Image.Image | None = None
        try:
            with Image.open(path) as image:
                turned = image.getexif().get(0x0112, 1) in (5, 6, 7, 8)
                width, height = image.size
        except (OSError, ValueError, Image.DecompressionBombError, SyntaxError) as error:
            raise Unreadable(path.name) from error
        if width * height > _MOST_PIXELS:
            raise Unreadable(path.name)
        self.size: Size = (height, width) if turned else (width, height)

    def picture(self, at_us: int, size: Size) -> Image.Image:
        """As `Source` has it."""
        kept = self._kept
        if kept is None or kept.width < size[0] or kept.height < size[1]:
            self._kept = kept = self._load(size)
        return kept if kept.size == size else kept.resize(size, Image.Resampling.BILINEAR)

    def _load(self, size: Size) -> Image.Image:
        try:
            with Image.open(self._path) as image:
                image.draft("RGB", (max(size), max(size)))
                plain = ImageOps.exif_transpose(image)
                transparent = plain.mode in ("RGBA", "LA", "PA") or "transparency" in plain.info
                plain = plain.convert("RGBA" if transparent else "RGB")
        except (OSError, ValueError, SyntaxError) as error:
            raise Unreadable(self._path.name) from error
        return plain if plain.size == size else plain.resize(size, Image.Resampling.LANCZOS, reducing_gap=3.0)

    def close(self) -> None:
        """As `Source` has it."""
        self._kept = None


class VideoSource:
    """A video; fastest when it is asked for one time after the other."""

    def __init__(self, path: Path, *, small: bool = False) -> None:
        """With `small` it is decoded for pictures far below its own size, a third faster."""
        try:
            self._container = av.open(str(path), options=FILES_ONLY, metadata_errors="ignore")
        except (av.FFmpegError, OSError, ValueError) as error:
            raise Unreadable(path.name) from error
        try:
            self._stream: VideoStream = self._container.streams.video[0]
            if small:
                # Threads decode frames that are not asked for; edges of blocks are below a pixel (49 dB).
                self._stream.codec_context.thread_count = 1
                self._stream.codec_context.options = {"skip_loop_filter": "all"}
            else:
                self._stream.codec_context.thread_count = 2
                self._stream.thread_type = "AUTO"
            self._frames = self._decode()
            self._shown = next(self._frames)
        except (av.FFmpegError, IndexError, StopIteration, ValueError) as error:
            self._container.close()
            raise Unreadable(path.name) from error
        self._next: VideoFrame | None = None
        self._start = self._shown.time or 0.0
        self._loops = self._container.format.name == "gif"
        ratio = float(self._stream.sample_aspect_ratio or 1.0)
        width, height = max(1, round(self._shown.width * ratio)), self._shown.height
        if width * height > _MOST_PIXELS:
            self._container.close()
            raise Unreadable(path.name)
        self._turn = round(self._shown.rotation) % 360
        self.size: Size = (height, width) if self._turn in (90, 270) else (width, height)

    def picture(self, at_us: int, size: Size) -> Image.Image:
        """As `Source` has it; after its end its last picture."""
        frame = self._frame(at_us / 1e6 + self._start)
        across, down = size if self._turn not in (90, 270) else (size[1], size[0])
        transparent = any(component.is_alpha for component in frame.format.components)
        shape = "rgba" if transparent or "pal" in frame.format.name else "rgb24"
        scaled = frame.reformat(across, down, format=shape, interpolation="AREA")
        # to_image has no transparency, to_ndarray needs numpy, which takes a tenth of a second to import
        if shape == "rgb24":
            picture: Image.Image = scaled.to_image()  # type: ignore[no-untyped-call]  # PyAV's
        else:
            picture = Image.fromarray(scaled.to_ndarray())
        return picture.rotate(self._turn, expand=True) if self._turn else picture

    def _frame(self, at_s: float) -> VideoFrame:
        if self._loops and self._container.duration:
            at_s %= self._container.duration / 1e6
        shown = self._time(self._shown)
        if at_s < shown or at_s > shown + _AHEAD_S:
            self._seek(at_s)
        context = self._stream.codec_context
        while True:
            if self._next is None:
                context.skip_frame = "NONREF" if self._time(self._shown) < at_s - _EXACT_S else "DEFAULT"
                self._next = next(self._frames, None)
            if self._next is None or self._time(self._next) > at_s + 1e-4:
                return self._shown
            self._shown, self._next = self._next, None

    def _seek(self, at_s: float) -> None:
        base = self._stream.time_base
        if base is None:
            return
        try:
            self._container.seek(int(at_s / base), stream=self._stream, backward=True)
        except av.FFmpegError:
            return
        self._frames = self._decode()
        self._next = next(self._frames, None)
        if self._next is not None:
            self._shown, self._next = self._next, None

    def _decode(self) -> Iterator[VideoFrame]:
        try:
            yield from self._container.decode(self._stream)
        except (av.FFmpegError, EOFError):
            return

    def _time(self, frame: VideoFrame) -> float:
        return frame.time if frame.time is not None else 0.0

    def close(self) -> None:
        """As `Source` has it."""
        self._container.close()


class FrameSources:
    """The sources of one draft; few are open at once.

    Args:
        folder: The draft's folder on this machine.
        on_missing: Told the path of media that are not here or cannot be read, with the code of a note.
        small: The pictures are a sheet's, far smaller than most videos.
    """

    def __init__(self, folder: Path, on_missing: Callable[[str, str], None], *, small: bool = False) -> None:
        self._folder, self._on_missing, self._small = folder, on_missing, small
        self._open: OrderedDict[tuple[str, int], Source] = OrderedDict()
        self._failed: set[str] = set()

    def source(self, path: str, *, moves: bool, place: int = 0) -> Source | None:
        """The source at a path of the draft; None when there is none that can be read.

        Args:
            path: As the draft spells it.
            moves: Whether it is a video.
            place: A number of the clip's track: two that show one file need it at different times.
        """
        key = (path, place if moves else -1)
        if path in self._failed:
            return None
        if key not in self._open:
            found = self._load(path, moves)
            if found is None:
                self._failed.add(path)
                return None
            self._open[key] = found
            while len(self._open) > _MOST_OPEN:
                self._open.popitem(last=False)[1].close()
        self._open.move_to_end(key)
        return self._open[key]

    def _load(self, path: str, moves: bool) -> Source | None:
        here = local_view(path, self._folder)
        if here is None or not here.is_file():
            self._on_missing(path, "missing")
            return None
        video = partial(VideoSource, small=self._small)
        kinds: tuple[Callable[[Path], Source], ...] = (ImageSource, video)
        for kind in reversed(kinds) if moves else kinds:
            try:
                return kind(here)
            except Unreadable:
                continue
        self._on_missing(path, "unreadable")
        return None

    def close(self) -> None:
        """Close all."""
        for source in self._open.values():
            source.close()
        self._open.clear()


def scaled(size: Size, factor: float) -> Size:
    """A size times a factor, at least one pixel."""
    return max(1, math.ceil(size[0] * factor - _NOTHING)), max(1, math.ceil(size[1] * factor - _NOTHING))
