"""The log goes into the file of the engine that is there, and nowhere else as long as there is one."""

from __future__ import annotations

import asyncio
import gc
import logging
from pathlib import Path

import pytest

from c2jy_bridge.engine.engine import Background
from c2jy_bridge.engine.startup import close_log, open_log


def test_the_log_is_the_files_alone_until_the_last_engine_has_closed(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    log = logging.getLogger("c2jy_bridge.anything")
    first, second = open_log(tmp_path / "1", []), open_log(tmp_path / "2", [])
    log.warning("to both")
    close_log(first)
    log.warning("to the second")
    close_log(second)
    log.warning("to any listener")
    assert caplog.messages == ["to any listener"]
    written = [(tmp_path / name / "c2jy.log").read_text(encoding="utf-8") for name in "12"]
    assert ["to both" in text for text in written] == [True, True]
    assert ["to the second" in text for text in written] == [False, True]


async def test_background_work_that_is_cancelled_before_it_begins_leaves_no_warning(
    recwarn: pytest.WarningsRecorder,
) -> None:
    background, begun = Background(), []

    async def work() -> None:
        begun.append(True)

    background.start(work())
    await background.close()
    await asyncio.sleep(0)  # until then the loop holds what has ended
    gc.collect()
    assert begun == []
    assert [str(warning.message) for warning in recwarn] == []
