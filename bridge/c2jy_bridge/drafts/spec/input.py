"""Reads an input document into draft specs; what is not a `c2jy/1` document goes to an injected reader.

So this room knows no other system's exports.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any, Final, Protocol

from c2jy_bridge.core.draft_views import TimeUnitName
from c2jy_bridge.core.events import Issue
from c2jy_bridge.core.settings import TimeUnit
from c2jy_bridge.core.strict_json import Limits, StrictJsonError, is_strict, loads
from c2jy_bridge.drafts.spec.document import DraftSpec
from c2jy_bridge.drafts.spec.reading import is_spec, parse_spec

MOST_BYTES: Final = 64 * 1024 * 1024
"""A draft of 10,000 rich clips is about 10 MB of export."""
MOST_VALUES: Final = 1_500_000
"""The same draft is 600,000 values. A value is two characters at least, and a hundred bytes in memory."""
MOST_DIGITS: Final = 18
"""More do not fit 64 bits; 18 digits of microseconds are 31,000 years."""
LIMITS: Final = Limits(max_depth=64, integers=(1 - 10**MOST_DIGITS, 10**MOST_DIGITS - 1))
_OWN_WORDS: Final = ("c2jy", '"clips"', '"subtitles"')
"""A text without any of these does not hold a document of ours, so it is not parsed here."""


class TimeUnitDecision(Protocol):
    """The unit that the numbers of an export were read in."""

    @property
    def unit(self) -> TimeUnitName:
        """The unit."""

    @property
    def lengths_us(self) -> Mapping[TimeUnitName, int]:
        """How long the draft would be in each unit, microseconds."""

    def issue(self, path: str) -> Issue:
        """The decision, its evidence and the alternatives."""


class ImportedDraft(Protocol):
    """A draft of another system's export, converted to our spec."""

    @property
    def spec(self) -> DraftSpec:
        """The draft as our spec."""

    @property
    def issues(self) -> tuple[Issue, ...]:
        """What the import changed, guessed or left out; paths are those of the export."""

    @property
    def unit(self) -> TimeUnitDecision | None:
        """The unit of its numbers; None when the document itself names it."""

    def decide_unit(self, durations_us: Mapping[str, int]) -> ImportedDraft:
        """The same draft, its unit decided again from real media lengths (by address, microseconds).

        Raises:
            DraftError: In that unit the draft is impossible.
        """

    def original_path(self, path: str) -> str:
        """The path in the export of what has this path in the spec."""

    def parts(self) -> Iterator[object]:
        """What it keeps of each clip beside the spec, so that it can be released in steps."""


@dataclass(frozen=True, slots=True)
class ReadDraft:
    """One draft of a document."""

    spec: DraftSpec
    path: str
    """What the JSON paths of its issues begin with; empty when it is the whole document."""
    issues: tuple[Issue, ...] = ()
    document: Mapping[str, Any] | None = None
    """What it was read from, if that is our own schema."""
    imported: ImportedDraft | None = None

    def decide_unit(self, durations_us: Mapping[str, int]) -> ReadDraft:
        """The same draft once real media lengths are known: an export does not name its time unit.

        Args:
            durations_us: By address, microseconds; images left out.

        Raises:
            DraftError: In the unit that the media point to, the draft is impossible.
        """
        if self.imported is None:
            return self
        again = self.imported.decide_unit(durations_us)
        return replace(self, spec=again.spec, issues=again.issues, imported=again)

    def with_original_paths(self, issues: Iterable[Issue]) -> tuple[Issue, ...]:
        """Issues with the paths of the document that was handed in: an export has no `tracks[0].clips[2]`.

        Args:
            issues: Of this draft, from any part of the build; those of its import have such paths already.
        """
        if self.imported is None:
            return tuple(issues)
        original, done = self.imported.original_path, set(self.issues)
        return tuple(
            found if found in done else replace(found, path=original(found.path)) for found in issues
        )


@dataclass(frozen=True, slots=True)
class ReadDocument:
    """The drafts of a document that could be read, at least one, and why the others could not."""

    drafts: tuple[ReadDraft, ...]
    faults: tuple[Issue, ...] = ()


class DocumentReader(Protocol):
    """Reads a document of any supported schema."""

    def __call__(self, document: object, time_unit: TimeUnit) -> ReadDocument:
        """Read our own schema or a supported export.

        Args:
            document: An object, a list, or JSON as text or bytes, also inside a Markdown fence or a string.
            time_unit: Of bare numbers where the document does not say; `auto` is seconds for our schema and
                detected for exports.

        Raises:
            DraftError: It is not JSON, or no draft in it can be read; with all faults.
        """


def decode_text(data: bytes) -> str:
    """Text of a file: UTF-8, UTF-16 with its mark, else GB 18030, which Chinese editors save by default."""
    if data[:2] in (b"\xff\xfe", b"\xfe\xff"):
        return data.decode("utf-16", "replace")
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError:
        return data.decode("gb18030", "replace")


def read_document(document: object, time_unit: TimeUnit, foreign: DocumentReader) -> ReadDocument:
    """Read a document: ours here, everything else (wrappers, lists, faulty JSON) with `foreign`.

    Raises:
        DraftError: As for `DocumentReader`.
    """
    if isinstance(document, (str, bytes, bytearray)):
        value = _parsed(document)
    else:
        value = document if _own(document) and is_strict(document, LIMITS) else None
    return read_own(value, time_unit) or foreign(document, time_unit)


def read_own(value: object, time_unit: TimeUnit) -> ReadDocument | None:
    """Read a `c2jy/1` document or a c2jy.json; None when the value is neither.

    Raises:
        DraftError: With one issue for each fault.
    """
    if (own := _own(value)) is None:
        return None
    path, document = own
    parsed = parse_spec(document, path=path, default_unit=None if time_unit == "auto" else time_unit)
    return ReadDocument((ReadDraft(parsed.spec, path, parsed.issues, parsed.document),))


def _own(value: object) -> tuple[str, Mapping[str, Any]] | None:
    """Our document and its path in the value."""
    if isinstance(value, Mapping) and "marker" in value and is_spec(value.get("document")):
        return "document", value["document"]
    return ("", value) if isinstance(value, Mapping) and is_spec(value) else None


def _parsed(document: str | bytes | bytearray) -> object:
    """The value of a plain JSON text that may be ours; None for any other: `foreign` reports on it."""
    if len(document) > MOST_BYTES:
        return None
    try:
        text = (document if isinstance(document, str) else document.decode()).removeprefix("\ufeff")
        most_values = text.count(",") + text.count("[") + text.count("{") + 1
        if most_values > MOST_VALUES or not any(word in text for word in _OWN_WORDS):
            return None
        return loads(text, LIMITS)
    except (UnicodeDecodeError, StrictJsonError):
        return None
