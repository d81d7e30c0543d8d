"""The files of the studio's page, a compose file and a systemd unit: what they start, starts."""

from __future__ import annotations

import re
import shlex
import shutil
import subprocess
import time
from pathlib import Path

import pytest
import yaml

from c2jy_tui.cli import _parser
from nats_server import needs_nats

DOCS = Path(__file__).resolve().parents[2] / "docs"
PAGES = pytest.mark.parametrize("page", ["studio.md", "studio.zh-CN.md"])


def block(page: str, name: str) -> str:
    text = (DOCS / page).read_text(encoding="utf-8")
    found = re.search(rf"<!-- not run: {name}, [^>]* -->\n```\w+\n(.*?)```", text, re.DOTALL)
    assert found, name
    return found[1]


@PAGES
def test_what_starts_by_itself_is_a_command_of_ours(page: str) -> None:
    compose = yaml.safe_load(block(page, "compose"))
    ini = block(page, "unit")
    unit = re.search(r"^ExecStart=%h/\.local/bin/(.*)$", ini, re.MULTILINE)
    assert unit
    for command in (compose["services"]["gateway"]["command"], unit[1]):
        program, *arguments = shlex.split(command)
        assert program == "c2jy-tui"
        assert _parser().parse_args(arguments).run in ("studio:gateway", "bridge:serve")
    assert set(compose["volumes"]) == {"n1", "n2", "n3", "gateway"}


@PAGES
@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="systemd-analyze is not installed")
def test_systemd_takes_the_unit(page: str, tmp_path: Path) -> None:
    program = tmp_path / ".local" / "bin" / "c2jy-tui"
    program.parent.mkdir(parents=True)
    program.write_text("#!/bin/sh\n")
    program.chmod(0o755)
    unit = tmp_path / "c2jy-machine.service"
    unit.write_text(block(page, "unit").replace("%h", str(tmp_path)), encoding="utf-8")
    checked = subprocess.run(
        ["systemd-analyze", "verify", "--man=no", unit], capture_output=True, text=True, timeout=60
    )
    assert "c2jy-machine" not in checked.stderr, checked.stderr


@needs_nats
@pytest.mark.slow
def test_the_servers_of_the_compose_file_begin_a_cluster(tmp_path: Path) -> None:
    compose = yaml.safe_load(block("studio.md", "compose"))
    servers = {name: one for name, one in compose["services"].items() if name != "gateway"}
    for name, server in servers.items():
        words = shlex.split(server["command"])
        routes = set(words[words.index("--routes") + 1].split(","))
        assert routes == {f"nats://{other}:6222" for other in servers if other != name}
        words[words.index("--cluster") + 1] = "nats://127.0.0.1:-1"
        words[words.index("-sd") + 1] = str(tmp_path / name)
        log = tmp_path / f"{name}.log"
        running = subprocess.Popen(["nats-server", *words, "-a", "127.0.0.1", "-p", "-1", "-l", log])
        try:
            end = time.monotonic() + 20
            while not (log.exists() and "Server is ready" in log.read_text()):
                assert running.poll() is None, log.read_text()
                assert time.monotonic() < end, log.read_text()
                time.sleep(0.05)
            assert "Cluster name is studio" in log.read_text()
        finally:
            running.terminate()
            running.wait(20)
