"""What the inspector's filter means: words that must all be there, some of them in a named place."""

from __future__ import annotations

from dataclasses import dataclass

from c2jy_tui.panes.inspector import labels
from c2jy_tui.panes.inspector.record import CallRecord
from c2jy_tui.panes.inspector.store import Wanted, everything

_PLACES = ("tool", "status", "source")


@dataclass(frozen=True, slots=True)
class Term:
    """One word and where it must be; an empty place is anywhere."""

    place: str
    word: str

    def in_record(self, record: CallRecord) -> bool:
        """Whether `record` has the word there."""
        call = record.call
        places = {
            "tool": (call.tool,),
            "status": (record.status, labels.say(f"status.{record.status}")),
            "source": (call.source, labels.say(f"source.{call.source}")),
        }
        named = [text for place in _PLACES for text in places[place]]
        texts = places[self.place] if self.place else (*named, call.arguments, call.output, call.error)
        return any(self.word in text.casefold() for text in texts)


def parse(text: str) -> Wanted:
    """The filter that `text` asks for: `generate status:error 美食`, in any order; empty lets all through."""
    terms = []
    for part in text.casefold().split():
        place, colon, word = part.partition(":")
        terms.append(Term(place, word) if colon and place in _PLACES else Term("", part))
    if not terms:
        return everything
    return lambda record: all(term.in_record(record) for term in terms)
