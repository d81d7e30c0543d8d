"""Chat and bridge mode together, through whatever order of questions, faults, kills and restarts comes."""

from __future__ import annotations

import sys

import pytest

from faults.machine import run


@pytest.mark.slow
@pytest.mark.timeout(600)
@pytest.mark.skipif(
    sys.platform == "win32", reason="the app's process is forked, which Windows does not know"
)
def test_whatever_happens_in_chat_and_bridge_nothing_is_lost_doubled_stuck_or_blocked() -> None:
    run(examples=12, steps=12, derandomize=True)
