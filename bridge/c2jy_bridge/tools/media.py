"""Media tools: how long and how large files on the web are, before a draft is made of them."""

from __future__ import annotations

from typing import Annotated, Final

from pydantic import Field

from c2jy_bridge.drafts import ProbeResult, Progress, Studio
from c2jy_bridge.i18n import catalogue
from c2jy_bridge.plugin import ToolContext, tool
from c2jy_bridge.tools.answers import (
    DurationsMeasured,
    EmptyTimeline,
    Measured,
    MediaMeasured,
    NotMeasured,
    Timeline,
)

say: Final = catalogue("tools")

Addresses = Annotated[list[str], Field(min_length=1, max_length=200)]


class MediaTools:
    """probe_media, and get_media_duration as users of Coze2JianYing know it."""

    def __init__(self, studio: Studio) -> None:
        self._studio = studio

    @tool
    async def probe_media(self, urls: Addresses, context: ToolContext) -> MediaMeasured:
        """Measure images, videos and sounds: kind, length in seconds, width and height in pixels.

        The results are in the order of `urls`, one for each; where one failed it has `error` instead. Files
        are kept, so that generate_draft does not download them again.

        Args:
            urls: http(s) addresses of media files.
        """
        results = await self._probe(urls, context)
        measured = sum(1 for result in results if result.material is not None)
        message = say("media.measured", measured=measured, total=len(results))
        return MediaMeasured(message, [_measured(result) for result in results])

    @tool
    async def get_media_duration(self, links: Addresses, context: ToolContext) -> DurationsMeasured:
        """Lengths of videos and sounds, laid one after another on a timeline, in MILLISECONDS.

        `timelines[i]` belongs to `links[i]`: its length is end - start. Where one failed, start and end are
        the same and `error` says why. `all_timelines` has one entry, from 0 to the end of the last. For
        lengths in seconds use probe_media.

        Args:
            links: http(s) addresses of videos and sounds.
        """
        timelines: list[Timeline | EmptyTimeline] = []
        end_us = measured = 0
        for result in await self._probe(links, context):
            start_us = end_us
            if result.material is None:
                timelines.append(EmptyTimeline(_ms(start_us), _ms(start_us), result.error))
                continue
            measured += 1
            end_us += result.material.duration_us
            timelines.append(Timeline(_ms(start_us), _ms(end_us)))
        message = say("media.measured", measured=measured, total=len(timelines))
        return DurationsMeasured(message, timelines, [Timeline(0, _ms(end_us))])

    async def _probe(self, sources: list[str], context: ToolContext) -> list[ProbeResult]:
        def tell(progress: Progress) -> None:
            context.progress(progress.message, progress.done, progress.total, progress.unit)

        return await self._studio.probe(sources, on_progress=tell)


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
