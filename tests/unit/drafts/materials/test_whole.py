"""Half a file is told from a whole one, though its head says the same."""

from __future__ import annotations

import base64
import io
import struct

import av
import pytest
from PIL import Image

from c2jy_bridge.drafts.materials import Material, MaterialFailure


async def outcome(store, body: bytes) -> str:
    source = f"data:application/octet-stream;base64,{base64.b64encode(body).decode()}"
    (result,) = (await store.fetch([source])).values()
    if isinstance(result, MaterialFailure):
        return result.code
    assert isinstance(result, Material)
    return result.kind


def photo(form: str, **options: object) -> bytes:
    file = io.BytesIO()
    Image.effect_noise((160, 120), 80).convert("RGB").save(file, form, **options)
    return file.getvalue()


FORMS = [
    ("PNG", {}),
    ("JPEG", {}),
    ("JPEG", {"progressive": True, "exif": b"Exif\x00\x00" + photo("JPEG", quality=5)[:2000]}),
    ("BMP", {}),
    ("TIFF", {"compression": "tiff_lzw"}),
    ("WEBP", {}),
]


@pytest.mark.parametrize(("form", "options"), FORMS)
async def test_a_picture_that_was_cut_anywhere_is_refused(store, form, options):
    body = photo(form, **options)
    assert await outcome(store, body) == "image"
    for kept in (0.3, 0.6, 0.9):
        code = await outcome(store, body[: int(len(body) * kept)])
        assert code in ("cut_off", "unreadable_media"), kept


async def test_a_picture_whose_middle_was_overwritten_is_refused(store):
    body = bytearray(photo("PNG"))
    middle = len(body) // 2
    body[middle : middle + 9] = bytes(9)
    assert await outcome(store, bytes(body)) == "cut_off"


async def test_bytes_after_the_end_or_only_the_end_mark_of_a_png_missing_do_no_harm(store):
    jpeg, png = photo("JPEG"), photo("PNG")
    for body in (jpeg + b"<!-- cdn -->", png + b"<!-- cdn -->", png[:-12]):
        assert await outcome(store, body) == "image"


async def test_a_video_whose_second_half_is_missing_is_refused_though_its_head_says_its_length(
    store, tmp_path
):
    path = tmp_path / "whole.mp4"
    with av.open(str(path), "w", options={"movflags": "faststart"}) as container:
        stream = container.add_stream("mpeg4", rate=25)
        stream.width, stream.height, stream.pix_fmt = 64, 48, "yuv420p"
        for number in range(50):
            frame = av.VideoFrame.from_image(Image.effect_noise((64, 48), 5 + number).convert("RGB"))
            container.mux(stream.encode(frame))
        container.mux(stream.encode())
    body = path.read_bytes()
    assert await outcome(store, body) == "video"
    assert await outcome(store, body[: len(body) * 2 // 3]) == "cut_off"


@pytest.mark.parametrize("rate", [1, 8000, 44100])
async def test_a_wav_whose_head_claims_the_largest_number_of_bytes_is_refused_in_a_sentence(store, rate):
    form = struct.pack("<IHHIIHH", 16, 1, 1, rate, rate * 2, 2, 16)
    size = struct.pack("<I", 0xFFFFFFFF)
    body = b"RIFF" + size + b"WAVEfmt " + form + b"data" + size + bytes(8000)
    assert await outcome(store, body) == "impossible_length"
