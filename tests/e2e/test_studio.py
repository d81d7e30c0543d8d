"""A studio of real processes: nats-server, a gateway, machines; requests by HTTP, drafts on their disks."""

from __future__ import annotations

import contextlib
import json
import re
import shlex
import shutil
import socket
import subprocess
import time
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest

from nats_server import needs_nats
from studio_processes import StudioProcesses, draft, free_ports, names, studio

pytestmark = [pytest.mark.slow, needs_nats, pytest.mark.timeout(300)]
WAIT = {"Prefer": "wait=100"}


def test_a_request_at_the_gateway_makes_one_draft_on_one_machine(
    environment: dict[str, str], tmp_path: Path
) -> None:
    with studio(tmp_path, environment) as (processes, _):
        processes.until(processes.is_ready, "the gateway is not ready")
        key = {"Idempotency-Key": "one"}
        first = processes.client.post("/v1/requests", json=draft("first"), headers={**WAIT, **key})
        assert (first.status_code, first.json()["state"]) == (200, "succeeded"), first.text
        again = processes.client.post("/v1/requests", json=draft("first"), headers={**WAIT, **key})
        assert again.json() == first.json()
        assert processes.drafts() == ["first"]
        download_and_check(processes, tmp_path / "download")
        assert processes.client.post("/v1/requests", json={"tool": "nothing"}).status_code == 404

        drained = processes.run("bridge", "drain", "a", "--queue", processes.queue)
        assert drained.returncode == 0, drained.stderr
        listed = processes.run("bridge", "workers", "--queue", processes.queue)
        assert "a" in listed.stdout
        assert processes.run("bridge", "drain", "nobody", "--queue", processes.queue).returncode == 1

        def has_heard() -> bool:
            found = processes.run("bridge", "workers", "--json", "--queue", processes.queue)
            return any(one["name"] == "a" and one["draining"] for one in json.loads(found.stdout))

        processes.until(has_heard, "a does not drain")
        for number in range(4):
            answer = processes.client.post("/v1/requests", json=draft(f"d{number}"), headers=WAIT)
            assert answer.json()["state"] == "succeeded", answer.text
        assert len(list((tmp_path / "b" / "drafts").glob("d*"))) == 4
        assert processes.machines["b"].stop() == 0
        processes.until(lambda: names(processes) == ["a"], "b has not said goodbye")


def download_and_check(processes: StudioProcesses, folder: Path) -> None:
    """A draft that is asked for as a zip, by curl, opens where no machine has a disk."""
    new = {**draft("成片"), "deliver": "zip"}
    made = processes.client.post("/v1/requests", json=new, headers=WAIT).json()
    assert made["state"] == "succeeded", made
    where = f"v1/requests/{made['id']}/artifacts/{quote('成片.zip')}"
    folder.mkdir()
    curl = [
        "curl",
        "-sS",
        "--fail",
        "-OJ",
        "-H",
        "Authorization: Bearer none",
        str(processes.client.base_url.join(where)),
    ]
    refused = subprocess.run(curl, cwd=folder, capture_output=True, text=True)
    assert (refused.returncode, "401" in refused.stderr) == (22, True), refused
    curl[5] = f"Authorization: {processes.client.headers['Authorization']}"
    subprocess.run(curl, cwd=folder, check=True)
    (archive,) = folder.iterdir()
    shutil.unpack_archive(archive, folder / "drafts", "zip")
    checked = processes.run("--drafts-root", folder / "drafts", "draft", "check", "成片")
    assert checked.returncode == 0, checked.stderr
    listed = processes.client.post(
        "/v1/requests", json={"tool": "list_drafts", "deliver": "zip"}, headers=WAIT
    )
    assert listed.json()["problem"]["type"] == "urn:c2jy:problem:not-delivered", listed.text
    shutil.rmtree(processes.folder / made["machine"] / "drafts" / "成片")


def test_a_draft_comes_once_though_its_machine_and_the_streams_leader_die(
    environment: dict[str, str], tmp_path: Path
) -> None:
    with studio(tmp_path, environment, servers=3, one_coze=True) as (processes, servers):
        http = processes.client
        sent = http.post("/v1/requests", json={**draft("一次"), "deliver": "zip"})
        where = f"/v1/requests/{sent.json()['id']}"
        machine = processes.until(lambda: http.get(where).json().get("machine"), "no machine has it")
        processes.machines[machine].kill()
        servers[processes.leader()].kill()
        processes.machines[machine].start()
        ended = processes.until(
            lambda: (now := http.get(where).json())["state"] in ("succeeded", "failed") and now,
            "it never ends",
        )
        assert ended["state"] == "succeeded", ended
        assert processes.drafts() == ["一次"]
        (archive,) = ended["artifacts"]
        (tmp_path / "一次.zip").write_bytes(http.get(f"{where}/artifacts/{archive['name']}").content)
        shutil.unpack_archive(tmp_path / "一次.zip", tmp_path / "whole")
        checked = processes.run("--drafts-root", tmp_path / "whole", "draft", "check", "一次")
        assert checked.returncode == 0, checked.stderr

        parameters = {
            "bridge": str(http.base_url).rstrip("/"),
            "bridge_token": http.headers["Authorization"].removeprefix("Bearer "),
            "tool": "generate_draft",
            "args": draft("工作流")["arguments"],
        }
        ran = processes.run("workflow", "run", "7397395079142350013", json.dumps(parameters))
        assert ran.returncode == 0, ran.stderr
        assert '"succeeded"' in ran.stdout, ran.stdout
        assert processes.drafts() == ["一次", "工作流"]


def test_a_gateway_without_servers_says_so(environment: dict[str, str], tmp_path: Path) -> None:
    processes = StudioProcesses(tmp_path, environment, [])
    (port,) = free_ports(1)
    lost = processes.run("bridge", "gateway", "--queue", f"nats://127.0.0.1:{port}")
    assert lost.returncode == 1
    assert f"127.0.0.1:{port}" in lost.stderr
    unnamed = processes.run("bridge", "workers")
    assert unnamed.returncode == 1
    assert "--queue" in unnamed.stderr


@pytest.mark.parametrize("page", ["studio.md", "studio.zh-CN.md"])
def test_the_commands_of_the_docs_set_up_a_studio_and_get_an_answer(
    page: str, command: Path, environment: dict[str, str], tmp_path: Path
) -> None:
    text = (Path(__file__).resolve().parents[2] / "docs" / page).read_text(encoding="utf-8")
    nats, http = free_ports(2)

    def block(name: str) -> str:
        found = re.search(rf"<!-- not run: {name}, [^>]* -->\n```sh\n(.*?)```", text, re.DOTALL)
        assert found, name
        return found[1].replace("4222", str(nats)).replace("8765", str(http))

    path = f"{command.parent}:{environment['PATH']}"
    small = {"C2JY_STUDIO__MAX_BYTES": str(2**25), "C2JY_STUDIO__MAX_OBJECT_BYTES": str(2**25)}
    around: dict[str, Any] = {"env": {**environment, **small, "PATH": path}, "cwd": tmp_path}
    running: list[subprocess.Popen[bytes]] = []
    try:
        for line in block("set-up").splitlines():
            words = shlex.split(line.removesuffix("&"))
            running.append(subprocess.Popen(words, stderr=subprocess.DEVNULL, **around))
            if len(running) < 3:  # the next one needs what this one opens
                wait_for_port(nats if len(running) == 1 else http)
        deadline = time.monotonic() + 180
        while True:
            done = subprocess.run(["bash", "-c", block("request")], capture_output=True, text=True, **around)
            if '"state":"succeeded"' in done.stdout and "b " in done.stdout:
                break
            assert time.monotonic() < deadline, done
        assert "b takes no more requests" in done.stderr or "b 不再接收新请求" in done.stderr
    finally:
        for process in reversed(running):
            process.terminate()
            process.wait(30)


def wait_for_port(port: int) -> None:
    deadline = time.monotonic() + 60
    while True:
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port)):
            return
        assert time.monotonic() < deadline, port
        time.sleep(0.1)
