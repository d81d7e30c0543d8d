"""Which documents are read here, and which go to the injected reader."""

from __future__ import annotations

import json
from typing import Any

import pytest

from c2jy_bridge.core.settings import TimeUnit
from c2jy_bridge.drafts import DraftError
from c2jy_bridge.drafts.spec.input import ReadDocument, read_document

OURS: dict[str, Any] = {
    "schema": "c2jy/1",
    "name": "中国美食",
    "tracks": [{"type": "text", "clips": [{"text": "a", "duration": 1}]}],
}
FOREIGN = ReadDocument(())


def _read(given: object, unit: TimeUnit = "auto") -> ReadDocument:
    def foreign(document: object, time_unit: TimeUnit) -> ReadDocument:
        assert document is given
        assert time_unit == unit
        return FOREIGN

    return read_document(given, unit, foreign)


TEXT = json.dumps(OURS, ensure_ascii=False)


@pytest.mark.parametrize(
    "document",
    [OURS, TEXT, TEXT.encode(), bytearray(TEXT.encode()), f"\ufeff {TEXT}\n", {**OURS, "name": None}],
)
def test_a_plain_document_of_ours_is_read_here(document: object) -> None:
    (draft,) = _read(document).drafts
    assert draft.path == ""
    assert draft.imported is None
    assert draft.document is not None
    assert draft.spec.tracks[0].clips[0].at.duration == 1_000_000


def test_a_manifest_is_read_by_the_document_in_it() -> None:
    (draft,) = _read({"marker": {}, "document": OURS}).drafts
    assert draft.path == "document"
    with pytest.raises(DraftError) as caught:
        _read(json.dumps({"marker": {}, "document": {**OURS, "width": "wide"}}))
    assert [issue.path for issue in caught.value.issues] == ["document.width"]


def test_the_unit_of_the_caller_holds_where_the_document_has_none() -> None:
    assert _read(OURS, "ms").drafts[0].spec.tracks[0].clips[0].at.duration == 1_000
    assert _read({**OURS, "time_unit": "s"}, "ms").drafts[0].spec.tracks[0].clips[0].at.duration == 1_000_000


@pytest.mark.parametrize(
    "document",
    [
        [OURS],
        {"output": TEXT},
        f"```json\n{TEXT}\n```",
        f"Here it is: {TEXT}",
        TEXT[:-1],
        TEXT.replace('"name"', '"schema"'),
        TEXT.encode("gb18030"),
        {**OURS, "name": "\ud800"},
        {**OURS, "tracks": tuple(OURS["tracks"])},
        {**OURS, "fps": float("nan")},
        {**OURS, "width": 10**18},
        {"tracks": [{"segments": []}]},
        "",
        "words",
        None,
    ],
)
def test_everything_else_goes_to_the_other_reader(document: object) -> None:
    assert _read(document) is FOREIGN
