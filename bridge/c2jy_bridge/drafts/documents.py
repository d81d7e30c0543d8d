"""Any document that somebody hands in, to the specs in it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from c2jy_bridge.compat.coze2jianying.exports import Imported, import_each
from c2jy_bridge.compat.coze2jianying.exports.fields import checked
from c2jy_bridge.compat.coze2jianying.exports.json_text import one_document, read
from c2jy_bridge.core.events import Issue
from c2jy_bridge.core.gc_control import gc_paused
from c2jy_bridge.core.settings import TimeUnit
from c2jy_bridge.drafts.spec import DraftSpec, is_spec, parse_spec


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

    def told(self, issues: Iterable[Issue]) -> tuple[Issue, ...]:
        """Issues with paths that a reader of the document finds there: an export has no `tracks[0].clips[2]`.

        Args:
            issues: Of this draft, from any part of the build; those of its import have such paths already.
        """
        if self.imported is None or not self.imported.origins:
            return tuple(issues)
        origins, ready = self.imported.origins, set(self.issues)
        return tuple(
            found if found in ready else replace(found, path=origins.of(found.path)) for found in issues
        )


@dataclass(frozen=True, slots=True)
class ReadDocument:
    """The drafts of a document that could be read, at least one, and why the others could not."""

    drafts: tuple[ReadDraft, ...]
    faults: tuple[Issue, ...] = ()


def read_document(document: object, time_unit: TimeUnit) -> ReadDocument:
    """Read our own schema or any export of Coze2JianYing.

    Args:
        document: An object, a list, or JSON as text or bytes, also inside a Markdown fence or a string.
        time_unit: Of bare numbers where the document does not say; `auto` is seconds for our schema and is
            found out for exports.

    Raises:
        DraftError: It is no JSON, or there is no draft in it that can be read; with all faults.
    """
    with gc_paused(), one_document():
        value = read(document) if isinstance(document, (str, bytes, bytearray)) else checked(document)
        path, ours = _ours(value)
        if ours is not None:
            unit = None if time_unit == "auto" else time_unit
            parsed = parse_spec(ours, path=path, default_unit=unit)
            return ReadDocument((ReadDraft(parsed.spec, path, parsed.issues, parsed.document),))
        imported, faults = import_each(value, time_unit=time_unit)
        drafts = (ReadDraft(item.spec, item.path, item.issues, imported=item) for item in imported)
        return ReadDocument(tuple(drafts), faults)


def _ours(value: Any) -> tuple[str, Mapping[str, Any] | None]:
    """The short way for what most documents are: one of our own, or a c2jy.json."""
    if isinstance(value, Mapping) and "marker" in value and is_spec(value.get("document")):
        return "document", value["document"]
    return "", value if isinstance(value, Mapping) and is_spec(value) else None
