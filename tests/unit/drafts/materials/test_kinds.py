"""What is in a file, by its bytes; pictures that JianYing cannot read are converted."""

from __future__ import annotations

import base64
import io
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from c2jy_bridge.drafts.materials import Material, MaterialFailure, cache, convert
from c2jy_bridge.drafts.materials.material import Refused
from c2jy_bridge.drafts.materials.probe import Foreign, Media, av_facts, gif_frames, identify


def data_url(body: bytes, mime: str = "application/octet-stream") -> str:
    return f"data:{mime};base64,{base64.b64encode(body).decode()}"


async def taken(store, body: bytes) -> Material:
    (result,) = (await store.fetch([data_url(body)])).values()
    assert isinstance(result, Material), result
    return result


@pytest.mark.parametrize(
    ("form", "extension", "kind"),
    [
        ("mp4", "mp4", "video"),
        ("mov", "mov", "video"),
        ("matroska", "mkv", "video"),
        ("webm", "webm", "video"),
        ("avi", "avi", "video"),
        ("mpegts", "ts", "video"),
        ("asf", "wmv", "video"),
        ("mp3", "mp3", "audio"),
        ("wav", "wav", "audio"),
        ("flac", "flac", "audio"),
        ("ogg", "ogg", "audio"),
        ("adts", "aac", "audio"),
        ("ipod", "m4a", "audio"),
    ],
)
async def test_every_container_is_told_by_its_bytes_and_measured(store, movie, form, extension, kind):
    material = await taken(store, movie(form))
    assert (material.extension, material.kind, material.has_audio) == (extension, kind, True)
    assert material.duration_us == pytest.approx(1_000_000, abs=120_000)
    assert (material.width, material.height) == ((64, 48) if kind == "video" else (0, 0))


async def test_lengths_are_those_that_pyjianyingdraft_reads(store, movie):
    from pyJianYingDraft import AudioMaterial, VideoMaterial

    video = await taken(store, movie("mp4", seconds=1.3))
    theirs = VideoMaterial(str(video.path))
    assert (video.duration_us, video.width, video.height) == (theirs.duration, theirs.width, theirs.height)
    sound = await taken(store, movie("mp3", seconds=2))
    assert sound.duration_us == AudioMaterial(str(sound.path)).duration


async def test_a_video_without_sound_and_an_mp4_of_sound_alone_are_told_apart(store, movie):
    silent = await taken(store, movie("mp4", sound=False))
    assert (silent.kind, silent.has_audio) == ("video", False)
    voice = await taken(store, movie("mp4", picture=False))
    assert (voice.kind, voice.has_audio, voice.extension) == ("audio", True, "m4a")


async def test_a_cover_picture_does_not_make_a_song_a_video(store, movie, picture):
    cover = picture("JPEG")
    frame = b"\x00" + b"image/jpeg\x00" + b"\x03" + b"\x00" + cover
    apic = b"APIC" + len(frame).to_bytes(4, "big") + b"\x00\x00" + frame
    size = len(apic)
    sizes = bytes(size >> shift & 0x7F for shift in (21, 14, 7, 0))
    song = await taken(store, b"ID3\x03\x00\x00" + sizes + apic + movie("mp3"))
    assert (song.kind, song.extension, song.width) == ("audio", "mp3", 0)


@pytest.mark.parametrize("form", ["PNG", "JPEG", "BMP", "TIFF"])
async def test_pictures_that_jianying_reads_stay_as_they_are(store, picture, form):
    body = picture(form)
    material = await taken(store, body)
    assert material.path.read_bytes() == body
    assert (material.kind, material.duration_us, material.has_audio) == ("image", 0, False)
    assert (material.width, material.height) == (64, 48)


@pytest.mark.parametrize(
    ("form", "options", "extension"),
    [
        ("WEBP", {"quality": 80}, "jpg"),
        ("WEBP", {"lossless": True}, "jpg"),
        ("WEBP", {"transparent": True, "colour": "#ff000064"}, "png"),
        ("AVIF", {}, "jpg"),
        ("AVIF", {"transparent": True, "colour": "#ff000064"}, "png"),
        ("GIF", {}, "png"),
    ],
)
async def test_pictures_that_jianying_cannot_read_are_converted(store, picture, form, options, extension):
    from pyJianYingDraft import VideoMaterial

    material = await taken(store, picture(form, **options))
    assert (material.kind, material.extension) == ("image", extension)
    assert material.issues == ()
    theirs = VideoMaterial(str(material.path))
    assert (theirs.material_type, theirs.width, theirs.height) == ("photo", 64, 48)


async def test_an_animated_gif_is_a_video_of_its_length(store, animation):
    material = await taken(store, animation("GIF", frames=3, duration_ms=200))
    assert (material.kind, material.extension, material.duration_us) == ("video", "gif", 600_000)
    assert not material.has_audio


@pytest.mark.parametrize("form", ["WEBP", "AVIF"])
async def test_an_animated_webp_or_avif_becomes_a_gif_and_says_so(store, animation, form):
    material = await taken(store, animation(form, frames=3, duration_ms=200))
    assert (material.kind, material.extension, material.duration_us) == ("video", "gif", 600_000)
    assert [issue.code for issue in material.issues] == ["animation_to_gif"]


async def test_a_picture_that_would_fill_the_memory_is_refused(store):
    body = io.BytesIO()
    Image.new("1", (13_400, 13_400)).save(body, "PNG")
    (result,) = (await store.fetch([data_url(body.getvalue())])).values()
    assert isinstance(result, MaterialFailure)
    assert result.code == "image_too_large"


async def test_a_probe_is_remembered_so_that_the_next_draft_need_not_look_again(store, movie, monkeypatch):
    import pymediainfo

    body = movie("mp4")
    first = await taken(store, body)
    monkeypatch.setattr(pymediainfo.MediaInfo, "parse", lambda *_a, **_k: pytest.fail("looked again"))
    assert await taken(store, body) == first


def test_mediainfo_never_runs_twice_at_once(tmp_path, movie, monkeypatch):
    import pymediainfo

    file = tmp_path / "a.mp4"
    file.write_bytes(movie("mp4"))
    real, inside, overlaps = pymediainfo.MediaInfo.parse, threading.Lock(), []

    def parse(*args, **kwargs):
        overlaps.append(not inside.acquire(blocking=False))
        try:
            return real(*args, **kwargs)
        finally:
            inside.release()

    monkeypatch.setattr(pymediainfo.MediaInfo, "parse", parse)
    with ThreadPoolExecutor(8) as pool:
        facts = set(pool.map(lambda _: av_facts(file, "mp4"), range(40)))
    assert not any(overlaps)
    assert len(facts) == 1


@given(st.binary(max_size=5000))
def test_any_bytes_are_identified_without_an_exception(head):
    assert isinstance(identify(head), (Media, Foreign))


@given(st.sampled_from(["<html>", "<!DOCTYPE HTML>", "{}", "[1]", "<?xml?>", "hello"]), st.text(max_size=50))
def test_text_is_never_taken_for_media(begin, rest):
    assert isinstance(identify((begin + rest).encode()), Foreign)


def claiming(width: int, height: int, frames: int) -> bytes:
    """A GIF of one-pixel frames on a canvas of any size."""
    sides = width.to_bytes(2, "little") + height.to_bytes(2, "little")
    frame = bytes.fromhex("21f9040803000000002c0000000001000100000202440100")
    return b"GIF89a" + sides + b"\x80\0\0" + b"\0\0\0\xff\xff\xff" + frame * frames + b";"


async def test_a_gif_that_claims_a_huge_canvas_is_measured_without_being_drawn(store):
    begun = time.monotonic()
    material = await taken(store, claiming(13_000, 13_000, 2000))
    assert (material.kind, material.duration_us) == ("video", 2000 * 30_000)
    assert time.monotonic() - begun < 5


def test_gif_frames_are_counted_as_pillow_counts_them(tmp_path):
    pictures = [Image.new("RGB", (9, 9), color) for color in ("red", "green", "blue", "white")]
    file = tmp_path / "a.gif"
    pictures[0].save(file, save_all=True, append_images=pictures[1:], duration=[50, 0, 120, 70])
    assert gif_frames(file) == (4, 50 + 100 + 120 + 70)
    whole = file.read_bytes()
    for cut in range(13, len(whole)):
        file.write_bytes(whole[:cut])
        assert gif_frames(file)[0] <= 4


async def test_a_few_bytes_that_claim_a_picture_too_large_to_draw_are_refused(store):
    body = io.BytesIO()
    Image.new("1", (9000, 9000)).convert("RGB").save(body, "WEBP", lossless=True, method=0)
    assert len(body.getvalue()) < 100_000
    (result,) = (await store.fetch([data_url(body.getvalue())])).values()
    assert isinstance(result, MaterialFailure)
    assert result.code == "image_too_large"


async def test_a_huge_picture_is_converted_by_another_process_and_is_the_same(store, tmp_path, monkeypatch):
    file = io.BytesIO()
    Image.radial_gradient("L").resize((320, 240)).convert("RGB").save(file, "WEBP", quality=80)
    here = (await taken(store, file.getvalue())).path.read_bytes()
    ran: list[list[str]] = []
    run = subprocess.run

    def noted(command: list[str], **more: Any) -> Any:
        ran.append(command)
        return run(command, **more)

    monkeypatch.setattr(subprocess, "run", noted)
    monkeypatch.setattr(convert, "HUGE_PIXELS", 1)
    (tmp_path / "a.webp").write_bytes(file.getvalue())
    assert cache.converted(tmp_path / "a.webp", tmp_path / "b", "webp") == ("jpg", ())
    assert (tmp_path / "b").read_bytes() == here
    assert len(ran) == 1
    (tmp_path / "a.webp").write_bytes(file.getvalue()[:-400])
    with pytest.raises(Refused, match="unreadable_media"):
        cache.converted(tmp_path / "a.webp", tmp_path / "b", "webp")
    monkeypatch.setattr(sys, "executable", str(tmp_path / "none"))
    (tmp_path / "a.webp").write_bytes(file.getvalue())
    assert cache.converted(tmp_path / "a.webp", tmp_path / "c", "webp") == ("jpg", ())
