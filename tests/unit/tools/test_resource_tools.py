"""search_resources, as the Bot calls it."""

from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from c2jy_bridge.tools.media import ResourceTools

if TYPE_CHECKING:
    from tool_harness import Bot


@pytest.fixture(autouse=True)
def tools(bot: Bot) -> None:
    bot.registry.register(ResourceTools())


async def test_a_transition_is_found_with_its_length_and_whether_it_is_for_members(bot: Bot) -> None:
    told = await bot.call("search_resources", kind="transition", query="叠化")
    assert told["status"] == "success"
    assert told["fits"] is True
    assert told["resources"][0] == {
        "name": "叠化", "kind": "transition", "vip": False, "default_duration_s": 0.5, "params": [],
    }  # fmt: skip
    assert told["total"] == len(told["resources"]) > 1


async def test_nothing_that_fits_is_said_with_the_nearest_names(bot: Bot) -> None:
    told = await bot.call("search_resources", kind="video_in", query="渐险")
    assert told["status"] == "success"
    assert told["fits"] is False
    assert "渐险" in told["message"]
    assert [row["name"] for row in told["resources"]] == ["渐显"]


async def test_an_unknown_kind_is_answered_with_the_known_ones(bot: Bot) -> None:
    told = await bot.call("search_resources", kind="transitions", query="叠化")
    assert told["status"] == "error"
    assert "transition" in told["message"]


async def test_limit_and_vip_are_kept_to(bot: Bot) -> None:
    told = await bot.call("search_resources", kind="filter", query="", vip=False, limit=7)
    assert len(told["resources"]) == 7
    assert not any(row["vip"] for row in told["resources"])


def test_the_names_are_not_loaded_before_somebody_asks_for_one() -> None:
    code = "import sys, c2jy_bridge.tools; print('pyJianYingDraft' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"
