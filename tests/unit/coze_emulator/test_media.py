"""The emulator's media over HTTP, and that they are what they say."""

from __future__ import annotations

import io
from typing import Any

import av
import pytest
from PIL import Image

from coze_emulator import media
from media_pictures import hotpot, tea


def test_all_media_together_are_small() -> None:
    sizes = {name: (media.FOLDER / name).stat().st_size for name in media.names()}
    assert {name.partition(".")[2] for name in sizes} == {"mp4", "mp3", "png", "webp"}
    assert sum(sizes.values()) < 1_500_000
    assert max(size for name, size in sizes.items() if name.endswith(".mp4")) < 150_000


@pytest.mark.parametrize("name", [name for name in media.names() if name.endswith((".mp4", ".mp3"))])
def test_a_clip_plays_to_its_end(name: str) -> None:
    with av.open(str(media.FOLDER / name)) as container:
        (stream,) = container.streams
        frames = sum(1 for _ in container.decode(stream))
        seconds = container.duration / 1e6
    expected = ("h264", 96, 4.0) if name.endswith(".mp4") else ("mp3float", frames, 16.0)
    assert (stream.codec.name, frames) == expected[:2]
    assert seconds == pytest.approx(expected[2], abs=0.1)


@pytest.mark.parametrize("name", [name for name in media.names() if name.endswith((".png", ".webp"))])
def test_a_still_is_a_whole_picture(name: str) -> None:
    with Image.open(media.FOLDER / name) as picture:
        picture.load()
        assert picture.size == (1280, 720)
        assert len(picture.convert("RGB").getcolors(1_000_000) or []) > 50


def test_pictures_are_drawn_the_same_each_time() -> None:
    assert hotpot().tobytes() == hotpot().tobytes()
    assert tea(0.25).tobytes() == tea(0.25).tobytes()
    assert tea(0.25).tobytes() != tea(0.5).tobytes()


def test_ranges_are_served(built_in: Any) -> None:
    whole = built_in.http.get("/_media/tea.mp4")
    assert whole.headers["content-type"] == "video/mp4"
    assert whole.headers["accept-ranges"] == "bytes"
    assert len(whole.content) == int(whole.headers["content-length"])
    part = built_in.http.get("/_media/tea.mp4", headers={"Range": "bytes=100-199"})
    assert part.status_code == 206
    assert part.headers["content-range"] == f"bytes 100-199/{len(whole.content)}"
    assert part.content == whole.content[100:200]
    tail = built_in.http.get("/_media/tea.mp4", headers={"Range": "bytes=-5"})
    assert tail.content == whole.content[-5:]
    assert built_in.http.get("/_media/tea.mp4", headers={"Range": "bytes=99999999-"}).status_code == 416
    assert built_in.http.head("/_media/tea.mp4").headers["content-length"] == str(len(whole.content))


def test_a_short_link_without_a_suffix_leads_to_a_signed_address(built_in: Any) -> None:
    link = media.short_link("mooncakes.webp")
    assert "." not in link
    for path in (link, f"{link}/"):
        moved = built_in.http.get(path)
        assert moved.status_code == 302
        assert len(moved.headers["location"]) > 300
        found = built_in.http.get(path, follow_redirects=True)
        assert found.headers["content-type"] == "image/webp"
        assert Image.open(io.BytesIO(found.content)).format == "WEBP"
    assert built_in.http.get("/t/nothing").status_code == 404


def test_media_need_no_token(built_in: Any) -> None:
    del built_in.http.headers["Authorization"]
    assert built_in.http.get("/_media/hotpot.png").status_code == 200


def test_nothing_but_media_is_served(built_in: Any) -> None:
    for name in ("__init__.py", "..", "%2e%2e%2fapp.py"):
        assert built_in.http.get(f"/_media/{name}").status_code == 404
