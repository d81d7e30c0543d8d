"""Killed machines and servers lose nothing and double nothing: the short form of `faults.studio_kills`."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from faults.studio_kills import run
from nats_server import needs_nats

pytestmark = [pytest.mark.slow, needs_nats, pytest.mark.timeout(600)]


@pytest.mark.parametrize(("servers", "pause_s"), [(1, 2.0), (3, 4.0)])
def test_each_request_makes_one_draft_though_machines_and_servers_are_killed(
    servers: int, pause_s: float, tmp_path: Path
) -> None:
    home = {"HOME": str(tmp_path / "home"), "XDG_CONFIG_HOME": str(tmp_path / "config")}
    found = run(tmp_path, {**os.environ, **home}, requests=100, machines=2, servers=servers, pause_s=pause_s)
    assert found.kills.total() > 0
    assert (found.lost, found.doubled) == ([], [])
    assert found.states == {"succeeded": 100}, found.problems
