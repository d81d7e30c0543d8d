"""The folder that a draft goes into, when a model names one."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from c2jy_bridge.drafts.errors import DraftError, issue
from c2jy_bridge.drafts.write.manifest import DOCUMENT
from c2jy_bridge.drafts.write.naming import checked

_OF_A_DRAFT: Final = ("draft_content.json", "draft_info.json", "draft_meta_info.json", DOCUMENT)


def output_folder(wish: str | None, root: Path, declared: Sequence[Path]) -> Path:
    """The drafts folder, a plain folder in it, or one below it or below a declared folder.

    Args:
        wish: As the model wrote it; None or blank for the drafts folder itself.
        root: The drafts folder.
        declared: Further folders that the settings allow.

    Raises:
        DraftError: It leads elsewhere, also by a link, stands inside a draft, or would make a folder of a
            name that no draft may have either.
    """
    if wish is None or not wish.strip():
        return root
    try:
        if os.path.isabs(wish):
            top, below = _below(Path(wish), (root, *declared), wish)
        else:
            top, below = _below(root / checked(wish.strip(), "output_folder"), (root,), wish)
    except (OSError, ValueError) as error:  # a null character, half a character, a loop of links
        if isinstance(error, DraftError):
            raise
        raise _refusal("output_outside", wish) from None
    here = top
    for part in below.parts:
        here /= part
        if not os.path.lexists(here):
            checked(part, "output_folder")
        elif any(os.path.lexists(here / name) for name in _OF_A_DRAFT):
            raise _refusal("output_in_draft", wish)
    return here


def _below(folder: Path, tops: Sequence[Path], wish: str) -> tuple[Path, Path]:
    real = os.path.realpath(folder)
    for top in tops:
        if Path(real).is_relative_to(os.path.realpath(top)):
            return top, Path(real).relative_to(os.path.realpath(top))
    raise _refusal("output_outside", wish)


def _refusal(code: str, wish: str) -> DraftError:
    return DraftError([issue(code, "output_folder", folder=wish[:200])])
