"""Real small media, a builder over a folder of its own, and what a draft on the disk says."""

from __future__ import annotations

import json
import wave
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest

from c2jy_bridge.compat.coze2jianying import read_document
from c2jy_bridge.core.settings import DraftSettings, MaterialSettings
from c2jy_bridge.drafts import BuiltDraft, DraftBuilder, Library


@pytest.fixture(scope="session")
def media(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """video.mp4 (3 s, sound), silent.mp4 (2 s), wide.png (640x360), tall.jpg (90x160), sound.wav (2 s)."""
    folder = tmp_path_factory.mktemp("media")
    _video(folder / "video.mp4", seconds=3, sound=True)
    _video(folder / "silent.mp4", seconds=2, sound=False)
    from PIL import Image

    Image.new("RGB", (640, 360), (180, 40, 40)).save(folder / "wide.png")
    Image.new("RGB", (90, 160), (40, 180, 40)).save(folder / "tall.jpg")
    with wave.open(str(folder / "sound.wav"), "wb") as sound:
        sound.setnchannels(1)
        sound.setsampwidth(2)
        sound.setframerate(8000)
        sound.writeframes(b"\0\0" * 16000)
    return folder


def _video(path: Path, *, seconds: int, sound: bool) -> None:
    import av
    import numpy

    with av.open(str(path), "w") as container:
        picture = container.add_stream("mpeg4", rate=25)
        picture.width, picture.height, picture.pix_fmt = 320, 180, "yuv420p"
        voice = container.add_stream("aac", rate=48000, layout="mono") if sound else None
        for number in range(25 * seconds):
            pixels = numpy.full((180, 320, 3), number, numpy.uint8)
            container.mux(picture.encode(av.VideoFrame.from_ndarray(pixels, format="rgb24")))
        container.mux(picture.encode())
        if voice is not None:
            silence = numpy.zeros((1, 48000 * seconds), numpy.float32)
            frame = av.AudioFrame.from_ndarray(silence, format="fltp", layout="mono")
            frame.sample_rate = 48000
            resampler = av.AudioResampler(format="fltp", layout="mono", rate=48000, frame_size=1024)
            for piece in [*resampler.resample(frame), *resampler.resample(None)]:
                container.mux(voice.encode(piece))
            container.mux(voice.encode())


MakeBuilder = Callable[..., DraftBuilder]


@pytest.fixture
async def make_builder(tmp_path: Path, media: Path) -> AsyncIterator[MakeBuilder]:
    """Makes studios over `tmp_path/drafts` with given settings; closes them."""
    made: list[DraftBuilder] = []

    def make(settings: DraftSettings | None = None, **more: Any) -> DraftBuilder:
        options: dict[str, Any] = {
            "root": tmp_path / "drafts",
            "cache_dir": tmp_path / "cache",
            "settings": settings or DraftSettings(),
            "materials": MaterialSettings(),
            "reader": read_document,
            "folders": [media],
            **more,
        }
        made.append(DraftBuilder(**options))
        return made[-1]

    yield make
    for builder in made:
        await builder.aclose()


@pytest.fixture
def builder(make_builder: MakeBuilder) -> DraftBuilder:
    return make_builder()


@pytest.fixture
def library(tmp_path: Path) -> Library:
    return Library(tmp_path / "drafts", tmp_path / "trash")


@pytest.fixture
def build(builder: DraftBuilder) -> Callable[..., Any]:
    """Builds a document of one draft and gives that draft."""

    async def one(document: Any, **options: Any) -> BuiltDraft:
        report = await builder.build(document, **options)
        assert len(report.drafts) == 1, report.issues
        return report.drafts[0]

    return one


def content_of(draft: BuiltDraft) -> dict[str, Any]:
    """What is in the draft's main file."""
    loaded: dict[str, Any] = json.loads(Path(draft.path, "draft_content.json").read_text(encoding="utf-8"))
    return loaded


@pytest.fixture(name="content_of")
def _content_of() -> Callable[[BuiltDraft], dict[str, Any]]:
    return content_of


@pytest.fixture
def codes() -> Callable[[BuiltDraft], set[str]]:
    """The codes of a draft's issues."""
    return lambda draft: {issue.code for issue in draft.issues}
