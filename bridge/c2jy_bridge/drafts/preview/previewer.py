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

from c2jy_bridge.core.draft_views import OnProgress, Preview, PreviewKind, PreviewNote, Progress
from c2jy_bridge.core.i18n import language
from c2jy_bridge.core.places import install_command
from c2jy_bridge.drafts.errors import DraftError, disk_issue, issue, say
from c2jy_bridge.drafts.library.library import Library
from c2jy_bridge.drafts.library.snapshot import content_file
from c2jy_bridge.drafts.preview import MARK
from c2jy_bridge.drafts.write.paths import numbered
from c2jy_bridge.drafts.write.staging import owned, sweep_files, sync_folder

_UNFINISHED: Final = ".c2jy-part"
_SUFFIX: Final = {"sheet": ".png", "frame": ".png", "clip": ".mp4"}
_SILENCE_S: Final = 90.0
"""So long a process may draw at one frame; one of a 4K video takes a second or two."""
_LONGEST_LINE: Final = 2**24
_EDGE: Final = 65_536
_EVERY_S: Final = 0.1


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
        on_progress: OnProgress | None = None,
    ) -> Preview:
        """Make a preview; cancelled, nothing is left behind.

        Args:
            name: The draft.
            kind: A contact sheet, a frame, or a clip with sound.
            out: The file; None: in the folder for exports. A preview that is there is replaced.
            at_us: The frame's time in microseconds.
            font: Instead of the one of the settings.
            on_progress: Called on the event loop, with frames.

        Raises:
            DraftError: There is no such draft, it cannot be drawn, the place cannot be written, or the extra
                `preview` is not installed.
        """
        if importlib.util.find_spec("av") is None or importlib.util.find_spec("numpy") is None:
            raise DraftError([issue("preview_extra", "", command=install_command("preview"))])
        folder, content, place, unfinished = await asyncio.to_thread(self._prepare, name, kind, out)
        job = {
            "folder": str(folder),
            "content": content,
            "name": folder.name,
            "kind": kind,
            "out": str(unfinished),
            "at_us": at_us,
            "language": language(),
            "font": str(font or self._font or ""),
        }
        try:
            answer = await self._render(job, on_progress)
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

    async def _render(self, job: dict[str, Any], on_progress: OnProgress | None) -> dict[str, Any]:
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-P", "-m", "c2jy_bridge.drafts.preview.render_process",
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            limit=_LONGEST_LINE,
        )  # fmt: skip
        assert process.stderr is not None
        complaint = asyncio.create_task(process.stderr.read())
        try:
            answer = await _answer(process, job, on_progress)
            if answer is None:
                said = (await complaint).decode(errors="replace").strip().rpartition("\n")[2][:300]
                status = await process.wait()
                raise DraftError([issue("preview_crashed", "", status=status, last=said or "-")])
        except TimeoutError:
            raise DraftError([issue("preview_timeout", "", seconds=round(_SILENCE_S))]) from None
        finally:
            complaint.cancel()
            if process.returncode is None:
                with suppress(ProcessLookupError):
                    process.kill()
                await process.wait()
        return answer


async def _answer(
    process: asyncio.subprocess.Process, job: dict[str, Any], on_progress: OnProgress | None
) -> dict[str, Any] | None:
    """The process's last line; None when it ends without one."""
    assert process.stdin is not None
    assert process.stdout is not None
    with suppress(ConnectionError):
        process.stdin.write(json.dumps(job).encode())
        await process.stdin.drain()
        process.stdin.close()
    shown_at = 0.0
    async with asyncio.timeout(_SILENCE_S) as limit:
        while line := await process.stdout.readline():
            limit.reschedule(asyncio.get_running_loop().time() + _SILENCE_S)
            try:
                told: dict[str, Any] = json.loads(line)
            except ValueError:
                return None
            if "done" not in told:
                return told
            now = time.monotonic()
            if on_progress and (now - shown_at > _EVERY_S or told["done"] == told["total"]):
                shown_at = now
                on_progress(Progress(say("progress.preview"), told["done"], told["total"], "items"))
    return None


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
