"""File tools: only inside the declared folders, nothing hidden, no way out."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from c2jy_bridge.plugin import ToolError
from c2jy_bridge.tools import safe_open
from c2jy_bridge.tools.files import DeclaredFolders, FileTools, is_private
from c2jy_bridge.tools.safe_open import checked_descriptor, checked_entries, list_folder, read_file

if TYPE_CHECKING:
    from tool_harness import Bot

SECRET = "the secret outside"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A declared folder with everything in it that should and should not be read."""
    made = tmp_path / "素材"
    (made / "sub" / "deep").mkdir(parents=True)
    (made / "script.txt").write_text("第一幕\n第二幕", encoding="utf-8")
    (made / "sub" / "deep" / "notes.md").write_text("deep", encoding="utf-8")
    (made / "clip.mp4").write_bytes(b"\x00\x00\x00\x18ftypmp42\x00")
    (made / ".env").write_text("TOKEN=x", encoding="utf-8")
    (made / ".git").mkdir()
    (made / ".git" / "config").write_text("hidden", encoding="utf-8")
    (made / "prod.env").write_text("TOKEN=x", encoding="utf-8")
    (made / "id_rsa").write_text("key", encoding="utf-8")
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "private.md").write_text(SECRET, encoding="utf-8")
    (made / "link.txt").symlink_to(outside / "private.md")
    (made / "linked").symlink_to(outside)
    (made / "inner_link.txt").symlink_to(made / "script.txt")
    return made


@pytest.fixture(autouse=True)
def tools(bot: Bot, folder: Path) -> None:
    bot.registry.register(FileTools([folder], folder / "config.toml"))


async def test_files_are_listed_with_paths_that_can_be_read(bot: Bot, folder: Path) -> None:
    told = await bot.call("list_files")
    assert [(row["path"], row["kind"]) for row in told["files"]] == [
        ("素材/clip.mp4", "file"), ("素材/script.txt", "file"), ("素材/sub", "folder"),
    ]  # fmt: skip
    deep = await bot.call("list_files", pattern="*.MD", recursive=True)
    (row,) = deep["files"]
    assert row["size_bytes"] == 4
    assert (await bot.call("read_file", path=row["path"]))["text"] == "deep"
    assert [r["path"] for r in (await bot.call("list_files", folder="素材/sub"))["files"]] == [
        "素材/sub/deep"
    ]


async def test_both_tools_ask_before_they_look(bot: Bot) -> None:
    await bot.call("list_files")
    await bot.call("read_file", path="script.txt")
    assert [ask.arguments.get("path") for ask in bot.person.asked] == [None, "script.txt"]


@pytest.mark.parametrize("form", ["script.txt", "素材/script.txt", "{root}/script.txt", "./script.txt"])
async def test_a_file_may_be_named_with_or_without_its_folder(bot: Bot, folder: Path, form: str) -> None:
    told = await bot.call("read_file", path=form.format(root=folder))
    assert (told["text"], told["path"]) == ("第一幕\n第二幕", "素材/script.txt")


@pytest.mark.parametrize(
    "path",
    [
        "../outside/private.md",
        "sub/../../outside/private.md",
        "素材/../outside/private.md",
        "{root}/../outside/private.md",
        "{outside}/private.md",
        "/etc/passwd",
        "~/.bashrc",
        "link.txt",
        "linked/private.md",
        "inner_link.txt",
        ".env",
        ".git/config",
        "prod.env",
        "id_rsa",
        "ID_RSA",
        "sub",
        "",
        "  ",
        "script.txt\x00.md",
        "nothing.txt",
        "script.txt/more",
        "x" * 5000,
    ],
)
async def test_nothing_else_can_be_read(bot: Bot, folder: Path, path: str) -> None:
    told = await bot.call("read_file", path=path.format(root=folder, outside=folder.parent / "outside"))
    assert told["status"] == "error"
    assert told["code"] == "failed"
    assert SECRET not in str(told)


@pytest.mark.parametrize("path", ["..", "linked", "/", ".git", "script.txt", "sub/../..", "nothing"])
async def test_nothing_else_can_be_listed(bot: Bot, path: str) -> None:
    assert (await bot.call("list_files", folder=path))["status"] == "error"


async def test_links_lead_nowhere_and_the_message_says_so(bot: Bot) -> None:
    for path in ("link.txt", "linked/private.md"):
        assert "symbolic link, which is not followed" in (await bot.call("read_file", path=path))["message"]


async def test_a_pipe_is_refused_and_not_waited_for(bot: Bot, folder: Path) -> None:
    os.mkfifo(folder / "pipe.txt")
    begun = time.monotonic()
    assert "not a file" in (await bot.call("read_file", path="pipe.txt"))["message"]
    assert time.monotonic() - begun < 5


async def test_a_long_text_is_read_in_pieces(bot: Bot, folder: Path) -> None:
    text = "".join(f"第{i}行 😀\n" for i in range(500))
    (folder / "long.txt").write_text(text, encoding="utf-8", newline="")
    read, offset = "", 0
    while offset is not None:
        told = await bot.call("read_file", path="long.txt", offset=offset, max_chars=777)
        read += told["text"]
        offset = told["next_offset"]
    assert read == text
    assert told["total_chars"] == len(text)


@pytest.mark.parametrize(
    ("encoding", "named"),
    [("utf-8", "utf-8"), ("utf-8-sig", "utf-8"), ("utf-16", "utf-16"), ("gb18030", "gb18030")],
)
async def test_chinese_subtitles_are_read_in_the_encodings_they_come_in(
    bot: Bot, folder: Path, encoding: str, named: str
) -> None:
    srt = "1\r\n00:00:01,000 --> 00:00:02,000\r\n你好，世界\r\n"
    (folder / "a.srt").write_bytes(srt.encode(encoding))
    told = await bot.call("read_file", path="a.srt")
    assert (told["text"], told["encoding"]) == (srt, named)


async def test_media_are_no_text(bot: Bot) -> None:
    assert "not a text file" in (await bot.call("read_file", path="clip.mp4"))["message"]


async def test_a_file_that_is_too_large_is_refused(bot: Bot, folder: Path) -> None:
    with (folder / "large.txt").open("wb") as file:
        file.truncate(6 * 1024 * 1024)
    assert "too large" in (await bot.call("read_file", path="large.txt"))["message"]


@pytest.mark.parametrize(
    "text", ["-----BEGIN OPENSSH PRIVATE KEY-----\nAAAA", "token = 'pat_" + "aB3" * 20 + "'"]
)
async def test_keys_and_tokens_inside_a_file_keep_it_unread(bot: Bot, folder: Path, text: str) -> None:
    (folder / "notes.txt").write_text(text, encoding="utf-8")
    told = await bot.call("read_file", path="notes.txt")
    assert told["status"] == "error"
    assert "aB3" not in str(told)


async def test_a_long_listing_says_that_there_is_more(bot: Bot, folder: Path) -> None:
    for number in range(501):
        (folder / "sub" / f"{number:04}.jpg").write_bytes(b"")
    told = await bot.call("list_files", folder="sub", pattern="*.jpg")
    assert (len(told["files"]), told["more"]) == (500, True)


async def test_without_declared_folders_it_is_said_how_to_allow_it(bot: Bot) -> None:
    with pytest.raises(ToolError, match=r"tools\.folders.* /etc/c2jy\.toml .*\[tools\]  folders = "):
        DeclaredFolders([], Path("/etc/c2jy.toml")).find("a")


def test_two_folders_of_one_name_are_told_apart(tmp_path: Path) -> None:
    for parent in ("a", "b"):
        (tmp_path / parent / "media").mkdir(parents=True)
    folders = DeclaredFolders([tmp_path / "a" / "media", tmp_path / "b" / "media"], tmp_path)
    shown = [top.shown for top in folders.tops()]
    assert shown == [str(tmp_path / "a" / "media"), str(tmp_path / "b" / "media")]
    assert folders.find(f"{shown[1]}/x.txt").root == tmp_path / "b" / "media"
    with pytest.raises(ToolError, match="not in a declared folder"):
        folders.find("x.txt")


def test_names_of_keys_and_passwords_are_private_whatever_the_case() -> None:
    for name in (
        ".env",
        ".ssh",
        "My Passwords.txt",
        "server.PEM",
        "Credentials.json",
        "secrets.toml",
        "a.env",
    ):
        assert is_private(name), name
    for name in ("script.txt", "keynote.md", "environment.txt", "token ring.srt", "密码本的故事.txt"):
        assert not is_private(name), name


@settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.text()
    | st.lists(st.sampled_from(["..", ".", "sub", "link.txt", "linked", "private.md", "/", "~", "素材"])).map(
        "/".join
    )
)
def test_no_path_whatever_leads_out(folder: Path, path: str) -> None:
    folders = DeclaredFolders([folder], folder)
    try:
        data = folders.read(folders.find(path), 10_000)
    except ToolError:
        return
    assert SECRET.encode() not in data


def _race(folder: Path, read: Callable[[], bytes]) -> set[bytes]:
    """Read a file while another thread keeps swapping it, or its folder, for a link to the outside."""
    sub, outside = folder / "sub", folder.parent / "outside"
    (sub / "private.md").write_text("inside", encoding="utf-8")
    away, stop = folder / "away", threading.Event()

    def swap() -> None:
        while not stop.is_set():
            os.rename(sub, away)
            os.symlink(outside, sub)
            os.unlink(sub)
            os.rename(away, sub)

    thread = threading.Thread(target=swap)
    thread.start()
    seen: set[bytes] = set()
    until = time.monotonic() + 1.5
    try:
        while time.monotonic() < until:
            try:
                seen.add(read())
            except OSError:
                continue
    finally:
        stop.set()
        thread.join()
    return seen


def test_a_folder_that_becomes_a_link_while_it_is_read_leads_nowhere(folder: Path) -> None:
    root = folder.resolve()
    assert safe_open.BY_DESCRIPTOR
    assert _race(folder, lambda: read_file(root, ["sub", "private.md"], 1000)) == {b"inside"}


def test_the_way_of_systems_without_descriptors_finds_the_same_and_refuses_the_same(folder: Path) -> None:
    root = folder.resolve()
    assert checked_entries(root, []) == list_folder(root, [])
    with checked_descriptor(root, ["script.txt"]) as descriptor:
        assert os.read(descriptor, 100).decode() == "第一幕\n第二幕"
    for parts in (["link.txt"], ["linked", "private.md"], ["nothing"]):
        with pytest.raises(OSError), checked_descriptor(root, parts):  # noqa: PT011  (which one differs by system)
            pass
    with pytest.raises(OSError, match="link"):
        checked_entries(root, ["linked"])
