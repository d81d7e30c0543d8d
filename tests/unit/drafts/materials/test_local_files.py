"""Local paths and data: URLs: only files inside the declared folders, and never through a link."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from c2jy_bridge.drafts.materials import Material, MaterialFailure
from c2jy_bridge.drafts.materials.local import open_inside
from c2jy_bridge.drafts.materials.material import Refused


@pytest.fixture
def media(tmp_path: Path, picture) -> Path:
    folder = tmp_path / "media"
    (folder / "sub").mkdir(parents=True)
    (folder / "我的 图.png").write_bytes(picture())
    (folder / "sub" / "b.png").write_bytes(picture(size=(10, 10)))
    (tmp_path / "secret.png").write_bytes(picture(size=(99, 9)))
    return folder


async def outcome(store, source: str) -> str:
    (result,) = (await store.fetch([source])).values()
    return result.code if isinstance(result, MaterialFailure) else f"{result.width}"


async def test_a_file_in_a_declared_folder_is_used_by_any_spelling_of_its_path(make_store, media):
    store = make_store(folders=(media,))
    file = media / "我的 图.png"
    assert await outcome(store, str(file)) == "64"
    assert await outcome(store, file.as_uri()) == "64"
    assert await outcome(store, "我的 图.png") == "64"
    assert await outcome(store, "sub/b.png") == "10"
    (result,) = (await store.fetch([str(file)])).values()
    assert isinstance(result, Material)
    assert result.name == "我的 图.png"


async def test_without_a_declared_folder_no_path_is_used_and_a_folder_of_the_settings_is_declared(
    make_store, media
):
    file = str(media / "sub" / "b.png")
    assert await outcome(make_store(), file) == "no_folders"
    assert await outcome(make_store(settings_folders=[media]), file) == "10"


@pytest.mark.parametrize(
    "link", ["http://[::1/a.png", "http://u:pw@[x/a.png?sig=1", "https://℀.com/a.png", "file://["]
)
async def test_a_link_that_cannot_be_taken_apart_costs_no_other_file_and_shows_no_secret(
    make_store, media, link
):
    good = str(media / "sub" / "b.png")
    bad, other = (await make_store(folders=(media,)).fetch([link, good])).values()
    assert isinstance(bad, MaterialFailure)
    assert bad.code in ("bad_link", "unknown_host")
    assert "pw" not in bad.message
    assert "sig" not in bad.message
    assert isinstance(other, Material)


@pytest.mark.parametrize(
    ("given", "code"),
    [
        ("../secret.png", "outside_folders"),
        ("sub/../../secret.png", "outside_folders"),
        ("{top}/secret.png", "outside_folders"),
        ("{top}/media/../secret.png", "outside_folders"),
        ("file://{top}/media/%2e%2e/secret.png", "outside_folders"),
        ("none.png", "file_missing"),
        ("C:/media/none.png", "file_elsewhere"),
        (r"\\host\share\none.png", "file_elsewhere"),
        ("sub", "not_a_file"),
        ("link.png", "through_link"),
        ("linked/secret.png", "through_link"),
        ("pipe", "not_a_file"),
        ("a\0b.png", "outside_folders"),
    ],
)
async def test_what_is_outside_or_no_plain_file_is_refused(make_store, media, tmp_path, given, code):
    (media / "link.png").symlink_to(tmp_path / "secret.png")
    (media / "linked").symlink_to(tmp_path)
    os.mkfifo(media / "pipe")
    assert await outcome(make_store(folders=(media,)), given.format(top=tmp_path)) == code


async def test_a_declared_folder_may_be_a_link_itself(make_store, media, tmp_path):
    alias = tmp_path / "alias"
    alias.symlink_to(media)
    store = make_store(folders=(alias,))
    assert await outcome(store, str(alias / "sub" / "b.png")) == "10"
    assert await outcome(store, str(media / "sub" / "b.png")) == "10"


async def test_a_file_that_cannot_be_read_is_said_so(make_store, media, monkeypatch):
    real = os.open

    def denied(path, *args, **kwargs):
        if path == "b.png":
            raise PermissionError(13, "denied")
        return real(path, *args, **kwargs)

    monkeypatch.setattr(os, "open", denied)
    monkeypatch.setattr(os, "supports_dir_fd", {denied})
    assert await outcome(make_store(folders=(media,)), "sub/b.png") == "file_unreadable"


async def test_a_local_file_that_changed_is_read_again(make_store, media, picture):
    store = make_store(folders=(media,))
    assert await outcome(store, "sub/b.png") == "10"
    (media / "sub" / "b.png").write_bytes(picture(size=(20, 20)))
    assert await outcome(store, "sub/b.png") == "20"


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(given=st.text(st.sampled_from("ab/.\\~ $%\0:*"), max_size=20) | st.text(max_size=30))
def test_no_path_leads_out_of_the_folder(media, given):
    try:
        file, _ = open_inside(given, [media])
    except Refused:
        return
    with file:
        assert Path(os.readlink(f"/proc/self/fd/{file.fileno()}")).is_relative_to(media)


@pytest.mark.parametrize(
    ("source", "code"),
    [
        ("data:image/png;base64", "bad_data_url"),
        ("data:image/png;base64,@@@@", "bad_data_url"),
        ("data:,", "empty"),
        ("data:text/html,%3Chtml%3E", "web_page"),
        ("data:image/png;base64,iVBORw0KGgo=", "unreadable_media"),
    ],
)
async def test_a_data_url_that_holds_no_medium_is_said_so(store, source, code):
    assert await outcome(store, source) == code


async def test_a_data_url_may_be_percent_encoded_url_safe_or_without_padding(store, picture):
    import base64
    from urllib.parse import quote_from_bytes

    body = picture()
    plain = base64.b64encode(body).decode()
    for source in (
        "data:image/png;base64," + plain,
        "data:image/png;base64," + plain.rstrip("="),
        "DATA:image/png;BASE64," + base64.urlsafe_b64encode(body).decode(),
        "data:image/png;base64," + plain.replace("+", "%2B").replace("/", "%2F"),
        "data:image/png," + quote_from_bytes(body),
    ):
        assert await outcome(store, source) == "64"
