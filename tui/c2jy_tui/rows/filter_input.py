"""The one-line field that `/` opens under a list."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from textual.binding import BindingType
from textual.message import Message
from textual.widgets import Input

from c2jy_tui.bindings import binding


class FilterInput(Input):
    """Words that rows must contain; Enter keeps them, Esc drops them."""

    DEFAULT_CSS = """
    FilterInput { display: none; }
    FilterInput.-open { display: block; }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        binding("rows", "filter.keep", "enter,down", "keep", priority=False),
        binding("rows", "filter.drop", "escape", "drop"),
    ]

    @dataclass
    class Left(Message):
        """The maker is done with the field."""

        field: FilterInput

        @property
        def control(self) -> FilterInput:
            """The field that was left."""
            return self.field

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(compact=True, id=id, select_on_focus=False)

    def action_keep(self) -> None:
        """Go back to the list with the filter as it is."""
        self.set_class(bool(self.value), "-open")
        self.post_message(self.Left(self))

    def action_drop(self) -> None:
        """Go back to the whole list."""
        self.value = ""
        self.action_keep()
