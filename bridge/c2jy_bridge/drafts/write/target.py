"""How paths are spelled for the machine that opens the draft, which may be another one."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path, PurePath, PurePosixPath, PureWindowsPath
from typing import Final

from c2jy_bridge.core.safety import visible
from c2jy_bridge.drafts.errors import DraftError, issue

MATERIALS: Final = "materials"
"""Folder of media inside a draft."""
_LONGEST: Final = 1000
"""Characters; macOS takes 1024 bytes, Windows 260 unless told otherwise."""
_WINDOWS: Final = re.compile(r"[A-Za-z]:[\\/]|\\\\[^\\]")


@dataclass(frozen=True, slots=True)
class TargetRoot:
    """The drafts folder as that machine spells it; never resolved against this one's disk."""

    root: PurePath

    @classmethod
    def of(cls, given: str | None, local: Path) -> TargetRoot:
        """The folder named for another machine, else the local one.

        Raises:
            DraftError: `given` is not an absolute Windows or POSIX path, or nobody could read it as one.
        """
        if given is None or not given.strip():
            return cls(local)
        text = given.strip()
        if visible(text, newlines=False) != text or len(text) > _LONGEST:
            raise DraftError([issue("target_root", "target.root", root=text[:100])])
        if _WINDOWS.match(text):
            return cls(PureWindowsPath(text))
        if text.startswith("/"):
            return cls(PurePosixPath(text))
        raise DraftError([issue("target_root", "target.root", root=text)])

    def draft(self, name: str) -> PurePath:
        """The draft's folder there."""
        return self.root / name

    def material(self, name: str, file: str) -> str:
        """A media file of a draft there, in that system's own spelling."""
        return str(self.root / name / MATERIALS / file)


def local_view(path: str, folder: Path, name: str | None = None) -> Path | None:
    """Where a material's path leads on this machine.

    Args:
        path: As it stands in the draft, for whatever machine.
        folder: The draft's folder here.
        name: The draft's name, when the folder does not have it yet.

    Returns:
        A file inside the draft when the path ends in `<name>/materials/<file>` or is JianYing's draft
        placeholder; else the path itself when it is absolute here; else None. A path on another computer is
        None too, unless the draft stands there itself: Windows would log in to whatever host somebody's
        draft names.
    """
    pure = PureWindowsPath(path) if _WINDOWS.match(path) or "\\" in path else PurePosixPath(path)
    tail = pure.parts[-3:]
    inside = len(tail) == 3 and tail[0] in (name or folder.name, folder.name)
    if len(tail) >= 2 and tail[-2] == MATERIALS and (inside or path.startswith("##_draftpath_placeholder")):
        return folder / MATERIALS / tail[-1]
    drive = PureWindowsPath(path).drive
    if drive.startswith("\\\\") and drive.lower() != folder.drive.lower():
        return None
    here = Path(path)
    return here if here.is_absolute() else None
