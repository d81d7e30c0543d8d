"""The tool that shows a Bot what it has built."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Annotated, Final

from pydantic import Field

from c2jy_bridge.core.i18n import catalogue
from c2jy_bridge.drafts import DraftError
from c2jy_bridge.drafts.preview.previewer import Previewer
from c2jy_bridge.plugin import ToolContext, ToolError, tool
from c2jy_bridge.tools.drafts import progress_callback, refused
from c2jy_bridge.tools.outputs import PreviewShown

say: Final = catalogue("tools")


class PreviewTools:
    """preview_draft."""

    def __init__(self, previewer: Previewer, upload: Callable[[Path], Awaitable[str]]) -> None:
        """Take the services.

        Args:
            previewer: Draws drafts.
            upload: Sends a file to Coze and returns its file id.
        """
        self._previewer, self._upload = previewer, upload

    @tool(policy="ask", timeout_s=300.0)
    async def preview_draft(
        self,
        name: str,
        at: Annotated[float, Field(ge=0, le=86_400)] | None = None,
        *,
        context: ToolContext,
    ) -> PreviewShown:
        """See a draft as JianYing would roughly show it: a contact sheet of 12 frames, or one frame.

        `image` and `file_id` are the uploaded PNG's file id. Look at it and correct the draft: text that is
        too small or hidden, pictures cut off, scenes in the wrong order. `approximate` and `not_drawn` say
        what looks otherwise in JianYing, or is seen only there.

        Args:
            name: The draft's name as generate_draft or list_drafts gives it.
            at: Seconds from the start, for one larger frame; leave it out for the sheet.
        """
        with TemporaryDirectory(prefix="c2jy-") as folder:
            try:
                made = await self._previewer.make(
                    name,
                    "sheet" if at is None else "frame",
                    Path(folder, "preview.png"),
                    at_us=round((at or 0.0) * 1e6),
                    on_progress=progress_callback(context),
                )
            except DraftError as error:
                raise refused(error, "draft.not_previewed") from None
            try:
                file_id = await self._upload(Path(made.path))
            except Exception as error:  # the wire has errors of its own; this room does not know them
                raise ToolError(say("draft.preview_not_uploaded", reason=str(error)[:300])) from None
        return PreviewShown(
            say(
                "draft.previewed", name=name, count=len(made.times_us), seconds=f"{made.duration_us / 1e6:g}"
            ),
            file_id,
            file_id,
            made.width,
            made.height,
            [at_us / 1e6 for at_us in made.times_us],
            [note.message for note in made.notes if note.fidelity == "approximate"],
            [note.message for note in made.notes if note.fidelity == "not_drawn"],
        )
