"""Mixes the sound of a scene: every audio clip and the sound of videos, with volume, fades and speed."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

import av
import numpy as np
from av.audio.frame import AudioFrame
from av.filter import Graph

from c2jy_bridge.drafts.preview.frame_sources import FILES_ONLY
from c2jy_bridge.drafts.preview.scene import Clip, Scene
from c2jy_bridge.drafts.write.paths import local_view

RATE: Final = 48_000
"""Samples a second of the mix, which has two channels."""
_FORMAT: Final = f"sample_fmts=fltp:sample_rates={RATE}:channel_layouts=stereo"
_SLOWEST, _FASTEST = 0.5, 2.0
"""Of one atempo filter; beyond them several follow each other, each of good quality (FFmpeg, atempo)."""
Samples = Any
"""A numpy array of two rows of floats, -1 to 1."""


class SoundMix:
    """The sound of a scene, from its start to its end.

    Args:
        scene: What plays.
        folder: The draft's folder on this machine.
        on_silent: Told a clip that should be heard and is not, with the code of a note.
    """

    def __init__(self, scene: Scene, folder: Path, on_silent: Callable[[Clip, str], None]) -> None:
        self._folder, self._on_silent = folder, on_silent
        self._waiting = sorted(_heard(scene), key=lambda clip: -clip.start_us)
        self._playing: list[_Voice] = []
        self._at = 0

    def take(self, count: int) -> Samples:
        """The next samples."""
        end = self._at + count
        while self._waiting and _samples(self._waiting[-1].start_us) < end:
            self._begin(self._waiting.pop())
        mixed = np.zeros((2, count), np.float32)
        for voice in self._playing:
            voice.add_to(mixed, self._at)
        for voice in [voice for voice in self._playing if voice.end <= end]:
            voice.close()
            self._playing.remove(voice)
        self._at = end
        return np.clip(mixed, -1.0, 1.0)

    def close(self) -> None:
        """Close every file."""
        for voice in self._playing:
            voice.close()

    def _begin(self, clip: Clip) -> None:
        if clip.reverse:
            self._on_silent(clip, "reverse_sound")
            return
        path = local_view(clip.path, self._folder)
        if path is None or not path.is_file():
            self._on_silent(clip, "missing")
            return
        try:
            self._playing.append(_Voice(clip, path))
        except IndexError:
            pass  # a video without sound
        except (av.FFmpegError, OSError, ValueError):
            self._on_silent(clip, "unreadable")


def _samples(us: int) -> int:
    return round(us * RATE / 1_000_000)


class _Voice:
    """One clip while it plays."""

    def __init__(self, clip: Clip, path: Path) -> None:
        self._clip = clip
        self._first = _samples(clip.start_us)
        self.end = _samples(clip.end_us)
        self._container = av.open(str(path), options=FILES_ONLY, metadata_errors="ignore")
        try:
            self._stream = self._container.streams.audio[0]
            if clip.source_start_us:
                self._container.seek(clip.source_start_us, backward=True)
        except BaseException:
            self._container.close()
            raise
        self._pieces = self._filtered()
        self._held: Samples = np.zeros((2, 0), np.float32)

    def add_to(self, mixed: Samples, at: int) -> None:
        """Add what it has from the sample `at` of the timeline on."""
        begin, end = max(at, self._first), min(at + mixed.shape[1], self.end)
        if begin >= end:
            return
        piece = self._read(end - begin)
        gain = self._gain(begin, piece.shape[1])
        mixed[:, begin - at : begin - at + piece.shape[1]] += piece * gain

    def close(self) -> None:
        self._container.close()

    def _read(self, count: int) -> Samples:
        while self._held.shape[1] < count:
            more = next(self._pieces, None)
            if more is None:
                break
            self._held = np.concatenate([self._held, more], axis=1)
        taken, self._held = self._held[:, :count], self._held[:, count:]
        return taken

    def _gain(self, begin: int, count: int) -> Samples:
        clip = self._clip
        at = (np.arange(count) + (begin - self._first)) * (1_000_000 / RATE)
        if curve := clip.curves.get("volume"):
            times, values = zip(*curve, strict=True)
            gain = np.interp(at, times, values) * (clip.placement.volume > 0)
        else:
            gain = np.full(count, clip.placement.volume)
        if clip.fade_in_us:
            gain = gain * np.clip(at / clip.fade_in_us, 0, 1)
        if clip.fade_out_us:
            gain = gain * np.clip((clip.duration_us - at) / clip.fade_out_us, 0, 1)
        return gain.astype(np.float32)

    def _filtered(self) -> Iterator[Samples]:
        """Its samples from the start of its trim, at its speed, in the mix's format."""
        graph, skip = Graph(), 0
        source = graph.add_abuffer(template=self._stream)
        last = source
        speed = self._clip.speed
        filters = [("aresample", str(RATE)), ("aformat", _FORMAT)]
        if self._stream.channels == 1:
            # FFmpeg's own way from one channel to two takes 3 dB; players and editors take none.
            filters.insert(0, ("pan", "stereo|c0=c0|c1=c0"))
        if abs(speed - 1.0) > 1e-3:
            filters = [*_tempo(speed, self._clip.keep_pitch, self._stream.rate), *filters]
        for name, arguments in filters:
            following = graph.add(name, arguments)
            last.link_to(following)
            last = following
        sink = graph.add(filter="abuffersink")
        last.link_to(sink)
        graph.configure()
        is_first = True
        for frame in self._decoded():
            if is_first:
                is_first = False
                early = self._clip.source_start_us - round((frame.time or 0.0) * 1e6)
                skip = max(0, round(early / speed * RATE / 1_000_000))
            frame.pts = None
            source.push(frame)
            for piece in _pulled(sink):
                used = min(skip, piece.shape[1])
                skip -= used
                yield piece[:, used:]
        source.push(None)
        yield from _pulled(sink)

    def _decoded(self) -> Iterator[AudioFrame]:
        try:
            for frame in self._container.decode(self._stream):
                end = (frame.time or 0.0) + frame.samples / frame.sample_rate
                if end * 1e6 >= self._clip.source_start_us:
                    yield frame
        except (av.FFmpegError, EOFError):
            return


def _pulled(sink: Any) -> Iterator[Samples]:
    while True:
        try:
            yield sink.pull().to_ndarray()
        except (av.BlockingIOError, EOFError):
            return


def _tempo(speed: float, keep_pitch: bool, rate: int) -> list[tuple[str, str]]:
    if not keep_pitch:
        return [("asetrate", str(round(rate * speed)))]
    steps = []
    while speed > _FASTEST:
        steps.append(_FASTEST)
        speed /= _FASTEST
    while speed < _SLOWEST:
        steps.append(_SLOWEST)
        speed /= _SLOWEST
    return [("atempo", f"{step:.6f}") for step in (*steps, speed)]


def _heard(scene: Scene) -> Iterator[Clip]:
    """The clips of a scene that can be heard, those in compound clips where they are on the timeline."""
    for clip in (*scene.sounds, *(clip for layer in scene.layers for clip in layer.clips)):
        if clip.placement.volume <= 0 or clip.duration_us <= 0:
            continue
        if clip.kind in ("audio", "video"):
            yield clip
        elif clip.inside is not None:
            for inner in _heard(clip.inside):
                if (moved := _through(clip, inner)) is not None:
                    yield moved


def _through(outer: Clip, inner: Clip) -> Clip | None:
    """A clip of a compound clip, moved to where it plays on the timeline; None when it is cut away."""
    shown = outer.source_start_us
    begin, end = max(inner.start_us, shown), min(inner.end_us, shown + outer.source_duration_us)
    if begin >= end:
        return None
    cut = begin - inner.start_us
    placement = replace(inner.placement, volume=inner.placement.volume * outer.placement.volume)
    return replace(
        inner,
        start_us=outer.start_us + round((begin - shown) / outer.speed),
        duration_us=round((end - begin) / outer.speed),
        source_start_us=inner.source_start_us + round(cut * inner.speed),
        source_duration_us=round((end - begin) * inner.speed),
        placement=placement,
        curves={
            name: tuple((round((at - cut) / outer.speed), value) for at, value in curve)
            for name, curve in inner.curves.items()
        },
    )
