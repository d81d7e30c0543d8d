"""Textual's driver for Linux and macOS, which also recognises pastes that are not marked as such."""

from __future__ import annotations

import codecs
import os
import selectors
from collections.abc import Iterable
from typing import Final

from textual.drivers.linux_driver import LinuxDriver
from textual.message import Message
from typing_extensions import override

from c2jy_tui.terminal.pastes import PasteParser

_READ_BYTES: Final = 65_536
_POLL_S: Final = 0.1


class TerminalDriver(LinuxDriver):
    """Textual's driver for Linux and macOS with a PasteParser."""

    @override
    def run_input_thread(self) -> None:
        parser = PasteParser(self._debug)
        decode = codecs.getincrementaldecoder("utf-8")("replace").decode

        def send(messages: Iterable[Message]) -> None:
            for message in messages:
                self.process_message(message)

        with selectors.SelectSelector() as selector:
            selector.register(self.fileno, selectors.EVENT_READ)
            while not self.exit_event.is_set():
                if selector.select(_POLL_S) and (read := os.read(self.fileno, _READ_BYTES)):
                    send(parser.feed(decode(read)))
                send(parser.tick())


class FrugalDriver(TerminalDriver):
    """Hears of the mouse only while a button is held: each move would be sent here and drawn there."""

    @override
    def _enable_mouse_support(self) -> None:
        if self._mouse:
            self.write("\x1b[?1000h\x1b[?1002h\x1b[?1015h\x1b[?1006h")
            self.flush()

    @override
    def _disable_mouse_support(self) -> None:
        super()._disable_mouse_support()
        if self._mouse:
            self.write("\x1b[?1002l")
            self.flush()
