"""What a draft folder keeps for building it again: its document, its media, where it came from."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

import orjson

from c2jy_bridge.core.draft_views import OriginView, TimeUnitName
from c2jy_bridge.core.settings import TimeUnit
from c2jy_bridge.drafts.errors import DraftError, issue
from c2jy_bridge.drafts.library.snapshot import content_file
from c2jy_bridge.drafts.materials import Material, MaterialStore
from c2jy_bridge.drafts.materials.material import readable_name
from c2jy_bridge.drafts.spec.input import DocumentReader, TimeUnitDecision
from c2jy_bridge.drafts.write.meta import read_figures, read_marker
from c2jy_bridge.drafts.write.paths import DOCUMENT, MATERIALS, META, former_folder, media_form
from c2jy_bridge.drafts.write.staging import read_plain


@dataclass(frozen=True, slots=True)
class KeptDocument:
    """The document in c2jy.json and the files that it was built with."""

    folder: Path
    manifest: Mapping[str, Any]
    """The marker and the document, as in c2jy.json."""
    target_root: str | None
    """The drafts folder of its absolute paths; None when it is portable or that cannot be seen."""
    is_portable: bool
    """Its media are named by the apps' placeholder."""
    files: Mapping[str, tuple[str, str]]
    """By address: (name in the draft's `materials`, sha256)."""

    @property
    def document(self) -> Mapping[str, Any]:
        """The `c2jy/1` document."""
        document: Mapping[str, Any] = self.manifest["document"]
        return document

    @property
    def unit(self) -> TimeUnitName | None:
        """The unit that the export's numbers were read in; None when it was made from no export."""
        meta = self.document.get("meta")
        imported = meta.get("imported") if isinstance(meta, dict) else None
        unit = imported.get("time_unit") if isinstance(imported, dict) else None
        if not isinstance(self.document.get("legacy"), (dict, list)):
            return None
        return unit if unit in ("us", "ms", "s") else None

    @property
    def name(self) -> str:
        """What the draft is called, without the number that a former building beside another gave it."""
        given = self.document.get("name")
        numbered = isinstance(given, str) and re.fullmatch(rf"{re.escape(given)} \(\d+\)", self.folder.name)
        return str(given) if numbered else self.folder.name

    async def still_there(self, store: MaterialStore) -> dict[str, Material]:
        """Media of the document that are in the draft unchanged, by the address the document has for them.

        Args:
            store: One that may read the draft's folder.
        """
        paths = {address: str(self.folder / MATERIALS / name) for address, (name, _) in self.files.items()}
        fetched = await store.fetch(list(paths.values())) if paths else {}
        found = {}
        for address, path in paths.items():
            got = fetched[path]
            if isinstance(got, Material) and got.sha256 == self.files[address][1]:
                name = readable_name(address, got.sha256, got.extension)
                found[address] = replace(got, source=address, name=name)
        return found


def kept_document(folder: Path) -> KeptDocument:
    """Read c2jy.json.

    Raises:
        DraftError: The draft is not ours, or its document is gone.
    """
    path = folder / DOCUMENT
    if path.is_symlink() or read_marker(folder) is None:
        raise DraftError([issue("no_document", DOCUMENT, name=folder.name)])
    try:
        kept = orjson.loads(read_plain(path))
    except (OSError, ValueError):  # cut off behind the mark
        raise DraftError([issue("no_document", DOCUMENT, name=folder.name)]) from None
    document = kept.get("document")
    if not isinstance(document, dict):
        raise DraftError([issue("no_document", DOCUMENT, name=folder.name)])
    files = {}
    listed = kept.get("files")
    for address, entry in listed.items() if isinstance(listed, dict) else ():
        file, sha256 = (entry.get("file"), entry.get("sha256")) if isinstance(entry, dict) else (None, None)
        if isinstance(file, str) and isinstance(sha256, str):
            name = file.removeprefix(f"{MATERIALS}/")
            if name and name == os.path.basename(name) and name not in (".", ".."):
                files[address] = (name, sha256)
    manifest = {"marker": kept["marker"], "document": document}
    return KeptDocument(folder, manifest, *_target(folder), files)


def _target(folder: Path) -> tuple[str | None, bool]:
    """The drafts folder of a draft's absolute paths, and whether it is portable."""
    written = read_figures(folder)
    portable = written is not None and media_form(written.media) == "portable"
    try:
        meta = orjson.loads(read_plain(folder / META))
        former = former_folder(meta)
        registered = [entry["file_Path"] for group in meta["draft_materials"] for entry in group["value"]]
    except (OSError, ValueError, LookupError, TypeError, AttributeError):
        return None, portable  # newer apps encrypt it as well
    if registered:  # what a later relocate made of it
        portable = all(isinstance(path, str) and path.startswith("./") for path in registered)
    given = not portable and former is not None and former.is_absolute()
    return str(former.parent) if given and former else None, portable


_SETTLE_S: Final = 2.0
"""We write a draft's files within a moment of each other, c2jy.json last; FAT keeps times to two seconds."""


def origin(kept: KeptDocument, durations_us: Mapping[str, int], reader: DocumentReader) -> OriginView:
    """Collects what a user should know before a draft is built again.

    Args:
        kept: Its document.
        durations_us: Real lengths of its audio and video files by address, microseconds.
        reader: Reads the export.

    Raises:
        DraftError: The export in it cannot be read any more.
    """
    resaved = _resaved(kept.folder)
    unit = kept.unit
    if unit is None:
        return OriginView(resaved)

    def decide(asked: TimeUnit) -> tuple[TimeUnitDecision, str]:
        (draft, *_) = reader(export_of(kept), asked).drafts
        imported = draft.decide_unit(durations_us).imported
        assert imported is not None, "an export"
        assert imported.unit is not None, "an export does not name its unit, so it was decided"
        return imported.unit, draft.path

    decision, path = decide("auto")
    if decision.unit != unit:
        decision, path = decide(unit)
    return OriginView(resaved, unit, decision.lengths_us, decision.issue(path))


def export_of(kept: KeptDocument) -> Any:
    """The Coze2JianYing export that a draft was made from, verbatim.

    Raises:
        DraftError: It was made from something whose numbers have no other unit.
    """
    if kept.unit is None:
        raise DraftError([issue("no_other_unit", DOCUMENT, name=kept.folder.name)])
    return kept.document["legacy"]


def _resaved(folder: Path) -> bool:
    file = content_file(folder)
    try:
        return (
            file is not None
            and (folder / file).stat().st_mtime > (folder / DOCUMENT).stat().st_mtime + _SETTLE_S
        )
    except OSError:
        return False
