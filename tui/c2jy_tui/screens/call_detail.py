"""One tool call opened: arguments, output, error, timeline."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import ClassVar, Final, Literal

from textual import work
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Vertical, VerticalScroll
from textual.content import Content
from textual.highlight import highlight
from textual.reactive import reactive
from textual.widgets import Static, TabbedContent, TabPane

from c2jy_bridge.safety import visible
from c2jy_tui import measures
from c2jy_tui.bindings import binding
from c2jy_tui.frame import FrameModal
from c2jy_tui.key_bar import KeyBar
from c2jy_tui.panes.inspector import export, words
from c2jy_tui.panes.inspector.moments import timeline
from c2jy_tui.panes.inspector.record import CallRecord
from c2jy_tui.panes.inspector.words import say

CallIntent = Literal["rerun", "edit", "stop", "once", "always", "deny"]
"""What the maker wants of the call when the detail closes."""

SHOWN_CHARACTERS: Final = 20_000
"""Longer texts are cut on the screen (never when copied): laying out 250 kB takes 0.36 s in Textual 8.2.8."""

_TABS: Final = ("arguments", "output", "error", "timeline")
_ENDED: Final = ("rerun", "edit")


class CallDetailScreen(FrameModal[CallIntent | None]):
    """All of one call, following it while it runs; answers with what to do about it, if anything."""

    CSS_PATH = "call_detail.tcss"
    HELP = "inspector:help.detail"
    BINDINGS: ClassVar[list[BindingType]] = [
        binding("inspector", "call_detail.back", "q", "back"),
        binding("inspector", "call_detail.next_tab", "tab,right,l", "tab(1)"),
        binding("inspector", "call_detail.previous_tab", "shift+tab,left,h", "tab(-1)", show=False),
        binding("inspector", "call_detail.copy_whole", "y", "copy_whole"),
        binding("inspector", "call_detail.copy_command", "c", "copy_command"),
        binding("inspector", "call_detail.write", "w", "write"),
        binding("inspector", "call_detail.rerun", "r", "answer('rerun')"),
        binding("inspector", "call_detail.edit", "e", "answer('edit')"),
        binding("inspector", "call_detail.stop", "X", "answer('stop')"),
        binding("inspector", "call_detail.approve", "a", "answer('once')"),
        binding("inspector", "call_detail.deny", "d", "answer('deny')"),
        binding("inspector", "call_detail.always", "A", "answer('always')"),
        binding("inspector", "call_detail.down", "j,down", "scroll(1)", show=False),
        binding("inspector", "call_detail.up", "k,up", "scroll(-1)", show=False),
        binding("inspector", "call_detail.page_down", "pagedown", "scroll(10)", show=False),
        binding("inspector", "call_detail.page_up", "pageup", "scroll(-10)", show=False),
        binding("inspector", "call_detail.top", "g,home", "top", show=False),
        binding("inspector", "call_detail.bottom", "G,end", "bottom", show=False),
    ]

    record: reactive[CallRecord] = reactive[CallRecord](None, init=False)  # type: ignore[arg-type]  # set in __init__

    def __init__(self, record: CallRecord, *, clock: Callable[[], float], folder: Path | None = None) -> None:
        """Show `record`.

        Args:
            record: The call as it is now; assign `record` anew when more is known.
            clock: Unix seconds.
            folder: Where `w` writes a text; the current directory when None.
        """
        super().__init__()
        self._clock = clock
        self._folder = folder
        self.set_reactive(CallDetailScreen.record, record)
        self._texts = {tab: Static(id=f"text-{tab}") for tab in _TABS}

    def compose(self) -> ComposeResult:
        """A headline, four tabs, the keys."""
        with Vertical(id="call-detail"):
            yield Static(id="headline")
            with TabbedContent(initial=self._first_tab()):
                for tab in _TABS:
                    with TabPane(say(f"tab.{tab}"), id=tab), VerticalScroll(can_focus=False):
                        yield self._texts[tab]
            yield KeyBar(compact=True, show_command_palette=False)

    def on_mount(self) -> None:
        """Fill in what is known."""
        self._draw()

    def watch_record(self, _before: CallRecord, _after: CallRecord) -> None:
        """More is known."""
        if self.is_mounted:
            self._draw()

    def tick(self) -> None:
        """The clock went on."""
        if self.is_mounted and not self.record.ended:
            self._headline()

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Only what the call allows in its state is offered."""
        if action != "answer":
            return True
        if parameters[0] in _ENDED:
            return self.record.ended
        return self.record.status == ("running" if parameters[0] == "stop" else "waiting")

    def _first_tab(self) -> str:
        if self.record.status in ("error", "timed_out", "denied"):
            return "error"
        return "output" if self.record.call.output else "arguments"

    def _draw(self) -> None:
        self._headline()
        for tab in ("arguments", "output"):
            self._texts[tab].update(self._json(tab))
        self._texts["error"].update(Content(self._whole("error") or say("detail.no_error")))
        self._texts["timeline"].update(timeline(self.record, self._clock()))
        self.refresh_bindings()

    def _headline(self) -> None:
        call, now = self.record.call, self._clock()
        took = self.record.elapsed_s(now)
        parts = [
            words.status(self.record),
            "" if took is None else measures.elapsed(took),
            say(f"source.{call.source}"),
            say("detail.replayed") if self.record.replayed else "",
        ]
        tool = visible(call.tool, newlines=False)
        self.query_one("#headline", Static).update(
            Content.assemble((tool, "bold"), f"   {' · '.join(p for p in parts if p)}")
        )

    def _whole(self, tab: str) -> str:
        """All of a tab's text, safe to show and to copy."""
        call = self.record.call
        match tab:
            case "arguments":
                return visible(export.pretty(call.arguments)[0])
            case "output":
                return visible(export.pretty(call.output)[0])
            case "error":
                return visible(call.error)
            case _:
                return timeline(self.record, self._clock()).plain

    def _json(self, tab: str) -> Content:
        """The text of a tab in colours, cut where it is too long for a screen."""
        source = self.record.call.arguments if tab == "arguments" else self.record.call.output
        whole = self._whole(tab)
        if not whole:
            return Content(say(f"detail.no_{tab}"))
        shown = whole[:SHOWN_CHARACTERS]
        is_json = export.pretty(source)[1]
        body = highlight(shown, language="json") if is_json else Content(shown)
        notes = []
        if not is_json:
            notes.append(say("detail.not_json"))
        if len(whole) > len(shown):
            notes.append(say("detail.cut", left=f"{len(whole) - len(shown):,}"))
        return Content("\n").join([body, *(Content.styled(note, "$text-warning") for note in notes)])

    @property
    def _tab(self) -> str:
        return self.query_one(TabbedContent).active

    @property
    def _scroll(self) -> VerticalScroll:
        return self.query_one(f"#{self._tab} VerticalScroll", VerticalScroll)

    def action_answer(self, intent: CallIntent) -> None:
        """Close, and have this done about the call."""
        self.dismiss(intent)

    def action_tab(self, by: int) -> None:
        """To the next or the previous tab."""
        tabs = self.query_one(TabbedContent)
        tabs.active = _TABS[(_TABS.index(tabs.active) + by) % len(_TABS)]

    def action_scroll(self, by: int) -> None:
        """Scroll the tab by lines."""
        self._scroll.scroll_relative(y=by, animate=False)

    def action_top(self) -> None:
        """To the first line."""
        self._scroll.scroll_home(animate=False)

    def action_bottom(self) -> None:
        """To the last line."""
        self._scroll.scroll_end(animate=False)

    def action_copy_whole(self) -> None:
        """Copy all of the tab, also what the screen has cut."""
        if text := self._whole(self._tab):
            self.app.copy_to_clipboard(text)

    def action_copy_command(self) -> None:
        """Copy the call as a command line."""
        self.app.copy_to_clipboard(export.command_line(self.record))

    @work(exit_on_error=False)
    async def action_write(self) -> None:
        """Write all of the tab to a file: for terminals that take nothing into the clipboard."""
        folder, text = self._folder or Path.cwd(), self._whole(self._tab)
        stem = f"call-{self._tab}"
        try:
            path = await asyncio.to_thread(export.export_text, stem, text, folder, self._clock())
        except OSError as error:
            failed = say("export.failed", folder=visible(str(folder)), error=error.strerror)
            self.notify(failed, severity="error", markup=False)
        else:
            self.notify(say("written", path=visible(str(path))), markup=False)
