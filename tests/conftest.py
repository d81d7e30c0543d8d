"""For all tests: compiled catalogues, English texts, nothing of this machine's environment."""

from __future__ import annotations

import gc
import os
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent

for _name in [n for n in os.environ if n.startswith(("COZE_", "C2JY_"))] + ["NO_COLOR"]:
    os.environ.pop(_name, None)
os.environ["TZ"] = "UTC"
# Without its byte code, each process that a test starts compiles the whole app again: 0.7 s of work.
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
# A proxy of the machine would swallow 127.0.0.1 (httpx trusts the environment).
os.environ["NO_PROXY"] = os.environ["no_proxy"] = "127.0.0.1,localhost,::1"


def pytest_configure(config: pytest.Config) -> None:
    sys.path.insert(0, str(ROOT))
    try:
        from hatch_build import compile_catalogues
    finally:
        sys.path.remove(str(ROOT))
    compile_catalogues(ROOT)
    # A sixth of the time of a screen's test was the collector, walking over imported modules again and again.
    gc.freeze()
    gc.set_threshold(50_000, 20, 100)


@pytest.fixture(autouse=True)
def english() -> None:
    from c2jy_bridge.core import i18n

    i18n.use("en")
