"""Runs the long jobs of the drafts pane: packing a draft for another machine, rebuilding it."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final, TypeVar

from textual.message import Message
from textual.notifications import SeverityLevel
from textual.worker import Worker

from c2jy_bridge.core.draft_views import BuildReport, DraftError, OnProgress, Packed, TimeUnitName
from c2jy_bridge.core.events import Issue
from c2jy_bridge.core.i18n import byte_size
from c2jy_bridge.core.safety import one_line
from c2jy_bridge.core.views import DraftView
from c2jy_tui import formatting
from c2jy_tui.panes.drafts import labels
from c2jy_tui.panes.drafts.labels import say
from c2jy_tui.widgets.list_pane import ListPane

if TYPE_CHECKING:
    from c2jy_bridge.engine import Drafts

    # The dialogs are imported when they open: the first paint must not wait for them.
    from c2jy_tui.screens.draft_forms import PackOptions

T = TypeVar("T")

RESULT_S: Final = 15.0
"""How long a notice with a path stays: it has to be read, not only seen."""
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

    def __init__(self, host: ListPane) -> None:
        self._host = host
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

    def pack(self, view: DraftView) -> None:
        """Ask for the target machine and the place of the zip, then pack."""
        self._begin(view, self._pack)

    def rebuild(self, view: DraftView) -> None:
        """Rebuild a draft from its own document, beside it."""
        self._begin(view, self._rebuild)

    def retime(self, view: DraftView) -> None:
        """Rebuild a draft made from an export with another time unit."""
        self._begin(view, self._retime)

    def _begin(self, view: DraftView, job: Callable[[Drafts, DraftView], Awaitable[None]]) -> None:
        if self._drafts is None:
            return
        if self.busy:
            self._host.notify_text("moves.busy", "warning", name=one_line(self._at))
            return
        self._at = view.name
        running = self._run(job(self._drafts, view))
        self._worker = self._host.run_worker(running, group="draft-job", exit_on_error=False)

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
