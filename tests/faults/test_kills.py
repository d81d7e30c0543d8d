"""Every durable action, killed before what the disk sees of it, is taken up whole by the next start."""

from __future__ import annotations

import pytest

from faults.kill_child import SCENARIOS
from faults.kills import chosen, run_all, spread

MOST = 60
"""Shared evenly; packing and the trash have fewer steps than their share: a little over 40 are left."""


@pytest.mark.slow
@pytest.mark.timeout(900)
async def test_after_forty_kills_nothing_is_lost_doubled_stuck_blocked_broken_or_left_over() -> None:
    kills = await run_all(MOST, [], show=False)
    assert len(kills) >= 40
    assert {case.scenario for case in kills} == set(SCENARIOS)
    assert [(case.scenario, case.step, case.name, case.faults) for case in kills if case.faults] == []


def test_an_unknown_scenario_is_not_taken_for_none() -> None:
    with pytest.raises(SystemExit, match="bogus"):
        chosen(["bogus"])


def test_the_steps_of_a_scenario_are_spread_over_all_of_it() -> None:
    assert spread(10, 4) == [1, 4, 7, 10]
    assert spread(3, 9) == [1, 2, 3]
    assert spread(1, 5) == [1]
