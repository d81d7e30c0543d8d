"""A real disk that is full: told as such, with what to do; nothing is lost, and it works again with space."""

from __future__ import annotations

import asyncio
import os
import shutil
import subprocess
import sys
import zipfile
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

import httpx
import pytest
from PIL import Image

from c2jy_bridge.core import i18n
from c2jy_bridge.core.draft_views import DraftError
from c2jy_bridge.core.events import JournalResumed, JournalStopped, Problem, TurnCompleted, TurnEnded
from c2jy_bridge.core.settings import Settings, SettingsError
from c2jy_bridge.drafts.materials import store
from c2jy_bridge.engine import Engine, bridge_token, event_sink
from c2jy_tui import desktop
from c2jy_tui.commands import chat
from c2jy_tui.formatting import error_reason
from coze_emulator import Emulator, Script
from faults.network import SCRIPT, TOOL

SIZE = 4 * 1024**2
DOCUMENT = """{"schema": "c2jy/1", "name": "made", "tracks": [{"type": "text", "clips": [
    {"text": "hi", "duration": 2}]}]}"""


class SmallDisk:
    """A file system of its own with a few megabytes."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._filling = folder / "filling"

    def fill(self, leave: int = 0) -> None:
        """Leave so many bytes free."""
        with self._filling.open("ab", buffering=0) as file:
            while (free := shutil.disk_usage(self.folder).free) > leave:
                file.write(bytes(min(free - leave, 65_536)))

    def free(self) -> None:
        """Make space again."""
        self._filling.unlink()


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[SmallDisk]:
    i18n.use("en")
    folder = tmp_path / "small"
    folder.mkdir()
    if not sys.platform.startswith("linux") or os.geteuid() != 0:
        pytest.skip("mounting a small disk needs root on Linux")
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", f"size={SIZE}", "tmpfs", str(folder)], capture_output=True, text=True
    )
    if mounted.returncode:
        pytest.skip(f"a small disk cannot be mounted here: {mounted.stderr.strip()}")
    try:
        yield SmallDisk(folder)
    finally:
        subprocess.run(["umount", "--lazy", str(folder)], check=True)


@pytest.fixture
def emulator() -> Iterator[Emulator]:
    with Emulator(script=Script.parse(SCRIPT)) as emulator:
        yield emulator


def settings_in(tmp_path: Path, *, emulator: Emulator | None = None, **places: Path) -> Settings:
    tools = tmp_path / "config" / "tools"
    tools.mkdir(parents=True, exist_ok=True)
    (tools / "write.py").write_text(TOOL)
    found = {"data": tmp_path / "data", "drafts": tmp_path / "drafts", **places}
    coze = {"api_base": emulator.base_url, "token": "t", "bot_id": emulator.bot_id} if emulator else {}
    found["drafts"].mkdir(parents=True, exist_ok=True)
    return Settings.model_validate(
        {
            "coze": coze,
            "drafts": {"root": str(found["drafts"])},
            "data_dir": str(found["data"]),
            "config_dir": str(tmp_path / "config"),
        }
    )


@asynccontextmanager
async def started(settings: Settings) -> AsyncIterator[Engine]:
    engine = Engine(settings)
    try:
        await engine.start()
        yield engine
    finally:
        await engine.close()


async def asked(engine: Engine, text: str) -> list[object]:
    """All events of a turn."""
    seen: list[object] = []
    events = engine.events()
    async with asyncio.timeout(30):
        turn_id = await engine.send(text)
        async for event in events:
            seen.append(event)
            if isinstance(event, TurnEnded) and event.turn_id == turn_id:
                return seen
    raise AssertionError(seen)


async def test_a_journal_that_finds_no_room_is_opened_once_there_is_some(
    disk: SmallDisk, tmp_path: Path
) -> None:
    settings = settings_in(tmp_path, data=disk.folder / "data")
    disk.fill()
    with pytest.raises(SettingsError, match=r"the disk is full.*Free some space.*nothing is lost"):
        Engine(settings)
    disk.free()
    async with started(settings) as engine:
        assert await engine.conversations.list() == []


@pytest.mark.parametrize("leave", [0, 8192, 65_536])
async def test_a_turn_on_a_disk_that_fills_goes_on_and_is_in_the_journal_once_there_is_room(
    disk: SmallDisk,
    tmp_path: Path,
    emulator: Emulator,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
    leave: int,
) -> None:
    monkeypatch.setattr(event_sink, "RETRY_S", 0.2)
    settings = settings_in(tmp_path, emulator=emulator, data=disk.folder / "data")
    words = [f"full-{number}" for number in range(6)]
    async with started(settings) as engine:
        events = engine.events()
        await asked(engine, "hello before")
        conversation = engine.conversation_id
        disk.fill(leave)
        seen: list[object] = []
        for word in words:
            seen += await asked(engine, f"write {word}")
        assert [type(event) for event in seen if isinstance(event, TurnEnded)] == [TurnCompleted] * 6
        (stopped,) = [event for event in seen if isinstance(event, JournalStopped)]
        assert "disk is full" in stopped.problem.message
        assert "Free some space" in stopped.problem.hint
        disk.free()
        async with asyncio.timeout(10):
            async for event in events:
                if isinstance(event, JournalResumed):
                    break
    async with started(settings) as engine:
        texts = [message.text for message in await engine.messages(conversation)]
        assert all(call.outcome == "ok" for call in await engine.calls(conversation))
    assert "You said: hello before" in texts
    assert [word for word in words if not any(f"It is written: {word}" in text for text in texts)] == []
    assert (settings.config_dir / "tools" / "lines").read_text().split() == words
    assert capfd.readouterr().err == ""


def test_a_chat_without_a_screen_says_that_its_journal_cannot_be_written(
    capsys: pytest.CaptureFixture[str],
) -> None:
    stopped = JournalStopped(at=1.0, problem=Problem("journal", "The disk is full.", "Free some space."))
    chat.TextOutput("t").show(stopped)
    assert capsys.readouterr().err == "The disk is full. Free some space.\n"


@pytest.mark.parametrize("leave", [0, 4096, 16_384])
async def test_a_build_without_room_leaves_nothing_and_works_once_there_is_some(
    disk: SmallDisk, tmp_path: Path, leave: int
) -> None:
    root = disk.folder / "drafts"
    async with started(settings_in(tmp_path, drafts=root)) as engine:
        disk.fill(leave)
        with pytest.raises(DraftError) as caught:
            await engine.drafts.build(DOCUMENT)
        (found,) = caught.value.issues
        assert (found.code, str(root) in found.message) == ("disk_full", True)
        assert found.fix
        assert os.listdir(root) == []
        disk.free()
        await engine.drafts.build(DOCUMENT)
        assert os.listdir(root) == ["made"]


async def test_a_zip_without_room_leaves_the_one_that_was_there(disk: SmallDisk, tmp_path: Path) -> None:
    out = disk.folder / "out.zip"
    async with started(settings_in(tmp_path)) as engine:
        await engine.drafts.build(DOCUMENT)
        await engine.drafts.pack("made", out)
        before = out.read_bytes()
        disk.fill()
        with pytest.raises(DraftError) as caught:
            await engine.drafts.pack("made", out, replace_zip=True)
        (found,) = caught.value.issues
        assert (found.code, str(out) in found.message) == ("pack_disk_full", True)
        assert "full" in found.message
        assert found.fix
        assert out.read_bytes() == before
        assert sorted(os.listdir(disk.folder)) == ["filling", "out.zip"]
        disk.free()
        await engine.drafts.pack("made", out, replace_zip=True)
    with zipfile.ZipFile(out) as zipped:
        assert zipped.testzip() is None


async def test_a_draft_that_finds_no_room_in_the_trash_stays_where_it_is(
    disk: SmallDisk, tmp_path: Path
) -> None:
    async with started(settings_in(tmp_path, data=disk.folder / "data")) as engine:
        await engine.drafts.build(DOCUMENT)
        disk.fill()
        with pytest.raises(DraftError) as caught:
            await engine.drafts.trash("made")
        assert "full" in caught.value.issues[0].message
        assert [view.name for view in await engine.drafts.list()] == ["made"]
        assert not await engine.drafts.check("made")
        disk.free()
        await engine.drafts.trash("made")
        assert [entry.draft.name for entry in await engine.drafts.trashed()] == ["made"]


async def test_a_relocation_without_room_leaves_the_draft_as_it_was(disk: SmallDisk, tmp_path: Path) -> None:
    root = disk.folder / "drafts"
    async with started(settings_in(tmp_path, drafts=root)) as engine:
        await engine.drafts.build(DOCUMENT)
        before = {path: path.read_bytes() for path in root.rglob("*") if path.is_file()}
        disk.fill()
        with pytest.raises(DraftError) as caught:
            await engine.drafts.relocate(["made"], "D:\\drafts")
        assert "full" in caught.value.issues[0].message
        assert {path: path.read_bytes() for path in root.rglob("*") if path.is_file()} == before
        disk.free()
        (done,) = (await engine.drafts.relocate(["made"], "D:\\drafts")).drafts
        assert done.name == "made"


async def test_a_file_that_finds_no_room_leaves_no_part_of_it(disk: SmallDisk) -> None:
    disk.fill(8192)
    with pytest.raises(OSError, match="No space left") as caught:
        desktop.write_new_file(disk.folder, "calls", "jsonl", "x" * 100_000, 0)
    assert error_reason(caught.value) == "the disk is full; free some space on it"
    assert os.listdir(disk.folder) == ["filling"]


async def test_media_that_find_no_room_in_the_cache_are_named(
    disk: SmallDisk, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(store, "_FREE_BYTES", 0)  # more than this disk has
    picture = tmp_path / "media" / "p.png"
    picture.parent.mkdir()
    Image.new("RGB", (64, 64)).save(picture)
    document = f"""{{"schema": "c2jy/1", "name": "made", "tracks": [{{"type": "image", "clips": [
        {{"media": "{picture}", "duration": 2}}]}}]}}"""
    settings = settings_in(tmp_path, data=disk.folder / "data")
    materials = settings.materials.model_copy(update={"folders": [picture.parent]})
    async with started(settings.model_copy(update={"materials": materials})) as engine:
        disk.fill()
        with pytest.raises(DraftError) as caught:
            await engine.drafts.build(document)
        (found,) = caught.value.issues
        assert "not enough disk space" in found.message
        assert "Free some space" in found.fix
        assert await engine.drafts.list() == []
        disk.free()
        await engine.drafts.build(document)
        assert [view.name for view in await engine.drafts.list()] == ["made"]


async def test_a_bridge_without_room_takes_no_request_and_takes_it_once_there_is_some(
    disk: SmallDisk, tmp_path: Path, emulator: Emulator
) -> None:
    settings = settings_in(tmp_path, emulator=emulator, data=disk.folder / "data")
    bridge = settings.bridge.model_copy(update={"port": 0, "relay": "direct"})
    async with started(settings.model_copy(update={"bridge": bridge})) as engine:
        assert await engine.switch_bridge(True) is None
        headers = {"Authorization": f"Bearer {bridge_token(engine.settings)}", "Idempotency-Key": "k"}
        address = (await engine.bridge()).address
        body = {"tool": "write_line", "arguments": {"text": "once"}}
        async with httpx.AsyncClient(base_url=address, headers={**headers, "Prefer": "wait=20"}) as http:
            disk.fill()
            refused = await http.post("/v1/requests", json=body)
            assert refused.status_code == 503
            assert "free space" in refused.json()["detail"]
            assert (await http.get("/readyz")).status_code == 503
            disk.free()
            done = await http.post("/v1/requests", json=body)
            assert done.json()["state"] == "succeeded"
            assert len((await http.get("/v1/requests")).json()["items"]) == 1
