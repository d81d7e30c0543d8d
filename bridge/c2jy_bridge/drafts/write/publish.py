"""What follows a draft's publication when it was asked for: a zip, an entry in the app's list.

The draft stands by then; what goes wrong here is said and does not take it away again.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import orjson

from c2jy_bridge.core.draft_views import Packed
from c2jy_bridge.core.events import Issue
from c2jy_bridge.core.settings import DraftProfile
from c2jy_bridge.drafts.errors import DraftError, issue
from c2jy_bridge.drafts.write import CONTENT_FILES
from c2jy_bridge.drafts.write.meta import register

Pack = Callable[[Sequence[Path], Path | None], Packed]
"""Packs draft folders into a zip; None: into the exports folder under a free name."""


def packed(
    folders: Sequence[Path], out: Path | None, pack: Pack, where: str
) -> tuple[str, tuple[Issue, ...]]:
    """Pack; returns the zip, empty when it was not written, and what there is to say.

    Args:
        where: JSON path of the wish; empty when it came from outside the document.
    """
    try:
        made = pack(folders, out)
    except DraftError as error:
        return "", (issue("not_packed", where, "error", name=folders[0].name), *error.issues)
    return made.path, made.issues


def entered(folder: Path, profile: DraftProfile, where: str, *, create: bool) -> tuple[Issue, ...]:
    """Enter a draft into root_meta_info.json; returns what there is to say."""
    try:
        meta = orjson.loads((folder / "draft_meta_info.json").read_bytes())
        register(folder.parent, folder, meta, CONTENT_FILES[profile][0], create=create)
    except DraftError as error:
        return (issue("not_registered", where, "warning", name=folder.name), *error.issues)
    except OSError as error:
        reason = error.strerror or str(error)
        return (issue("disk", where, "warning", reason=reason, folder=folder.parent),)
    return (issue("registered", where, "info", name=folder.name),)
