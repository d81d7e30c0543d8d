"""Durable actions of the chat and of the drafts: what is there before, what is done, what a user finds."""

from __future__ import annotations

import asyncio
import json
import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Protocol

from c2jy_bridge.core.events import TurnCompleted, TurnEnded
from c2jy_bridge.core.settings import Settings
from c2jy_bridge.engine import Engine

DRAFT: Final = "made"
WAIT_S: Final = 60.0
"""What takes longer is stuck."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where a scenario happens."""

    folder: Path
    api_base: str
    bot_id: str

    @property
    def media(self) -> str:
        """Address of an image."""
        return f"{self.api_base}/_media/hotpot.png"

    @property
    def document(self) -> str:
        """A draft to build."""
        clip = {"type": "image", "media": self.media, "duration": 2}
        text = {"type": "text", "clips": [{"text": "hi", "duration": 2}]}
        return json.dumps(
            {"schema": "c2jy/1", "name": DRAFT, "tracks": [{"type": "video", "clips": [clip]}, text]}
        )

    def settings(self, **bridge: Any) -> Settings:
        """Settings of an engine in this place."""
        return Settings.model_validate(
            {
                "coze": {"api_base": self.api_base, "token": "t", "bot_id": self.bot_id},
                "drafts": {"root": str(self.folder / "drafts")},
                "materials": {"allow_private_hosts": [self.api_base.removeprefix("http://")]},
                "bridge": {"intakes": [], **bridge},
                "data_dir": str(self.folder / "data"),
                "config_dir": str(self.folder / "config"),
            }
        )


Found = dict[str, Any]
"""What the next start found: `drafts`, `trashed` and what the scenario adds; see `kills.judge`."""


class Scenario(Protocol):
    """One durable action."""

    counts_from_start: bool
    """Whether the start of the engine belongs to the action."""
    leaves: tuple[str, ...]
    """The drafts that are there in the end."""
    leaves_in_trash: int

    def engine(self, place: Place) -> Engine:
        """An engine for it."""

    async def prepare(self, engine: Engine, place: Place) -> None:
        """Make what must be there before."""

    async def act(self, engine: Engine, place: Place) -> None:
        """Do it."""

    async def again(self, engine: Engine, place: Place) -> Found:
        """Start after a kill, take up, do it again where the user would."""


class Chat:
    """A turn whose Bot builds a draft."""

    counts_from_start = True
    leaves: tuple[str, ...] = (DRAFT,)
    leaves_in_trash: int = 0

    def engine(self, place: Place) -> Engine:
        return Engine(place.settings())

    async def prepare(self, engine: Engine, place: Place) -> None:
        pass

    async def act(self, engine: Engine, place: Place) -> None:
        await _turn(engine, self._question(place))

    async def again(self, engine: Engine, place: Place) -> Found:
        open_turns = await asyncio.to_thread(engine._services.journal.open_turns)
        events = engine.events()
        await engine.start(reopen=True)
        ends = list[str]()
        async with asyncio.timeout(WAIT_S):
            while len(ends) < len(open_turns):
                if isinstance(event := await anext(events), TurnEnded):
                    ends.append(type(event).__name__)
        found: Found = {"recovered": ends}
        found["next question"] = isinstance(await _turn(engine, "hello"), TurnCompleted)
        asked = any(turn.question == self._question(place) for turn in open_turns)
        if not (asked or await engine.drafts.list()):
            await self.act(engine, place)
        return found

    def _question(self, place: Place) -> str:
        return f"draw {DRAFT} {place.media}"


class OfDraft:
    """An action on a draft."""

    counts_from_start = False
    leaves: tuple[str, ...] = (DRAFT,)
    leaves_in_trash: int = 0
    begins = "draft"
    """What is there before: nothing, `draft` or `trashed`."""

    def engine(self, place: Place) -> Engine:
        return Engine(place.settings())

    async def prepare(self, engine: Engine, place: Place) -> None:
        if self.begins:
            await engine.drafts.build(place.document)
        if self.begins == "trashed":
            await engine.drafts.trash(DRAFT)

    async def act(self, engine: Engine, place: Place) -> None:
        raise NotImplementedError

    async def again(self, engine: Engine, place: Place) -> Found:
        await engine.start(reopen=True)
        if await self.wanted(engine):
            await self.act(engine, place)
        return {}

    async def wanted(self, engine: Engine) -> bool:
        """Whether a user would do it again."""
        return True


class Build(OfDraft):
    begins = ""

    async def act(self, engine: Engine, place: Place) -> None:
        await engine.drafts.build(place.document)

    async def wanted(self, engine: Engine) -> bool:
        return not await engine.drafts.list()


class Pack(OfDraft):
    async def act(self, engine: Engine, place: Place) -> None:
        target = place.folder / "out.zip"
        await engine.drafts.pack(DRAFT, target, target_root="D:\\drafts", replace_zip=True)

    async def again(self, engine: Engine, place: Place) -> Found:
        await super().again(engine, place)
        with zipfile.ZipFile(place.folder / "out.zip") as zipped:
            whole = zipped.testzip() is None
            return {"zip": whole and any(n.endswith("draft_content.json") for n in zipped.namelist())}


class Fill(OfDraft):
    """A draft from a template, with a new text and a file put into it."""

    leaves: tuple[str, ...] = (DRAFT, "filled")

    async def act(self, engine: Engine, place: Place) -> None:
        (picture,) = await asyncio.to_thread(_materials, place)
        values = json.dumps({"text1": "hello", "image1": picture})
        await engine.drafts.fill(DRAFT, values, "filled", folder=place.folder)

    async def wanted(self, engine: Engine) -> bool:
        return len(await engine.drafts.list()) < len(self.leaves)


class Batch(OfDraft):
    """Three drafts from a table; going on means to start it again, whatever was done before."""

    leaves: tuple[str, ...] = (DRAFT, "row 1", "row 2", "row 3")

    async def prepare(self, engine: Engine, place: Place) -> None:
        await super().prepare(engine, place)
        (picture,) = await asyncio.to_thread(_materials, place)
        rows = [{"title": f"row {n}", "text1": f"words {n}", "image1": picture} for n in (1, 2, 3)]
        lines = "\n".join(json.dumps(row) for row in rows)
        await asyncio.to_thread((place.folder / "table.jsonl").write_text, lines, "utf-8")

    async def act(self, engine: Engine, place: Place) -> None:
        table = place.folder / "table.jsonl"
        rows = [row async for row in engine.drafts.batch(DRAFT, table, "{title}")]
        failed = [issue.message for row in rows if row.state == "failed" for issue in row.issues]
        assert not failed, failed


class Relocate(OfDraft):
    async def act(self, engine: Engine, place: Place) -> None:
        await engine.drafts.relocate([DRAFT], "D:\\drafts")


class Rename(OfDraft):
    leaves: tuple[str, ...] = ("renamed",)

    async def act(self, engine: Engine, place: Place) -> None:
        (draft,) = await engine.drafts.list()
        await engine.drafts.rename(draft.name, "renamed")


class Trash(OfDraft):
    leaves: tuple[str, ...] = ()
    leaves_in_trash = 1

    async def act(self, engine: Engine, place: Place) -> None:
        await engine.drafts.trash(DRAFT)

    async def wanted(self, engine: Engine) -> bool:
        return bool(await engine.drafts.list())


class Restore(OfDraft):
    begins = "trashed"

    async def act(self, engine: Engine, place: Place) -> None:
        (ticket,) = [entry.ticket for entry in await engine.drafts.trashed()]
        await engine.drafts.restore(ticket)

    async def wanted(self, engine: Engine) -> bool:
        return bool(await engine.drafts.trashed())


def _materials(place: Place) -> list[str]:
    return [str(path) for path in (place.folder / "drafts" / DRAFT / "materials").iterdir()]


async def _turn(engine: Engine, text: str) -> TurnEnded | None:
    events = engine.events()
    async with asyncio.timeout(WAIT_S):
        turn_id = await engine.send(text)
        async for event in events:
            if isinstance(event, TurnEnded) and event.turn_id == turn_id:
                return event
    return None
