"""Makes previews of drafts: a process renders, this publishes what it made."""

from __future__ import annotations

import asyncio
import importlib.util
import json
import os
import sys
import time
import uuid
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any, Final

from c2jy_bridge.core.draft_views import Preview, PreviewKind, PreviewNote
from c2jy_bridge.core.i18n import language
from c2jy_bridge.drafts.errors import DraftError, disk_issue, issue
from c2jy_bridge.drafts.library.library import Library
from c2jy_bridge.drafts.library.snapshot import content_file
from c2jy_bridge.drafts.write.paths import numbered
from c2jy_bridge.drafts.write.staging import owned, sweep_files, sync_folder

MARK: Final = "c2jy-tui preview"
"""Stands in every preview; a file without it is not replaced."""
_UNFINISHED: Final = ".c2jy-part"
_SUFFIX: Final = {"sheet": ".png", "frame": ".png", "clip": ".mp4"}
_FRAME_SIDE, _CLIP_SIDE = 1280, 854
"""Pixels of the longer side."""
_LONGEST_S: Final = 180.0
"""A sheet of twelve frames takes seconds even of videos in 4K."""
_REAL_TIMES: Final = 20
"""So many times its own length a clip may take."""
_EDGE: Final = 65_536


class Previewer:
    """Makes previews of the drafts of one library.

    Args:
        library: The drafts.
        exports_dir: Where previews go when no place is named.
        font: For texts whose own font is not on this machine; None: one that is found.
        clock: Unix seconds.
        new_token: For names of unfinished files.
    """

    def __init__(
        self,
        library: Library,
        exports_dir: Path,
        *,
        font: Path | None = None,
        clock: Callable[[], float] = time.time,
        new_token: Callable[[], str] = lambda: uuid.uuid4().hex,
    ) -> None:
        self._library, self._exports, self._font = library, exports_dir, font
        self._clock, self._new_token = clock, new_token

    async def make(
        self,
        name: str,
        kind: PreviewKind = "sheet",
        out: Path | None = None,
        *,
        at_us: int = 0,
        font: Path | None = None,
    ) -> Preview:
        """Make a preview; cancelled, nothing is left behind.

        Args:
            name: The draft.
            kind: A contact sheet, a frame, or a clip with sound.
            out: The file; None: in the folder for exports. A preview that is there is replaced.
            at_us: The frame's time in microseconds.
            font: Instead of the one of the settings.

        Raises:
            DraftError: There is no such draft, it cannot be drawn, the place cannot be written, or the extra
                `preview` is not installed.
        """
        if importlib.util.find_spec("av") is None or importlib.util.find_spec("numpy") is None:
            raise DraftError([issue("preview_extra", "")])
        folder, content, place, unfinished = await asyncio.to_thread(self._prepare, name, kind, out)
        job = {
            "folder": str(folder),
            "content": content,
            "name": folder.name,
            "kind": kind,
            "out": str(unfinished),
            "at_us": at_us,
            "longest": _FRAME_SIDE if kind == "frame" else _CLIP_SIDE,
            "language": language(),
            "font": str(font or self._font or ""),
        }
        try:
            answer = await self._render(job)
            if "failed" in answer:
                raise DraftError([_refusal(answer, place)])
            await asyncio.to_thread(_publish, unfinished, place)
        finally:
            with suppress(OSError):
                unfinished.unlink(missing_ok=True)
        notes = tuple(PreviewNote(**note) for note in answer.pop("notes"))
        times = tuple(answer.pop("times_us"))
        return Preview(**{**answer, "path": str(place)}, times_us=times, notes=notes)

    def _prepare(self, name: str, kind: PreviewKind, out: Path | None) -> tuple[Path, str, Path, Path]:
        folder = self._library.folder(name)
        content = content_file(folder)
        if content is None:
            raise DraftError([issue("preview_unreadable", "")])
        if out is None:
            self._exports.mkdir(parents=True, exist_ok=True)
            out = _free(self._exports, folder.name, _SUFFIX[kind])
        out = Path(os.path.abspath(out))
        if out.suffix.lower() != _SUFFIX[kind]:
            raise DraftError([issue("preview_suffix", "", file=out, suffix=_SUFFIX[kind])])
        if not out.parent.is_dir():
            raise DraftError([issue("preview_no_folder", "", folder=out.parent)])
        if Path(os.path.realpath(out.parent)).is_relative_to(os.path.realpath(folder)):
            raise DraftError([issue("preview_inside", "", file=out)])
        if os.path.lexists(out) and not _is_ours(out):
            raise DraftError([issue("preview_over_other", "", file=out)])
        sweep_files(out.parent, self._clock(), only=_UNFINISHED)
        return (
            folder,
            content,
            out,
            out.with_name(f".{out.name[:60]}.{owned(self._new_token())}{_UNFINISHED}"),
        )

    async def _render(self, job: dict[str, Any]) -> dict[str, Any]:
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-P", "-m", "c2jy_bridge.drafts.preview.render_process",
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )  # fmt: skip
        try:
            async with asyncio.timeout(_LONGEST_S):
                told, complaint = await process.communicate(json.dumps(job).encode())
        except TimeoutError:
            raise DraftError([issue("preview_timeout", "", seconds=round(_LONGEST_S))]) from None
        finally:
            if process.returncode is None:
                process.kill()
                await process.wait()
        try:
            answer: dict[str, Any] = json.loads(told.splitlines()[-1])
        except (ValueError, IndexError):
            last = complaint.decode(errors="replace").strip().rpartition("\n")[2][:300]
            raise DraftError(
                [issue("preview_crashed", "", status=process.returncode, last=last or "-")]
            ) from None
        return answer


def _refusal(answer: dict[str, Any], out: Path) -> Any:
    if answer["failed"] == "disk":
        return disk_issue(OSError(answer["errno"] or 0, answer["reason"]), "", out, what="preview")
    return issue(answer["failed"], "", **answer["values"])


def _publish(unfinished: Path, out: Path) -> None:
    try:
        with open(unfinished, "rb+") as file:
            os.fsync(file.fileno())
        os.replace(unfinished, out)
    except OSError as error:
        raise DraftError([disk_issue(error, "", out, what="preview")]) from error
    sync_folder(out.parent)


def _is_ours(path: Path) -> bool:
    """Whether a file is a preview that we made: its mark is near its start or its end."""
    if path.is_symlink() or not path.is_file():
        return False
    with open(path, "rb") as file:
        head = file.read(_EDGE)
        file.seek(max(0, path.stat().st_size - _EDGE))
        return MARK.encode() in head + file.read(_EDGE)


def _free(folder: Path, draft: str, suffix: str) -> Path:
    """`<draft><suffix>`, with a number when a file that is not a preview has that name."""
    for number in range(1, 1000):
        path = folder / f"{numbered(draft, number)}{suffix}"
        if not os.path.lexists(path) or _is_ours(path):
            return path
    raise DraftError([issue("name_taken", "name", name=draft)])
