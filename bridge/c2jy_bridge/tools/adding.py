"""The add_* tools, with the argument names and fields that users of Coze2JianYing have in their prompts."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, Final

from c2jy_bridge.compat.coze2jianying.unfinished import Lane, Step, Unfinished, id_prefix
from c2jy_bridge.core.i18n import catalogue
from c2jy_bridge.core.settings import TimeUnit
from c2jy_bridge.drafts import DraftError
from c2jy_bridge.drafts.spec import TrackKind
from c2jy_bridge.plugin import ToolContext, ToolError, tool
from c2jy_bridge.tools.answers import SegmentsAdded
from c2jy_bridge.tools.drafts import refused, serious, with_issues
from c2jy_bridge.tools.infos import Infos
from c2jy_bridge.tools.step_session import StepSession

if TYPE_CHECKING:
    from c2jy_bridge.compat.coze2jianying.unfinished.infos import ReadInfos

say: Final = catalogue("tools")


_KINDS: Final[dict[str, TrackKind]] = {
    "add_videos": "video",
    "add_images": "video",
    "add_audios": "audio",
    "add_captions": "text",
    "add_effects": "effect",
    "add_filters": "filter",
    "add_stickers": "sticker",
}


class AddingTools:
    """add_videos, add_images, add_audios, add_captions, add_effects, add_filters, add_stickers."""

    def __init__(self, bench: StepSession) -> None:
        self._bench = bench

    @tool
    async def add_videos(
        self,
        draft_id: str,
        video_infos: Infos,
        time_unit: TimeUnit = "auto",
        track_name: str | None = None,
        *,
        context: ToolContext,
    ) -> SegmentsAdded:
        """Add videos to an unfinished draft, on a new track.

        Each info: video_url, start, end (required); material_start, material_end (the part of the file),
        volume, speed, position_x, position_y, scale_x, scale_y, rotation, opacity, filter_type,
        filter_intensity (0-1), transition_type, transition_duration, background_blur, background_color.

        Args:
            draft_id: From create_draft.
            video_infos: JSON texts, such as {"video_url": "https://...", "start": 0, "end": 5000}.
            time_unit: Unit of start and end: us, ms or s; say it. auto finds it out and tells it in `issues`.
            track_name: Put them on this track instead, together with others that name it.
        """
        return await self._add(
            "add_videos", "video_infos", video_infos, draft_id, time_unit, track_name, context
        )

    @tool
    async def add_images(
        self,
        draft_id: str,
        image_infos: Infos,
        time_unit: TimeUnit = "auto",
        track_name: str | None = None,
        *,
        context: ToolContext,
    ) -> SegmentsAdded:
        """Add pictures to an unfinished draft, on a new track.

        Each info: image_url, start, end (required); position_x, position_y, scale_x, scale_y, rotation,
        opacity, filter_type, filter_intensity (0-1), transition_type, transition_duration, in_animation,
        in_animation_duration, outro_animation, outro_animation_duration, fit_mode, background_blur,
        background_color.

        Args:
            draft_id: From create_draft.
            image_infos: JSON texts, such as {"image_url": "https://...", "start": 0, "end": 3000}.
            time_unit: Unit of start and end: us, ms or s; say it. auto finds it out and tells it in `issues`.
            track_name: Put them on this track instead, together with others that name it.
        """
        return await self._add(
            "add_images", "image_infos", image_infos, draft_id, time_unit, track_name, context
        )

    @tool
    async def add_audios(
        self,
        draft_id: str,
        audio_infos: Infos,
        time_unit: TimeUnit = "auto",
        track_name: str | None = None,
        *,
        context: ToolContext,
    ) -> SegmentsAdded:
        """Add narration, music or sounds to an unfinished draft, on a new track.

        Each info: audio_url, start, end (required); volume, fade_in, fade_out, speed, material_start,
        material_end, effect_type.

        Args:
            draft_id: From create_draft.
            audio_infos: JSON texts, such as {"audio_url": "https://...", "start": 0, "end": 5000}.
            time_unit: Unit of start and end: us, ms or s; say it. auto finds it out and tells it in `issues`.
            track_name: Put them on this track instead, together with others that name it.
        """
        return await self._add(
            "add_audios", "audio_infos", audio_infos, draft_id, time_unit, track_name, context
        )

    @tool
    async def add_captions(
        self,
        draft_id: str,
        caption_infos: Infos,
        time_unit: TimeUnit = "auto",
        track_name: str | None = None,
        *,
        context: ToolContext,
    ) -> SegmentsAdded:
        """Add captions or titles to an unfinished draft, on a new track above the pictures.

        Each info: content, start, end (required); position_x, position_y (0, 0 is the centre, -0.8 low),
        font_family, font_size, color, alignment, font_weight, stroke_enabled, stroke_color, stroke_width,
        shadow_enabled, background_enabled, background_color, intro_animation, outro_animation,
        loop_animation.

        Args:
            draft_id: From create_draft.
            caption_infos: JSON texts, such as {"content": "...", "start": 0, "end": 3000, "position_x": 0,
                "position_y": -0.8}.
            time_unit: Unit of start and end: us, ms or s; say it. auto finds it out and tells it in `issues`.
            track_name: Put them on this track instead, together with others that name it.
        """
        return await self._add(
            "add_captions", "caption_infos", caption_infos, draft_id, time_unit, track_name, context
        )

    @tool
    async def add_effects(
        self,
        draft_id: str,
        effect_infos: Infos,
        time_unit: TimeUnit = "auto",
        track_name: str | None = None,
        *,
        context: ToolContext,
    ) -> SegmentsAdded:
        """Add visual effects over the whole picture to an unfinished draft, on a new track.

        Each info: effect_type (a name from search_resources, kind effect), start, end (required); intensity
        (0-1).

        Args:
            draft_id: From create_draft.
            effect_infos: JSON texts, such as {"effect_type": "故障", "start": 0, "end": 3000}.
            time_unit: Unit of start and end: us, ms or s; say it. auto finds it out and tells it in `issues`.
            track_name: Put them on this track instead, together with others that name it.
        """
        return await self._add(
            "add_effects", "effect_infos", effect_infos, draft_id, time_unit, track_name, context
        )

    @tool
    async def add_filters(
        self,
        draft_id: str,
        filter_infos: Infos,
        time_unit: TimeUnit = "auto",
        track_name: str | None = None,
        *,
        context: ToolContext,
    ) -> SegmentsAdded:
        """Add colour filters over the whole picture to an unfinished draft, on a new track.

        Each info: filter_type (a name from search_resources, kind filter), start, end (required); intensity
        (0-1).

        Args:
            draft_id: From create_draft.
            filter_infos: JSON texts, such as {"filter_type": "清晰", "start": 0, "end": 3000}.
            time_unit: Unit of start and end: us, ms or s; say it. auto finds it out and tells it in `issues`.
            track_name: Put them on this track instead, together with others that name it.
        """
        return await self._add(
            "add_filters", "filter_infos", filter_infos, draft_id, time_unit, track_name, context
        )

    @tool
    async def add_stickers(
        self,
        draft_id: str,
        sticker_infos: Infos,
        time_unit: TimeUnit = "auto",
        track_name: str | None = None,
        *,
        context: ToolContext,
    ) -> SegmentsAdded:
        """Add JianYing's own stickers to an unfinished draft, on a new track. For a picture use add_images.

        Each info: resource_id (JianYing's), start, end (required); position_x, position_y, scale_x, scale_y,
        rotation, opacity.

        Args:
            draft_id: From create_draft.
            sticker_infos: JSON texts, such as {"resource_id": "...", "start": 0, "end": 3000}.
            time_unit: Unit of start and end: us, ms or s; say it. auto finds it out and tells it in `issues`.
            track_name: Put them on this track instead, together with others that name it.
        """
        return await self._add(
            "add_stickers", "sticker_infos", sticker_infos, draft_id, time_unit, track_name, context
        )

    async def _add(
        self,
        name: str,
        argument: str,
        infos: Any,
        draft_id: str,
        time_unit: TimeUnit,
        track_name: str | None,
        context: ToolContext,
    ) -> SegmentsAdded:
        async with self._bench.draft(draft_id, context) as draft:
            try:
                read = await self._read(argument, infos, draft, time_unit, context)
            except DraftError as error:
                raise refused(error, "step.not_added", segment_ids=[]) from None
            kind = _KINDS[name]
            _check_track(draft, kind, track_name)
            key = track_name or context.call_id

            def lanes(now: Unfinished) -> list[Lane]:
                return read.lanes(kind, key, track_name, id_prefix(context.call_id), set(now.clips))

            earlier = draft.step(context.call_id)
            new = list(earlier.lanes) if earlier else lanes(draft)
            report = await self._bench.try_out(draft, new, context, _by_id(new), read.place)
            (built,) = report.drafts
            end_us = max((_end_us(clip, built.duration_us) for lane in new for clip in lane.clips), default=0)
            pictures = any(lane.kind == "video" for lane in new)
            draft, step = await self._bench.add(
                draft,
                context,
                lambda now: Step(
                    context.call_id,
                    name,
                    tuple(lanes(now)),
                    pictures_end_us=built.duration_us if pictures else 0,
                    unit=read.unit,
                    given=infos,
                ),
            )
            ids = [clip["id"] for lane in step.lanes for clip in lane.clips]
            issues = [*read.issues, *report.issues, *built.issues]
            sentences = [say("step.added", count=len(ids), name=draft.name), *with_issues(serious(issues))]
            return SegmentsAdded(" ".join(sentences), ids, end_us / 1e6, issues)

    async def _read(
        self, argument: str, infos: Any, draft: Unfinished, time_unit: TimeUnit, context: ToolContext
    ) -> ReadInfos:
        from c2jy_bridge.compat.coze2jianying.unfinished.infos import read_infos

        read = await asyncio.to_thread(read_infos, argument, infos, draft, time_unit)
        files = await self._bench.files(read.sources, context) if read.asked == "auto" else {}
        durations_us = {url: file.duration_us for url, file in files.items() if file.kind != "image"}
        return await asyncio.to_thread(read.knowing, durations_us, draft.unit)


def _check_track(draft: Unfinished, kind: TrackKind, name: str | None) -> None:
    """A track that exists keeps its type.

    Raises:
        ToolError: There is a track of this name and another type, and none of this one.
    """
    kinds = [lane.kind for lane in draft.lanes if lane.name == name] if name else []
    if kinds and kind not in kinds:
        raise ToolError(say("step.track_kind", track=name, kind=kinds[0]), segment_ids=[])


def _by_id(lanes: list[Lane]) -> dict[str, str]:
    """Clip id -> its place in the spec that the infos were read as."""
    return {
        clip["id"]: f"tracks[{track}].clips[{number}]"
        for track, lane in enumerate(lanes)
        for number, clip in enumerate(lane.clips)
    }


def _end_us(clip: dict[str, Any], otherwise: int) -> int:
    at = clip.get("at") or {}
    return int(at.get("start", 0)) + int(at["duration"]) if "duration" in at else otherwise
