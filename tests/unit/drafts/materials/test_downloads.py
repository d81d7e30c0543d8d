"""Downloads over real HTTP, from a host that misbehaves."""

from __future__ import annotations

import asyncio
import time

import httpcore
import pytest

from c2jy_bridge.drafts.materials import Material, MaterialFailure, MaterialStore, Progress
from c2jy_bridge.drafts.materials.store import Patience


def only(results: dict[str, Material | MaterialFailure]) -> Material | MaterialFailure:
    (result,) = results.values()
    return result


async def got(store: MaterialStore, source: str) -> Material:
    result = only(await store.fetch([source]))
    assert isinstance(result, Material), result
    return result


async def refused(store: MaterialStore, source: str) -> MaterialFailure:
    result = only(await store.fetch([source]))
    assert isinstance(result, MaterialFailure), result
    assert "failure." not in result.message + result.fix
    assert "{source}" not in result.message + result.fix
    return result


async def test_a_coze_short_link_without_a_suffix_gives_a_file_with_the_right_one(host, page, picture, store):
    url = host.put("/t/iHombFeLlx0/", page(picture("JPEG"), says="text/plain"))
    material = await got(store, url)
    assert (material.kind, material.extension, material.width, material.height) == ("image", "jpg", 64, 48)
    assert material.name == "iHombFeLlx0.jpg"
    assert material.path.read_bytes() == picture("JPEG")


async def test_a_signed_link_with_a_long_query_is_fetched_and_its_query_is_shown_nowhere(
    host, page, picture, store, tmp_path
):
    secret = "X-Signature=" + "a1b2c3" * 200
    ok = host.put("/pic.png", page(picture()))
    bad = host.put("/gone.png", page(status=403))
    results = await store.fetch([f"{ok}?{secret}", f"{bad}?{secret}"])
    material, failure = results.values()
    assert isinstance(material, Material)
    assert isinstance(failure, MaterialFailure)
    assert failure.code == "forbidden"
    assert "a1b2c3" not in failure.message + failure.fix + material.name
    on_disk = [p for p in (tmp_path / "cache").rglob("*") if p.is_file()]
    assert on_disk
    assert not any(b"a1b2c3" in p.read_bytes() for p in on_disk)


async def test_two_links_with_one_base_name_stay_two_files(host, page, picture, store):
    one = host.put("/a/img.png", page(picture(size=(64, 64))))
    two = host.put("/b/img.png", page(picture(size=(128, 64))))
    results = await store.fetch([one, two])
    assert [m.width for m in results.values()] == [64, 128]
    assert len({m.path for m in results.values()}) == 2


async def test_the_same_link_is_fetched_once_and_the_same_content_kept_once(host, page, picture, store):
    one = host.put("/one.png", page(picture()))
    two = host.put("/two.png", page(picture()))
    results = await store.fetch([one, one, two, one])
    assert list(results) == [one, two]
    assert host.seen["/one.png"] == 1
    assert len({m.path for m in results.values()}) == 1


async def test_one_bad_link_does_not_cost_the_others(host, page, picture, store):
    good = host.put("/good.png", page(picture()))
    results = await store.fetch(
        [good, f"http://{host.name}/none.png", "ftp://x.example/a", "http://", "/etc/passwd"]
    )
    kinds = [r.code if isinstance(r, MaterialFailure) else r.kind for r in results.values()]
    assert kinds == ["image", "not_found", "bad_link", "bad_link", "no_folders"]


async def test_a_download_that_breaks_goes_on_where_it_stopped(host, page, noise, store):
    body = noise(3_000_000)
    url = host.put("/big.png", page(body, etag='"v1"', cut_after=1_500_000))
    material = await got(store, url)
    assert material.path.read_bytes() == body
    assert len(host.ranges) == 1
    assert 0 < int(host.ranges[0].removeprefix("bytes=").removesuffix("-")) <= 1_500_000


async def test_what_came_before_a_crash_is_not_fetched_again(host, page, noise, make_store, tmp_path):
    body = noise(3_000_000)
    url = host.put("/big.png", page(body, etag='"v1"', cut_after=2_000_000, cuts=99))
    assert (await refused(make_store(retries=0), url)).code == "incomplete"
    host.pages["/big.png"].cuts = 0
    material = await got(make_store(), url)
    assert material.path.read_bytes() == body
    assert int(host.ranges[-1].removeprefix("bytes=").removesuffix("-")) > 1_000_000
    assert list((tmp_path / "cache" / "partial").iterdir()) == []


async def test_a_file_that_changed_meanwhile_is_fetched_from_its_beginning(host, page, noise, make_store):
    url = host.put("/big.png", page(noise(3_000_000), etag='"v1"', cut_after=2_000_000, cuts=99))
    await refused(make_store(retries=0), url)
    new = noise(2_500_000)
    host.put("/big.png", page(new, etag='"v2"'))
    assert (await got(make_store(), url)).path.read_bytes() == new


async def test_without_a_validator_a_broken_download_starts_again(host, page, noise, store):
    body = noise(2_000_000)
    url = host.put("/big.png", page(body, cut_after=1_200_000))
    assert (await got(store, url)).path.read_bytes() == body
    assert host.ranges == []


async def test_a_host_that_ignores_ranges_still_gives_the_right_file(host, page, noise, store):
    body = noise(2_000_000)
    url = host.put("/big.png", page(body, etag='"v1"', ranges=False, cut_after=1_200_000))
    assert (await got(store, url)).path.read_bytes() == body


async def test_a_passing_failure_is_tried_again_and_a_final_one_is_not(host, page, picture, make_store):
    store = make_store(retries=2)
    passing = host.put("/busy.png", page(picture(), status=503, failures=2))
    final = host.put("/gone.png", page(status=404))
    worse = host.put("/broken.png", page(status=500))
    results = list((await store.fetch([passing, final, worse])).values())
    assert isinstance(results[0], Material)
    assert [r.code for r in results[1:]] == ["not_found", "server_error"]
    assert (host.seen["/busy.png"], host.seen["/gone.png"], host.seen["/broken.png"]) == (3, 1, 3)


async def test_retry_after_is_kept(host, page, picture, store):
    url = host.put("/busy.png", page(picture(), status=429, failures=1, headers={"Retry-After": "1"}))
    began = time.monotonic()
    await got(store, url)
    assert time.monotonic() - began >= 1


async def test_a_host_that_asks_to_wait_longer_than_the_deadline_is_not_waited_for(host, page, make_store):
    url = host.put("/busy.png", page(status=429, headers={"Retry-After": "3600"}))
    began = time.monotonic()
    assert (await refused(make_store(deadline_s=5), url)).code == "busy"
    assert time.monotonic() - began < 2


async def test_a_host_that_trickles_is_given_up(host, page, noise, make_store):
    url = host.put("/slow.png", page(noise(100_000), trickle=500))
    began = time.monotonic()
    assert (await refused(make_store(retries=0), url)).code == "too_slow"
    assert time.monotonic() - began < 20


async def test_a_host_that_says_nothing_is_given_up(host, page, picture, make_store):
    url = host.put("/silent.png", page(picture(), latency_s=30))
    assert (await refused(make_store(retries=0), url)).code == "timed_out"


@pytest.mark.slow
async def test_all_downloads_together_have_a_deadline_and_the_finished_ones_stay(
    host, page, noise, picture, make_store
):
    patient = Patience(window_s=60, least_bytes_per_s=0.001)
    quick = host.put("/quick.png", page(picture()))
    slow = host.put("/slow.png", page(noise(100_000), trickle=5000))
    began = time.monotonic()
    results = await make_store(deadline_s=3, patience=patient).fetch([quick, slow])
    assert time.monotonic() - began < 10
    assert isinstance(results[quick], Material)
    assert results[slow].code == "deadline"


async def test_a_file_over_the_cap_is_refused_before_or_while_it_comes(
    host, page, noise, make_store, tmp_path
):
    announced = host.put("/announced.png", page(noise(500_000)))
    hidden = host.put("/hidden.png", page(noise(500_000), chunked=True))
    results = await make_store(max_bytes=100_000).fetch([announced, hidden])
    assert [r.code for r in results.values()] == ["too_large", "too_large"]
    assert not [p for p in (tmp_path / "cache").rglob("*") if p.is_file() and p.stat().st_size > 100_000]


async def test_a_draft_may_not_name_more_files_than_the_cap(host, page, picture, make_store):
    urls = [host.put(f"/{i}.png", page(picture())) for i in range(5)]
    results = await make_store(max_files=3).fetch(urls)
    assert [isinstance(r, Material) for r in results.values()] == [True] * 3 + [False] * 2
    assert results[urls[4]].code == "too_many"


async def test_a_full_disk_is_said_so(host, page, picture, make_store, monkeypatch):
    import shutil
    from collections import namedtuple

    usage = namedtuple("usage", "total used free")
    monkeypatch.setattr(shutil, "disk_usage", lambda path: usage(1000, 1000, 0))
    url = host.put("/a.png", page(picture()))
    assert (await refused(make_store(), url)).code == "disk_full"


async def test_redirects_are_followed_five_times_and_no_more(host, page, picture, store):
    end = host.put("/end.png", page(picture()))
    for i in range(5):
        host.put(f"/hop{i}", page(status=302, headers={"Location": f"/hop{i + 1}" if i < 4 else end}))
    assert isinstance(await got(store, f"http://{host.name}/hop0"), Material)
    loop = host.put("/loop", page(status=302, headers={"Location": "/loop"}))
    assert (await refused(store, loop)).code == "too_many_redirects"


@pytest.mark.parametrize(
    ("target", "code"),
    [
        ("http://169.254.169.254/latest/meta-data", "private_address"),
        ("http://127.0.0.1:1/x.png", "private_address"),
        ("http://localhost:1/x.png", "private_address"),
        ("http://[::ffff:10.0.0.1]/x.png", "private_address"),
        ("file:///etc/passwd", "bad_link"),
        ("gopher://127.0.0.1/", "bad_link"),
    ],
)
async def test_a_redirect_to_a_private_address_or_another_scheme_is_refused(host, page, store, target, code):
    url = host.put("/away", page(status=302, headers={"Location": target}))
    assert (await refused(store, url)).code == code


@pytest.mark.parametrize(
    "url",
    [
        "http://127.0.0.1/a.png",
        "http://2130706433/a.png",
        "http://0.0.0.0/a.png",
        "http://[::1]/a.png",
        "http://100.64.0.1/a.png",
        "http://10.1.2.3:8080/a.png",
        "https://192.168.1.1/a.png",
    ],
)
async def test_a_private_address_is_not_even_connected_to(make_store, url):
    began = time.monotonic()
    assert (await refused(make_store(allow=False), url)).code == "private_address"
    assert time.monotonic() - began < 2


async def test_a_name_is_resolved_once_and_its_private_address_refused(make_store, monkeypatch):
    asked = []

    async def getaddrinfo(self, host, port, **_):
        asked.append(host)
        return [(2, 1, 6, "", ("93.184.216.34", port)), (2, 1, 6, "", ("192.168.0.7", port))]

    monkeypatch.setattr(asyncio.BaseEventLoop, "getaddrinfo", getaddrinfo)
    failure = await refused(make_store(), "http://two-faced.example/a.png")
    assert failure.code == "private_address"
    assert "192.168.0.7" in failure.message
    assert asked == ["two-faced.example"]


async def test_a_name_that_changes_its_address_after_the_look_up_is_not_followed(make_store, monkeypatch):
    answers = iter(["93.184.216.34", "127.0.0.1"])
    connected = []

    async def getaddrinfo(self, host, port, **_):
        return [(2, 1, 6, "", (next(answers), port))]

    async def connect_tcp(self, host, port, *_, **__):
        connected.append(host)
        raise httpcore.ConnectError("it was lost")

    monkeypatch.setattr(asyncio.BaseEventLoop, "getaddrinfo", getaddrinfo)
    monkeypatch.setattr(httpcore.AnyIOBackend, "connect_tcp", connect_tcp)
    failure = await refused(make_store(), "http://two-faced.example/a.png")
    assert connected == ["93.184.216.34"]  # what was judged, not the name
    assert failure.code == "private_address"  # each try looks up and judges anew


async def test_only_the_named_port_of_a_private_host_is_allowed(host, page, picture, make_store):
    url = host.put("/a.png", page(picture()))
    assert isinstance(only(await make_store().fetch([url])), Material)
    other = url.replace(str(host.port), str(host.port + 1 if host.port < 65535 else host.port - 1))
    assert (await refused(make_store(), other)).code == "private_address"


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (b"<!DOCTYPE html><html><head><title>Sign in</title>", "web_page"),
        (b"\xef\xbb\xbf \n<html lang=zh>", "web_page"),
        (b'{"code": 4100, "msg": "expired"}', "json_text"),
        (b"<?xml version='1.0'?><Error><Code>AccessDenied</Code></Error>", "xml_text"),
        (b"not here any more", "plain_text"),
        (b"<svg xmlns='http://www.w3.org/2000/svg'/>", "svg"),
        (b"PK\x03\x04rest of an archive", "other_file"),
        (b"\x00\x00\x00\x18ftypheic\x00\x00\x00\x00mif1heic", "heic"),
        (b"\x00\x01\x02\x03\x04\x05", "unknown"),
        (b"", "empty"),
        (b"\x89PNG\r\n\x1a\n but no picture", "unreadable_media"),
        (b"\x00\x00\x00\x18ftypisom\x00\x00\x00\x00isommp42" + b"\x00" * 600, "no_picture_or_sound"),
    ],
)
async def test_what_is_no_medium_is_called_what_it_is(host, page, store, body, code):
    url = host.put("/video.mp4", page(body, says="video/mp4"))
    assert (await refused(store, url)).code == code


async def test_a_large_web_page_is_refused_by_its_beginning(host, page, store):
    url = host.put("/video.mp4", page(b"<!doctype html>" + b" " * 5_000_000, trickle=400_000))
    began = time.monotonic()
    assert (await refused(store, url)).code == "web_page"
    assert time.monotonic() - began < 5


async def test_an_expired_link_falls_back_on_the_copy_of_before(host, page, picture, make_store, clock):
    url = host.put("/a.png", page(picture(), etag='"v1"'))
    first = await got(make_store(), url)
    clock.now += 3600
    host.put("/a.png", page(status=403))
    again = await got(make_store(), url)
    assert again.path == first.path
    assert [issue.code for issue in again.issues] == ["stale_copy"]
    assert "403" in again.issues[0].message


async def test_a_known_link_is_asked_whether_it_changed_but_not_within_minutes(
    host, page, picture, make_store, clock
):
    url = host.put("/a.png", page(picture(), etag='"v1"'))
    await got(make_store(), url)
    clock.now += 60
    await got(make_store(), url)
    assert host.seen["/a.png"] == 1
    clock.now += 3600
    await got(make_store(), url)
    assert (host.seen["/a.png"], host.conditional) == (2, ["/a.png"])
    clock.now += 3600
    host.put("/a.png", page(picture(size=(10, 10)), etag='"v2"'))
    assert (await got(make_store(), url)).width == 10


async def test_no_more_downloads_at_once_than_the_settings_say(host, page, picture, make_store):
    urls = [host.put(f"/{i}.png", page(picture(size=(8 + i, 8)), latency_s=0.05)) for i in range(12)]
    await make_store(concurrency=3).fetch(urls)
    assert host.most_at_once == 3


@pytest.mark.slow
async def test_progress_counts_files_or_the_bytes_of_one_file(host, page, picture, noise, store):
    told: list[Progress] = []
    urls = [host.put(f"/{i}.png", page(picture(size=(8 + i, 8)), latency_s=0.02 * i)) for i in range(10)]
    await store.fetch(urls, told.append)
    assert [p.unit for p in told] == ["items"] * len(told)
    assert [p.done for p in told] == sorted(p.done for p in told)
    assert (told[-1].done, told[-1].total) == (10, 10)
    assert len(told) <= 8

    told.clear()
    body = noise(400_000)
    await store.fetch([host.put("/one.png", page(body, trickle=400_000))], told.append)
    by_bytes = [p for p in told if p.unit == "bytes"]
    assert by_bytes
    assert {p.total for p in by_bytes} == {len(body)}


async def test_a_cancelled_fetch_lets_go_and_keeps_what_can_be_resumed(
    host, page, noise, make_store, tmp_path
):
    patient = Patience(window_s=60, least_bytes_per_s=0.001)
    url = host.put("/big.png", page(noise(200_000), etag='"v1"', trickle=100_000))
    store = make_store(patience=patient)
    arrived = asyncio.Event()

    def watch(progress: Progress) -> None:
        if progress.unit == "bytes" and progress.done:
            arrived.set()

    task = asyncio.create_task(store.fetch([url], watch))
    await asyncio.wait_for(arrived.wait(), 20)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    names = sorted(path.suffix for path in (tmp_path / "cache" / "partial").iterdir())
    assert names == [".note", ".part"]
    host.pages["/big.png"].trickle = None
    await got(store, url)
    assert host.ranges


async def test_two_stores_that_fetch_one_link_at_once_both_get_it_whole(
    host, page, noise, make_store, tmp_path
):
    body = noise(3_000_000)
    url = host.put("/big.png", page(body, etag='"v1"', latency_s=0.1))
    results = await asyncio.gather(*(make_store().fetch([url]) for _ in range(4)))
    assert {only(result).path.read_bytes() == body for result in results} == {True}
    assert list((tmp_path / "cache" / "partial").iterdir()) == []


async def test_many_materials_are_downloaded_sixteen_at_a_time(host, page, noise, make_store):
    body = noise(20_000)
    urls = [host.put(f"/{i}.png", page(body + bytes([i]), latency_s=0.25)) for i in range(64)]
    results = await make_store().fetch(urls)
    assert all(isinstance(result, Material) for result in results.values())
    assert host.most_at_once == 16
    assert all(count == 1 for count in host.seen.values())
