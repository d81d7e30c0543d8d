"""The line does not wait for the disk, and the disk not for more than its share."""

from __future__ import annotations

import asyncio

from c2jy_bridge.drafts.materials.store import DownloadSlot, DownloadSlots


async def test_a_file_that_is_being_taken_in_leaves_the_line_to_the_next() -> None:
    turns = DownloadSlots(1)
    async with asyncio.timeout(5), DownloadSlot(turns) as first:
        await first.to_disk()
        async with DownloadSlot(turns):
            assert turns.line.locked()
            assert turns.disk.locked()
    assert not turns.line.locked()
    assert not turns.disk.locked()


async def test_while_the_disk_is_full_of_work_a_file_keeps_the_line() -> None:
    turns = DownloadSlots(1)
    async with DownloadSlot(turns) as first:
        await first.to_disk()
        async with DownloadSlot(turns) as second:
            waiting = asyncio.create_task(second.to_disk())
            await asyncio.sleep(0)
            assert turns.line.locked()
            waiting.cancel()
            await asyncio.gather(waiting, return_exceptions=True)
    assert not turns.line.locked()
    assert not turns.disk.locked()
