"""The add_* tools, with the argument names and fields that users of Coze2JianYing have in their prompts."""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from c2jy_bridge.compat.coze2jianying.step_tools.step_outputs import SegmentsAdded
from c2jy_bridge.compat.coze2jianying.step_tools.step_session import Infos, StepSession
from c2jy_bridge.compat.coze2jianying.unfinished.draft import Lane, Step, Unfinished, id_prefix
from c2jy_bridge.core.i18n import catalogue
from c2jy_bridge.core.settings import TimeUnit
from c2jy_bridge.drafts import DraftError
from c2jy_bridge.drafts.spec.document import TrackKind
from c2jy_bridge.plugin import ToolContext, ToolError, tool
from c2jy_bridge.tools.drafts import refused, serious, with_issues

if TYPE_CHECKING:
    from c2jy_bridge.compat.coze2jianying.unfinished.infos import ReadInfos

say: Final = catalogue("tools")

_DESCRIPTION: Final = """{summary}

Each info: {fields}

Args:
    draft_id: From create_draft.
    {argument}: JSON texts, such as {example}.
    time_unit: Unit of start and end: us, ms or s; say it. auto finds it out and tells it in `issues`.
    track_name: Put them on this track instead, together with others that name it.
"""


@dataclass(frozen=True, slots=True)
class _AddTool:
    """One add_* tool; the texts are its description as the Bot reads it."""

    kind: TrackKind
    summary: str
    fields: str
    example: str


_TOOLS: Final[dict[str, _AddTool]] = {
    "add_videos": _AddTool(
        "video",
        "Add videos to an unfinished draft, on a new track.",
        "video_url, start, end (required); material_start, material_end (the part of the file),\n"
        "volume, speed, position_x, position_y, scale_x, scale_y, rotation, opacity, filter_type,\n"
        "filter_intensity (0-1), transition_type, transition_duration, background_blur, background_color.",
        '{"video_url": "https://...", "start": 0, "end": 5000}',
    ),
    "add_images": _AddTool(
        "video",
        "Add pictures to an unfinished draft, on a new track.",
        "image_url, start, end (required); position_x, position_y, scale_x, scale_y, rotation,\n"
        "opacity, filter_type, filter_intensity (0-1), transition_type, transition_duration, in_animation,\n"
        "in_animation_duration, outro_animation, outro_animation_duration, fit_mode, background_blur,\n"
        "background_color.",
        '{"image_url": "https://...", "start": 0, "end": 3000}',
    ),
    "add_audios": _AddTool(
        "audio",
        "Add narration, music or sounds to an unfinished draft, on a new track.",
        "audio_url, start, end (required); volume, fade_in, fade_out, speed, material_start,\n"
        "material_end, effect_type.",
        '{"audio_url": "https://...", "start": 0, "end": 5000}',
    ),
    "add_captions": _AddTool(
        "text",
        "Add captions or titles to an unfinished draft, on a new track above the pictures.",
        "content, start, end (required); position_x, position_y (0, 0 is the centre, -0.8 low),\n"
        "font_family, font_size, color, alignment, font_weight, stroke_enabled, stroke_color, stroke_width,\n"
        "shadow_enabled, background_enabled, background_color, intro_animation, outro_animation,\n"
        "loop_animation.",
        '{"content": "...", "start": 0, "end": 3000, "position_x": 0, "position_y": -0.8}',
    ),
    "add_effects": _AddTool(
        "effect",
        "Add visual effects over the whole picture to an unfinished draft, on a new track.",
        "effect_type (a name from search_resources, kind effect), start, end (required); intensity\n(0-1).",
        '{"effect_type": "故障", "start": 0, "end": 3000}',
    ),
    "add_filters": _AddTool(
        "filter",
        "Add colour filters over the whole picture to an unfinished draft, on a new track.",
        "filter_type (a name from search_resources, kind filter), start, end (required); intensity\n(0-1).",
        '{"filter_type": "清晰", "start": 0, "end": 3000}',
    ),
    "add_stickers": _AddTool(
        "sticker",
        "Add JianYing's own stickers to an unfinished draft, on a new track. For a picture use add_images.",
        "resource_id (JianYing's), start, end (required); position_x, position_y, scale_x, scale_y,\n"
        "rotation, opacity.",
        '{"resource_id": "...", "start": 0, "end": 3000}',
    ),
}


def add_tools(session: StepSession) -> list[Callable[..., Awaitable[SegmentsAdded]]]:
    """The add_* tools on this session, marked for the registry."""
    return [_tool(session, name, row) for name, row in _TOOLS.items()]


def _tool(session: StepSession, name: str, row: _AddTool) -> Callable[..., Awaitable[SegmentsAdded]]:
    """A tool with the signature and docstring that the Bot is shown: only the name of its infos differs."""
    argument = f"{name.removeprefix('add_').removesuffix('s')}_infos"

    async def add(
        draft_id: str,
        time_unit: TimeUnit = "auto",
        track_name: str | None = None,
        *,
        context: ToolContext,
        **infos: Any,
    ) -> SegmentsAdded:
        key, prefix, given = track_name or context.call_id, id_prefix(context.call_id), infos[argument]
        async with session.draft(draft_id, context) as draft:
            try:
                read = await _read(session, argument, given, draft, time_unit, context)
            except DraftError as error:
                raise refused(error, "step.not_added", segment_ids=[]) from None
            _check_track(draft, row.kind, track_name)

            def lanes(now: Unfinished) -> list[Lane]:
                return read.lanes(row.kind, key, track_name, prefix, set(now.clips))

            earlier = draft.step(context.call_id)
            new = list(earlier.lanes) if earlier else lanes(draft)
            path_by_id = {
                clip["id"]: f"tracks[{track}].clips[{number}]"
                for track, lane in enumerate(new)
                for number, clip in enumerate(lane.clips)
            }
            report = await session.try_out(draft, new, context, path_by_id, read.place)
            (built,) = report.drafts
            end_us = max((_end_us(clip, built.duration_us) for lane in new for clip in lane.clips), default=0)
            pictures_end_us = built.duration_us if any(lane.kind == "video" for lane in new) else 0
            draft, step = await session.add(
                draft,
                context,
                lambda now: Step(
                    context.call_id,
                    name,
                    tuple(lanes(now)),
                    pictures_end_us=pictures_end_us,
                    unit=read.unit,
                    given=given,
                ),
            )
            ids = [clip["id"] for lane in step.lanes for clip in lane.clips]
            issues = [*read.issues, *report.issues, *built.issues]
            sentences = [say("step.added", count=len(ids), name=draft.name), *with_issues(serious(issues))]
            return SegmentsAdded(" ".join(sentences), ids, end_us / 1e6, issues)

    shown = dict(inspect.signature(add).parameters)
    listed = shown.pop("infos").replace(name=argument, kind=inspect.Parameter.POSITIONAL_OR_KEYWORD)
    draft_id, *others = shown.values()
    add.__signature__ = inspect.Signature([draft_id, listed, *others])  # type: ignore[attr-defined]  # PEP 362
    add.__annotations__[argument] = Infos
    add.__doc__ = _DESCRIPTION.format(
        summary=row.summary, fields=row.fields, argument=argument, example=row.example
    )
    return tool(name=name)(add)


async def _read(
    session: StepSession,
    argument: str,
    infos: Any,
    draft: Unfinished,
    time_unit: TimeUnit,
    context: ToolContext,
) -> ReadInfos:
    from c2jy_bridge.compat.coze2jianying.unfinished.infos import read_infos

    read = await asyncio.to_thread(read_infos, argument, infos, draft, time_unit)
    files = await session.files(read.sources, context) if read.asked == "auto" else {}
    durations_us = {url: file.duration_us for url, file in files.items() if file.kind != "image"}
    return await asyncio.to_thread(read.with_durations, durations_us, draft.unit)


def _check_track(draft: Unfinished, kind: TrackKind, name: str | None) -> None:
    """A track that exists keeps its type.

    Raises:
        ToolError: There is a track of this name and another type, and none of this one.
    """
    kinds = [lane.kind for lane in draft.lanes if lane.name == name] if name else []
    if kinds and kind not in kinds:
        raise ToolError(say("step.track_kind", track=name, kind=kinds[0]), segment_ids=[])


def _end_us(clip: dict[str, Any], otherwise: int) -> int:
    at = clip.get("at") or {}
    return int(at.get("start", 0)) + int(at["duration"]) if "duration" in at else otherwise
