"""The yardstick of the first paint: three panes, a list in two of them, a place to type. Nothing else."""

from __future__ import annotations

from textual.app import App, ComposeResult
from textual.containers import Horizontal, Vertical, VerticalScroll
from textual.widgets import DataTable, Footer, Header, Static, TextArea


class BareApp(App[None]):
    CSS = "Vertical { width: 1fr; } VerticalScroll, DataTable { height: 1fr; } TextArea { height: 4; }"

    def compose(self) -> ComposeResult:
        yield Header()
        with Horizontal():
            with Vertical():
                with VerticalScroll():
                    yield Static("READY")
                yield TextArea()
            with Vertical():
                yield DataTable()
                yield DataTable()
        yield Footer()


if __name__ == "__main__":
    BareApp().run()
