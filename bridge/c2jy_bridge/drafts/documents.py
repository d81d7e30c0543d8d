"""Any document that somebody hands in, to the specs in it."""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import orjson

from c2jy_bridge.drafts.collector import held_back
from c2jy_bridge.drafts.importers import Imported, parse
from c2jy_bridge.drafts.pieces import content_pieces
from c2jy_bridge.drafts.spec import DraftSpec, is_spec, parse_spec
from c2jy_bridge.events import Issue
from c2jy_bridge.settings import TimeUnit


@dataclass(frozen=True, slots=True)
class ReadDraft:
    """One draft of a document."""

    spec: DraftSpec
    path: str
    """What the JSON paths of its issues begin with; empty when it is the whole document."""
    issues: tuple[Issue, ...] = ()
    document: Mapping[str, Any] | None = None
    """What it was read from, if that is our own schema."""
    imported: Imported | None = None

    def knowing(self, durations_us: Mapping[str, int]) -> ReadDraft:
        """The same draft once it is known how long its media are: an export does not say its time unit.

        Args:
            durations_us: By address, microseconds; images left out.

        Raises:
            DraftError: In the unit that the media speak for, the draft is impossible.
        """
        if self.imported is None:
            return self
        again = self.imported.decide_unit(durations_us)
        return replace(self, spec=again.spec, issues=again.issues, imported=again)


def read_document(document: object, time_unit: TimeUnit) -> tuple[ReadDraft, ...]:
    """Read our own schema or any export of Coze2JianYing.

    Args:
        document: An object, a list, or JSON as text or bytes, also inside a Markdown fence or a string.
        time_unit: Of bare numbers where the document does not say; `auto` is seconds for our schema and is
            found out for exports.

    Returns:
        At least one.

    Raises:
        DraftError: It is no JSON, there is no draft in it, or a draft in it has faults; with all of them.
    """
    with held_back():
        path, ours = _ours(document)
        if ours is not None:
            unit = None if time_unit == "auto" else time_unit
            parsed = parse_spec(ours, path=path, default_unit=unit)
            return (ReadDraft(parsed.spec, path, parsed.issues, parsed.document),)
        given: Any = document
        return tuple(
            ReadDraft(item.spec, item.path, item.issues, imported=item)
            for item in parse(given, time_unit=time_unit)
        )


def _ours(document: object) -> tuple[str, Mapping[str, Any] | None]:
    """The short way for what most documents are: one of our own, or a c2jy.json, in plain JSON."""
    value = document
    if isinstance(document, (str, bytes, bytearray)):
        try:
            value = orjson.loads(document)
        except orjson.JSONDecodeError:
            return "", None
    else:
        try:
            if isinstance(document, Mapping):
                deque(content_pieces(document), maxlen=0)
        except TypeError:  # NaN passes; it is named by its path later
            return "", None
    if isinstance(value, Mapping) and "marker" in value and is_spec(value.get("document")):
        return "document", value["document"]
    return "", value if isinstance(value, Mapping) and is_spec(value) else None
