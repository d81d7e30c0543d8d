"""What a draft was made from, whether it was changed since, and how an export's time unit was decided."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from c2jy_bridge.compat.coze2jianying.exports import Imported, parse
from c2jy_bridge.core.draft_views import OriginView, TimeUnitName
from c2jy_bridge.core.settings import TimeUnit
from c2jy_bridge.drafts.errors import DraftError, issue
from c2jy_bridge.drafts.library.snapshot import content_file
from c2jy_bridge.drafts.rebuilding import Kept
from c2jy_bridge.drafts.write.manifest import DOCUMENT

_SETTLE_S: Final = 2.0
"""We write a draft's files within a moment of each other, c2jy.json last; FAT keeps times to two seconds."""


def origin(kept: Kept, durations_us: Mapping[str, int]) -> OriginView:
    """What can be said before a draft is built again.

    Args:
        kept: Its document.
        durations_us: Real lengths of its audio and video files by address, microseconds.

    Raises:
        DraftError: The export in it cannot be read any more.
    """
    resaved = _resaved(kept.folder)
    unit = unit_of(kept)
    if unit is None:
        return OriginView(resaved)
    imported = _decided(kept, "auto", durations_us)
    if imported.unit is None or imported.unit.unit != unit:
        imported = _decided(kept, unit, durations_us)
    assert imported.unit is not None, "asked for, so decided"
    return OriginView(resaved, unit, imported.unit.lengths_us, imported.unit.issue(imported.path))


def unit_of(kept: Kept) -> TimeUnitName | None:
    """The unit that the export's numbers were read in; None when it was made from no export."""
    document = _document(kept)
    meta = document.get("meta")
    imported = meta.get("imported") if isinstance(meta, dict) else None
    unit = imported.get("time_unit") if isinstance(imported, dict) else None
    if not isinstance(document.get("legacy"), (dict, list)):
        return None
    return unit if unit in ("us", "ms", "s") else None


def export_of(kept: Kept) -> Any:
    """The Coze2JianYing export that a draft was made from, verbatim.

    Raises:
        DraftError: It was made from something whose numbers have no other unit.
    """
    if unit_of(kept) is None:
        raise DraftError([issue("no_other_unit", DOCUMENT, name=kept.folder.name)])
    return _document(kept)["legacy"]


def _decided(kept: Kept, asked: TimeUnit, durations_us: Mapping[str, int]) -> Imported:
    return parse(export_of(kept), time_unit=asked)[0].decide_unit(durations_us)


def _document(kept: Kept) -> Mapping[str, Any]:
    document = kept.document["document"]
    return document if isinstance(document, dict) else {}


def _resaved(folder: Path) -> bool:
    file = content_file(folder)
    try:
        return (
            file is not None
            and (folder / file).stat().st_mtime > (folder / DOCUMENT).stat().st_mtime + _SETTLE_S
        )
    except OSError:
        return False
