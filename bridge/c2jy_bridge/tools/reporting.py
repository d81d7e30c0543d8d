"""How tools tell of drafts that were built, and of those that were not."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from c2jy_bridge.core.events import DraftWritten, Issue
from c2jy_bridge.core.i18n import catalogue
from c2jy_bridge.drafts import BuildReport, DraftError, OnProgress, Progress
from c2jy_bridge.plugin import ToolContext, ToolError
from c2jy_bridge.tools.answers import DraftMade, DraftsMade

say: Final = catalogue("tools")

_NAMED_ISSUES: Final = 5
"""Issues told in the message itself; all of them are in `issues`."""


def teller(context: ToolContext) -> OnProgress:
    """Tells the call's listeners how far the drafts room is."""

    def tell(progress: Progress) -> None:
        context.progress(progress.message, progress.done, progress.total, progress.unit)

    return tell


def refused(error: DraftError, key: str = "draft.not_built", **fields: object) -> ToolError:
    """A DraftError as what the Bot reads."""
    return ToolError(say(key, reasons=lines(error.issues)), **fields, issues=list(error.issues))


def announce(report: BuildReport, context: ToolContext, at: float) -> None:
    """Let everybody know of the drafts that were written; `at` is Unix seconds."""
    for draft in report.drafts:
        context.emit(
            DraftWritten(
                at=at,
                draft_id=draft.draft_id,
                name=draft.name,
                path=draft.path,
                duration_us=draft.duration_us,
                issues=(*report.issues, *draft.issues),
                call_id=context.call_id,
            )
        )


def made(report: BuildReport, *, dry_run: bool) -> DraftsMade:
    """The answer of a tool that built drafts."""
    issues = [*report.issues, *(issue for draft in report.drafts for issue in draft.issues)]
    sentences = [
        say(
            "draft.would_write" if dry_run else "draft.written",
            name=draft.name,
            seconds=f"{draft.duration_us / 1e6:g}",
            tracks=draft.tracks,
            clips=draft.clips,
        )
        for draft in report.drafts
    ]
    drafts = [
        DraftMade(
            draft.draft_id,
            draft.name,
            draft.path,
            draft.duration_us / 1e6,
            draft.tracks,
            draft.clips,
            draft.media,
        )
        for draft in report.drafts
    ]
    wrong = [issue for issue in report.issues if issue.severity == "error"]
    if wrong:  # of a document with several drafts, or of a zip or list that was asked for
        partly = say("draft.partly", built=len(drafts), errors=len(wrong), reasons=lines(wrong))
        return DraftsMade(" ".join([partly, *sentences]), not wrong, drafts, issues)
    return DraftsMade(" ".join([*sentences, *with_issues(issues)]), True, drafts, issues)


def with_issues(issues: Sequence[Issue]) -> list[str]:
    """A sentence about what was not done exactly as asked; none when all was."""
    return [say("draft.with_issues", count=len(issues), reasons=lines(issues))] if issues else []


def serious(issues: Sequence[Issue]) -> list[Issue]:
    """Those that change what is seen or heard; the others stay in `issues`."""
    return [issue for issue in issues if issue.severity != "info"]


def lines(issues: Sequence[Issue]) -> str:
    """The first issues, each with its path."""
    named = [f"{i.path}: {i.message}" if i.path else i.message for i in issues[:_NAMED_ISSUES]]
    left = len(issues) - len(named)
    return "; ".join([*named, say("issues.more", count=left)] if left else named)
