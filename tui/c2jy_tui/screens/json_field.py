"""A text field for a JSON object, with a line that names its first error."""

from __future__ import annotations

import json
from typing import Any

from textual import on
from textual.app import ComposeResult
from textual.containers import Vertical
from textual.content import Content
from textual.widgets import Static, TextArea
from typing_extensions import override

from c2jy_bridge.core.safety import visible
from c2jy_tui.panes.inspector.labels import say


class JsonField(Vertical):
    """A text area that is validated with every key."""

    DEFAULT_CSS = """
    JsonField {
        height: 1fr;
        TextArea { height: 1fr; }
        #fault { height: auto; max-height: 3; padding: 0 1; color: $text-success; }
        &.-faulty #fault { color: $text-error; text-style: bold; }
    }
    """

    def __init__(self, text: str) -> None:
        super().__init__()
        self._area = TextArea(text, show_line_numbers=True, tab_behavior="indent", compact=True, id="json")
        self._fault = Static(id="fault")

    @override
    def compose(self) -> ComposeResult:
        yield self._area
        yield self._fault

    def focus_text(self) -> None:
        """Focus the text area."""
        self._area.focus()

    @property
    def text(self) -> str:
        """The text as typed."""
        return self._area.text

    @property
    def value(self) -> dict[str, Any] | None:
        """The object, or None while the text is not one."""
        return None if self._find_fault() else json.loads(self.text)

    def focus_fault(self) -> bool:
        """Whether the text is not a JSON object; if so, move the cursor to the error."""
        fault = self._find_fault()
        if fault is None:
            return False
        self._area.move_cursor(fault[1])
        self._area.focus()
        return True

    def refuse(self, why: str) -> None:
        """Show why the object is not taken, until it is changed."""
        self._fault.update(Content(visible(why)))
        self.add_class("-faulty")
        self._area.focus()

    @on(TextArea.Changed)
    def _check(self) -> None:
        fault = self._find_fault()
        self._fault.update(Content(say("edit.valid") if fault is None else fault[0]))
        self.set_class(fault is not None, "-faulty")

    def _find_fault(self) -> tuple[str, tuple[int, int]] | None:
        """What is wrong with the text and where (row, column), or None."""
        try:
            parsed = json.loads(self.text)
        except json.JSONDecodeError as error:
            where = (error.lineno - 1, error.colno - 1)
            return say("edit.not_json", line=error.lineno, column=error.colno, error=error.msg), where
        except (ValueError, RecursionError) as error:
            return say("edit.not_usable", error=error), (0, 0)
        if not isinstance(parsed, dict):
            return say("edit.not_object"), (0, 0)
        return None
