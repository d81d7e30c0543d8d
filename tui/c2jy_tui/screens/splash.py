"""The splash screen: looks like the main screen, drawn from a handful of plain widgets.

The main screen needs modules that take longer to import than Textual itself. They come while this one is
already seen, and what is typed meanwhile goes into the main screen's composer.
"""

from __future__ import annotations

from collections.abc import Mapping

from textual import events
from textual.app import ComposeResult
from textual.containers import Horizontal, Vertical
from textual.content import Content
from textual.reactive import var
from textual.screen import Screen
from textual.widgets import Static
from typing_extensions import override

from c2jy_bridge.core.safety import visible
from c2jy_tui.labels import say
from c2jy_tui.widgets.workspace import SHARES, layout_for, share_out
from c2jy_tui.widgets.wrapping import wrapped


class Greeting(Static):
    """The first words of the welcome, with the line ends that the main screen gives them."""

    def on_resize(self) -> None:
        title = Content.styled(say("welcome.title"), "$text-primary bold")
        about = wrapped(Content(say("welcome.about")), self.content_size.width - 1)
        self.update(Content("\n").join([title, *about]))


class SplashScreen(Screen[None]):
    """Shown until the main screen can be created."""

    typed: var[str] = var("")
    """The text typed so far."""
    asked = ""
    """The text that was already sent: Enter on a text that is not blank."""

    def __init__(self, shares: Mapping[str, int] = SHARES) -> None:
        super().__init__()
        self._shares = {**SHARES, **shares}

    @override
    def compose(self) -> ComposeResult:
        # The first layout is the right one already; Textual sets this class only after it.
        self.add_class(layout_for(self.app.size.width))
        with Horizontal(id="header"):
            yield Static(Content.styled("c2jy-tui", "$text-primary bold"), id="name")
            yield Static(Content.styled(f"◌ {say('doing.starting')}", "dim"), id="doing")
        with Vertical(id="panes"):
            with Vertical(id="chat", classes="pane -lit") as chat:
                chat.border_title = say("pane.chat")
                yield Greeting()
                yield Static(id="prompt")
            with Vertical(id="side"):
                for pane in ("inspector", "drafts"):
                    box = Static(id=pane, classes="pane")
                    box.border_title = say(f"pane.{pane}")
                    yield box
        yield Static(id="keys")

    def on_mount(self) -> None:
        share_out(self, self._shares, layout_for(self.app.size.width))
        self.watch_typed("")

    def watch_typed(self, typed: str) -> None:
        if self.is_mounted:
            words = Content(typed) if typed else Content.styled(say("chat.placeholder"), "dim")
            self.query_one("#prompt", Static).update(words)

    def on_key(self, event: events.Key) -> None:
        if event.key == "backspace":
            self.typed = self.typed[:-1]
        elif event.key == "enter" and self.typed.strip() and not self.asked:
            self.asked, self.typed = self.typed.strip(), ""
        elif event.is_printable and event.character:
            self.typed += event.character

    def on_paste(self, event: events.Paste) -> None:
        self.typed += visible(event.text)
