"""Shows one draft on the whole screen: tracks to scale, the clip under the cursor, issues, media."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import ClassVar, Final

from textual import on, work
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Container, Vertical, VerticalScroll
from textual.content import Content
from textual.reactive import reactive
from textual.widgets import Static
from typing_extensions import override

from c2jy_bridge.core.draft_views import DraftError
from c2jy_bridge.core.events import Issue, Severity
from c2jy_bridge.core.i18n import byte_size
from c2jy_bridge.core.safety import one_line
from c2jy_bridge.core.views import DraftDetail
from c2jy_tui import formatting
from c2jy_tui.formatting import Clock
from c2jy_tui.panes.drafts import labels
from c2jy_tui.panes.drafts.labels import say
from c2jy_tui.panes.drafts.timeline_view import TimelineView
from c2jy_tui.widgets.bindings import BaseDialog, binding
from c2jy_tui.widgets.key_bar import KeyBar
from c2jy_tui.widgets.picture import Picture
from c2jy_tui.widgets.row_list import Cell, pad_cell

_SIGNS: Final[dict[Severity, tuple[str, str]]] = {
    "error": ("✗", "$text-error"),
    "warning": ("!", "$text-warning"),
    "info": ("·", "$text-muted"),
}

DEBOUNCE_S: Final = 0.2
"""Seconds that the cursor rests on a clip before its frame is drawn."""
_MOST_FRAMES: Final = 64
_NAMES: Final = 12
"""Cells for the names of a clip's properties."""
_KIND: Final = 10
_HEIGHTS: Final = [(0, "-low"), (30, "-tall")]
"""Lines of the screen from which there is room for empty ones."""


class DraftDetailScreen(BaseDialog[None]):
    """The timeline of a draft and what is wrong with it."""

    CSS_PATH = "draft_detail.tcss"
    VERTICAL_BREAKPOINTS = _HEIGHTS
    HELP = "drafts_pane:help.detail"
    BINDINGS: ClassVar[list[BindingType]] = [
        binding("drafts_pane", "draft_detail.check", "v", "check"),
        binding("drafts_pane", "draft_detail.open_folder", "o", "open_folder"),
        binding("drafts_pane", "draft_detail.picture", "p", "picture"),
        binding("drafts_pane", "draft_detail.play", "P", "play"),
        binding("drafts_pane", "draft_detail.copy_path", "y", "copy_path"),
        binding("drafts_pane", "draft_detail.back", "q", "back", show=False),
    ]

    detail: reactive[DraftDetail] = reactive[DraftDetail](None, init=False)  # type: ignore[arg-type]  # set in __init__

    def __init__(
        self,
        detail: DraftDetail,
        *,
        notes: Sequence[Issue] = (),
        check: Callable[[], Awaitable[Sequence[Issue] | None]],
        open_folder: Callable[[], object],
        frame: Callable[[int], Awaitable[bytes]],
        play: Callable[[], object],
        clock: Clock,
        pictures: bool = False,
    ) -> None:
        """Assign `detail` anew when the draft changes.

        Args:
            detail: The draft.
            notes: What its writing could not do as requested.
            check: Verifies the draft; returns None when that failed and was reported elsewhere.
            open_folder: Shows its folder.
            frame: Draws the frame at a time in microseconds, as PNG; raises DraftError where it cannot.
            play: Makes a clip of it and opens it.
            clock: Unix seconds.
            pictures: Whether frames are drawn from the start.
        """
        super().__init__()
        self.set_reactive(DraftDetailScreen.detail, detail)
        self._notes = notes
        self._check = check
        self._open_folder = open_folder
        self._frame = frame
        self._play = play
        self._pictures = pictures
        self._frames: dict[int, bytes] = {}
        """The frames drawn so far, by their time; for this state of the draft."""
        self._clock = clock
        self._found: Sequence[Issue] = detail.issues
        self._verified = False

    @override
    def compose(self) -> ComposeResult:
        with Vertical(id="draft-detail"):
            yield Static(id="head")
            yield TimelineView(self.detail.tracks, self.detail.view.duration_us)
            with Container(id="below"):
                with VerticalScroll(id="clip", can_focus=False):
                    yield Static(id="clip-lines")
                    yield Static(id="picture-state", markup=False)
                    yield Picture()
                with VerticalScroll(id="lists"):
                    yield Static(id="issue-lines")
                    yield Static(id="media-lines")
            yield KeyBar(compact=True, show_command_palette=False)

    def on_mount(self) -> None:
        self._draw()
        self.query_one(TimelineView).focus()
        self._show_frame()

    def watch_detail(self, _before: DraftDetail, after: DraftDetail) -> None:
        self._found, self._verified = after.issues, False
        self._frames.clear()
        if self.is_mounted:
            self.query_one(TimelineView).show_tracks(after.tracks, after.view.duration_us)
            self._draw()

    def _draw(self) -> None:
        detail, view = self.detail, self.detail.view
        states, _tone = labels.media(view)
        facts = [
            f"{view.width}×{view.height}" if view.width else "",
            say("detail.fps", fps=f"{detail.fps:g}") if detail.fps else "",
            formatting.length(view.duration_us),
            say("detail.counts", tracks=view.tracks, clips=view.clips),
            byte_size(view.size_bytes),
            say(f"paths.{view.media_paths}") if view.media_paths != "none" else "",
            labels.age(view.modified_at, self._clock()),
        ]
        self.query_one("#head", Static).update(
            Content.assemble(
                (one_line(view.name), "bold"),
                f"   {states[0]}\n",
                " · ".join(fact for fact in facts if fact),
                "\n",
                (one_line(view.path), "dim"),
            )
        )
        self._fit_timeline()
        self._draw_clip()
        self._draw_issues()
        self._draw_media()

    def on_resize(self) -> None:
        """Give the tracks as much of the new height as they can use."""
        self._fit_timeline()

    def _fit_timeline(self) -> None:
        timeline = self.query_one(TimelineView)
        timeline.styles.height = timeline.fit(self.size.height // 2)
        timeline.display = bool(self.detail.tracks)

    def _draw_clip(self) -> None:
        found = self.query_one(TimelineView).clip
        if found is None:
            empty = "encrypted" if self.detail.view.state == "encrypted" else "no_clips"
            text = Content(say(f"detail.{empty}"))
        else:
            lane, index, shown = found
            track = labels.track_name(lane.kind, lane.name)
            place, what = labels.clip_lines(track, index + 1, len(lane.clips), shown)
            style = "" if shown.media_ok else "$text-error"
            text = Content.assemble((place, "bold"), "\n", (what, style))
            for name, value in labels.clip_properties(shown, self.detail.view):
                text += Content.assemble("\n", (pad_cell(Cell((name,)), _NAMES), "$text-muted"), value)
        self.query_one("#clip-lines", Static).update(text)

    def _draw_issues(self) -> None:
        lines: list[Content] = []
        if self._found:
            lines.append(Content.styled(say("issues.found", count=len(self._found)), "bold"))
            lines += [_issue(issue) for issue in self._found]
        else:
            lines.append(Content(say("issues.verified" if self._verified else "issues.none")))
        if self._notes:
            lines.append(Content.styled(say("issues.notes", count=len(self._notes)), "bold"))
            lines += [_issue(issue) for issue in self._notes]
        self.query_one("#issue-lines", Static).update(Content("\n").join(lines))

    def _draw_media(self) -> None:
        """The files of the draft, the missing ones first."""
        found = labels.media_files(self.detail.tracks)
        lines = [Content.styled(say("media.title", count=len(found)), "bold")] if found else []
        for file in found:
            sign, style = ("✓", "$text-success") if file.ok else ("!", "$text-error")
            state = "" if file.ok else f"{say('media.gone')} "
            kind = pad_cell(Cell((labels.kind_word(file.kind),)), _KIND)
            count = say("media.clips", count=file.clips)
            place = file.name if file.ok else one_line(file.path)
            lines.append(
                Content.assemble((f"{sign} ", style), (kind, "dim"), state, place, (f"  {count}", "dim"))
            )
        self.query_one("#media-lines", Static).update(Content("\n").join(lines))

    @on(TimelineView.Reached)
    def _reached(self, event: TimelineView.Reached) -> None:
        event.stop()
        self._draw_clip()
        self._show_frame()

    @work(exclusive=True, exit_on_error=False)
    async def action_check(self) -> None:
        if (found := await self._check()) is not None:
            self._found, self._verified = found, True
            self._draw_issues()

    def action_picture(self) -> None:
        """Show the frame in the middle of the clip under the cursor, or pictures no more."""
        self._pictures = not self._pictures
        if self._pictures:
            self._show_frame()
        else:
            self.query_one(Picture).clear()
            self._say("")

    @work(group="frame", exclusive=True, exit_on_error=False)
    async def _show_frame(self) -> None:
        """Draw the frame once the cursor rests; a new clip takes the place of this."""
        found = self.query_one(TimelineView).clip
        if not self._pictures or found is None:
            return
        shown = found[2]
        at_us = shown.start_us + shown.duration_us // 2
        if at_us not in self._frames:
            self._say(say("picture.drawing"))
            await asyncio.sleep(DEBOUNCE_S)
            try:
                self._frames[at_us] = await self._frame(at_us)
            except DraftError as error:
                self.query_one(Picture).clear()
                self._say(labels.refusal(error.issues))
                return
            while len(self._frames) > _MOST_FRAMES:
                self._frames.pop(next(iter(self._frames)))
        self._say(say("picture.at", time=formatting.length(at_us)))
        self.query_one(Picture).show(self._frames[at_us])

    def _say(self, text: str) -> None:
        self.query_one("#picture-state", Static).update(Content(text))

    def action_play(self) -> None:
        self._play()

    def action_open_folder(self) -> None:
        self._open_folder()

    def action_copy_path(self) -> None:
        self.app.copy_to_clipboard(one_line(self.detail.view.path))


def _issue(issue: Issue) -> Content:
    """What, where, what to do."""
    sign, style = _SIGNS[issue.severity]
    fix = f"\n  → {one_line(issue.fix)}" if issue.fix else ""
    return Content.assemble((f"{sign} ", style), labels.issue_line(issue), (fix, "dim"))
