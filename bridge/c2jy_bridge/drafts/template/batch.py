"""Makes one draft a row of a table; rows that are done are not done again, one that fails stops no other."""

from __future__ import annotations

import asyncio
import hashlib
import json
import threading
import time
import uuid
from collections.abc import AsyncGenerator, Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import aclosing
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from c2jy_bridge.core.disk_space import os_reason
from c2jy_bridge.core.draft_views import BatchRow, BuiltDraft
from c2jy_bridge.core.events import Issue
from c2jy_bridge.drafts.errors import DraftError, issue
from c2jy_bridge.drafts.library.library import Library
from c2jy_bridge.drafts.template.batch_plan import check_pattern, fills, name_of
from c2jy_bridge.drafts.template.filler import Known, Prepared, TemplateFiller
from c2jy_bridge.drafts.template.table import Row
from c2jy_bridge.drafts.write.background import Stopped
from c2jy_bridge.drafts.write.meta import read_marker
from c2jy_bridge.drafts.write.paths import numbered
from c2jy_bridge.drafts.write.staging import sweep

if TYPE_CHECKING:
    from c2jy_bridge.drafts.build import DraftBuilder

_AT_ONCE: Final = 12
"""Rows that are written at a time: most of a row is waiting for the disk, which keeps several at once."""
_FETCHED: Final = 50
"""Rows whose media are fetched together."""
_MOST_OF_A_NAME: Final = 1000


@dataclass(frozen=True, slots=True)
class _Work:
    """A row with all that is decided before anything is written."""

    row: Row
    name: str
    draft_id: str
    prepared: Prepared | None
    """None for a row of a document."""
    document: Any = None


class Batches:
    """Makes drafts from tables.

    Args:
        filler: Fills templates.
        builder: Builds documents; its drafts folder is where the drafts go.
        library: That folder.
        clock: Unix seconds.
    """

    def __init__(
        self,
        filler: TemplateFiller,
        builder: DraftBuilder,
        library: Library,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._filler, self._builder, self._library, self._clock = filler, builder, library, clock

    async def run(
        self, template: str | Path, rows: Sequence[Row], name: str, *, folder: Path | None = None
    ) -> AsyncGenerator[BatchRow, None]:
        """Make the drafts of a table; yields each row when it is done, in the table's order.

        Args:
            template: A draft as for `TemplateFiller.describe`, or the path of a `c2jy/1` document whose
                texts have `{column}` in them.
            rows: The table.
            name: Of the drafts, with columns in braces: `{title}`.
            folder: What relative paths in the table are relative to; files below it may be used.

        Raises:
            DraftError: The template or document cannot be read, or a column in `name` is in no row.
        """
        check_pattern(name, rows)
        await asyncio.to_thread(sweep, self._library.root, self._clock())
        is_document = isinstance(template, Path) and template.suffix.lower() == ".json"
        known = None if is_document else await asyncio.to_thread(self._filler.read, template)
        document = await asyncio.to_thread(_document, Path(template)) if is_document else None
        seed = _seed(known, document)
        stop = threading.Event()
        threads = ThreadPoolExecutor(_AT_ONCE, thread_name_prefix="c2jy-batch")
        try:
            for at in range(0, len(rows), _FETCHED):
                part = rows[at : at + _FETCHED]
                some = self._some(part, known, document, name, seed, folder, stop, threads)
                async with aclosing(some):
                    async for done in some:
                        yield done
        finally:
            stop.set()
            threads.shutdown(wait=False)

    async def _some(
        self,
        rows: Sequence[Row],
        known: Known | None,
        document: Any,
        pattern: str,
        seed: str,
        folder: Path | None,
        stop: threading.Event,
        threads: ThreadPoolExecutor,
    ) -> AsyncGenerator[BatchRow, None]:
        decided = await asyncio.to_thread(self._decide, rows, known, document, pattern, seed, folder)
        addresses = dict.fromkeys(
            address
            for work in decided
            if isinstance(work, _Work) and work.prepared is not None
            for address in work.prepared.addresses
        )
        fetched = await self._builder.fetch(list(addresses), folders=[folder] if folder else [])
        turns = asyncio.Semaphore(_AT_ONCE)

        async def one(work: _Work | BatchRow) -> BatchRow:
            if isinstance(work, BatchRow):
                return work
            async with turns:
                try:
                    if work.prepared is None:
                        return await self._build(work, [folder] if folder else [])
                    record = {
                        "template": work.prepared.known.template.folder.name,
                        "row": dict(work.row.cells),
                    }
                    write = partial(
                        self._filler.write,
                        work.prepared,
                        fetched,
                        work.name,
                        work.draft_id,
                        record,
                        media_mode="hardlink",
                        stop=stop,
                    )
                    return _made(work, await asyncio.get_running_loop().run_in_executor(threads, write))
                except DraftError as error:
                    return BatchRow(work.row.number, work.name, "failed", issues=error.issues)
                except Stopped:
                    return BatchRow(work.row.number, work.name, "failed")

        jobs = [asyncio.create_task(one(work)) for work in decided]
        try:
            for job in jobs:
                yield await asyncio.shield(job)
        finally:
            if not all(job.done() for job in jobs):
                stop.set()
                for job in jobs if known is None else ():
                    job.cancel()  # a build takes away what it has begun; a row of a template looks at `stop`
            await asyncio.gather(*jobs, return_exceptions=True)

    async def _build(self, work: _Work, folders: Sequence[Path]) -> BatchRow:
        report = await self._builder.build(
            work.document, name=work.name, request_id=work.draft_id, folders=folders
        )
        (done, *_) = report.drafts
        return _made(work, done, report.issues)

    def _decide(
        self,
        rows: Sequence[Row],
        known: Known | None,
        document: Any,
        pattern: str,
        seed: str,
        folder: Path | None,
    ) -> list[_Work | BatchRow]:
        decided: list[_Work | BatchRow] = []
        for row in rows:
            name = ""
            try:
                name = name_of(pattern, row)
                key = json.dumps([name, dict(row.cells)], ensure_ascii=False, sort_keys=True, default=str)
                draft_id = str(uuid.uuid5(uuid.NAMESPACE_OID, f"{seed}/{key}")).upper()
                if there := self._done_before(name, draft_id if known else _built_id(draft_id)):
                    decided.append(BatchRow(row.number, there.name, "there", str(there)))
                elif known is None:
                    filled = _substituted(document, row)
                    decided.append(_Work(row, name, draft_id, None, filled))
                else:
                    values = {key: value for key, value in row.cells.items() if fills(key, known.slots)}
                    prepared = self._filler.prepare(known, values, folder)
                    decided.append(_Work(row, name, draft_id, prepared))
            except DraftError as error:
                decided.append(BatchRow(row.number, name, "failed", issues=error.issues))
        return decided

    def _done_before(self, name: str, draft_id: str) -> Path | None:
        for number in range(1, _MOST_OF_A_NAME):
            folder = self._library.root / numbered(name, number)
            if not folder.is_dir():
                return None
            marker = read_marker(folder)
            if marker is not None and marker.draft_id == draft_id:
                return folder
        return None


def _made(work: _Work, done: BuiltDraft, more: Sequence[Issue] = ()) -> BatchRow:
    return BatchRow(work.row.number, done.name, "made", done.path, (*more, *done.issues))


def _built_id(request_id: str) -> str:
    """The id that `DraftBuilder.build` gives the first draft of a request."""
    return str(uuid.uuid5(uuid.NAMESPACE_OID, f"{request_id}/0")).upper()


def _seed(known: Known | None, document: Any) -> str:
    """Different for another template: its rows are to be made then, though the table is the same."""
    text = known.template.content.text if known else json.dumps(document, ensure_ascii=False)
    return hashlib.sha256(text.encode()).hexdigest()


def _document(path: Path) -> Any:
    try:
        return json.loads(path.read_bytes())
    except OSError as error:
        raise DraftError([issue("unreadable", path.name, reason=os_reason(error))]) from None
    except ValueError as error:
        raise DraftError([issue("fill_not_json", path.name, reason=error)]) from None


def _substituted(value: Any, row: Row) -> Any:
    """A document with the cells of a row for `{column}`; a text of nothing else becomes the cell's value."""
    if isinstance(value, Mapping):
        return {key: _substituted(held, row) for key, held in value.items()}
    if isinstance(value, list):
        return [_substituted(held, row) for held in value]
    if not isinstance(value, str):
        return value
    for key, cell in row.cells.items():
        if value == f"{{{key}}}":
            return cell
        if isinstance(cell, (str, int, float)):
            value = value.replace(f"{{{key}}}", str(cell))
    return value
