"""What the two wire benchmarks share: the canned server, our engine against it, plain cozepy against it."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

NOOP = '''
from c2jy_bridge.plugin import tool

@tool(policy="allow")
def noop() -> dict:
    """Do nothing."""
    return {}
'''


@contextlib.contextmanager
def canned_coze() -> Iterator[str]:
    """The address of a server that answers with prepared bytes, in a process of its own."""
    os.environ["NO_PROXY"] = "127.0.0.1"
    command = [sys.executable, "-m", "benchmarks.canned_coze"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        try:
            yield f"http://127.0.0.1:{int(process.stdout.readline())}"
        finally:
            process.kill()


@contextlib.contextmanager
def settings(base_url: str) -> Iterator[object]:
    """Settings of an engine with a tool that does nothing, in folders of its own."""
    from c2jy_bridge.core.settings import Settings

    with tempfile.TemporaryDirectory() as folder:
        config = Path(folder) / "config"
        (config / "tools").mkdir(parents=True)
        (config / "tools" / "noop.py").write_text(NOOP, encoding="utf-8")
        yield Settings(
            coze={"api_base": base_url, "token": "t", "bot_id": "7"},
            tools={"policy": {"noop": "allow"}},
            data_dir=Path(folder) / "data",
            config_dir=config,
        )
