"""Media and resource tools: measure files on the web, search JianYing's resource names."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Final

from pydantic import Field

from c2jy_bridge.core.i18n import catalogue
from c2jy_bridge.drafts import DraftBuilder, ProbeResult
from c2jy_bridge.drafts.kinds import ResourceKind
from c2jy_bridge.plugin import ToolContext, ToolError, tool
from c2jy_bridge.tools.drafts import progress_callback
from c2jy_bridge.tools.outputs import (
    DurationsMeasured,
    EmptyTimeline,
    Measured,
    MediaMeasured,
    NotMeasured,
    ResourceRow,
    ResourcesFound,
    SliderRow,
    Timeline,
)

if TYPE_CHECKING:
    from c2jy_bridge.drafts.resources import Entry


say: Final = catalogue("tools")

Addresses = Annotated[list[str], Field(min_length=1, max_length=200)]


class MediaTools:
    """probe_media, and get_media_duration as users of Coze2JianYing know it."""

    def __init__(self, builder: DraftBuilder) -> None:
        self._builder = builder

    @tool
    async def probe_media(self, urls: Addresses, context: ToolContext) -> MediaMeasured:
        """Measure images, videos and sounds: kind, length in seconds, width and height in pixels.

        The results are in the order of `urls`, one for each; where one failed it has `error` instead, and
        `failed` counts them. Files are kept, so that generate_draft does not download them again.

        Args:
            urls: http(s) addresses of media files.
        """
        results = await self._probe(urls, context)
        rows = [_measured(result) for result in results]
        failed = _failed(results)
        if failed == len(results):
            raise ToolError(_summary(results), failed=failed, results=rows)
        return MediaMeasured(_summary(results), failed, rows)

    @tool
    async def get_media_duration(self, links: Addresses, context: ToolContext) -> DurationsMeasured:
        """Lengths of videos and sounds, laid one after another on a timeline, in MILLISECONDS.

        `timelines[i]` belongs to `links[i]`: its length is end - start. Where one failed, start and end are
        the same and `error` says why; `failed` counts them. `all_timelines` has one entry, from 0 to the end
        of the last. For lengths in seconds use probe_media.

        Args:
            links: http(s) addresses of videos and sounds.
        """
        timelines: list[Timeline | EmptyTimeline] = []
        end_us = 0
        results = await self._probe(links, context)
        for result in results:
            start_us = end_us
            if result.material is None:
                timelines.append(EmptyTimeline(_ms(start_us), _ms(start_us), result.error))
                continue
            end_us += result.material.duration_us
            timelines.append(Timeline(_ms(start_us), _ms(end_us)))
        failed, whole = _failed(results), [Timeline(0, _ms(end_us))]
        if failed == len(results):
            raise ToolError(
                _summary(results), failed=failed, timelines=timelines, all_timelines=whole, unit="ms"
            )
        return DurationsMeasured(_summary(results), failed, timelines, whole)

    async def _probe(self, sources: list[str], context: ToolContext) -> list[ProbeResult]:
        return await self._builder.probe(sources, on_progress=progress_callback(context))


def _failed(results: list[ProbeResult]) -> int:
    return sum(result.material is None for result in results)


def _summary(results: list[ProbeResult]) -> str:
    """How many could be had, and why the first of the others could not."""
    failed = _failed(results)
    if not failed:
        return say("media.measured", total=len(results))
    why = next(result.error for result in results if result.material is None)
    key = "media.none_measured" if failed == len(results) else "media.some_measured"
    return say(key, measured=len(results) - failed, failed=failed, total=len(results), why=why)


def _measured(result: ProbeResult) -> Measured | NotMeasured:
    material = result.material
    if material is None:
        return NotMeasured(result.source, result.error)
    return Measured(
        url=result.source,
        kind=material.kind,
        duration_s=material.duration_us / 1e6,
        width=material.width,
        height=material.height,
        has_audio=material.has_audio,
        size_bytes=material.size_bytes,
        name=material.name,
    )


def _ms(us: int) -> int:
    return round(us / 1000)


class ResourceTools:
    """search_resources."""

    # In a thread of its own: the first search loads the catalogues.
    @tool
    def search_resources(
        self,
        kind: ResourceKind,
        query: str = "",
        vip: bool | None = None,
        limit: Annotated[int, Field(ge=1, le=200)] = 20,
    ) -> ResourcesFound:
        """Find JianYing's own names of effects, filters, transitions, animations, fonts: do not guess them.

        A draft can only use names that are in JianYing. Search with Chinese (叠化), pinyin (diehua, dh) or
        English (dissolve, fade in, glitch). The best come first, free ones before those for members. If
        nothing has these words, `fits` is false and `resources` are the nearest names.

        Use `name` exactly as it is given. `default_duration_s` is how long a transition or animation
        lasts when you do not say. `params` are an effect's sliders, 0-100, with their defaults.

        Args:
            kind: any, or filter, transition, effect (scene and character effects), animation (of pictures:
                video_in, video_out, video_group), text_animation (text_in, text_out, text_loop), font,
                audio_effect (audio_scene, tone, speech_to_song), mask, mix_mode, or one of those in brackets.
            query: What to look for; empty lists all.
            vip: true: only those for JianYing members; false: only those free for everybody; left out: both.
            limit: Most names to return.
        """
        from c2jy_bridge.drafts.resources import search

        hits = search(kind, query, vip=vip, limit=limit)
        key = "resources.found" if hits.fits else "resources.nearest" if hits.entries else "resources.none"
        message = say(key, query=query, count=hits.total, shown=len(hits.entries))
        return ResourcesFound(message, hits.fits, hits.total, [_row(entry) for entry in hits.entries])


def _row(entry: Entry) -> ResourceRow:
    return ResourceRow(
        name=entry.name,
        kind=entry.kind,
        vip=entry.vip,
        default_duration_s=None if entry.duration_us is None else entry.duration_us / 1e6,
        params=[SliderRow(slider.name, slider.default) for slider in entry.sliders],
    )
