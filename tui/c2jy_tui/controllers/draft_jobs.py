"""Runs the long jobs of the drafts pane: packing, rebuilding, making drafts from a table."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from contextlib import aclosing
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Final, TypeVar

from textual.message import Message
from textual.notifications import SeverityLevel
from textual.worker import Worker

from c2jy_bridge.core.draft_views import (
    BatchPlan,
    BuildReport,
    DraftError,
    OnProgress,
    Packed,
    TimeUnitName,
)
from c2jy_bridge.core.events import Issue
from c2jy_bridge.core.i18n import byte_size
from c2jy_bridge.core.safety import one_line
from c2jy_bridge.core.views import DraftView
from c2jy_tui import desktop, formatting
from c2jy_tui.controllers.trash import named, report
from c2jy_tui.formatting import Clock
from c2jy_tui.panes.drafts import labels
from c2jy_tui.panes.drafts.batch_run import BatchOptions, BatchRun
from c2jy_tui.panes.drafts.labels import say
from c2jy_tui.widgets.list_pane import ListPane

if TYPE_CHECKING:
    from c2jy_bridge.engine import Drafts

    # The dialogs are imported when they open: the first paint must not wait for them.
    from c2jy_tui.screens.batch_watch import Intent
    from c2jy_tui.screens.draft_forms import PackOptions

T = TypeVar("T")

RESULT_S: Final = 15.0
"""How long a notice with a path stays: it has to be read, not only seen."""
ISSUES_SHOWN: Final = 3
"""Issues of an export in its notice; the command lists all."""
CORRECTABLE: Final = frozenset(
    {"target_root", "pack_there", "pack_no_folder", "pack_over_other", "pack_inside", "pack_disk"}
)
"""Issues of packing that another answer in its dialog can resolve."""


class DraftJobs:
    """Opens the dialogs of a job and runs one job at a time; posts its messages to the host."""

    @dataclass
    class Progressed(Message):
        """The job's progress; empty when it has ended."""

        line: str

    @dataclass
    class Built(Message):
        """Drafts were rebuilt beside the original."""

        report: BuildReport

    @dataclass
    class ZipWritten(Message):
        """A draft was packed."""

        name: str
        path: str

    @dataclass
    class BatchEnded(Message):
        """A batch is over; its drafts are there."""

        run: BatchRun

    @dataclass
    class ShowRequested(Message):
        """A draft of a batch is to be shown in the list."""

        name: str

    def __init__(self, host: ListPane, clock: Clock) -> None:
        self._host = host
        self._clock = clock
        self._batch: BatchRun | None = None
        self._drafts: Drafts | None = None
        self._worker: Worker[None] | None = None
        self._at = ""
        """The draft that is being worked on."""

    def attach_engine(self, drafts: Drafts) -> None:
        """Use the engine's drafts from now on."""
        self._drafts = drafts

    @property
    def busy(self) -> bool:
        """A job runs."""
        return self._worker is not None and self._worker.is_running

    def cancel(self) -> None:
        """Stop the job; nothing of it is left behind."""
        if self._worker is not None:
            self._worker.cancel()

    def pack(self, views: Sequence[DraftView]) -> None:
        """Ask for the target machine and the place of the zip, then pack; several go as they are."""
        if len(views) == 1:
            self._begin(views[0], self._pack)
        else:
            self._begin(views[0], lambda drafts, _: self._pack_all(drafts, views))

    def export(self, view: DraftView) -> None:
        """Ask for the format and write the draft as a timeline for other editing programs."""
        self._begin(view, self._export)

    def rebuild(self, view: DraftView) -> None:
        """Rebuild a draft from its own document, beside it."""
        self._begin(view, self._rebuild)

    def retime(self, view: DraftView) -> None:
        """Rebuild a draft made from an export with another time unit."""
        self._begin(view, self._retime)

    def batch(self, view: DraftView) -> None:
        """Ask for a table and make a draft from each row; shows a batch that runs or is not seen yet."""
        if self._batch is not None and (self._batch.state == "running" or not self._batch.seen):
            self._watch_batch(self._batch)
        else:
            self._begin(view, self._batch_from)

    def play(self, view: DraftView) -> None:
        """Make a small clip of a draft and open it with the system's player, or say where it lies."""
        self._begin(view, self._play)

    def duplicate(self, view: DraftView) -> None:
        """Make a copy of a draft beside it, with ids of its own and its media in it."""
        self._begin(view, self._duplicate)

    def _begin(self, view: DraftView, job: Callable[[Drafts, DraftView], Awaitable[None]]) -> None:
        if self._drafts is None:
            return
        if self.busy:
            self._host.notify_text("moves.busy", "warning", name=one_line(self._at))
            return
        self._start(view.name, job(self._drafts, view))

    def _start(self, name: str, job: Awaitable[None]) -> None:
        self._at = name
        self._worker = self._host.run_worker(self._run(job), group="draft-job", exit_on_error=False)

    async def _run(self, job: Awaitable[None]) -> None:
        try:
            await job
        except DraftError as error:
            self._show_result(labels.refusal(error.issues), "error")
        except Exception as error:
            self._host.notify_error("moves.failed", error, name=one_line(self._at))
        finally:
            self._host.post_message(self.Progressed(""))

    async def _pack(self, drafts: Drafts, view: DraftView) -> None:
        from c2jy_tui.screens.draft_forms import PackForm, PackOptions

        offer = await drafts.packing(view.name)
        options: PackOptions | None = PackOptions()
        issues: Sequence[Issue] = ()
        while options is not None:
            options = await self._host.app.push_screen_wait(PackForm(view, offer, options, issues))
            if options is None:
                return

            def start(on_progress: OnProgress, wanted: PackOptions = options) -> Awaitable[Packed]:
                return drafts.pack(
                    view.name,
                    wanted.out,
                    target_root=wanted.target_root,
                    replace_zip=wanted.replace_zip,
                    on_progress=on_progress,
                )

            try:
                packed = await self._with_progress(view, start)
            except DraftError as error:
                if error.issues[0].code not in CORRECTABLE:
                    raise
                issues = error.issues
                options = replace(options, replace_zip=issues[0].code == "pack_there")
            else:
                self._show_packed(view, packed)
                return

    async def _pack_all(self, drafts: Drafts, views: Sequence[DraftView]) -> None:
        from c2jy_tui.screens.dialogs import ConfirmScreen

        place = one_line((await drafts.packing(views[0].name)).out)
        question = say("pack.many_sure", count=len(views), names=named(views), place=place)
        if not await self._host.app.push_screen_wait(ConfirmScreen(say("pack.many_title"), question)):
            return
        packed, failed = 0, list[str]()
        for view in views:

            def start(on_progress: OnProgress, name: str = view.name) -> Awaitable[Packed]:
                return drafts.pack(name, on_progress=on_progress)

            try:
                made = await self._with_progress(view, start)
            except Exception as error:
                failed.append(f"{one_line(view.name)}: {formatting.error_reason(error)}")
            else:
                packed += 1
                self._host.post_message(self.ZipWritten(view.name, made.path))
        report(self._host, say("pack.many_done", count=packed, place=place), failed)

    def _show_packed(self, view: DraftView, packed: Packed) -> None:
        root = one_line(packed.root)
        lines = [
            say("pack.done", name=one_line(view.name), size=byte_size(packed.size_bytes)),
            one_line(packed.path),
            say("pack.spelled", root=root) if root else "",
            *(labels.issue_line(issue) for issue in packed.issues[:3]),
        ]
        severity: SeverityLevel = "warning" if packed.issues else "information"
        self._show_result("\n".join(filter(None, lines)), severity)
        self._host.post_message(self.ZipWritten(view.name, packed.path))

    async def _export(self, drafts: Drafts, view: DraftView) -> None:
        from c2jy_tui.screens.draft_forms import ExportChoice

        form = await self._host.app.push_screen_wait(ExportChoice(view))
        if form is None:
            return
        made = await self._with_progress(view, lambda _: drafts.export(view.name, form))
        more = len(made.issues) - ISSUES_SHOWN
        lines = [
            say("export.done", name=one_line(view.name), tracks=made.tracks, clips=made.clips),
            one_line(made.path),
            *(labels.issue_line(issue) for issue in made.issues[:ISSUES_SHOWN]),
            say("export.more", count=more, name=one_line(view.name), form=form) if more > 0 else "",
        ]
        severity: SeverityLevel = "warning" if made.issues else "information"
        self._show_result("\n".join(filter(None, lines)), severity)

    async def _batch_from(self, drafts: Drafts, view: DraftView) -> None:
        from c2jy_tui.screens.batch_form import BatchForm

        last = self._batch.options if self._batch is not None and self._batch.template == view.name else None

        def plan(table: str, pattern: str) -> Awaitable[BatchPlan]:
            return drafts.plan_batch(view.name, Path(table), pattern)

        form = BatchForm(
            view.name,
            last or BatchOptions("", ""),
            template=lambda: drafts.template(view.name),
            plan=plan,
            tables_like=drafts.tables_like,
        )
        if (options := await self._host.app.push_screen_wait(form)) is not None:
            await self._run_batch(drafts, BatchRun(view.name, options, self._clock()))

    async def _run_batch(self, drafts: Drafts, run: BatchRun) -> None:
        """Make the drafts; the screen that watches may come and go meanwhile."""
        self._batch = run
        self._watch_batch(run)
        try:
            rows = drafts.batch(run.template, Path(run.options.table), run.options.pattern)
            async with aclosing(rows):
                async for row in rows:
                    run.add(row)
                    self._host.post_message(self.Progressed(say("batch.line", progress=run.progress())))
            run.end("done", self._clock())
        except DraftError as error:
            run.end("failed", self._clock(), error.issues)
        except asyncio.CancelledError:
            run.end("cancelled", self._clock())
            raise
        except Exception as error:
            reason = formatting.error_reason(error)
            run.end("failed", self._clock(), [Issue("batch", "", "error", reason)])
        finally:
            self._host.post_message(self.BatchEnded(run))
            if not run.seen and not self._is_watched(run):
                self._show_result(say("batch.ended", name=one_line(run.template), summary=run.summary()))

    def _is_watched(self, run: BatchRun) -> bool:
        from c2jy_tui.screens.batch_watch import BatchWatchScreen

        return any(isinstance(s, BatchWatchScreen) and s.run is run for s in self._host.app.screen_stack)

    def _watch_batch(self, run: BatchRun) -> None:
        from c2jy_tui.screens.batch_watch import BatchWatchScreen

        def closed(intent: Intent | None) -> None:
            what, name = intent or ("", "")
            if what == "show":
                self._host.post_message(self.ShowRequested(name))
            elif what == "again" and self._drafts is not None and not self.busy:
                again = BatchRun(run.template, run.options, self._clock())
                self._start(run.template, self._run_batch(self._drafts, again))

        self._host.app.push_screen(BatchWatchScreen(run, stop=self.cancel, clock=self._clock), closed)

    async def _duplicate(self, drafts: Drafts, view: DraftView) -> None:
        # A template in which nothing is filled: all of it is carried through, and checked before it is there.
        made = await self._with_progress(
            view, lambda on_progress: drafts.fill(view.name, "{}", view.name, on_progress=on_progress)
        )
        if view.tags:
            await drafts.tag(made.name, view.tags)
        name, was = one_line(made.name), one_line(view.name)
        self._show_result(say("duplicate.done", name=name, was=was))
        self._host.post_message(self.Built(BuildReport((made,))))

    async def _play(self, drafts: Drafts, view: DraftView) -> None:
        self._host.notify_text("play.begins", name=one_line(view.name))
        made = await self._with_progress(
            view, lambda on_progress: drafts.preview(view.name, "clip", on_progress=on_progress)
        )
        path = one_line(made.path)
        if (command := desktop.folder_command(made.path)) is None:
            self._show_result(say("play.lies", path=path))
            return
        await desktop.open_folder(command, str(Path(made.path).parent))
        self._show_result(say("play.opened", path=path))

    async def _rebuild(self, drafts: Drafts, view: DraftView) -> None:
        origin = await drafts.origin(view.name)
        # What was changed in JianYing is not in the document: the user should know before, not after.
        if origin.resaved or view.state == "encrypted":
            from c2jy_tui.screens.dialogs import ConfirmScreen

            what = "encrypted" if view.state == "encrypted" else "resaved"
            name = one_line(view.name)
            question = ConfirmScreen(say("rebuild.title"), say(f"rebuild.{what}", name=name))
            if not await self._host.app.push_screen_wait(question):
                return
        await self._build(drafts, view, None)

    async def _retime(self, drafts: Drafts, view: DraftView) -> None:
        from c2jy_tui.screens.draft_forms import UnitChoice

        origin = await self._with_progress(view, lambda _: drafts.origin(view.name))
        if origin.unit is None:
            self._host.notify_text("unit.none", "warning", name=one_line(view.name))
            return
        unit = await self._host.app.push_screen_wait(UnitChoice(view, origin))
        if unit == origin.unit:
            self._host.notify_text("unit.same", name=one_line(view.name), unit=say(f"unit.{unit}"))
        elif unit is not None:
            await self._build(drafts, view, unit)

    async def _build(self, drafts: Drafts, view: DraftView, unit: TimeUnitName | None) -> None:
        report = await self._with_progress(
            view, lambda on_progress: drafts.rebuild(view.name, time_unit=unit, on_progress=on_progress)
        )
        for made in report.drafts:
            length, path = formatting.length(made.duration_us), one_line(made.path)
            name, was = one_line(made.name), one_line(view.name)
            self._show_result(say("rebuild.done", name=name, was=was, length=length, path=path))
        self._host.post_message(self.Built(report))

    async def _with_progress(self, view: DraftView, start: Callable[[OnProgress], Awaitable[T]]) -> T:
        """Run one step of a job: the pane shows its progress, Esc in the pane stops it."""
        name = one_line(view.name)

        def report(line: str) -> None:
            self._host.post_message(self.Progressed(say("moves.doing", name=name, what=line)))

        report(say("moves.begins"))
        try:
            return await start(lambda progress: report(labels.progress_line(progress)))
        except asyncio.CancelledError:
            self._host.notify_text("moves.cancelled", "warning", name=name)
            raise
        finally:
            self._host.post_message(self.Progressed(""))

    def _show_result(self, text: str, severity: SeverityLevel = "information") -> None:
        self._host.notify(text, severity=severity, timeout=RESULT_S, markup=False)
