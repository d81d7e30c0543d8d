"""The cache: shared, crash-safe, and never believed when a file was touched."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from c2jy_bridge.drafts.materials import Material
from c2jy_bridge.drafts.materials.cache import MaterialCache
from c2jy_bridge.drafts.materials.material import Refused


async def got(store, source: str) -> Material:
    (result,) = (await store.fetch([source])).values()
    assert isinstance(result, Material), result
    return result


async def test_a_file_in_the_cache_that_was_cut_is_fetched_again(host, page, picture, store):
    url = host.put("/a.png", page(picture()))
    material = await got(store, url)
    material.path.write_bytes(b"short")
    assert (await got(store, url)).path.read_bytes() == picture()
    assert host.seen["/a.png"] == 2


async def test_a_file_in_the_cache_that_was_changed_in_place_is_fetched_again(host, page, picture, store):
    url = host.put("/a.png", page(picture()))
    material = await got(store, url)
    body = bytearray(picture())
    body[-1] ^= 1
    material.path.write_bytes(body)
    assert (await got(store, url)).path.read_bytes() == picture()


async def test_a_file_that_only_got_a_new_time_is_kept(host, page, picture, store):
    url = host.put("/a.png", page(picture()))
    material = await got(store, url)
    material.path.touch()
    assert (await got(store, url)) == material
    assert host.seen["/a.png"] == 1


async def test_a_damaged_index_is_made_anew(host, page, picture, store, make_store, tmp_path):
    url = host.put("/a.png", page(picture()))
    await got(store, url)
    await store.aclose()
    index = tmp_path / "cache" / "index.db"
    assert index.exists()
    index.write_bytes(b"not a database any more" * 100)
    assert (await got(make_store(), url)).path.exists()
    assert host.seen["/a.png"] == 2
    await got(make_store(), url)
    assert host.seen["/a.png"] == 2


@pytest.mark.parametrize("step", ["fsync", "replace"])
def test_a_crash_at_any_step_leaves_a_whole_file_or_none(tmp_path, picture, monkeypatch, step):
    """Each step fails once; whatever is then under a content name has that content."""
    import hashlib
    import os

    cache = MaterialCache(tmp_path)
    body = picture()
    sha = hashlib.sha256(body).hexdigest()

    def attempt() -> None:
        source = cache.temporary()
        source.write_bytes(body)
        cache.adopt(source, sha, body, synced=False)

    def crash(*_a, **_k):
        raise OSError("power cut")

    with monkeypatch.context() as fault:
        fault.setattr(*{"fsync": (os, "fsync", crash)}.get(step, (Path, step, crash)))
        with pytest.raises(OSError, match="power cut"):
            attempt()
    for path in tmp_path.rglob("*.png"):
        assert path.read_bytes() == body
    attempt()
    assert cache.stored(sha) is not None


def test_two_processes_fill_one_cache(tmp_path, picture):
    """Both adopt the same fifty contents at once; every file ends up whole and recorded."""
    bodies = [picture(size=(10 + n, 10)) for n in range(50)]
    (tmp_path / "in").mkdir()
    for n, body in enumerate(bodies):
        (tmp_path / "in" / f"{n}.png").write_bytes(body)
    program = """
import hashlib, sys
from pathlib import Path
from c2jy_bridge.drafts.materials.cache import MaterialCache
root = Path(sys.argv[1])
cache = MaterialCache(root / "cache")
for file in sorted((root / "in").iterdir()):
    source = cache.temporary()
    source.write_bytes(file.read_bytes())
    body = file.read_bytes()
    cache.adopt(source, hashlib.sha256(body).hexdigest(), body, synced=False)
"""
    running = [subprocess.Popen([sys.executable, "-c", program, str(tmp_path)]) for _ in range(2)]
    assert [process.wait(60) for process in running] == [0, 0]
    files = sorted((tmp_path / "cache").rglob("*.png"))
    assert sorted(path.read_bytes() for path in files) == sorted(bodies)
    known = MaterialCache(tmp_path / "cache")
    assert {known.stored(path.stem).kind for path in files} == {"image"}
    assert list((tmp_path / "cache" / "partial").iterdir()) == []


def test_what_is_refused_leaves_nothing_behind(tmp_path):
    cache = MaterialCache(tmp_path)
    source = cache.temporary()
    source.write_bytes(b"<html>")
    with pytest.raises(Refused):
        cache.adopt(source, "0" * 64, b"<html>", synced=False)
    source.unlink()
    assert {path.name.partition("-")[0] for path in tmp_path.rglob("*") if path.is_file()} == {"index.db"}


async def test_downloads_that_nobody_took_up_for_a_week_are_swept(store, tmp_path, clock):
    import os

    partial = tmp_path / "cache" / "partial"
    partial.mkdir(parents=True)
    for name, age_days in (("old.part", 8), ("new.part", 1)):
        (partial / name).write_bytes(b"x")
        os.utime(partial / name, (clock.now - age_days * 86400,) * 2)
    await store.fetch([])
    assert [path.name for path in partial.iterdir()] == ["new.part"]
