"""append_scenes: all scenes of a narrated video in one call."""

from __future__ import annotations

from dataclasses import replace
from typing import Annotated, Any, Final, Literal

from pydantic import Field

from c2jy_bridge.compat.coze2jianying.step_tools.step_outputs import ScenesAdded, SceneSpan
from c2jy_bridge.compat.coze2jianying.step_tools.step_session import StepSession
from c2jy_bridge.compat.coze2jianying.unfinished.draft import Step, Unfinished, id_prefix
from c2jy_bridge.compat.coze2jianying.unfinished.scenes import (
    Music,
    Scene,
    SceneLayout,
    lay_out_scenes,
    sources,
)
from c2jy_bridge.core.events import Issue
from c2jy_bridge.core.i18n import catalogue
from c2jy_bridge.drafts import Material
from c2jy_bridge.plugin import ToolContext, ToolError, tool
from c2jy_bridge.tools.drafts import lines, progress_callback, serious, with_issues

say: Final = catalogue("tools")


class SceneTools:
    """append_scenes."""

    def __init__(self, session: StepSession) -> None:
        self._session = session

    @tool
    async def append_scenes(
        self,
        draft_id: str,
        scenes: Annotated[list[Scene], Field(min_length=1, max_length=500)],
        music: Music | None = None,
        fit: Literal["fit", "fill", "stretch"] = "fit",
        caption_style: dict[str, Any] | None = None,
        *,
        context: ToolContext,
    ) -> ScenesAdded:
        """Add scenes to an unfinished draft, end to end after what is there: picture, narration, caption.

        The usual way to a narrated video: create_draft, append_scenes once with all scenes, save_draft. You
        need not know any length: a scene lasts as long as its narration. Example of a scene:
        {"image": "https://...", "narration": "https://....mp3", "caption": "第一道菜是麻婆豆腐，又麻又辣。",
         "transition": "叠化"}

        Args:
            draft_id: From create_draft.
            scenes: In their order.
            music: Background music under all these scenes.
            fit: How pictures fill the canvas. fit: all of it is seen; fill: covers the canvas, edges cut;
                stretch: distorted.
            caption_style: Style of the captions, as in generate_draft: {"size": 10, "color": "#FFDD00"}.
        """
        async with self._session.draft(draft_id, context) as draft:
            files = await self._files(scenes, music, context)

            def layout_on(now: Unfinished) -> SceneLayout:
                prefix = id_prefix(context.call_id)
                return lay_out_scenes(
                    scenes, music, now, files, prefix=prefix, fit=fit, caption_style=caption_style
                )

            layout = layout_on(_before(draft, context.call_id))
            report = await self._session.try_out(draft, layout.lanes, context, _by_id(layout))
            (built,) = report.drafts
            draft, _ = await self._session.add(
                draft, context, lambda now: _step(context.call_id, layout_on(now), scenes, music)
            )
            issues = [*layout.issues, *report.issues, *built.issues]
            begin_us, end_us = layout.spans[0][0], layout.spans[-1][1]
            sentences = [
                say(
                    "step.scenes",
                    count=len(scenes),
                    name=draft.name,
                    start=f"{begin_us / 1e6:g}",
                    end=f"{end_us / 1e6:g}",
                ),
                *with_issues(serious(issues)),
            ]
            return ScenesAdded(" ".join(sentences), _spans(layout), end_us / 1e6, issues)

    async def _files(
        self, scenes: list[Scene], music: Music | None, context: ToolContext
    ) -> dict[str, Material]:
        """Every file the scenes need.

        Raises:
            ToolError: Some cannot be had, or are not what they are wanted for; with all of them.
        """
        wanted = sources(scenes, music)
        found = await self._session.builder.probe(
            [address for _, address in wanted], progress_callback(context)
        )
        faults = [
            Issue("no_file", path, "error", result.error, "")
            for (path, _), result in zip(wanted, found, strict=True)
            if result.material is None
        ]
        faults += [
            Issue("silent_file", path, "error", say("scenes.no_sound"), "")
            for (path, _), result in zip(wanted, found, strict=True)
            if result.material is not None
            and path.endswith(("narration", "music.url"))
            and not (result.material.has_audio or result.material.kind == "audio")
        ]
        if faults:
            raise ToolError(say("step.not_added", reasons=lines(faults)), scenes=[], issues=faults)
        return {result.source: result.material for result in found if result.material is not None}


def _before(draft: Unfinished, call_id: str) -> Unfinished:
    """The draft as this call found it when it came first."""
    calls = [step.call_id for step in draft.steps]
    return replace(draft, steps=draft.steps[: calls.index(call_id)]) if call_id in calls else draft


def _step(call_id: str, layout: SceneLayout, scenes: list[Scene], music: Music | None) -> Step:
    given = {
        "scenes": [scene.model_dump(exclude_none=True) for scene in scenes],
        "music": music.model_dump() if music else None,
    }
    # A last scene without a picture takes its time too.
    return Step(call_id, "append_scenes", layout.lanes, pictures_end_us=layout.spans[-1][1], given=given)


def _by_id(layout: SceneLayout) -> dict[str, str]:
    """Clip id -> the scene it belongs to: ids end with its number."""
    result = {}
    for lane in layout.lanes:
        for clip in lane.clips:
            _, what, *number = clip["id"].split("-")
            result[clip["id"]] = f"scenes[{int(number[0]) - 1}]" if number else what
    return result


def _spans(layout: SceneLayout) -> list[SceneSpan]:
    videos = (clip for lane in layout.lanes if lane.kind == "video" for clip in lane.clips)
    pictures = {clip["at"]["start"]: clip["id"] for clip in videos}
    return [SceneSpan(start / 1e6, end / 1e6, pictures.get(start, "")) for start, end in layout.spans]
