"""The state that all step-by-step tools share: a builder that checks each step, and the unfinished drafts."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Annotated, Any, Final

from pydantic import WithJsonSchema

from c2jy_bridge.compat.coze2jianying.unfinished.draft import Lane, Step, Unfinished
from c2jy_bridge.compat.coze2jianying.unfinished.store import UnfinishedDrafts, UnknownDraft
from c2jy_bridge.core.disk_space import os_reason
from c2jy_bridge.core.events import Issue
from c2jy_bridge.core.i18n import catalogue
from c2jy_bridge.core.settings import TimeUnit
from c2jy_bridge.drafts import BuildReport, DraftBuilder, DraftError, Material
from c2jy_bridge.plugin import ToolContext, ToolError
from c2jy_bridge.plugin.receipts import KeyedLocks
from c2jy_bridge.tools.drafts import progress_callback, refused

say: Final = catalogue("tools")

_NAMED: Final = 5
"""Open drafts named in an error."""
Infos = Annotated[
    list[str | dict[str, Any]] | str | dict[str, Any],
    WithJsonSchema({"type": "array", "items": {"type": "string"}}),
]
"""The type of `*_infos` arguments: described as JSON texts; objects or one JSON text are taken too."""

_NAME: Final = "-"
"""Of drafts that are only tried."""


class StepSession:
    """One for all step-by-step tools, so that two of them never work on one draft at the same time.

    Args:
        builder: Checks what is added, and builds the draft in the end.
        unfinished: Keeps what was added.
        clock: Unix seconds.
        time_unit: What the settings say of bare numbers.
    """

    def __init__(
        self,
        builder: DraftBuilder,
        unfinished: UnfinishedDrafts,
        clock: Callable[[], float],
        time_unit: TimeUnit = "auto",
    ) -> None:
        self.builder = builder
        self.unfinished = unfinished
        self.clock = clock
        self.time_unit = time_unit
        self._locks = KeyedLocks()

    @asynccontextmanager
    async def draft(self, draft_id: str, context: ToolContext) -> AsyncIterator[Unfinished]:
        """The draft, for this call alone; what goes wrong with it meanwhile becomes the Bot's error.

        Raises:
            ToolError: There is no such draft, or the disk refuses.
        """
        async with self._locks.hold(draft_id.strip()):
            try:
                yield await asyncio.to_thread(self.unfinished.get, draft_id, call_id=context.call_id)
            except UnknownDraft as error:
                raise _unknown(error) from None
            except OSError as error:
                raise ToolError(say("step.disk", reason=os_reason(error))) from None

    async def add(
        self, draft: Unfinished, context: ToolContext, make: Callable[[Unfinished], Step]
    ) -> tuple[Unfinished, Step]:
        """Keep a step; one that this call made before is returned as it was."""
        changed = await asyncio.to_thread(self.unfinished.add, draft.draft_id, context.call_id, make)
        step = changed.step(context.call_id)
        assert step is not None  # it was there or was just added
        return changed, step

    async def files(self, sources: Sequence[str], context: ToolContext) -> dict[str, Material]:
        """The files behind addresses; those that cannot be had are left out."""
        results = await self.builder.probe(sources, on_progress=progress_callback(context)) if sources else []
        return {found.source: found.material for found in results if found.material}

    async def try_out(
        self,
        draft: Unfinished,
        lanes: Sequence[Lane],
        context: ToolContext,
        by_id: Mapping[str, str],
        bot_path: Callable[[str], str] = str,
    ) -> BuildReport:
        """Build these lanes alone, without writing: names, media and times are checked before they are kept.

        Args:
            draft: Its canvas is used.
            lanes: What is to be added.
            context: Gets the progress of downloads.
            by_id: What a clip is called in the arguments, for the paths of issues.
            bot_path: Turns such a path, and what follows it, into the path for the Bot.

        Raises:
            ToolError: Something in it cannot be done.
        """
        alone = Step("", "", tuple(lanes))
        document = replace(draft, name=_NAME, steps=(alone,)).document()
        paths = _clip_paths(document, by_id)
        try:
            report = await self.builder.build(
                document, time_unit="us", dry_run=True, on_progress=progress_callback(context)
            )
        except DraftError as error:
            raise refused(
                DraftError(_renamed(error.issues, paths, bot_path)), "step.not_added", segment_ids=[]
            ) from None
        (built,) = report.drafts
        return BuildReport(
            (replace(built, issues=_renamed(built.issues, paths, bot_path)),),
            _renamed(report.issues, paths, bot_path),
        )


def _renamed(
    issues: Sequence[Issue], paths: Mapping[str, str], bot_path: Callable[[str], str]
) -> tuple[Issue, ...]:
    """Issues with the paths of the arguments in place of those of the document made from them."""

    def path(found: Issue) -> str:
        head, bracket, rest = found.path.partition("].clips[")
        number, closing, tail = rest.partition("]")
        clip = f"{head}{bracket}{number}{closing}"
        return bot_path(f"{paths[clip]}{tail}") if clip in paths else found.path

    return tuple(replace(found, path=path(found)) for found in issues)


def _clip_paths(document: Mapping[str, Any], by_id: Mapping[str, str]) -> dict[str, str]:
    """For each clip's path in a document what it is called in the arguments, by the clip's id."""
    return {
        f"tracks[{track_number}].clips[{number}]": by_id[clip["id"]]
        for track_number, track in enumerate(document["tracks"])
        for number, clip in enumerate(track["clips"])
        if clip["id"] in by_id
    }


def _unknown(error: UnknownDraft) -> ToolError:
    if error.saved is not None:
        return ToolError(say("step.saved_already", name=error.saved.name))
    listed = [{"draft_id": draft.draft_id, "name": draft.name} for draft in error.open]
    if not listed:
        return ToolError(say("step.unknown_none", id=error.wanted), open=[])
    named = ", ".join(f"{draft['draft_id']} ({draft['name']})" for draft in listed[:_NAMED])
    return ToolError(say("step.unknown", id=error.wanted, open=named), open=listed)
