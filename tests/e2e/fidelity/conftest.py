"""The emulator as Coze's own client libraries see it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from coze_emulator import Emulator


@pytest.fixture
def emulator() -> Iterator[Emulator]:
    with Emulator() as emulator:
        yield emulator
