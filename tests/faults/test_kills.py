"""A durable action, killed before what the disk or Coze sees of it, is taken up whole by the next start."""

from __future__ import annotations

import pytest

from faults.kill_child import SCENARIOS
from faults.kills import cases, chosen, run_all, shares, spread

MOST = 40


@pytest.mark.slow
@pytest.mark.timeout(900)
async def test_after_forty_kills_nothing_is_lost_doubled_stuck_blocked_broken_or_left_over() -> None:
    kills = await run_all(MOST, [], show=False)
    assert len(kills) == MOST
    assert {case.scenario for case in kills} == set(SCENARIOS)
    assert [(case.scenario, case.step, case.name, case.faults) for case in kills if case.faults] == []


def test_an_unknown_scenario_is_not_taken_for_none() -> None:
    with pytest.raises(SystemExit, match="bogus"):
        chosen(["bogus"])


def test_the_steps_of_a_scenario_are_spread_over_all_of_it() -> None:
    assert spread(10, 4) == [1, 4, 7, 10]
    assert spread(3, 9) == [1, 2, 3]
    assert spread(1, 5) == [1]


def test_a_scenario_with_few_steps_leaves_its_share_to_the_others() -> None:
    assert shares({"long": 50, "short": 3, "other": 40}, 33) == {"long": 15, "short": 3, "other": 15}


def test_kills_beyond_every_step_hit_the_process_that_takes_it_up() -> None:
    kills = cases({"build": 2, "queue": 3}, 9)
    assert [(case.scenario, case.step) for case in kills if not case.then] == [
        *(("build", step) for step in (1, 2)),
        *(("queue", step) for step in (1, 2, 3)),
    ]
    twice = [(case.scenario, case.step, case.then) for case in kills if case.then]
    assert [name for name, _, _ in twice] == ["queue"] * 4
    assert len(set(twice)) == 4
