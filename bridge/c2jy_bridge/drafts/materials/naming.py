"""What a person would call a material."""

from __future__ import annotations

import re
from pathlib import PurePosixPath
from typing import Final
from urllib.parse import unquote

from c2jy_bridge.core.safety import visible
from c2jy_bridge.drafts.materials.failure import split

_ILLEGAL: Final = re.compile(r'[<>:"/\\|?*%]+')  # on Windows, where the draft may go
_LONGEST: Final = 60


def readable_name(source: str, sha256: str, extension: str) -> str:
    """The last part of a link's path or of a file's, with the true extension.

    A link without one (`https://s.example/t/`) and a data: URL are called by their content.
    """
    if source[:5].lower() == "data:":
        stem = ""
    else:
        parts = split(source) if "://" in source[:16] else None
        path = parts.path if parts else source.replace("\\", "/")
        stem = PurePosixPath(unquote(path)).name
    base, dot, suffix = stem.rpartition(".")
    if dot and base and len(suffix) <= 5:
        stem = base
    stem = _ILLEGAL.sub("_", visible(stem, newlines=False)).strip(" ._")[:_LONGEST].strip(" ._")
    return f"{stem or sha256[:8]}.{extension}"
