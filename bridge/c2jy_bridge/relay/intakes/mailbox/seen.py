"""What of a mailbox is known already."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Hashable
from typing import Final

from c2jy_bridge.relay.intakes.mailbox.codec import Answered

MOST: Final = 5000
"""Letters, and answers, that are remembered: more than `MOST_PAGES` pages hold."""


class Seen:
    """Letters that are done with and answers that were posted, the oldest forgotten first.

    It only saves work and repetitions: that a request is done once does not hang on it, but on its key.
    """

    def __init__(self) -> None:
        self._letters: OrderedDict[Hashable, None] = OrderedDict()
        self._answers: OrderedDict[Hashable, None] = OrderedDict()
        self._refused: OrderedDict[Hashable, None] = OrderedDict()

    def letter(self, message_id: str) -> bool:
        """Whether a letter is done with."""
        return message_id in self._letters

    def done_with(self, message_id: str) -> None:
        """A letter needs no further look."""
        _keep(self._letters, message_id)

    def answer(self, answered: Answered) -> None:
        """A letter of our own was found."""
        if answered.refused:
            _keep(self._refused, answered.refused)
        else:
            _keep(self._answers, (answered.request, answered.part))

    def answered(self, request_id: str, part: int) -> bool:
        """Whether this part of an answer is in the mailbox."""
        return (request_id, part) in self._answers

    def refused(self, message_id: str) -> bool:
        """Whether a letter was refused before."""
        return message_id in self._refused


def _keep(kept: OrderedDict[Hashable, None], key: Hashable) -> None:
    kept[key] = None
    kept.move_to_end(key)
    if len(kept) > MOST:
        kept.popitem(last=False)
