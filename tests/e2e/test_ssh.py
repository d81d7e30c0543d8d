"""The app at the other end of a real SSH connection, through a server of our own on loopback."""

from __future__ import annotations

import getpass
import os
import re
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

SSHD = shutil.which("sshd") or shutil.which("sshd", path="/usr/sbin:/usr/local/sbin")
ENDS_S = 5.0

pytestmark = [
    pytest.mark.slow,
    # Not installed by make: on Debian the package starts a server for the whole network.
    pytest.mark.skipif(not (SSHD and shutil.which("ssh")), reason="no sshd; package openssh-server"),
]


@pytest.fixture
def ssh(environment: dict[str, str], tmp_path: Path) -> Iterator[list[str]]:
    """The command that logs in and hands the next words to a shell, with the test's own folders there."""
    assert SSHD is not None
    keys = tmp_path / "ssh"
    keys.mkdir()
    for name in ("host", "user"):
        make = ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(keys / name)]
        subprocess.run(make, check=True)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    settings = {
        "ListenAddress": f"127.0.0.1:{port}",
        "HostKey": keys / "host",
        "AuthorizedKeysFile": keys / "user.pub",
        "AuthenticationMethods": "publickey",
        "PidFile": "none",
        "StrictModes": "no",
        "UsePAM": "no",
    }
    (keys / "config").write_text("".join(f"{name} {value}\n" for name, value in settings.items()))
    if os.geteuid() == 0:  # where its part without rights lives; a service makes it when it starts
        Path("/run/sshd").mkdir(mode=0o755, exist_ok=True)
    server = subprocess.Popen([SSHD, "-D", "-e", "-f", keys / "config"], stderr=subprocess.DEVNULL)
    try:
        for _ in range(100):
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", port)) == 0:
                    break
            time.sleep(0.05)
        names = ("HOME", "XDG_CONFIG_HOME", "XDG_DATA_HOME", "LC_ALL", "NO_PROXY", "PYTHONPATH")
        ours = [f"{name}={environment[name]}" for name in names if name in environment]
        options = [f"UserKnownHostsFile={keys / 'known'}", "StrictHostKeyChecking=no", "IdentitiesOnly=yes"]
        options = [word for option in options for word in ("-o", option)]
        options += ["-F", "none", "-i", str(keys / "user"), "-p", str(port), "-v", "-E", str(keys / "log")]
        yield ["ssh", "-t", *options, f"{getpass.getuser()}@127.0.0.1", "env", *ours]
    finally:
        server.terminate()
        server.wait()


def processes(program: str, *words: str) -> list[int]:
    """The processes of a program that has these words in its command line."""
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            line = (folder / "cmdline").read_bytes().decode().split("\0")
        except OSError:
            continue
        if Path(line[0]).name.startswith(program) and all(any(w in part for part in line) for w in words):
            found.append(int(folder.name))
    return found


def test_the_app_over_ssh_answers_asks_resizes_and_ends_with_the_connection(
    ssh: list[str], terminal: Callable[..., Any], tmp_path: Path
) -> None:
    root = tmp_path / "drafts"
    app = terminal("--demo", "--lang", "en", "--drafts-root", root, through=ssh)
    began = time.monotonic()
    app.wait_for("ready", "Describe the video")
    first_s = time.monotonic() - began
    assert not app.follows_mouse(), "it knows that it is far away"
    app.type("Make me a video about Chinese food")
    app.press("Enter")
    app.wait_for("Drafts: 1", "ready")
    app.type("read the file notes.txt")
    app.press("Enter")
    app.wait_for("Allow once")
    for seconds in (1, 2, 4, 8):  # on a busy machine the dialog takes longer until it takes keys
        time.sleep(seconds)
        app.type("a")
        time.sleep(0.5)
        if "Allow once" not in app.screen():
            break
    app.wait_for("It begins with", "ready")
    app.resize(80, 24)
    app.wait_for("F4 Tool calls")
    app.assert_whole()
    app.resize(120, 36)
    app.wait_for("Drafts: 1")
    app.type("an unsent question")
    app.wait_for("an unsent question")
    (client,) = processes("ssh", "-t", str(root))
    (running,) = processes("python", "--demo", str(root))
    began = time.monotonic()
    os.kill(client, signal.SIGKILL)
    while processes("python", "--demo", str(root)):
        assert time.monotonic() - began < ENDS_S + 2, f"{running} still runs"
        time.sleep(0.02)
    ended_s = time.monotonic() - began
    (draft,) = (folder for folder in root.iterdir() if not folder.name.startswith("."))
    assert (draft / "draft_content.json").is_file()
    again = terminal("--demo", "--lang", "en", "--drafts-root", root, through=ssh)
    again.wait_for("It begins with", "Drafts: 1", "ready")
    again.press("F4")
    again.press("F4")
    again.wait_for("read_file", "F3 Chat")
    again.press("C-q")
    again.wait_for("exit status 0")
    log = (tmp_path / "ssh" / "log").read_text()
    sent = re.findall(r"Transferred: sent (\d+), received (\d+) bytes, in ([\d.]+) seconds", log)
    print(f"first screen {first_s:.2f} s; gone {ended_s:.2f} s after the connection; second session: {sent}")
