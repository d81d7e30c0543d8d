"""The files of a draft folder that spell paths, read without trust and respelled for another root."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import orjson

from c2jy_bridge.core.chunked_json import content_pieces
from c2jy_bridge.drafts.errors import DraftError, issue
from c2jy_bridge.drafts.library.snapshot import load
from c2jy_bridge.drafts.write.path_rewrite import (
    Respelled,
    files_of,
    former_folder,
    respell,
    respell_meta,
    spelled_folder,
)
from c2jy_bridge.drafts.write.safe_read import read_plain
from c2jy_bridge.drafts.write.target import TargetRoot

CONTENTS: Final = ("draft_content.json", "draft_info.json")
META: Final = "draft_meta_info.json"


@dataclass(frozen=True, slots=True)
class DraftFiles:
    """The main files of a draft and its meta file, as objects."""

    folder: Path
    contents: dict[str, dict[str, Any]]
    meta: dict[str, Any] | None

    @property
    def spelled(self) -> str | None:
        """The drafts folder that its media are spelled for; without media, the one in its meta file."""
        for content in self.contents.values():
            if found := spelled_folder(content, files_of(self.folder)):
                return str(found[1].parent)
        former = former_folder(self.meta or {})
        return str(former.parent) if former else None


def read_files(folder: Path) -> DraftFiles:
    """Read them.

    Raises:
        DraftError: One of them is encrypted, damaged or a link; it cannot be respelled then.
    """
    contents = {}
    for name in CONTENTS:
        path = folder / name
        if not path.exists():
            continue
        if path.is_symlink():
            raise DraftError([issue("file_is_link", name)])
        content, _, trouble = load(path)
        if content is None:
            raise DraftError([trouble or issue("not_a_draft", name)])
        contents[name] = content
    if not contents:
        raise DraftError([issue("no_content", CONTENTS[0])])
    return DraftFiles(folder, contents, _meta(folder / META))


def _meta(path: Path) -> dict[str, Any] | None:
    if path.is_symlink():
        raise DraftError([issue("file_is_link", path.name)])
    try:
        meta = orjson.loads(read_plain(path).removeprefix(b"\xef\xbb\xbf"))
    except FileNotFoundError:
        return None
    except OSError as error:
        raise DraftError([issue("unreadable", path.name, reason=error.strerror or str(error))]) from None
    except orjson.JSONDecodeError:
        raise DraftError([issue("not_json_file", path.name)]) from None
    if not isinstance(meta, dict):
        raise DraftError([issue("not_json_file", path.name)])
    return meta


def respelled(files: DraftFiles, target: TargetRoot) -> tuple[dict[str, list[bytes]], Respelled]:
    """New bytes, in pieces, of every file whose paths change for `target`; the objects change as well."""
    former, name, inside = former_folder(files.meta or {}), files.folder.name, files_of(files.folder)
    new: dict[str, list[bytes]] = {}
    changed = 0
    elsewhere: dict[str, str] = {}
    for file, content in files.contents.items():
        done = respell(content, former, name, target, inside)
        changed = max(changed, done.changed)  # two main files say the same twice
        elsewhere.update(done.elsewhere)
        if done.changed:
            new[file] = list(content_pieces(content))
    if files.meta is not None and respell_meta(files.meta, former, name, target, inside):
        new[META] = [orjson.dumps(files.meta)]
    return new, Respelled(changed, tuple(elsewhere.items()))
