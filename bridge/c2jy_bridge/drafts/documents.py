"""Any document that somebody hands in, to the specs in it."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import orjson

from c2jy_bridge.drafts.collector import held_back
from c2jy_bridge.drafts.errors import DraftError, issue
from c2jy_bridge.drafts.spec import DraftSpec, is_spec, parse_spec
from c2jy_bridge.events import Issue
from c2jy_bridge.settings import TimeUnit

_FENCE: Final = re.compile(r"\s*```[\w-]*[ \t]*\n(.*?)\n?\s*```\s*", re.DOTALL)
_MOST_LAYERS: Final = 4
"""JSON in a string in JSON ...; models do that twice, workflows once more."""


@dataclass(frozen=True, slots=True)
class ReadDraft:
    """One draft of a document."""

    spec: DraftSpec
    path: str
    """What the JSON paths of its issues begin with; empty when it is the whole document."""
    issues: tuple[Issue, ...] = ()
    document: Mapping[str, Any] | None = None
    """What it was read from, if that is our own schema."""


@dataclass(frozen=True, slots=True)
class ReadDocument:
    """The drafts that could be read, and what is wrong with the others."""

    drafts: tuple[ReadDraft, ...]
    issues: tuple[Issue, ...] = ()


def read_document(document: object, time_unit: TimeUnit) -> ReadDocument:
    """Read our own schema or any export of Coze2JianYing.

    Args:
        document: An object, a list, or JSON as text or bytes, also inside a Markdown fence or a string.
        time_unit: Of bare numbers where the document does not say; `auto` is seconds for our schema and is
            found out for exports.

    Raises:
        DraftError: Nothing in it can be used.
    """
    with held_back():
        return _read(decoded(document), time_unit)


def _read(plain: Any, time_unit: TimeUnit) -> ReadDocument:
    ours = list(_specs(plain, ""))
    if not ours:
        return _imported(plain, time_unit)
    drafts: list[ReadDraft] = []
    issues: list[Issue] = []
    for path, item in ours:
        try:
            parsed = parse_spec(item, path=path, default_unit=None if time_unit == "auto" else time_unit)
        except DraftError as error:
            issues += error.issues
        else:
            drafts.append(ReadDraft(parsed.spec, path, parsed.issues, parsed.document))
    if not drafts:
        raise DraftError(issues)
    return ReadDocument(tuple(drafts), tuple(issues))


def decoded(document: object) -> Any:
    """The object that text or bytes hold; an object is handed back as it is."""
    for _ in range(_MOST_LAYERS):
        if not isinstance(document, (str, bytes, bytearray)):
            return document
        text = document if isinstance(document, str) else _text(bytes(document))
        text = text.removeprefix("\ufeff").strip()
        if fenced := _FENCE.fullmatch(text):
            text = fenced[1].strip()
        if not text:
            raise DraftError([issue("empty_document", "")])
        try:
            document = orjson.loads(text)
        except orjson.JSONDecodeError as error:
            raise DraftError([issue("not_json", "", line=error.lineno, column=error.colno)]) from None
    raise DraftError([issue("not_a_document", "")])


def _text(data: bytes) -> str:
    encoding = "utf-16" if data[:2] in (b"\xff\xfe", b"\xfe\xff") else "utf-8"
    try:
        return data.decode(encoding)
    except UnicodeDecodeError:
        raise DraftError([issue("not_utf8", "")]) from None


def _specs(document: Any, path: str) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """(JSON path, object) of each of our own documents: alone, in a list, in `drafts`, in a c2jy.json."""
    if is_spec(document):
        yield path, document
    elif isinstance(document, Mapping):
        if "marker" in document and is_spec(document.get("document")):
            yield "document", document["document"]
        elif isinstance(items := document.get("drafts"), Sequence):
            yield from _each(items, "drafts")
    elif isinstance(document, Sequence) and not isinstance(document, str):
        yield from _each(document, "")


def _each(items: Sequence[Any], path: str) -> Iterator[tuple[str, Mapping[str, Any]]]:
    for index, item in enumerate(items):
        if is_spec(item):
            yield f"{path}[{index}]", item


def _imported(document: Any, time_unit: TimeUnit) -> ReadDocument:
    from c2jy_bridge.drafts import importers

    found = importers.parse(document, time_unit=time_unit)
    many = len(found) > 1
    drafts = [
        ReadDraft(item.spec, f"drafts[{index}]" if many else "", tuple(item.issues))
        for index, item in enumerate(found)
    ]
    return ReadDocument(tuple(drafts))
