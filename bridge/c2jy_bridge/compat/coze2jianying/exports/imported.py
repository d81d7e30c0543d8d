"""Finds the drafts in an input document and imports them; decides their time unit."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from c2jy_bridge.compat.coze2jianying.exports.draft import map_draft
from c2jy_bridge.compat.coze2jianying.exports.fields import checked
from c2jy_bridge.compat.coze2jianying.exports.issues import ImportIssueCollector
from c2jy_bridge.compat.coze2jianying.exports.json_text import one_document, read
from c2jy_bridge.compat.coze2jianying.exports.source_map import Origins
from c2jy_bridge.compat.coze2jianying.exports.units import Evidence, UnitDecision
from c2jy_bridge.compat.coze2jianying.exports.wrappers import Found, find_drafts
from c2jy_bridge.core.events import Issue
from c2jy_bridge.core.gc_control import gc_paused, release_in_steps
from c2jy_bridge.core.settings import TimeUnit
from c2jy_bridge.drafts.errors import DraftError
from c2jy_bridge.drafts.spec.document import DraftSpec
from c2jy_bridge.drafts.spec.input import ReadDocument, ReadDraft, read_own
from c2jy_bridge.drafts.spec.reading import parse_spec


@dataclass(frozen=True, slots=True)
class Imported:
    """One draft of a document, as our spec."""

    spec: DraftSpec
    issues: tuple[Issue, ...]
    """What was changed, guessed, or has no place in a draft; paths are those of the input document."""
    unit: UnitDecision | None
    """None for our own documents, which say their unit."""
    path: str
    """Path of the draft in the document; empty when it is the document."""
    found: Found
    asked: TimeUnit
    evidence: Evidence | None = None
    """What the unit was decided by; None as `unit`."""
    origins: Origins | None = None
    """Paths in the spec -> paths in the document; None for our own documents, where they are the same."""

    def original_path(self, path: str) -> str:
        """The path in the document of what has this path in the spec."""
        return self.origins.of(path) if self.origins else path

    def parts(self) -> Iterator[object]:
        """What it keeps of each clip beside the spec, so that it can be released in steps."""
        if self.evidence is not None:
            yield from self.evidence.clips
        if self.origins is not None:
            yield from self.origins.clips.items()

    def decide_unit(self, durations_us: Mapping[str, int]) -> Imported:
        """The same draft, its unit decided again now that media are known.

        Args:
            durations_us: Real lengths of audio and video files by `Source.address`, microseconds.

        Raises:
            DraftError: In the other unit the draft is impossible.
        """
        if self.unit is None or self.evidence is None or self.asked != "auto":
            return self
        unit = self.evidence.decide(durations_us)
        if unit == self.unit:
            return self
        if unit.unit != self.unit.unit:
            return _import(self.found, self.asked, durations_us)
        before, now = self.unit.issue(self.path), unit.issue(self.path)
        issues = tuple(now if found == before else found for found in self.issues)
        return replace(self, issues=issues, unit=unit)


def parse(
    document: str | bytes | bytearray | Mapping[str, Any] | Sequence[Any], *, time_unit: TimeUnit = "auto"
) -> list[Imported]:
    """Read a document: our `c2jy/1` schema, or an export of Coze2JianYing in any wrapper.

    Args:
        document: JSON as text or bytes (a Markdown fence, a BOM and prose around it do not matter), or the
            object itself.
        time_unit: Of the export's numbers; `auto` goes by the evidence. For our own schema the unit of bare
            numbers where the document does not name one.

    Returns:
        One entry for each draft, in the document's order; at least one.

    Raises:
        DraftError: It is no JSON, holds no draft, or a draft lacks what it cannot do without; with an issue
            for every fault in every draft.
    """
    with one_document():
        value = read(document) if isinstance(document, (str, bytes, bytearray)) else checked(document)
        drafts, faults = import_each(value, time_unit=time_unit)
    if faults:
        raise DraftError(faults)
    return drafts


def import_each(value: Any, *, time_unit: TimeUnit = "auto") -> tuple[list[Imported], tuple[Issue, ...]]:
    """As `parse`, but one draft that cannot be read does not prevent the others.

    Args:
        value: A JSON value as `json_text.read` or `fields.checked` gives it.
        time_unit: As for `parse`.

    Returns:
        The drafts that could be read, at least one, and the faults of the others.

    Raises:
        DraftError: None could be read.
    """
    drafts: list[Imported] = []
    faults: list[Issue] = []
    for found in find_drafts(value):
        try:
            drafts.append(_import(found, time_unit, {}))
        except DraftError as error:
            faults.extend(error.issues)
    if not drafts:
        raise DraftError(faults)
    return drafts, tuple(faults)


def read_document(document: object, time_unit: TimeUnit) -> ReadDocument:
    """Read our own schema or any export of Coze2JianYing (a `DocumentReader`)."""
    with gc_paused(), one_document():
        value = read(document) if isinstance(document, (str, bytes, bytearray)) else checked(document)
        if (own := read_own(value, time_unit)) is not None:  # in a fence, with prose around it
            return own
        imported, faults = import_each(value, time_unit=time_unit)
        drafts = (ReadDraft(item.spec, item.path, item.issues, imported=item) for item in imported)
        return ReadDocument(tuple(drafts), faults)


def _import(found: Found, asked: TimeUnit, durations_us: Mapping[str, int]) -> Imported:
    if found.ours and isinstance(found.value, dict):
        parsed = parse_spec(found.value, path=found.path, default_unit=None if asked == "auto" else asked)
        return Imported(parsed.spec, parsed.issues, None, found.path, found, asked)
    collector = ImportIssueCollector()
    mapped = map_draft(found.value, found.path, collector, asked=asked, durations_us=durations_us)
    if collector.errors:
        raise DraftError(collector.errors)
    try:
        parsed = parse_spec(mapped.document)
    except DraftError as error:
        faults = (replace(fault, path=mapped.origins.of(fault.path)) for fault in error.issues)
        raise DraftError(list(faults)) from None
    meta = {"imported": {**found.envelope, **mapped.meta, "time_unit": mapped.unit.unit}}
    for track in mapped.document["tracks"]:
        release_in_steps(track["clips"])
    spec = parsed.spec.model_copy(update={"legacy": found.value, "meta": meta})
    return Imported(
        spec, collector.folded(), mapped.unit, found.path, found, asked, mapped.evidence, mapped.origins
    )
