"""export_draft: a draft for the machine that edits it."""

from __future__ import annotations

from typing import Final

from c2jy_bridge.core.i18n import catalogue
from c2jy_bridge.drafts import DraftError, DraftPacker, Progress
from c2jy_bridge.plugin import ToolContext, ToolError, tool
from c2jy_bridge.tools.answers import DraftExported

say: Final = catalogue("tools")


class PackingTools:
    """export_draft."""

    def __init__(self, courier: DraftPacker) -> None:
        self._courier = courier

    @tool
    async def export_draft(
        self,
        name: str,
        target_root: str | None = None,
        zip: bool = True,  # noqa: A002  (the name that the Bot sees)
        *,
        context: ToolContext,
    ) -> DraftExported:
        r"""Make a draft ready for another computer: one zip, media inside, paths spelled for that computer.

        Only when the user edits on another computer than this one; JianYing finds the drafts of this computer
        without it. Give the zip's path in the answer to the user, who copies the file over.

        Args:
            name: The draft's name as list_drafts gives it.
            target_root: JianYing's drafts folder on the other computer, e.g.
                C:\Users\me\AppData\Local\JianyingPro\User Data\Projects\com.lveditor.draft. Ask the user for
                it (JianYing: 全局设置, 草稿位置). Left out: paths stay as they are.
            zip: false writes no zip but changes the paths of the draft where it is, for when the user copies
                the folder.
        """
        if not zip:
            return await self._relocated(name, target_root)

        def tell(progress: Progress) -> None:
            context.progress(progress.message, progress.done, progress.total, progress.unit)

        try:
            made = await self._courier.pack(name, target_root=target_root, on_progress=tell)
        except DraftError as error:
            raise _refusal(name, error) from None
        message = say("draft.packed", name=name, path=made.path)
        return DraftExported(message, made.path, made.root, made.size_bytes, list(made.issues))

    async def _relocated(self, name: str, target_root: str | None) -> DraftExported:
        if not target_root:
            raise ToolError(say("draft.nothing_to_export"))
        try:
            report = await self._courier.relocate([name], target_root)
        except DraftError as error:
            raise _refusal(name, error) from None
        (done,) = report.drafts
        message = say("draft.relocated", name=done.name, root=done.root, was=done.was or "-")
        return DraftExported(message, done.path, done.root, 0, [*report.issues, *done.issues])


def _refusal(name: str, error: DraftError) -> ToolError:
    reasons = "; ".join(found.message for found in error.issues[:5])
    return ToolError(say("draft.not_exported", name=name, reasons=reasons), issues=list(error.issues))
