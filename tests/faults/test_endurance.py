"""A process that works for long neither grows nor fails; `python -m faults.endurance` is the long form."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from faults.endurance import GROWTH_MB, Meter, Sample, run


@pytest.mark.slow
@pytest.mark.timeout(300)
async def test_a_process_that_works_for_long_neither_grows_nor_fails() -> None:
    meter, faults = await run(300, 40, show=False)
    assert faults == []
    assert meter.growths() == [], "\n".join(map(str, meter.samples))
    parts = [sample.part for sample in meter.samples]
    assert (parts.count("requests"), parts.count("turns")) == (20, 20)


@pytest.mark.parametrize(
    ("changed", "word"),
    [
        ({"memory_mb": 50.0 + 2 * GROWTH_MB}, "memory"),
        ({"descriptors": 60}, "descriptors"),
        ({"threads": 9}, "threads"),
    ],
)
def test_growth_is_noticed(changed: dict[str, Any], word: str) -> None:
    steady = Sample("requests", 1, 50.0, 30, 6, 7, 1.0)
    meter = Meter(show=False)
    meter.samples = [steady] * 8
    assert meter.growths() == []
    meter.samples.append(replace(steady, **changed))
    (growth,) = meter.growths()
    assert word in growth
