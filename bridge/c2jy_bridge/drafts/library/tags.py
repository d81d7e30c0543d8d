"""Tags of drafts: words of the user, in a file of ours in the draft's folder.

They follow a draft that is renamed or goes to the trash and back; a zip and a draft made from it as a
template begin without them. JianYing's own files are never touched for them, so any draft can have some.
"""

from __future__ import annotations

import os
import unicodedata
import uuid
from collections.abc import Sequence
from pathlib import Path
from typing import Final

import orjson

from c2jy_bridge.core.safety import one_line
from c2jy_bridge.drafts.errors import DraftError, issue
from c2jy_bridge.drafts.write.paths import TAGS
from c2jy_bridge.drafts.write.staging import owned, read_plain, sync_folder, write_file

_LONGEST: Final = 40
_MOST: Final = 20
_LARGEST_FILE: Final = 64 * 1024


def read_tags(folder: Path) -> tuple[str, ...]:
    """The tags of a draft, sorted; none when the file is not as we write it."""
    try:
        found = orjson.loads(read_plain(folder / TAGS, _LARGEST_FILE))["tags"]
        return tuple(tag for tag in found[:_MOST] if isinstance(tag, str) and _is_tag(tag))
    except (OSError, ValueError, KeyError, TypeError):
        return ()


def change_tags(folder: Path, add: Sequence[str], remove: Sequence[str]) -> tuple[str, ...]:
    """Add and remove tags, with or without `#`, whatever their case; returns those that the draft has then.

    Raises:
        DraftError: One of the new tags is none, or there would be too many.
        OSError: The disk refused; the tags are as they were.
    """
    before = read_tags(folder)
    kept = {tag.casefold(): tag for tag in before}
    for tag in remove:
        kept.pop(_plain(tag).casefold(), None)
    for tag in map(_plain, add):
        if not _is_tag(tag):
            raise DraftError([issue("tag", "tags", tag=one_line(tag)[:100], most=_LONGEST)])
        kept.setdefault(tag.casefold(), tag)
    if len(kept) > _MOST:
        raise DraftError([issue("too_many_tags", "tags", name=folder.name, most=_MOST)])
    after = tuple(sorted(kept.values(), key=str.casefold))
    if after != before:
        _write(folder, after)
    return after


def _write(folder: Path, tags: tuple[str, ...]) -> None:
    path = folder / TAGS
    if tags:
        fresh = folder / f"{TAGS}.{owned(uuid.uuid4().hex)}.c2jy-new"
        try:
            write_file(fresh, orjson.dumps({"tags": tags}))
            os.replace(fresh, path)
        finally:
            fresh.unlink(missing_ok=True)
    else:
        path.unlink(missing_ok=True)
    sync_folder(folder)


def _plain(tag: str) -> str:
    return unicodedata.normalize("NFC", tag.strip().removeprefix("#").removeprefix("＃"))


def _is_tag(tag: str) -> bool:
    """Whether it is one word that a filter such as `#done` can name."""
    word = tag and not any(sign.isspace() or sign in "#＃,，" for sign in tag)
    return bool(word) and len(tag) <= _LONGEST and one_line(tag) == tag
