"""Template tools: what of a draft can be filled, and a new draft made from it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from c2jy_bridge.core.events import DraftWritten
from c2jy_bridge.core.i18n import catalogue
from c2jy_bridge.drafts import DraftError, TemplateFiller
from c2jy_bridge.plugin import ToolContext, tool
from c2jy_bridge.tools.drafts import progress_callback, refused, with_issues
from c2jy_bridge.tools.outputs import SlotShown, TemplateFilled, TemplateShown

say: Final = catalogue("tools")


class TemplateTools:
    """describe_template, fill_template."""

    def __init__(self, filler: TemplateFiller, clock: Callable[[], float]) -> None:
        self._filler = filler
        self._clock = clock

    @tool
    async def describe_template(self, name: str) -> TemplateShown:
        """Show what of a draft on the user's computer can be filled, before fill_template is called.

        Any draft that JianYing or CapCut saved unencrypted is a template. Each slot has a name (image1,
        text2), its kind, start and length in seconds, the size of its picture and what is in it now. `texts`
        are the words in it, `spans` those of each style, when there are several.

        Args:
            name: The draft's name as list_drafts gives it.
        """
        try:
            view = await self._filler.describe(name)
        except DraftError as error:
            raise refused(error, "template.not_read") from None
        slots = [
            SlotShown(
                slot.slot,
                slot.kind,
                slot.track,
                slot.start_us / 1e6,
                slot.duration_us / 1e6,
                slot.width,
                slot.height,
                slot.label,
                list(slot.texts),
                list(slot.spans),
            )
            for slot in view.slots
        ]
        return TemplateShown(
            say("template.described", name=view.name, count=len(slots)),
            view.name,
            view.width,
            view.height,
            view.duration_us / 1e6,
            slots,
        )

    # The docstring is what the model reads; tests fill its example.
    @tool
    async def fill_template(
        self,
        name: str,
        fill: str | dict[str, Any],
        new_name: str,
        dry_run: bool = False,
        *,
        context: ToolContext,
    ) -> TemplateFilled:
        """Make a new draft from a draft on the user's computer: other pictures, videos, sounds and texts.

        The template stays as it is; effects, animations, styles and everything else come along. Call
        describe_template first for the names of its slots. Example of `fill`:
        {"image1": "https://example.com/a.jpg",
         "video1": {"media": "https://example.com/b.mp4", "length": "loop", "framing": "fit", "start": 1.5},
         "text1": "新标题", "text2": ["红色", "白色"]}

        A slot takes a URL, or an object:
        - media; start: where in the file it begins, seconds
        - length, when a file is not as long as its slot: cut (default: the tail is cut off, a shorter video
          is slowed down), slow, loop, follow (the slot becomes as long as the file, later clips move)
        - framing: fill (default: cropped to the shape of the old picture), fit (shown whole), keep
        A text slot takes words, or a list: one text for each span, or for each text of a text template.

        Instead of single slots, lists in the order of the slots: {"images": [...], "videos": [...],
        "pictures": [...] (both), "sounds": [...], "texts": [...]}.
        A scene for each item of a list of any length: {"repeat": [{"slots": ["image1", "text1"],
        "items": [{"image1": "https://...", "text1": "..."}, ...]}]}; what comes after moves.
        On top: "tracks" as in generate_draft, and {"take": [{"draft": "...", "track": "..."}]}.

        Args:
            name: The template's name as list_drafts gives it.
            fill: The values, as an object or as JSON text.
            new_name: Name of the new draft; it gets a number when there is one.
            dry_run: true checks everything, media included, and writes nothing.
        """
        try:
            made = await self._filler.fill(
                name,
                fill,
                new_name,
                request_id=context.call_id,
                dry_run=dry_run,
                on_progress=progress_callback(context),
            )
        except DraftError as error:
            raise refused(error) from None
        seconds = made.duration_us / 1e6
        if not dry_run:
            context.emit(
                DraftWritten(
                    at=self._clock(),
                    draft_id=made.draft_id,
                    name=made.name,
                    path=made.path,
                    duration_us=made.duration_us,
                    issues=made.issues,
                    call_id=context.call_id,
                )
            )
        key = "draft.would_write" if dry_run else "draft.written"
        written = say(key, name=made.name, seconds=f"{seconds:g}", tracks=made.tracks, clips=made.clips)
        message = " ".join([written, *with_issues(made.issues)])
        return TemplateFilled(message, made.draft_id, made.name, made.path, seconds, list(made.issues))
