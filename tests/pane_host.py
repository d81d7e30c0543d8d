"""A host for one pane in tests: an app with nothing else, and an engine over lists."""

from __future__ import annotations

import asyncio
import math
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from textual.app import App, ComposeResult
from textual.pilot import Pilot
from textual.screen import Screen
from textual.widget import Widget

from c2jy_bridge.core.draft_views import (
    BatchPlan,
    BatchRow,
    BuildReport,
    BuiltDraft,
    DraftError,
    ExportedTimeline,
    OnProgress,
    OriginView,
    Packed,
    PackingView,
    PlaceView,
    Preview,
    PreviewKind,
    Progress,
    Relinked,
    Renamed,
    TemplateView,
    TimelineFormat,
    TimeUnitName,
    TrashedView,
)
from c2jy_bridge.core.events import Issue
from c2jy_bridge.core.ports import CallHold
from c2jy_bridge.core.target_apps import DraftProfile
from c2jy_bridge.core.views import CallView, ConnectionView, DraftDetail, DraftView
from c2jy_bridge.drafts import RelocateReport
from c2jy_bridge.drafts.captions.writing import CaptionFormat
from c2jy_tui import themes
from c2jy_tui.widgets.bindings import BaseScreen
from c2jy_tui.widgets.key_bar import KeyBar
from c2jy_tui.widgets.workspace import BREAKPOINTS

if TYPE_CHECKING:
    from c2jy_bridge.engine import Drafts, Engine
else:  # the fakes inherit nothing: a method that they lack fails, and is not the real one over nothing
    Drafts = Engine = object

NOON = 1_795_262_400.0
"""2026-11-21 12:00:00 UTC: the time at which every test happens."""
WIDE: Final = (120, 36)
NORMAL: Final = (80, 24)
NARROW: Final = (60, 24)


def snapshot_id(value: Any) -> str:
    """The name of a snapshot test's parameter: a size, a text or the function that plays the scene."""
    if isinstance(value, tuple):
        return {WIDE: "wide", NORMAL: "normal", NARROW: "narrow"}[value]
    return value if isinstance(value, str) else value.__name__.strip("_")


@dataclass
class StillClock:
    """A clock that goes on only when a test says so."""

    now: float = NOON

    def __call__(self) -> float:
        return self.now


@dataclass
class PaneDrafts(Drafts):
    """A drafts folder over a list; it records the calls."""

    folder: list[DraftView] = field(default_factory=list)
    details: dict[str, DraftDetail] = field(default_factory=dict)
    faults: dict[str, list[Issue]] = field(default_factory=dict)
    asked: list[tuple[Any, ...]] = field(default_factory=list)
    bin: dict[str, DraftView] = field(default_factory=dict)
    origins: dict[str, OriginView] = field(default_factory=dict)
    refusals: list[DraftError] = field(default_factory=list)
    """What the next packings and buildings fail with, one each."""
    held: asyncio.Event | None = None
    """Packing and building wait for it, when there is one."""

    async def list(self) -> Sequence[DraftView]:
        self.asked.append(("list",))
        return list(self.folder)

    async def open(self, name: str) -> DraftDetail:
        if name not in self.details:
            raise FileNotFoundError(2, "No such file or directory", name)
        return self.details[name]

    async def check(self, name: str, target_app: DraftProfile | None = None) -> Sequence[Issue]:
        self.asked.append(("check", name))
        return self.faults.get(name, [])

    async def trash(self, name: str) -> str:
        view = next(v for v in self.folder if v.name == name)
        self.folder.remove(view)
        self.bin[f"ticket-{name}"] = view
        return f"ticket-{name}"

    async def rename(self, name: str, new_name: str, *, dry_run: bool = False) -> Renamed:
        self.asked.append(("rename", name, new_name))
        if self.refusals:
            raise self.refusals.pop(0)
        self.folder = [replace(v, name=new_name) if v.name == name else v for v in self.folder]
        return Renamed(new_name, f"/drafts/{new_name}", name, 0)

    async def tag(self, name: str, add: Sequence[str] = (), remove: Sequence[str] = ()) -> tuple[str, ...]:
        self.asked.append(("tag", name, tuple(add), tuple(remove)))
        if self.refusals:
            raise self.refusals.pop(0)
        (view,) = [view for view in self.folder if view.name == name]
        tags = tuple(sorted({*view.tags, *add} - set(remove)))
        self.folder = [replace(v, tags=tags) if v.name == name else v for v in self.folder]
        return tags

    async def restore(self, ticket: str) -> str:
        view = self.bin.pop(ticket)
        self.folder.append(view)
        return view.name

    async def trashed(self) -> Sequence[TrashedView]:
        return [TrashedView(ticket, view, "/drafts", NOON - 60) for ticket, view in self.bin.items()]

    async def delete(self, ticket: str) -> str:
        return self.bin.pop(ticket).name

    async def packing(self, name: str) -> PackingView:
        places = (
            PlaceView("jianying", "windows", r"C:\Users\<name>\Projects"),
            PlaceView("capcut", "here", "/Users/me/CapCut"),
        )
        (draft,) = [draft for draft in self.folder if draft.name == name]
        spelled_for = "" if draft.media_paths == "portable" else "/drafts"
        return PackingView(spelled_for, places, "/exports", draft.media_paths)

    async def pack(
        self,
        name: str,
        out: str | Path = "",
        *,
        target_root: str | None = None,
        replace_zip: bool = False,
        on_progress: OnProgress | None = None,
    ) -> Packed:
        self.asked.append(("pack", name, out, target_root, replace_zip))
        await self._work("Packing", on_progress)
        return Packed(str(out) or f"/exports/{name}.zip", (name,), target_root or "/drafts", 9, 12_000)

    async def build(self, document: str | bytes, **options: Any) -> BuildReport:
        self.asked.append(("build", document, options))
        return BuildReport(())

    async def relink(self, name: str, sources: Sequence[Path], *, dry_run: bool = False) -> Relinked:
        self.asked.append(("relink", name, sources, dry_run))
        return Relinked(name, f"/drafts/{name}", (), 0)

    async def template(self, name: str | Path) -> TemplateView:
        self.asked.append(("template", name))
        return TemplateView(str(name), 1920, 1080, 0, ())

    async def fill(self, template: str | Path, values: str | bytes, name: str, **options: Any) -> BuiltDraft:
        self.asked.append(("fill", template, values, name, options))
        return BuiltDraft("id", name, f"/drafts/{name}", 0, 0, 0, 0)

    async def batch(self, template: str | Path, table: Path, name: str) -> AsyncGenerator[BatchRow, None]:
        self.asked.append(("batch", template, table, name))
        rows: Sequence[BatchRow] = ()
        for row in rows:
            yield row

    async def plan_batch(self, template: str, table: Path, name: str = "") -> BatchPlan:
        self.asked.append(("plan_batch", template, table, name))
        return BatchPlan(name, 0, (), (), ())

    async def tables_like(self, typed: str) -> Sequence[str]:
        self.asked.append(("tables_like", typed))
        return ()

    async def rows(self, table: Path) -> int:
        self.asked.append(("rows", table))
        return 0

    async def build_timeline(
        self, path: Path, *, name: str | None = None, archive: Path | None = None, **options: Any
    ) -> BuildReport:
        self.asked.append(("build_timeline", path, name))
        return BuildReport(())

    async def export(self, name: str, to: TimelineFormat, out: str | Path | None = None) -> ExportedTimeline:
        self.asked.append(("export", name, to))
        if self.refusals:
            raise self.refusals.pop(0)
        lost = Issue(
            "exchange_lost", "tracks[0]", "warning", "mask 圆形: has no place in OTIO.", "Set it again."
        )
        return ExportedTimeline(f"/exports/{name}.{to}", 3, 9, (lost,) * 5)

    async def preview(
        self,
        name: str,
        kind: PreviewKind = "sheet",
        out: Path | None = None,
        *,
        at_us: int = 0,
        font: Path | None = None,
        on_progress: OnProgress | None = None,
    ) -> Preview:
        self.asked.append(("preview", name, kind, out))
        return Preview(f"/exports/{name}.png", kind, 1920, 1080, 0, (), {})

    async def frame(self, name: str, at_us: int) -> bytes:
        self.asked.append(("frame", name, at_us))
        raise DraftError([Issue("preview_extra", "", "error", "no extra", "install it")])

    async def captions(self, name: str, form: CaptionFormat, track: str | None = None) -> tuple[str, int]:
        self.asked.append(("captions", name, form, track))
        return "", 0

    async def relocate(
        self,
        names: Sequence[str] | None,
        root: str | None = None,
        *,
        portable: bool = False,
        dry_run: bool = False,
    ) -> RelocateReport:
        self.asked.append(("relocate", names, root))
        return RelocateReport(())

    async def watch(self) -> AsyncIterator[tuple[str, ...]]:
        """No draft ever changes."""
        nothing: tuple[tuple[str, ...], ...] = ()
        for names in nothing:
            yield names

    async def aclose(self) -> None:
        self.asked.append(("aclose",))

    async def origin(self, name: str) -> OriginView:
        return self.origins.get(name, OriginView(resaved=False))

    async def rebuild(
        self, name: str, *, time_unit: TimeUnitName | None = None, on_progress: OnProgress | None = None
    ) -> BuildReport:
        self.asked.append(("rebuild", name, time_unit))
        await self._work("Building", on_progress)
        again = replace(next(v for v in self.folder if v.name == name), name=f"{name} (2)", modified_at=NOON)
        self.folder.append(again)
        built = BuiltDraft("id", again.name, f"/drafts/{again.name}", again.duration_us, 3, 9, 5)
        return BuildReport((built,))

    async def _work(self, what: str, on_progress: OnProgress | None) -> None:
        if on_progress is not None:
            on_progress(Progress(what, 1_000_000, 4_000_000, "bytes"))
        if self.held is not None:
            await self.held.wait()
        if self.refusals:
            raise self.refusals.pop(0)


@dataclass
class PaneEngine(Engine):
    """What a pane asks of an engine, over lists; it writes down what it was asked to do."""

    recorded: list[CallView] = field(default_factory=list)
    drafts: PaneDrafts = field(default_factory=PaneDrafts)
    connection: ConnectionView = field(
        default_factory=lambda: ConnectionView("Bot", "1", "localhost", "/drafts")
    )
    asked: list[tuple[Any, ...]] = field(default_factory=list)
    runs: bool = True
    hold: CallHold | None = None

    async def calls(
        self, conversation_id: str | None = None, limit: int = 1000, before: float = math.inf
    ) -> Sequence[CallView]:
        return [call for call in self.recorded if call.requested_at < before][-limit:]

    def argument_faults(self, tool: str, arguments: str) -> tuple[str, ...]:
        return ("$.wrong: unknown",) if '"wrong"' in arguments else ()

    async def rerun(self, call_id: str, arguments: str | None = None) -> str:
        self.asked.append(("rerun", call_id, arguments))
        if not any(call.call_id == call_id for call in self.recorded):
            raise LookupError(f"no call {call_id}")
        return f"{call_id}-again"

    async def cancel_call(self, call_id: str) -> bool:
        self.asked.append(("cancel_call", call_id))
        return self.runs


class Host(App[None]):
    """One pane and a footer; it keeps what was copied and said."""

    HORIZONTAL_BREAKPOINTS = BREAKPOINTS
    ENABLE_COMMAND_PALETTE = False

    def __init__(self, pane: Widget) -> None:
        super().__init__()
        self.animation_level = "none"
        for theme in themes.OURS:
            self.register_theme(theme)
        self.theme = themes.DEFAULT
        self.pane = pane
        self.copied = ""

    def get_default_screen(self) -> Screen[None]:
        return BaseScreen(id="_default")

    def compose(self) -> ComposeResult:
        yield self.pane
        yield KeyBar(compact=True)

    def on_mount(self) -> None:
        self.pane.focus()

    def copy_to_clipboard(self, text: str) -> None:
        self.copied = text

    @property
    def said(self) -> str:
        """All notices so far."""
        return "\n".join(notice.message for notice in self._notifications)

    def seen(self) -> str:
        """What is on the screen as plain text."""
        strips = self.screen._compositor.render_strips()
        return "\n".join("".join(segment.text for segment in strip).rstrip() for strip in strips)


async def soon(pilot: Pilot[Any], happened: Callable[[], object]) -> None:
    """Wait for what a timer brings; a busy machine may need longer than the timer says."""
    for _ in range(1000):
        if happened():
            return
        await pilot.pause(0.01)
    raise AssertionError("it did not happen within ten seconds")
