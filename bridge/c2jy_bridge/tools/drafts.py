"""Draft tools: build, list, check and export drafts."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import fields
from datetime import UTC, datetime
from typing import Annotated, Any, Final, TypeVar

from pydantic import Field

from c2jy_bridge.core.events import DraftWritten, Issue
from c2jy_bridge.core.i18n import catalogue
from c2jy_bridge.core.nearest import nearest
from c2jy_bridge.core.settings import TimeUnit
from c2jy_bridge.core.target_apps import DraftProfile
from c2jy_bridge.core.views import ClipView, DraftView, TrackView
from c2jy_bridge.drafts import (
    BuildReport,
    BuiltDraft,
    DraftBuilder,
    DraftError,
    DraftPacker,
    Library,
    OnProgress,
)
from c2jy_bridge.plugin import ToolContext, ToolError, tool
from c2jy_bridge.tools.outputs import (
    ClipShown,
    DraftChecked,
    DraftExported,
    DraftMade,
    DraftRow,
    DraftShown,
    DraftsListed,
    DraftsMade,
    TrackShown,
)

_Output = TypeVar("_Output", DraftMade, DraftRow, ClipShown)

say: Final = catalogue("tools")

_NAMED_ISSUES: Final = 5
"""Issues named in the message itself; all of them are in `issues`."""


def progress_callback(context: ToolContext) -> OnProgress:
    """A callback that passes the progress of a build on to the call's listeners."""
    return lambda progress: context.progress(progress.message, progress.done, progress.total, progress.unit)


def refused(error: DraftError, key: str = "draft.not_built", **fields: object) -> ToolError:
    """A DraftError as what the Bot reads."""
    return ToolError(say(key, reasons=lines(error.issues)), **fields, issues=list(error.issues))


def emit_written(report: BuildReport, context: ToolContext, at: float) -> None:
    """Emit an event for each draft that was written; `at` is Unix seconds."""
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


def to_output(report: BuildReport, *, dry_run: bool) -> DraftsMade:
    """The output of a tool that built drafts."""
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
    drafts = [_output(DraftMade, draft) for draft in report.drafts]
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


class DraftTools:
    """generate_draft, list_drafts, get_draft, check_draft."""

    def __init__(self, builder: DraftBuilder, library: Library, clock: Callable[[], float]) -> None:
        self._builder = builder
        self._library = library
        self._clock = clock

    # The docstring is what the model reads; tests build its example.
    @tool
    async def generate_draft(
        self,
        content: str | dict[str, Any] | list[Any],
        output_folder: str | None = None,
        name: str | None = None,
        time_unit: TimeUnit = "auto",
        dry_run: bool = False,
        *,
        context: ToolContext,
    ) -> DraftsMade:
        """Build a JianYing (剪映) video draft on the user's computer from ONE document; media are downloaded.

        Put the whole video into `content` and call this once. Example:
        {"schema": "c2jy/1", "name": "中国美食", "width": 1080, "height": 1920, "tracks": [
          {"type": "video", "clips": [
            {"type": "image", "media": "https://example.com/a.jpg", "duration": 3, "fit": "fill"},
            {"type": "video", "media": "https://example.com/b.mp4", "trim": {"start": 1, "duration": 4}}]},
          {"type": "audio", "clips": [
            {"media": "https://example.com/bgm.mp3", "duration": 7, "volume": 0.3, "fade": {"out": 1}}]},
          {"type": "text", "clips": [
            {"text": "第一道：麻婆豆腐", "start": 0, "duration": 3,
             "style": {"size": 10, "color": "#FFDD00"}, "transform": {"y": -0.7}}]}]}

        UNITS. Time: a bare number is SECONDS (3 or 2.5, never 3000 or 3000000); a string carries its unit:
        "500ms", "1.5s", "00:01:02.5", "90f" (frames). Position x, y: half the canvas; 0, 0 is the centre, y
        goes up, 1 is the edge. scale 1 fits the canvas. opacity 0-1. volume 1 is as recorded. rotation:
        degrees clockwise. Intensities 0-100.

        tracks: bottom first. Track types: video (videos and images), audio, text, sticker, effect, filter.
        A clip has `start` with `duration` or `end`; without `start` it follows the clip before. video and
        audio without a duration run to the end of the file; image and text need one. Fields by clip type:
        - video, image: media (URL), trim {start, duration} (video), speed, volume, fade {in, out}, loop,
          transform {x, y, scale, rotation, opacity}, crop {left, top, right, bottom}, fit (fit, fill,
          stretch), transition {name, duration}, filters [{name, intensity}], effects [{name}],
          animations [{kind (in, out, group), name, duration}], keyframes [{property, at, value}], background
        - audio: media, trim, speed, volume, fade, keyframes
        - text: text, style {size, color, font, bold, align, border, shadow, background}, transform,
          animations
        - sticker: resource_id. effect: name. filter: name, intensity
        Subtitles (SRT, VTT, ASS, LRC): "subtitles": {"srt": text} or {"url": "..."} beside "tracks"; with
        "fit": true long ones are cut at punctuation.
        Names of effects, filters, transitions and fonts are JianYing's own: search_resources finds them.

        The answer lists the drafts written, and in `issues` what was not done exactly as asked. If it fails,
        no draft was written, and each issue says where (a path into content), what is wrong and how to fix
        it: correct that and call again.

        Args:
            content: The document, as an object or as JSON text. An export of Coze2JianYing (export_drafts),
                in any wrapper and also with several drafts, is taken as it is.
            output_folder: Leave out. Only for another folder that the user has declared, or a plain
                sub-folder name.
            name: Name of the draft; wins over the name in the document.
            time_unit: Unit of bare numbers where the document does not say. auto: seconds; in an export of
                Coze2JianYing, found out from its numbers.
            dry_run: true checks everything, media included, and writes nothing.
        """
        try:
            report = await self._builder.build(
                content,
                name=name,
                output_folder=output_folder,
                time_unit=time_unit,
                dry_run=dry_run,
                request_id=context.call_id,
                on_progress=progress_callback(context),
            )
        except DraftError as error:
            raise refused(error, drafts=[]) from None
        if not dry_run:
            emit_written(report, context, self._clock())
        return to_output(report, dry_run=dry_run)

    @tool
    def list_drafts(self, query: str = "", limit: Annotated[int, Field(ge=1, le=500)] = 50) -> DraftsListed:
        """List the JianYing drafts on the user's computer, newest first, with length in seconds and state.

        Args:
            query: Only drafts whose name contains this text.
            limit: Most drafts to list.
        """
        found = [view for view in self._library.list() if query.casefold() in view.name.casefold()]
        message = say("drafts.listed", count=len(found), shown=min(limit, len(found)))
        return DraftsListed(message, len(found), [_row(view) for view in found[:limit]])

    @tool
    def get_draft(self, name: str) -> DraftShown:
        """Show one draft: size, tracks, and each clip with its start and duration in seconds.

        Args:
            name: The draft's name as list_drafts gives it.
        """
        detail = self._library.detail(self._known(name))
        timeline = [shown for track in detail.tracks for shown in _shown(track, "")]
        for more in detail.timelines:
            timeline += [shown for track in more.tracks for shown in _shown(track, more.name)]
        return DraftShown(_row(detail.view), detail.fps, timeline, list(detail.issues))

    @tool
    def check_draft(self, name: str, target_app: DraftProfile | None = None) -> DraftChecked:
        """Check that a draft is whole: every media file there, no overlap, no zero length.

        Args:
            name: The draft's name as list_drafts gives it.
            target_app: Also say what this app is known to refuse, when the user names an app and version.
        """
        issues = self._library.check(self._known(name), target_app)
        wrong = [found for found in issues if found.severity == "error"]
        key = "draft.checked_bad" if wrong else "draft.checked_ok"
        return DraftChecked(say(key, name=name, count=len(wrong)), not wrong, issues)

    def _known(self, name: str) -> str:
        names = [view.name for view in self._library.list()]
        if name in names:
            return name
        close = nearest(name, names)
        raise ToolError(say("draft.unknown_near" if close else "draft.unknown", name=name, nearest=close))


def _output(kind: type[_Output], view: BuiltDraft | DraftView | ClipView, **values: Any) -> _Output:
    """An output with the fields of a view that it has too; the Bot reads seconds, not microseconds."""
    values["duration_s"] = view.duration_us / 1e6
    shared = {field.name: getattr(view, field.name) for field in fields(kind) if field.name not in values}
    return kind(**shared, **values)


def _shown(track: TrackView, inside: str) -> list[TrackShown]:
    """A track, and behind it those inside its compound clips, named after them."""
    clips = [_output(ClipShown, clip, type=clip.kind, start_s=clip.start_us / 1e6) for clip in track.clips]
    name = " / ".join(filter(None, (inside, track.name)))
    tracks = [TrackShown(track.kind, name, clips)]
    for clip in track.clips:
        for inner in clip.inside:
            tracks += _shown(inner, " / ".join(filter(None, (inside, clip.label or clip.kind))))
    return tracks


def _row(view: DraftView) -> DraftRow:
    modified_at = datetime.fromtimestamp(view.modified_at, UTC).isoformat(timespec="seconds")
    return _output(DraftRow, view, modified_at=modified_at)


class PackingTools:
    """export_draft."""

    def __init__(self, packer: DraftPacker) -> None:
        self._packer = packer

    @tool
    async def export_draft(
        self,
        name: str,
        target_root: str | None = None,
        zip: bool = True,  # noqa: A002  (the name that the Bot sees)
        *,
        context: ToolContext,
    ) -> DraftExported:
        r"""Make a draft ready for another computer: one zip with the media inside.

        Only when the user edits on another computer than this one; JianYing finds the drafts of this computer
        without it. Give the zip's path in the answer to the user, who copies the file over.

        Args:
            name: The draft's name as list_drafts gives it.
            target_root: Leave it out when the draft's media_paths is "portable": such a draft opens in any
                drafts folder. For an "absolute" one: JianYing's drafts folder on the other computer, e.g.
                C:\Users\me\AppData\Local\JianyingPro\User Data\Projects\com.lveditor.draft. Ask the user for
                it (JianYing: 全局设置, 草稿位置).
            zip: false writes no zip but changes the paths of the draft where it is, for when the user copies
                the folder: to target_root's, or else to the portable form.
        """
        if not zip:
            return await self._relocated(name, target_root)

        try:
            made = await self._packer.pack(
                name, target_root=target_root, on_progress=progress_callback(context)
            )
        except DraftError as error:
            raise _refusal(name, error) from None
        message = say("draft.packed", name=name, path=made.path)
        return DraftExported(message, made.path, made.root, made.size_bytes, list(made.issues))

    async def _relocated(self, name: str, target_root: str | None) -> DraftExported:
        try:
            form = self._packer.spelled_for(name)[1]
            if form == "portable" and not target_root:
                message = say("draft.portable_already", name=name)
                return DraftExported(message, str(self._packer.folder(name)), "", 0, [])
            report = await self._packer.relocate([name], target_root or None, portable=not target_root)
        except DraftError as error:
            raise _refusal(name, error) from None
        (done,) = report.drafts
        words = "draft.relocated" if done.root else "draft.made_portable"
        was = done.was or (say("draft.was_portable") if done.media_paths_were == "portable" else "-")
        message = say(words, name=done.name, root=done.root, was=was)
        return DraftExported(message, done.path, done.root, 0, [*report.issues, *done.issues])


def _refusal(name: str, error: DraftError) -> ToolError:
    reasons = "; ".join(found.message for found in error.issues[:5])
    return ToolError(say("draft.not_exported", name=name, reasons=reasons), issues=list(error.issues))
