"""Base of the details of a call and of a request: a headline, texts under tabs, copying them."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import ClassVar, Final, TypeVar

from textual import work
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Vertical, VerticalScroll
from textual.content import Content
from textual.highlight import HighlightTheme, highlight
from textual.widgets import Static, TabbedContent, TabPane
from typing_extensions import override

from c2jy_bridge.core.i18n import Say
from c2jy_bridge.core.safety import visible
from c2jy_tui import desktop, formatting
from c2jy_tui.formatting import Clock
from c2jy_tui.labels import say
from c2jy_tui.widgets.bindings import BaseDialog, binding
from c2jy_tui.widgets.key_bar import KeyBar

Result = TypeVar("Result")

SHOWN_CHARACTERS: Final = 20_000
"""Longer texts are cut on the screen (never when copied): laying out 250 kB takes 0.36 s in Textual 8.2.8."""


class _Colours(HighlightTheme):
    """Textual's colours of code without their transparency, which takes the contrast of some below 4.5:1."""

    STYLES = {  # noqa: RUF012  (as in Textual)
        token: " ".join(word for word in style.split() if not word.endswith("%"))
        for token, style in HighlightTheme.STYLES.items()
    }


class TabbedDetail(BaseDialog[Result]):
    """A dialog of texts; a subclass provides them."""

    CSS_PATH = "tabbed_detail.tcss"
    TABS: ClassVar[tuple[str, ...]]
    """Ids of the tabs in their order; `tab.<id>` in the subclass's catalogue is the label of one."""
    FILE_STEM: ClassVar[str]
    """The name of a file with one of the texts."""
    BINDINGS: ClassVar[list[BindingType]] = [
        binding("tui", "detail.back", "q", "back"),
        binding("tui", "detail.next_tab", "tab,right,l", "tab(1)"),
        binding("tui", "detail.previous_tab", "shift+tab,left,h", "tab(-1)", show=False),
        binding("tui", "detail.copy_whole", "y", "copy_whole"),
        binding("tui", "detail.write", "w", "write"),
        binding("tui", "detail.scroll_down", "j,down", "scroll(1)", show=False),
        binding("tui", "detail.scroll_up", "k,up", "scroll(-1)", show=False),
        binding("rows", "detail.page_down", "pagedown", "scroll(10)", show=False),
        binding("rows", "detail.page_up", "pageup", "scroll(-10)", show=False),
        binding("tui", "detail.top", "g,home", "top", show=False),
        binding("tui", "detail.bottom", "G,end", "bottom", show=False),
    ]

    def __init__(self, words: Say, *, clock: Clock, folder: Path | None = None) -> None:
        """`words` is the subclass's catalogue; `folder` is where `w` writes (None: the current directory)."""
        super().__init__()
        self._words = words
        self._clock = clock
        self._folder = folder
        self._texts = {tab: Static(id=f"text-{tab}") for tab in self.TABS}

    @override
    def compose(self) -> ComposeResult:
        with Vertical(id="detail"):
            yield Static(id="headline")
            with TabbedContent(initial=self.first_tab()):
                for tab in self.TABS:
                    with TabPane(self._words(f"tab.{tab}"), id=tab), VerticalScroll(can_focus=False):
                        yield self._texts[tab]
            yield KeyBar(compact=True, show_command_palette=False)

    def on_mount(self) -> None:
        self.draw()

    # --- given by the subclass -----------------------------------------------------------------------

    @property
    def ended(self) -> bool:
        """Whether it can change no more."""
        raise NotImplementedError

    def first_tab(self) -> str:
        """The tab to begin with."""
        raise NotImplementedError

    def headline(self) -> Content:
        """The headline: what it is, and its state."""
        raise NotImplementedError

    def body(self, tab: str) -> Content:
        """The content of a tab."""
        raise NotImplementedError

    def whole(self, tab: str) -> str:
        """All of a tab's text, safe to copy; empty when there is none."""
        raise NotImplementedError

    # --- drawing -------------------------------------------------------------------------------------

    def watch_record(self) -> None:
        if self.is_mounted:
            self.draw()

    def tick(self) -> None:
        """Keep the elapsed time going."""
        if self.is_mounted and not self.ended:
            self.draw_headline()

    def draw(self) -> None:
        """Redraw headline and tabs."""
        self.draw_headline()
        for tab, text in self._texts.items():
            text.update(self.body(tab))
        self.refresh_bindings()

    def draw_headline(self) -> None:
        """Redraw the headline."""
        self.query_one("#headline", Static).update(self.headline())

    def json_body(self, text: str) -> Content:
        """JSON in colours, cut where it is too long for a screen; other text as it is, with a note."""
        pretty, is_json = formatting.pretty_json(text)
        whole = visible(pretty)
        shown = whole[:SHOWN_CHARACTERS]
        body = highlight(shown, language="json", theme=_Colours) if is_json else Content(shown)
        notes = []
        if not is_json:
            notes.append(say("detail.not_json"))
        if len(whole) > len(shown):
            notes.append(say("detail.cut", left=f"{len(whole) - len(shown):,}"))
        return Content("\n").join([body, *(Content.styled(note, "$text-warning") for note in notes)])

    # --- intents -------------------------------------------------------------------------------------

    @property
    def _tab(self) -> str:
        return self.query_one(TabbedContent).active

    @property
    def _scroll(self) -> VerticalScroll:
        return self.query_one(f"#{self._tab} VerticalScroll", VerticalScroll)

    def action_answer(self, intent: Result) -> None:
        self.dismiss(intent)

    def action_tab(self, by: int) -> None:
        tabs = self.query_one(TabbedContent)
        tabs.active = self.TABS[(self.TABS.index(tabs.active) + by) % len(self.TABS)]

    def action_scroll(self, by: int) -> None:
        self._scroll.scroll_relative(y=by, animate=False)

    def action_top(self) -> None:
        self._scroll.scroll_home(animate=False)

    def action_bottom(self) -> None:
        self._scroll.scroll_end(animate=False)

    def action_copy_whole(self) -> None:
        """Copy all of the tab, also what the screen has cut."""
        if text := self.whole(self._tab):
            self.app.copy_to_clipboard(text)

    @work(exit_on_error=False)
    async def action_write(self) -> None:
        """Write all of the tab to a file: for terminals that take nothing into the clipboard."""
        folder, text = self._folder or Path.cwd(), self.whole(self._tab)
        stem = f"{self.FILE_STEM}-{self._tab}"
        try:
            path = await asyncio.to_thread(desktop.write_new_file, folder, stem, "txt", text, self._clock())
        except OSError as error:
            failed = say(
                "detail.not_written", folder=visible(str(folder)), error=formatting.error_reason(error)
            )
            self.notify(failed, severity="error", markup=False)
        else:
            self.notify(say("detail.written", path=visible(str(path))), markup=False)
