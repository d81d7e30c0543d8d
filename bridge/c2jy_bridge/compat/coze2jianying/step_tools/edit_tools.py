"""The other step-by-step tools: create a draft, add a track or keyframes, remove segments, save."""

from __future__ import annotations

import asyncio
from difflib import get_close_matches
from typing import Annotated, Final

from pydantic import Field

from c2jy_bridge.compat.coze2jianying.step_tools.step_outputs import (
    DraftBegun,
    KeyframesAdded,
    SegmentsRemoved,
    TrackAdded,
)
from c2jy_bridge.compat.coze2jianying.step_tools.step_session import Infos, StepSession
from c2jy_bridge.compat.coze2jianying.unfinished.draft import Lane, Step, Unfinished
from c2jy_bridge.core.disk_space import os_reason
from c2jy_bridge.core.i18n import catalogue
from c2jy_bridge.core.settings import TimeUnit
from c2jy_bridge.drafts import DraftError
from c2jy_bridge.drafts.spec.document import TrackKind
from c2jy_bridge.plugin import ToolContext, ToolError, tool
from c2jy_bridge.tools.drafts import emit_written, progress_callback, refused, serious, to_output, with_issues
from c2jy_bridge.tools.outputs import DraftsMade

say: Final = catalogue("tools")

_NAMED: Final = 5
"""Segments named in an error."""

_Pixels = Annotated[int, Field(ge=1, le=16384)]


class EditTools:
    """create_draft, add_track, add_keyframes, remove_segments, save_draft."""

    def __init__(self, session: StepSession) -> None:
        self._session = session

    @tool
    async def create_draft(
        self,
        context: ToolContext,
        draft_name: str = "Coze剪映项目",
        width: _Pixels = 1920,
        height: _Pixels = 1080,
        fps: Annotated[float, Field(ge=1, le=240)] = 30,
        time_unit: TimeUnit = "auto",
    ) -> DraftBegun:
        """Begin a draft that is made step by step; returns its draft_id. Prefer generate_draft when you can.

        Then add_images, add_videos, add_audios, add_captions ... or append_scenes with this draft_id, and
        save_draft at the end. Nothing is in JianYing before save_draft. What was added survives a restart.

        Args:
            draft_name: Name of the draft.
            width: Canvas width in pixels; 1080 for a portrait video.
            height: Canvas height in pixels; 1920 for a portrait video.
            fps: Frames per second.
            time_unit: Unit of bare numbers in the infos that are added: us, ms or s. auto is what the user's
                settings say, or else found out from the media and told in `issues`.
        """
        try:
            draft = await asyncio.to_thread(
                self._session.unfinished.create,
                context.call_id,
                name=draft_name,
                width=width,
                height=height,
                fps=fps,
                time_unit=self._session.time_unit if time_unit == "auto" else time_unit,
            )
        except OSError as error:
            raise ToolError(say("step.disk", reason=os_reason(error))) from None
        message = say("step.begun", name=draft.name, draft_id=draft.draft_id)
        return DraftBegun(message, draft.draft_id)

    @tool
    async def add_track(
        self, draft_id: str, track_type: TrackKind, track_name: str, context: ToolContext
    ) -> TrackAdded:
        """Add a named track. Only needed to put several calls' clips on one track: give them its track_name.

        Without it every add_ call makes a track of its own.

        Args:
            draft_id: From create_draft.
            track_type: video (videos and images), audio, text, sticker, effect or filter.
            track_name: Its name.
        """
        async with self._session.draft(draft_id, context) as draft:
            lane = Lane(track_type, track_name, track_name)
            given = {"track_type": track_type, "track_name": track_name}
            step = Step(context.call_id, "add_track", (lane,), given=given)
            draft, _ = await self._session.add(draft, context, lambda _: step)
            keys = list(dict.fromkeys((one.kind, one.key) for one in draft.lanes))
            message = say("step.track", track=track_name, name=draft.name)
            return TrackAdded(message, keys.index((track_type, track_name)))

    @tool
    async def add_keyframes(
        self, draft_id: str, keyframe_infos: Infos, time_unit: TimeUnit = "auto", *, context: ToolContext
    ) -> KeyframesAdded:
        """Make segments change over time; between two keyframes a property changes evenly.

        Each info: {"segment_id": "...", "property": "scale", "time": "1.5s", "value": 1.2}. property:
        position_x, position_y (half the canvas; 0 centre, 1 right or top edge), scale, scale_x, scale_y,
        rotation (degrees), alpha (0-1), volume, saturation, contrast, brightness (-1 to 1).

        Args:
            draft_id: From create_draft.
            keyframe_infos: Objects or JSON texts. segment_id is what an add_ tool returned. `time` is from
                the start of the segment: write its unit, "500ms" or "1.5s"; a bare number has the draft's
                unit. `time_offset` is the same in microseconds.
            time_unit: Unit of a bare `time`.
        """
        from c2jy_bridge.compat.coze2jianying.unfinished.keyframes import read_keyframes

        async with self._session.draft(draft_id, context) as draft:
            unit = None if time_unit == "auto" else time_unit
            try:
                frames, issues = await asyncio.to_thread(read_keyframes, keyframe_infos, draft, unit)
            except DraftError as error:
                raise refused(error, "step.not_added") from None
            step = Step(context.call_id, "add_keyframes", keyframes=frames, given=keyframe_infos)
            moved = _moved(draft.with_step(step), set(frames))
            report = await self._session.try_out(draft, moved, context, {key: key for key in frames})
            issues = (*issues, *report.issues, *report.drafts[0].issues)
            draft, _ = await self._session.add(draft, context, lambda _: step)
            count = sum(map(len, frames.values()))
            sentences = [say("step.keyframes", count=count, name=draft.name), *with_issues(serious(issues))]
            return KeyframesAdded(" ".join(sentences), count, list(issues))

    @tool
    async def remove_segments(
        self, draft_id: str, segment_ids: Annotated[list[str], Field(min_length=1)], context: ToolContext
    ) -> SegmentsRemoved:
        """Take segments out of an unfinished draft again: wrong ones, or those whose file is gone.

        To replace a segment, remove it and add the new one with the same start and end.

        Args:
            draft_id: From create_draft.
            segment_ids: What the add_ tools returned.
        """
        async with self._session.draft(draft_id, context) as draft:
            wanted = tuple(dict.fromkeys(segment_ids))
            if draft.step(context.call_id) is None:
                known = draft.clips
                for one in wanted:
                    if one not in known:
                        near = (
                            ", ".join(get_close_matches(one.lower(), known, 3, 0.6) or list(known)[:_NAMED])
                            or "-"
                        )
                        raise ToolError(say("step.no_segment", id=one, nearest=near), removed=[])
            step = Step(context.call_id, "remove_segments", removed=wanted, given=segment_ids)
            draft, step = await self._session.add(draft, context, lambda _: step)
            left = len(draft.clips)
            message = say("step.removed", count=len(step.removed), name=draft.name, left=left)
            return SegmentsRemoved(message, list(step.removed), left)

    @tool
    async def save_draft(self, draft_id: str, name: str | None = None, *, context: ToolContext) -> DraftsMade:
        """Write an unfinished draft to the user's JianYing drafts folder. Call it once, at the end.

        The answer lists the draft written, and in `issues` what was not done exactly as asked. If it fails,
        everything that was added is kept: correct what `issues` names (remove_segments, then add it right)
        and call again.

        Args:
            draft_id: From create_draft.
            name: Another name for the draft.
        """
        async with self._session.draft(draft_id, context) as draft:
            document = draft.document()
            if not document["tracks"]:
                raise ToolError(say("step.empty"), drafts=[])
            try:
                report = await self._session.builder.build(
                    document,
                    name=name,
                    time_unit="us",
                    request_id=context.call_id,
                    on_progress=progress_callback(context),
                )
            except DraftError as error:
                raise refused(error, "step.not_saved", drafts=[]) from None
            (built,) = report.drafts
            await asyncio.to_thread(
                self._session.unfinished.mark_saved,
                draft.draft_id,
                context.call_id,
                name=built.name,
                path=built.path,
            )
            emit_written(report, context, self._session.clock())
            return to_output(report, dry_run=False)


def _moved(draft: Unfinished, ids: set[str]) -> list[Lane]:
    """The clips of these ids with all the keyframes that they have."""
    return [
        Lane(track["type"], str(number), None, clips)
        for number, track in enumerate(draft.document()["tracks"])
        if (clips := tuple(clip for clip in track["clips"] if clip["id"] in ids))
    ]
