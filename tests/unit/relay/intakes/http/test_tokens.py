"""The token is made once, replaced with a time of overlap, and a running bridge hears of it at once."""

from __future__ import annotations

import os
import stat
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from c2jy_bridge.core.vault import Vault
from c2jy_bridge.relay.intakes.http.tokens import NAME, OVERLAP_S, Tokens
from unit.relay.conftest import Clock


@pytest.fixture
def tokens(tmp_path: Path, clock: Clock) -> Tokens:
    return Tokens(Vault(tmp_path), clock)


def test_the_token_is_made_at_first_and_stays(tokens: Tokens, tmp_path: Path, clock: Clock) -> None:
    token = tokens.current()
    assert len(token) > 40
    assert tokens.current() == token == Tokens(Vault(tmp_path), clock).current()
    assert tokens.accepts(token)
    if os.name == "posix":
        assert stat.S_IMODE((tmp_path / NAME).stat().st_mode) == 0o600


def test_nothing_is_let_in_before_there_is_a_token(tokens: Tokens) -> None:
    assert not tokens.accepts("")
    assert not tokens.accepts("anything")


def test_a_replaced_token_is_taken_for_a_while_and_its_forerunner_no_longer(
    tokens: Tokens, clock: Clock
) -> None:
    first = tokens.current()
    second = tokens.rotate(overlap_s=300)
    assert tokens.accepts(first)
    assert tokens.accepts(second)
    clock.advance(301)
    assert not tokens.accepts(first)
    third = tokens.rotate(overlap_s=300)
    assert [tokens.accepts(t) for t in (first, second, third)] == [False, True, True]
    tokens.rotate(overlap_s=0)
    assert not tokens.accepts(third)


def test_the_security_page_says_how_long_a_replaced_token_is_valid_and_that_two_rotations_end_it(
    tokens: Tokens,
) -> None:
    page = (Path(__file__).resolve().parents[5] / "docs" / "security.md").read_text(encoding="utf-8")
    assert OVERLAP_S == 5 * 60
    assert "one for five more minutes" in page
    leaked = tokens.current()
    tokens.rotate()
    assert tokens.accepts(leaked)
    assert "rotate twice" in page
    tokens.rotate()
    assert not tokens.accepts(leaked)


def test_damage_lets_nobody_in_and_is_mended(tokens: Tokens, tmp_path: Path) -> None:
    first = tokens.current()
    (tmp_path / NAME).write_text("{damaged")
    assert not tokens.accepts(first)
    assert not tokens.accepts("")
    assert tokens.accepts(tokens.current())


async def test_another_process_replaces_the_token_of_a_running_bridge(
    call: Callable[..., Any], tmp_path: Path
) -> None:
    http = await call()
    Tokens(Vault(tmp_path / "secrets")).rotate(overlap_s=0)
    assert (await http.get("/v1/tools")).status_code == 401
    token = Tokens(Vault(tmp_path / "secrets")).current()
    assert (await http.get("/v1/tools", headers={"Authorization": f"Bearer {token}"})).status_code == 200


def test_a_clock_that_was_set_back_does_not_prolong_a_replaced_token(tmp_path: Path) -> None:
    clock = Clock()
    tokens = Tokens(Vault(tmp_path / "secrets"), clock)
    replaced = tokens.current()
    tokens.rotate()
    assert tokens.accepts(replaced)
    clock.advance(-86_400)
    assert not tokens.accepts(replaced)
    assert tokens.accepts(tokens.current())
