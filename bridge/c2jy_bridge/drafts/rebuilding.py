"""What a draft folder keeps for building the draft again: its document, and media that are still inside."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

import orjson

from c2jy_bridge.drafts.errors import DraftError, issue
from c2jy_bridge.drafts.materials import Material, MaterialStore
from c2jy_bridge.drafts.materials.naming import readable_name
from c2jy_bridge.drafts.write.manifest import DOCUMENT, read_marker
from c2jy_bridge.drafts.write.path_rewrite import former_folder
from c2jy_bridge.drafts.write.safe_read import read_plain
from c2jy_bridge.drafts.write.target import MATERIALS

_META: Final = "draft_meta_info.json"


@dataclass(frozen=True, slots=True)
class Kept:
    """The document in c2jy.json and the files that it was built with."""

    folder: Path
    document: Mapping[str, Any]
    target_root: str | None
    """The drafts folder that the draft is spelled for; None when that cannot be seen."""
    files: Mapping[str, tuple[str, str]]
    """By address: (name in the draft's `materials`, sha256)."""

    @property
    def name(self) -> str:
        """What the draft is called, without the number that a former building beside another gave it."""
        given = self.document["document"].get("name")
        numbered = isinstance(given, str) and re.fullmatch(rf"{re.escape(given)} \(\d+\)", self.folder.name)
        return given if numbered else self.folder.name

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


def kept_document(folder: Path) -> Kept:
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
    return Kept(folder, {"marker": kept["marker"], "document": document}, _target_root(folder), files)


def _target_root(folder: Path) -> str | None:
    try:
        meta = orjson.loads(read_plain(folder / _META))
    except (OSError, ValueError):
        return None  # newer apps encrypt it as well
    former = former_folder(meta) if isinstance(meta, dict) else None
    return str(former.parent) if former is not None and former.is_absolute() else None
