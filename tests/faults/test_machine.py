"""Chat and bridge mode together, through whatever order of questions, faults, kills and restarts comes."""

from __future__ import annotations

import sys

import pytest

from faults.machine import ChatAndBridge, WithoutReceipts, run

pytestmark = [
    pytest.mark.slow,
    pytest.mark.timeout(600),
    pytest.mark.skipif(
        sys.platform == "win32", reason="the app's process is forked, which Windows does not know"
    ),
]


def test_whatever_happens_in_chat_and_bridge_nothing_is_lost_doubled_stuck_or_blocked() -> None:
    run(examples=8, steps=12, derandomize=True)


@pytest.mark.parametrize(
    ("kind", "die_at"),
    [
        ("ask", "ask /v3/chat/submit_tool_outputs"),
        ("request", "commit UPDATE bridge_requests state = 'succeeded'"),
    ],
)
def test_the_machine_notices_when_receipts_are_not_found(kind: str, die_at: str) -> None:
    def run_killed_after_the_receipt(machine: ChatAndBridge) -> None:
        try:
            getattr(machine, kind)(slow=False, die_at=die_at)
        finally:
            machine.teardown()

    with pytest.raises(AssertionError, match=r"doubled: quick-(chat|bridge)-1 was written 2 times"):
        run_killed_after_the_receipt(WithoutReceipts())
    run_killed_after_the_receipt(ChatAndBridge())
